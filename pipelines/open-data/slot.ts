// The hours or days a run is for, in Seoul: they decide what is asked for and what is kept. Nothing here looks at the clock.

import { dayInSeoul } from '../../operators/open-data-kr/day.ts'
import { FailTask, type RunInfo } from '../../sdk/index.ts'

const KST = 9 * 3_600_000
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** What is measured on the hour is in the interval that begins with it: from 13:00 to 14:00 holds the one of 13:00. */
export interface Slot {
  /** Epoch ms of the first hour. */
  readonly first: number
  /** Epoch ms of the last hour, inclusive; of days 23:00. */
  readonly last: number
  /** Hours, or days. */
  readonly count: number
}

/** `2021-01-01T13:00:00+09:00` */
export function kstText(at: number): string {
  return `${new Date(at + KST).toISOString().slice(0, 19)}+09:00`
}

/** `2021-01-01` */
export const kstDay = (at: number): string => kstText(at).slice(0, 10)

/** `20210101` and `13` */
export function dayAndHour(at: number): { readonly day: string; readonly hour: string } {
  return { day: dayInSeoul(at), hour: kstText(at).slice(11, 13) }
}

/** Epoch ms of midnight in Seoul of `2021-01-01`; null when it is no day. */
export function dayOf(text: unknown): number | null {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(text.trim())) return null
  const at = Date.parse(`${text.trim()}T00:00:00+09:00`)
  // A Date takes 30 February for 1 March.
  return Number.isNaN(at) || kstDay(at) !== text.trim() ? null : at
}

function intervalOf(run: RunInfo, step: number, unit: string): { readonly start: number; readonly end: number } {
  if (run.dataInterval === null)
    throw new FailTask(
      'the run has no data interval: give the DAG a schedule with intervals, such as cron(…, { interval: true })',
    )
  const [start, end] = [run.dataInterval.start.getTime(), run.dataInterval.end.getTime()]
  if ((start + KST) % step !== 0 || (end + KST) % step !== 0 || end <= start)
    throw new FailTask(`the data interval must be ${unit}, found [${kstText(start)}, ${kstText(end)})`)
  return { start, end }
}

/** @throws FailTask when the run has no interval of whole hours */
export function hoursOf(run: RunInfo): Slot {
  const { start, end } = intervalOf(run, HOUR, 'whole hours')
  return { first: start, last: end - HOUR, count: (end - start) / HOUR }
}

/** @throws FailTask when the run has no interval of whole days in Seoul */
export function daysOf(run: RunInfo): Slot {
  const { start, end } = intervalOf(run, DAY, 'whole days in Asia/Seoul')
  return { first: start, last: end - HOUR, count: (end - start) / DAY }
}
