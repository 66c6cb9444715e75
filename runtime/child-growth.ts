// How many processes a pool of children starts. A process costs as much as hundreds of short tasks, and each compiles the module
// anew: on a machine whose cores are busy more of them gain nothing, and those that start take time from those that work.

/** How a pool stands at one moment. */
export interface Demand {
  /** Attempts without a process. */
  readonly waiting: number
  /** Processes that begin, or are read to the end: each takes a waiting attempt in a moment. */
  readonly coming: number
  /** Of them, those that begin. */
  readonly starting: number
  /** All processes. */
  readonly size: number
  readonly cores: number
  /** For how long the first of the waiting has waited, ms. */
  readonly longestWaitMs: number
  /** Of the machine's processor time since the last look, 0 to 1. */
  readonly idleShare: number
}

/**
 * Where processors have this share of their time left, and attempts wait for longer than a handful of short ones takes, another process
 * gains something. With thirteen processes for empty tasks on two cores a fifth of the rate of two was lost.
 */
const IDLE_ENOUGH = 0.2
const WAIT_ENOUGH_MS = 25
/** Attempts that long ones keep waiting get processes on a busy machine too, ms: they have been claimed, and may be what others wait for. */
const LONGEST_WAIT_MS = 500

/**
 * How many processes to start now: one a core at a time, and up to one a core at once. Each beyond the cores is waited for longer than
 * the one before it: attempts that wait for something else soon have theirs, and a burst of short ones does not leave a process each.
 */
export function processesToStart(demand: Demand): number {
  const { waiting, coming, starting, size, cores, longestWaitMs, idleShare } = demand
  const wanted = Math.min(waiting - coming, cores - starting)
  if (wanted <= 0) return 0
  if (size < cores) return Math.min(wanted, cores - size)
  const gains = idleShare >= IDLE_ENOUGH && longestWaitMs >= WAIT_ENOUGH_MS * (size - cores + 1)
  return gains || longestWaitMs >= LONGEST_WAIT_MS ? wanted : 0
}
