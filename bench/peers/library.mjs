// A peer that is a library, in a process of its own: its memory is the process', and its work does not wait for ours.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pss, rss } from '../memory.mjs'

const host = fileURLToPath(new URL('library-host.mjs', import.meta.url))
/** How long its process may take to close, ms. */
const CLOSE_MS = 5_000

/** Sends requests to a forked host, one answer each. */
function connect(child) {
  const waiting = new Map()
  let last = 0
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) resolve(value)
    else reject(new Error(error))
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`its process ended with ${code ?? signal}`))
    waiting.clear()
  })
  return (request) =>
    new Promise((resolve, reject) => {
      last += 1
      waiting.set(last, { resolve, reject })
      child.send({ id: last, ...request }, (error) => error && reject(error))
    })
}

async function end(child, ask) {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS)
  await ask({ close: true }).catch((error) => console.error(`while it closed: ${error.message}`))
  child.kill('SIGTERM')
  await gone
  clearTimeout(timer)
}

/**
 * @param file of the peer, beside this one
 * @param options for its `open`; `folder` is where its packages are installed
 * @throws Error when it does not start; its process has ended then
 */
export async function openLibrary(title, file, options) {
  const child = fork(host, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ask = connect(child)
  try {
    const { ids, ...peer } = await ask({ open: { ...options, file: new URL(file, import.meta.url).href } })
    const measures = Object.fromEntries(ids.map((id) => [id, () => ask({ measure: id })]))
    return {
      ...peer,
      title,
      measures: { ...measures, rss: async () => rss(child.pid), pss: async () => pss(child.pid) },
      cannot: { ...NO_PAGES, ...peer.cannot },
      close: () => end(child, ask),
    }
  } catch (error) {
    await end(child, ask)
    throw error
  }
}

const NO_PAGE = 'cannot be expressed: a library, without pages or an API of its own'
const NO_PAGES = { page: NO_PAGE, dagsApi: NO_PAGE, runsApi: NO_PAGE, code: 'the same: running is the first line' }
