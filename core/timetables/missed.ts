// Dates of a schedule that lie between runs and have none: gaps, which a grid shows and a backfill fills.

import { isOwnDate, isPeriodic } from './slot.ts'
import { type DataInterval, nextRun, type TimetableSpec } from './timetable.ts'

/** A run of the schedule, as far as gaps are concerned. */
export interface DatedRun {
  readonly logicalDate: number
  readonly dataInterval: DataInterval
}

export interface Gap {
  /** Logical date of the run before it. */
  readonly after: number
  /** Logical dates without a run, oldest first; at most 100 are told. */
  readonly dates: readonly number[]
}

const MOST = 100

/** The schedule's dates strictly between two of its runs. */
function between(spec: TimetableSpec, from: DatedRun, to: number): number[] {
  const dates: number[] = []
  const limits = { earliest: null, latest: to - 1, catchup: true }
  let run = nextRun(spec, from.dataInterval, limits, to)
  while (run !== null && run.logicalDate < to && dates.length < MOST) {
    dates.push(run.logicalDate)
    run = nextRun(spec, run.dataInterval, limits, to)
  }
  return dates
}

/**
 * Dates without a run between the given ones, which must be sorted by date. Runs that the schedule as it is now would not
 * make (it was another one then) bound no gap.
 */
export function findGaps(spec: TimetableSpec, runs: readonly DatedRun[]): readonly Gap[] {
  if (!isPeriodic(spec)) return []
  const first = runs[0]?.logicalDate ?? 0
  const own = runs.filter((run) => isOwnDate(spec, first, run.logicalDate))
  return own.flatMap((run, i) => {
    const next = own[i + 1]
    const dates = next === undefined ? [] : between(spec, run, next.logicalDate)
    return dates.length === 0 ? [] : [{ after: run.logicalDate, dates }]
  })
}
