// What a run that is asked for by hand covers, and when it may start. One logical date has one meaning: a run that carries
// the date of a scheduled one covers the same interval, or is refused. (Airflow gives it the interval before, and the
// scheduled run of that date never comes: apache/airflow#41208.)

import { BaramError } from '../errors.ts'
import { runOfDate } from './slot.ts'
import { type DataInterval, type Instant, inferManualInterval, type TimetableSpec } from './timetable.ts'

export interface ManualRequest {
  readonly logicalDate: Instant | null
  /** Null: inferred by the timetable. */
  readonly dataInterval: DataInterval | null
  /** Null: as soon as what it covers is over. */
  readonly runAfter: Instant | null
}

export interface ManualRun {
  /** Null for a DAG without a schedule. */
  readonly dataInterval: DataInterval | null
  readonly runAfter: Instant
}

const iso = (at: Instant): string => new Date(at).toISOString()
const span = ({ start, end }: DataInterval): string => `${iso(start)} → ${iso(end)}`

function refuse(message: string): never {
  throw new BaramError('INPUT_INVALID', message)
}

/** A run by return a date that is the start of an interval of the schedule. */
function coverSlot(request: ManualRequest, slot: DataInterval, now: Instant): ManualRun {
  const { dataInterval, runAfter } = request
  const date = `logical date ${iso(slot.start)} is the schedule's run of the interval ${span(slot)}`
  if (dataInterval !== null && (dataInterval.start !== slot.start || dataInterval.end !== slot.end))
    refuse(`${date}, found data interval ${span(dataInterval)}; leave out the logical date, or the data interval`)
  const start = runAfter ?? slot.end
  if (slot.end > now && (runAfter === null || start < slot.end))
    refuse(
      `${date}, which has not ended: that run comes by itself after it. To run now, leave out the logical date; to ` +
        `run by hand then, give a run_after of ${iso(slot.end)} or later`,
    )
  return { dataInterval: slot, runAfter: start }
}

/**
 * @param anchor where the intervals of a `delta` timetable are counted from: the end of the last scheduled one
 * @throws BaramError INPUT_INVALID when the run would take the date of a scheduled run without covering its interval
 */
export function manualRun(spec: TimetableSpec, request: ManualRequest, anchor: Instant, now: Instant): ManualRun {
  const { logicalDate, dataInterval } = request
  const slot = logicalDate === null ? null : (runOfDate(spec, anchor, logicalDate)?.dataInterval ?? null)
  if (slot !== null && slot.start < slot.end) return coverSlot(request, slot, now)
  const runAfter = request.runAfter ?? logicalDate ?? now
  const inferred = spec.kind === 'none' ? null : inferManualInterval(spec, logicalDate ?? runAfter)
  return { dataInterval: dataInterval ?? inferred, runAfter }
}
