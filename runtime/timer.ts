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

/** Waits for what may hang, but no longer than this; whether it came in time. @throws what the promise throws in time */
export async function cameWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Timers of one owner, which ends them all at once; from then on none is set. */
export class TimerSet {
  private readonly timers = new Set<NodeJS.Timeout>()
  private readonly pauses = new Set<() => void>()
  private isEnded = false

  every(ms: number, run: () => void): void {
    if (!this.isEnded) this.timers.add(setInterval(run, ms))
  }

  /** Returns what calls it off. */
  after(ms: number, run: () => void): () => void {
    if (this.isEnded) return () => undefined
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      run()
    }, ms)
    this.timers.add(timer)
    return () => {
      clearTimeout(timer)
      this.timers.delete(timer)
    }
  }

  /** Resolves after this time, or when all timers end. */
  async pause(ms: number): Promise<void> {
    if (this.isEnded) return
    await new Promise<void>((resolve) => {
      this.pauses.add(resolve)
      this.after(ms, () => {
        this.pauses.delete(resolve)
        resolve()
      })
    })
  }

  end(): void {
    this.isEnded = true
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
    for (const resolve of this.pauses) resolve()
    this.pauses.clear()
  }
}
