// The hours a run is for, in Seoul: they decide what is asked for and what is kept. Nothing here looks at the clock.

import { dayInSeoul } from '../../operators/open-data-kr/day.ts'
import { FailTask, type RunInfo } from '../../sdk/index.ts'

const KST = 9 * 3_600_000
export const HOUR = 3_600_000

/** Observations are made on the hour: an interval from 13:00 to 14:00 holds the one of 13:00. */
export interface Hours {
  /** Epoch ms of the first hour. */
  readonly first: number
  /** Epoch ms of the last hour, inclusive. */
  readonly last: number
  readonly count: number
}

/** `2021-01-01T13:00:00+09:00` */
export function kstText(at: number): string {
  return `${new Date(at + KST).toISOString().slice(0, 19)}+09:00`
}

/** `20210101` and `13` */
export function dayAndHour(at: number): { readonly day: string; readonly hour: string } {
  return { day: dayInSeoul(at), hour: kstText(at).slice(11, 13) }
}

/** @throws FailTask when the run has no interval of whole hours */
export function hoursOf(run: RunInfo): Hours {
  if (run.dataInterval === null)
    throw new FailTask(
      'the run has no data interval: give the DAG a schedule with intervals, such as cron(…, { interval: true })',
    )
  const [start, end] = [run.dataInterval.start.getTime(), run.dataInterval.end.getTime()]
  if (start % HOUR !== 0 || end % HOUR !== 0 || end <= start)
    throw new FailTask(
      `the data interval must be whole hours, found [${kstText(start)}, ${kstText(end)}): observations are made on the hour`,
    )
  return { first: start, last: end - HOUR, count: (end - start) / HOUR }
}
