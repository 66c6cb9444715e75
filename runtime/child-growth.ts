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
/**
 * From two processes a core on: what they wait for is then neither each other nor a start that has just begun. Less than the half that a
 * task leaves which keeps one of two cores busy for hours: the others must not wait because of it.
 */
const MOSTLY_IDLE = 0.4
const WAIT_ENOUGH_MS = 25
/** Attempts that long ones keep waiting get processes on a busy machine too, ms: they have been claimed, and may be what others wait for. */
const BUSY_WAIT_MS = 500
const LONGEST_WAIT_MS = 10_000

/**
 * For how long an attempt waits for the first process beyond the cores, and for each after it. On busy cores more than two a core start
 * late: a start of everything at once had ten processes within seconds, of 50 to 150 MB each, that shared two cores.
 */
export function patienceMs(beyond: number, isBusy: boolean): number {
  return isBusy ? Math.min(LONGEST_WAIT_MS, BUSY_WAIT_MS * beyond ** 2) : WAIT_ENOUGH_MS * beyond
}

/** How many processes to start now: one a core at a time, and up to one a core at once. */
export function processesToStart(demand: Demand): number {
  const { waiting, coming, starting, size, cores, longestWaitMs, idleShare } = demand
  const wanted = Math.min(waiting - coming, cores - starting)
  if (wanted <= 0) return 0
  if (size < cores) return Math.min(wanted, cores - size)
  const isBusy = idleShare < (size < 2 * cores ? IDLE_ENOUGH : MOSTLY_IDLE)
  return longestWaitMs >= patienceMs(size - cores + 1, isBusy) ? wanted : 0
}
