// The program inside a child process: it parses DAG files, runs attempts or calls callbacks, one at a time, for the supervisor at the
// other end of its pipes. Started by path, imported by nobody.

import { Worker } from 'node:worker_threads'
import { messageOf } from '../core/errors.ts'
import type { AttemptResult, AttemptSpec, CallbackSpec, FromChild, ToChild } from '../core/protocol.ts'
import { type AttemptEnd, type AttemptHost, resultOfError, runAttempt, type Say } from './attempt.ts'
import { Calls } from './client.ts'
import { parseModule } from './load.ts'
import { openLog } from './log-channel.ts'
import { countStarts, startCount } from './started.ts'
import { isTainted, type Traces, takeTraces } from './taint.ts'
import { Watches } from './watches.ts'

interface Running {
  readonly spec: AttemptSpec | CallbackSpec
  readonly abort: AbortController
  readonly say: Say
  end(result: AttemptResult, isTainted: boolean): void
}

// Kept before users' code can replace them.
const send = process.send?.bind(process)
const { stdout, stderr } = process
let running: Running | null = null

/**
 * Log pipes block: a task that prints faster than its supervisor reads waits, instead of filling this process' memory,
 * and whatever was printed is in the pipe before the outcome is sent. (A pipe of a child is a socket to Node, which
 * would queue what does not fit.)
 */
for (const stream of [stdout, stderr]) {
  // No public API sets this; the handle has had this method since Node 0.11.
  const { _handle } = stream as unknown as { _handle?: { setBlocking?(isBlocking: boolean): number } }
  _handle?.setBlocking?.(true)
}

function post(message: FromChild): void {
  // Once the supervisor is gone there is nobody to tell; the watchdog ends this process.
  if (process.connected) send?.(message)
}

const calls = new Calls(post)
const watches = new Watches(calls, post)

/** What the last attempt left is what the next one finds: one look serves both. */
let traces: Traces | null = null
let attempts = 0
let rssBytes = 0
/** Reading a process' size costs as much as a short task's own work: it is read after long ones, and now and then. */
const RSS_EVERY = 16
const LONG_MS = 50

/** Loaded when the first one is called: most children only run attempts. */
const callBack = async (spec: CallbackSpec, host: AttemptHost) =>
  (await import('./callback.ts')).runCallback(spec, host)

async function run(spec: AttemptSpec | CallbackSpec): Promise<void> {
  const before = traces ?? takeTraces()
  const startsBefore = startCount()
  const beganAt = performance.now()
  const abort = new AbortController()
  const say = openLog(spec.attempt, stdout, stderr)
  const host = { calls, signal: abort.signal, say, now: () => Date.now() }
  const result = await new Promise<AttemptEnd>((resolve) => {
    running = { spec, abort, say, end: (ended, tainted) => resolve({ result: ended, isTainted: tainted }) }
    void ('alert' in spec ? callBack(spec, host) : runAttempt(spec, host)).then(resolve)
  })
  running = null
  traces = takeTraces()
  const tainted = result.isTainted || isTainted(before, traces)
  if (attempts++ % RSS_EVERY === 0 || performance.now() - beganAt >= LONG_MS) rssBytes = process.memoryUsage.rss()
  post({
    type: 'outcome',
    attempt: spec.attempt,
    result: result.result,
    isTainted: tainted,
    hasStarted: startCount() > startsBefore,
    rssBytes,
  })
}

/** An error nobody caught: it ends the attempt that runs, and the child is not used again. */
function onStray(error: unknown): void {
  if (running === null) {
    stderr.write(`${messageOf(error)}\n`)
    process.exit(1)
  }
  running.end(resultOfError(error, running.say), true)
}

async function parse(message: ToChild & { type: 'parse' }): Promise<void> {
  const startsBefore = startCount()
  const result = await parseModule(message.modulePath, message.defaults)
  post({ type: 'parsed', id: message.id, result, hasStarted: startCount() > startsBefore })
}

process.on('uncaughtException', onStray)
process.on('unhandledRejection', onStray)
process.on('message', (message: ToChild) => {
  switch (message.type) {
    case 'parse':
      void parse(message)
      break
    case 'run':
      void run(message.spec)
      break
    case 'reply':
      calls.answer(message.call, message.value, message.error)
      break
    case 'watch':
      for (const spec of message.specs) watches.start(spec)
      break
    case 'unwatch':
      for (const id of message.ids) watches.stop(id)
      break
    case 'abort':
      if (running?.spec.attempt === message.attempt) running.abort.abort(new Error(`Task aborted by ${message.reason}`))
      break
  }
})

const watchdog = new Worker(new URL('../runtime/watchdog.js', import.meta.url))
watchdog.unref()
// The supervisor is gone, or a task has closed the channel: what was started must end too, which is the watchdog's part.
process.on('disconnect', () => watchdog.postMessage('die'))
watchdog.on('error', (error) => {
  stderr.write(`the watchdog thread failed: ${messageOf(error)}\n`)
  process.exit(1)
})
countStarts(watchdog)
post({ type: 'hello', pid: process.pid })
