// Time as clients see it: given by hand in tests, so that they never wait.

import { setTimeout as sleep } from 'node:timers/promises'

export interface Clock {
  /** Epoch ms. */
  now(): number
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await sleep(ms, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      // Node wraps the reason in an AbortError; the reason is what a reader needs.
      signal?.throwIfAborted()
      throw error
    }
  },
}
