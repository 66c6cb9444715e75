// Whether a run is the latest of its DAG, by the dates alone: Airflow's rule for LatestOnly.

import { nextInstant, type TimetableSpec } from '../core/timetables/timetable.ts'
import type { RunInfo } from './context.ts'

/**
 * True until the date (or the end of the interval) that follows the run's own has passed; always when none follows.
 * Airflow also asks whether the run's own date has passed: a worker whose clock lags would say no, so nobody asks here.
 */
export function isLatestRun(
  timetable: TimetableSpec,
  run: Pick<RunInfo, 'logicalDate' | 'dataInterval' | 'runAfter'>,
  now: number,
): boolean {
  const end = run.dataInterval?.end ?? run.logicalDate ?? run.runAfter
  const next = nextInstant(timetable, end.getTime())
  return next === null || now <= next
}
