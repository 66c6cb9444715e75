// This process' own timers, for waits of any length.

import { startTimer, type Timers } from '../core/long-timer.ts'

const NODE: Timers = {
  set: (run, ms) => setTimeout(run, ms),
  // Given out by `set` above.
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
  now: () => performance.now(),
}

/** Runs `run` once after `ms`, also beyond the 24.8 days of `setTimeout`; what it returns calls that off. */
export const after = (ms: number, run: () => void): (() => void) => startTimer(NODE, ms, run)
