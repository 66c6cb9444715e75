// What the scheduler will do with a DAG from now on, told before it does it: the runs that are due, and the one to come.

import type { DataInterval, DueRun, Instant, RunLimits, TimetableSpec } from './timetable.ts'
import { nextRun, prevInstant } from './timetable.ts'

/** Which runs come to be. */
export interface RunPlan {
  /** Due now, in the order in which they are created; at most as many as were asked for. */
  readonly due: readonly DueRun[]
  /** How many are due in all; null when they are more than 10,000. */
  readonly dueCount: number | null
  /** The first that is not due yet. Null when there is none, or when it depends on how long a continuous run takes. */
  readonly next: DueRun | null
}

/** Past it nobody reads the number, and counting on would hold up whoever asked. */
export const MAX_COUNTED = 10_000

/** The last interval that a timetable has completed, once so many are due that going through them takes too long. */
function lastCompleted(spec: TimetableSpec, run: DueRun, now: Instant): DataInterval {
  const { start, end } = run.dataInterval
  if (spec.kind === 'delta') {
    const shift = Math.floor((now - run.runAfter) / spec.everyMs) * spec.everyMs
    return { start: start + shift, end: end + shift }
  }
  const fire = prevInstant(spec, now + 1) ?? end
  const isInterval = spec.kind === 'cron' && spec.interval
  return { start: isInterval ? (prevInstant(spec, fire) ?? start) : fire, end: fire }
}

/**
 * The runs that come to be from now on, as the scheduler would create them one after another.
 * @param last the data interval of the last scheduled or backfilled run, null before the first
 * @param most how many due runs to list
 */
export function planRuns(
  spec: TimetableSpec,
  last: DataInterval | null,
  limits: RunLimits,
  now: Instant,
  most: number,
): RunPlan {
  const due: DueRun[] = []
  let count = 0
  let run = nextRun(spec, last, limits, now)
  // Once a run exists, the start date says nothing more to a catchup, and each run need not be compared with it.
  const onward = limits.catchup && run !== null ? { ...limits, earliest: null } : limits
  while (run !== null && run.runAfter <= now) {
    if (count === MAX_COUNTED) {
      return { due, dueCount: null, next: nextRun(spec, lastCompleted(spec, run, now), onward, now) }
    }
    if (due.length < most) due.push(run)
    count++
    // Only one continuous run exists at a time: the next begins when this one ends.
    run = spec.kind === 'continuous' ? null : nextRun(spec, run.dataInterval, onward, now)
  }
  return { due, dueCount: count, next: run }
}
