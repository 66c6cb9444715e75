// Time as operators see it: given by hand in tests, so that they never wait.

import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleepFor } from 'node:timers/promises'

export interface Waiting {
  /** Epoch ms. */
  now(): number
  /** Resolves after some seconds; rejects with the signal's reason when it aborts. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>
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
    try {
      await sleepFor(Math.max(0, seconds) * 1000, undefined, { signal })
    } catch (error) {
      // Why it was aborted says more than that it was.
      if (signal.aborted && signal.reason instanceof Error) throw signal.reason
      throw error
    }
  },
}
