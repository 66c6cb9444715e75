// Small things that every part of the chaos run needs.

import { appendFileSync, readFileSync } from 'node:fs'
import pg from 'pg'

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

/** Microseconds of the machine's monotonic clock: the same for all its processes, tasks included. */
export const monotonic = () => Number(process.hrtime.bigint() / 1000n)

/** The same seed makes the same choices (mulberry32); what the machine's timing adds is not in our hands. */
export function makeChance(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    between: (least, most) => least + next() * (most - least),
    pick: (list) => list[Math.floor(next() * list.length)],
    shuffle(list) {
      const copy = [...list]
      for (let i = copy.length - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1))
        ;[copy[i], copy[j]] = [copy[j], copy[i]]
      }
      return copy
    },
  }
}

export function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** A zombie has ended: only its parent has not looked yet. */
export function isAlive(pid) {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

export function signal(pid, name) {
  try {
    process.kill(pid, name)
    return true
  } catch {
    return false
  }
}

/** Waits until `look` gives something true, and returns it. @throws Error after the limit, naming `what` */
export async function waitFor(what, limitMs, look, everyMs = 50) {
  const deadline = performance.now() + limitMs
  for (;;) {
    const found = await look()
    if (found) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s`)
    await sleep(everyMs)
  }
}

/** Statements of the harness itself; each on a connection of its own, so that no fault of one reaches another. */
export function makeQuery(url) {
  return async (text, values) => {
    const deadline = performance.now() + 120_000
    for (;;) {
      const client = new pg.Client({
        connectionString: url(),
        application_name: 'chaos harness',
        options: '-c search_path=baram',
        connectionTimeoutMillis: 5_000,
      })
      client.on('error', () => {})
      try {
        await client.connect()
        return (await client.query(text, values)).rows
      } catch (error) {
        // An answer of the server about the statement is our own mistake: only a lost connection is tried again.
        const isAnswer = typeof error.code === 'string' && /^(22|23|42)/.test(error.code)
        if (isAnswer || performance.now() > deadline) throw error
        await sleep(100)
      } finally {
        await client.end().catch(() => {})
      }
    }
  }
}

/** What was done when, for whoever looks into a failure. */
export function makeDiary(path) {
  const began = performance.now()
  return (text) => {
    const line = `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`
    console.log(line)
    appendFileSync(path, `${new Date().toISOString()} ${line}\n`)
  }
}

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)]

/** Lines of JSON; one that a killed process left half written is left out. */
export function readLines(path) {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return [] // Nobody has written there.
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line)]
    } catch {
      return []
    }
  })
}
