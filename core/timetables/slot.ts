// Whether the schedule itself has a run of a logical date, and which.

import { type DueRun, type Instant, nextRun, type TimetableSpec } from './timetable.ts'

const PERIODIC: ReadonlySet<TimetableSpec['kind']> = new Set(['cron', 'crons', 'delta', 'events'])

/** Timetables that have dates of their own, whenever one asks. */
export const isPeriodic = (spec: TimetableSpec): boolean => PERIODIC.has(spec.kind)

/**
 * The run that the timetable gives a logical date; null when it is no date of the schedule.
 * @param anchor a date from which a `delta` timetable is counted: it has no clock of its own
 */
export function runOfDate(spec: TimetableSpec, anchor: Instant, at: Instant): DueRun | null {
  if (!isPeriodic(spec) || (spec.kind === 'delta' && (at - anchor) % spec.everyMs !== 0)) return null
  const run = nextRun(spec, null, { earliest: at, latest: at, catchup: true }, at)
  return run?.logicalDate === at ? run : null
}

/** Whether a logical date is one that the timetable itself gives when it is followed from `from` on. */
export const isOwnDate = (spec: TimetableSpec, from: Instant, at: Instant): boolean =>
  runOfDate(spec, from, at) !== null
