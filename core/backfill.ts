// Which dates a backfill is about, and what it does with runs that are there already. Airflow's rules
// (models/backfill.py), replayed from its recorded answers by test/engine/run-control-oracle.test.ts.

import { BaramError, type Problem } from './errors.ts'
import type { SerializedDag } from './serialized.ts'
import type { RunState } from './states.ts'
import { isStorableInstant } from './storable.ts'
import { subject } from './subjects.ts'
import { isPeriodic } from './timetables/slot.ts'
import { type DueRun, type Instant, nextRun, type TimetableSpec } from './timetables/timetable.ts'

/** What becomes of dates that have a run: nothing, cleared if it has ended, cleared if it has failed. */
export const REPROCESS_BEHAVIORS = ['none', 'completed', 'failed'] as const
export type ReprocessBehavior = (typeof REPROCESS_BEHAVIORS)[number]

/** Why a date of a backfill gets no run, in Airflow's words. */
export type BackfillException = 'in flight' | 'already exists' | 'unknown'

export interface BackfillRange {
  /** First and last logical date, both inclusive, epoch ms. */
  readonly from: Instant
  readonly to: Instant
  /** The newest date first. */
  readonly isReverse: boolean
  readonly reprocess: ReprocessBehavior
}

/** Dates of one backfill at most: they are made in one transaction, and one list shows them. */
export const MAX_BACKFILL_RUNS = 10_000

export const iso = (at: Instant): string => new Date(at).toISOString()

/** @throws BaramError INPUT_INVALID when the range cannot be backfilled */
export function checkBackfill(
  dag: SerializedDag,
  { from, to, isReverse, reprocess }: BackfillRange,
  now: Instant,
): void {
  const { dagId } = dag
  const refuse = (message: string, problem?: Problem): never => {
    const about = { ...subject('dag', dagId), from, to }
    throw new BaramError('INPUT_INVALID', message, { details: problem === undefined ? about : { ...about, problem } })
  }
  for (const date of [from, to])
    if (!isStorableInstant(date)) refuse(`a backfill is of dates of the years 1 to 9999, found ${date} ms since 1970`)
  if (!isPeriodic(dag.timetable))
    refuse(`${dagId} has a non-periodic schedule that does not support backfills; trigger its runs one by one`)
  if (from > to) refuse(`the first date, ${iso(from)}, must not be after the last, ${iso(to)}`, 'range_reversed')
  if (from >= now && to >= now)
    refuse(`a backfill is of past dates; ${iso(from)} and ${iso(to)} are in the future`, 'range_in_future')
  if (!dag.tasks.some((task) => task.dependsOnPast)) return
  if (isReverse)
    refuse(`tasks of ${dagId} depend on the run before theirs; backfill it forwards`, 'depends_on_past_reversed')
  if (reprocess === 'none')
    refuse(
      `tasks of ${dagId} depend on the run before theirs; rerun existing runs too: those that failed, or all completed`,
      'depends_on_past',
    )
}

/**
 * The runs of a range in the order in which they are to go; only periods that have ended. The DAG's own start and end date
 * do not count, as in Airflow: who asks for a date gets it.
 * @throws BaramError INPUT_INVALID when there are more than 10,000
 */
export function backfillRuns(spec: TimetableSpec, { from, to, isReverse }: BackfillRange, now: Instant): DueRun[] {
  const limits = { earliest: from, latest: to, catchup: true }
  const runs: DueRun[] = []
  for (let run = nextRun(spec, null, limits, now); run !== null; run = nextRun(spec, run.dataInterval, limits, now)) {
    if (run.dataInterval.end >= now) break
    if (runs.length === MAX_BACKFILL_RUNS)
      throw new BaramError(
        'INPUT_INVALID',
        `more than ${MAX_BACKFILL_RUNS} runs lie between ${iso(from)} and ${iso(to)}; backfill a shorter range`,
      )
    runs.push(run)
  }
  return isReverse ? runs.reverse() : runs
}

/** What a date with a run means for a backfill: null = the run is taken over and cleared. */
export function exceptionFor(existing: RunState, reprocess: ReprocessBehavior): BackfillException | null {
  if (existing !== 'success' && existing !== 'failed') return 'in flight'
  if (reprocess === 'none') return 'already exists'
  return reprocess === 'failed' && existing !== 'failed' ? 'already exists' : null
}
