// Time as operators see it: given by hand in tests, so that they never wait.

import { setTimeout as sleepFor } from 'node:timers/promises'

export interface Waiting {
  /** Epoch ms. */
  now(): number
  /** Resolves after some seconds; rejects with the signal's reason when it aborts. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>
}

export const REAL_TIME: Waiting = {
  now: () => Date.now(),
  async sleep(seconds, signal) {
    try {
      await sleepFor(Math.max(0, seconds) * 1000, undefined, { signal })
    } catch (error) {
      // Why it was aborted says more than that it was.
      if (signal.aborted && signal.reason instanceof Error) throw signal.reason
      throw error
    }
  },
}
