// Time as operators see it: given by hand in tests, so that they never wait.

import { AsyncLocalStorage } from 'node:async_hooks'
import { startTimer } from '../core/long-timer.ts'

export interface Waiting {
  /** Epoch ms. */
  now(): number
  /** Resolves after some seconds; rejects with the signal's reason when it aborts. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>
}

const NODE = {
  set: (run: () => void, ms: number) => setTimeout(run, ms),
  // Given out by `set` above.
  clear: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
  now: () => performance.now(),
}

/** Runs `run` once after some seconds, however many; what it returns calls that off. */
export const afterSeconds = (seconds: number, run: () => void): (() => void) => startTimer(NODE, seconds * 1000, run)

/** Resolves after some seconds, however many; rejects with the signal's reason when it aborts. */
export function sleepFor(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      stop()
      // Why it was aborted says more than that it was.
      reject(signal.reason instanceof Error ? signal.reason : new Error('the wait was called off'))
    }
    const stop = afterSeconds(seconds, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

const given = new AsyncLocalStorage<Waiting>()

/** Runs `body` with a clock of the caller's: sensors inside it wait by that one. */
export const runWithTime = <T>(time: Waiting, body: () => T): T => given.run(time, body)

/** The clock by which tasks wait: the real one, unless a test has given another. */
export const REAL_TIME: Waiting = {
  now: () => given.getStore()?.now() ?? Date.now(),
  async sleep(seconds, signal) {
    const time = given.getStore()
    if (time !== undefined) return time.sleep(seconds, signal)
    return sleepFor(seconds, signal)
  },
}
