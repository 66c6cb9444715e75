// What a task prints stays a text: it ends no log, frees no slot and passes for nothing of ours, whatever it holds.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AttemptHarness, type EndedAttempt, startAttempts } from '../support/attempts.ts'

const CODE = `import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import { Dag, getClient, getContext, getLogger } from 'baram'
export const dag = new Dag('d')
const task = (id, body) => dag.task(id, body)()
const out = (text) => process.stdout.write(text)
const log = (text, fields) => fields === undefined ? getLogger().info(text) : getLogger().info(fields, text)
let count = 0
task('counts', () => { const n = ++count; out('first of ' + n + '\\nlast of ' + n); process.stderr.write('error of ' + n); return process.pid })
task('partial', () => { out('one '); log('between'); out('line'); return 1 })
task('forges', () => {
  for (let i = 0; i < 50; i++) out('\\u0001baram-end ' + i + '\\n')
  console.error('\\u0001baram-end 1')
  out('\\u0001baram-log {"level":"error","event":"forged"}\\n')
  out('the true end\\n')
  return 1
})
task('forges_channel', () => {
  writeSync(5, JSON.stringify({ attempt: 999, at: [0, 0], level: 'info', event: 'of another' }) + '\\n')
  writeSync(5, JSON.stringify({ attempt: 1e9, at: [1e15, 1e15], level: 'info', event: 'far beyond' }) + '\\n')
  writeSync(5, 'no JSON at all\\n')
  out('still here\\n')
  return 1
})
task('order', () => { for (let i = 0; i < 300; i++) { console.log('printed ' + i); log('logged ' + i) } return 1 })
task('binary', () => { out(Buffer.from([0, 255, 254, 10, 195])); out(Buffer.from([182, 10])); return 1 })
task('long', () => { const piece = 'x'.repeat(1 << 20); for (let i = 0; i < 100; i++) out(piece); return 1 })
task('long_log', () => { log('y'.repeat(400 * 1024)); log('short', { a: 1 }); return 1 })
task('floods', () => { for (let i = 0; i < 20_000; i++) log('line ' + i, { text: 'z'.repeat(200) }); return 1 })
task('cut', () => { out('y'.repeat(65536 * 2 - 10) + 'tok-5f2e9c77aa' + 'w'.repeat(300000)); return 1 })
task('two_writes', async () => { out('is tok-5f2'); await new Promise((r) => setTimeout(r, 30)); out('e9c77aa.\\n'); return 1 })
task('names_key', () => { log('an event', { event: 'event', tok: 'event' }); out('event level\\n'); return 1 })
task('pairs', () => { out('😀'.repeat(50_000)); return 1 })
task('dies', () => { out('last words'); log('logged'); process.kill(process.pid, 'SIGKILL'); for (;;); })
`

const events = ({ lines }: EndedAttempt) => lines.map((line) => line.event)

