// How many processes a pool of children starts. A process costs as much as hundreds of short tasks, and each compiles the module
// anew: on a machine whose cores are busy more of them gain nothing, and those that start take time from those that work.

import { cpus } from 'node:os'

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

/** How many processes to start now: one a core at a time, and up to one a core at once. */
export function processesToStart(demand: Demand): number {
  const { waiting, coming, starting, size, cores, longestWaitMs, idleShare } = demand
  const wanted = Math.min(waiting - coming, cores - starting)
  if (wanted <= 0) return 0
  if (size < cores) return Math.min(wanted, cores - size)
  const gains = idleShare >= IDLE_ENOUGH && longestWaitMs >= WAIT_ENOUGH_MS
  return gains || longestWaitMs >= LONGEST_WAIT_MS ? wanted : 0
}

/** Looks at the machine's processors. */
export class IdleShare {
  private before = IdleShare.read()

  private static read(): { readonly idle: number; readonly all: number } {
    const times = cpus().map((cpu) => cpu.times)
    const idle = times.reduce((sum, time) => sum + time.idle, 0)
    return { idle, all: idle + times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0) }
  }

  /** Since the last call, 0 to 1; 0 before the clocks have moved. */
  take(): number {
    const now = IdleShare.read()
    const [idle, all] = [now.idle - this.before.idle, now.all - this.before.all]
    this.before = now
    return all > 0 ? idle / all : 0
  }
}
