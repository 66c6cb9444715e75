// Waits of any length on timers that reach 24.8 days: Node fires a longer one at once.

/** Longest delay that `setTimeout` keeps, ms. */
const REACH_MS = 2_147_483_647

/** What a wait is made of: the caller's timers and clock. */
export interface Timers {
  /** `setTimeout`: runs once after at most 2^31-1 ms. */
  set(run: () => void, ms: number): unknown
  clear(timer: unknown): void
  /** Monotonic, ms. */
  now(): number
}

/** Runs `run` once after `ms`, however long; what it returns calls that off. NaN and negative delays count as none. */
export function startTimer(timers: Timers, ms: number, run: () => void): () => void {
  const end = timers.now() + Math.max(0, Number.isNaN(ms) ? 0 : ms)
  let timer: unknown
  const arm = () => {
    const left = end - timers.now()
    timer = left > REACH_MS ? timers.set(arm, REACH_MS) : timers.set(run, Math.max(0, left))
  }
  arm()
  return () => timers.clear(timer)
}
