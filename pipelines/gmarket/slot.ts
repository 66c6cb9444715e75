// The hour a run is for, in Seoul: it names files, folders and rows. Nothing here looks at the clock.

import { FailTask, type RunInfo } from '../../sdk/index.ts'

const KST = 9 * 3_600_000
const HOUR = 3_600_000

export interface HourSlot {
  /** Epoch ms. */
  readonly start: number
  /** `2026-01-05T09:00:00+09:00` */
  readonly text: string
  /** `2026-01-05` */
  readonly dt: string
  /** `09` */
  readonly hour: string
}

export function hourSlotAt(start: number): HourSlot {
  const local = new Date(start + KST).toISOString()
  return { start, text: `${local.slice(0, 19)}+09:00`, dt: local.slice(0, 10), hour: local.slice(11, 13) }
}

/** @throws FailTask when the run has no interval of one whole hour */
export function hourSlotOf(run: RunInfo): HourSlot {
  if (run.dataInterval === null)
    throw new FailTask('the run has no data interval: give the DAG an hourly schedule with intervals')
  const [start, end] = [run.dataInterval.start.getTime(), run.dataInterval.end.getTime()]
  if (start % HOUR !== 0 || end - start !== HOUR)
    throw new FailTask(
      `the data interval must be one whole hour, found ${run.dataInterval.start.toISOString()} to ${run.dataInterval.end.toISOString()}`,
    )
  return hourSlotAt(start)
}
