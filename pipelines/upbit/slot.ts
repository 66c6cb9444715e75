// The slot a run is for, in Seoul's terms: Upbit's days, and therefore the lake's, begin at midnight KST.

import { FailTask, type RunInfo } from '../../sdk/index.ts'

const KST = 9 * 3_600_000
const MINUTE = 60_000

export interface Slot {
  /** Epoch ms, on a whole minute. */
  readonly start: number
  /** Exclusive. */
  readonly end: number
  /** Minutes in it. */
  readonly minutes: number
}

/** `2024-03-18T09:00:00` */
export function kstText(at: number): string {
  return new Date(at + KST).toISOString().slice(0, 19)
}

/** @throws FailTask when the run has no interval, or one that is no whole minutes of one day in Seoul */
export function slotOf(run: RunInfo): Slot {
  if (run.dataInterval === null) {
    throw new FailTask(
      'the run has no data interval: give the DAG a schedule with intervals, such as cron(…, { interval: true })',
    )
  }
  const [start, end] = [run.dataInterval.start.getTime(), run.dataInterval.end.getTime()]
  const found = `found [${kstText(start)}, ${kstText(end)}) in Asia/Seoul`
  if (start % MINUTE !== 0 || end % MINUTE !== 0 || end <= start)
    throw new FailTask(`the data interval must be whole minutes, ${found}`)
  if (kstText(start).slice(0, 10) !== kstText(end - 1).slice(0, 10)) {
    throw new FailTask(
      `one file holds one day, but the data interval crosses midnight, ${found}: choose a schedule that ends slots at midnight`,
    )
  }
  return { start, end, minutes: (end - start) / MINUTE }
}

/** `20240318T090000.parquet`: decided by the slot alone, so a re-run replaces its own file. */
export function fileNameOf(slot: Slot): string {
  return `${kstText(slot.start).replaceAll(/[-:]/g, '')}.parquet`
}

/** `240318` and the day before, `240317`. */
export function daysOf(slot: Slot): { readonly today: string; readonly yesterday: string } {
  const yymmdd = (at: number) => kstText(at).slice(2, 10).replaceAll('-', '')
  return { today: yymmdd(slot.start), yesterday: yymmdd(slot.start - 86_400_000) }
}