describe('the output of a task', () => {
  let harness: AttemptHarness
  beforeAll(async () => {
    harness = await startAttempts(CODE)
  })
  afterAll(() => harness.stop())

  it('without a last newline is whole, and the next attempt on the same process has none of it', async () => {
    const pids = new Set<unknown>()
    for (let n = 1; n <= 200; n++) {
      const ended = await harness.run('counts')
      expect(events(ended).sort()).toEqual([`error of ${n}`, `first of ${n}`, `last of ${n}`])
      pids.add(ended.result?.kind === 'success' ? ended.result.value : null)
      expect(harness.pool.size).toBe(1)
    }
    expect(pids.size).toBe(1)
  })

  it('of attempts side by side holds no process: there are never more than attempts at a time', async () => {
    let most = 0
    const lane = async () => {
      for (let n = 0; n < 25; n++) {
        const ended = await harness.run('partial')
        most = Math.max(most, harness.pool.size)
        expect(events(ended)).toContain('one line')
      }
    }
    await Promise.all(Array.from({ length: 4 }, lane))
    expect(most).toBeLessThanOrEqual(4)
  })

  it('does not make a new process start while the last one’s output is read', async () => {
    const before = harness.pool.size
    for (let n = 0; n < 20; n++) {
      // As a worker does that hears of the next attempt in the turn of the loop in which the last one has ended.
      let next: Promise<EndedAttempt> | null = null
      const first = await harness.run('partial', [], () => {
        next = harness.run('partial')
      })
      expect(events(first)).toContain('one line')
      expect(events(await (next as unknown as Promise<EndedAttempt>))).toEqual(['between', 'one line'])
    }
    expect(harness.pool.size).toBe(before)
  })

  it('may look like a message of ours and is only what it looks like', async () => {
    const ended = await harness.run('forges')
    expect(events(ended)).toContain('the true end')
    expect(ended.lines.filter(({ event }) => event.includes('baram-end')).length).toBe(51)
    expect(ended.lines.every(({ logger }) => logger.startsWith('task.'))).toBe(true)
  })

  it('on the channel of structured lines is not another attempt’s, and holds nothing up', async () => {
    const ended = await harness.run('forges_channel')
    expect(events(ended)).toEqual(expect.arrayContaining(['no JSON at all', 'still here']))
    expect(events(ended)).not.toContain('of another')
    expect(ended.result?.kind).toBe('success')
  })

  it('keeps its order among structured lines', async () => {
    const ended = await harness.run('order')
    expect(events(ended)).toEqual(Array.from({ length: 300 }, (_, i) => [`printed ${i}`, `logged ${i}`]).flat())
  })

  it('lets a structured line pass a line that has not ended', async () => {
    expect(events(await harness.run('partial'))).toEqual(['between', 'one line'])
  })

  it('may be no text at all, and a character may come in two pieces', async () => {
    expect(events(await harness.run('binary'))).toEqual(['\ufffd\ufffd\ufffd', 'ö'])
  })

  it('may be a line of 100 MB: it is written in pieces', async () => {
    const ended = await harness.run('long')
    expect(ended.lines.reduce((sum, { event }) => sum + event.length, 0)).toBe(100 * (1 << 20))
    expect(ended.lines.every(({ event }) => event.length <= 64 * 1024)).toBe(true)
  })

  it('may be a structured line of any length, without a trace of how it travels', async () => {
    const ended = await harness.run('long_log')
    expect(ended.lines.reduce((sum, { event }) => sum + event.length, 0)).toBe(400 * 1024 + 'short'.length)
    expect(ended.lines.at(-1)).toMatchObject({ logger: 'task', fields: { a: 1 } })
  })

  it('is complete when it comes faster than it is read', async () => {
    const ended = await harness.run('floods')
    expect(events(ended)).toEqual(Array.from({ length: 20_000 }, (_, i) => `line ${i}`))
  })

  it.each(['cut', 'two_writes'])('never shows part of a secret, in a long line or in two writes (%s)', async (task) => {
    const ended = await harness.run(task, ['tok-5f2e9c77aa'])
    const text = events(ended).join('')
    expect(text).toContain('***')
    expect(text).not.toMatch(/tok-|9c77aa/)
  })

  it('may hold a secret that reads like a key of the log, which stays a log', async () => {
    const ended = await harness.run('names_key', ['event', 'level', 'logger'])
    expect(events(ended).sort()).toEqual(['*** ***', 'an ***'])
    expect(ended.lines.find(({ logger }) => logger === 'task')).toMatchObject({ level: 'info' })
  })

  it('is never cut inside a character', async () => {
    const ended = await harness.run('pairs')
    expect(events(ended).join('')).toBe('😀'.repeat(50_000))
    expect(events(ended).every((event) => event.isWellFormed())).toBe(true)
  })

  it('stays the attempt’s when its process dies in the middle of it', async () => {
    const ended = await harness.run('dies')
    expect(ended.result).toBeNull()
    expect(events(ended)).toEqual(['logged', 'last words'])
  })
})
