// Which runs a DAG's schedule will make, told before it makes them: the same rule by which they are made.

import { notFound } from '../../core/errors.ts'
import { limitsOf } from '../../core/serialized.ts'
import { MAX_COUNTED, planRuns, type RunPlan } from '../../core/timetables/plan.ts'
import { describePlan } from '../../core/timetables/plan-words.ts'
import { type DueRun, nextRun } from '../../core/timetables/timetable.ts'
import type { Database } from '../../store/database.ts'
import { readSchedule } from '../../store/postgres/dags.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { findLastInterval, findTakenDates } from '../../store/postgres/runs.ts'
import type { RunCache } from '../transaction/run-cache.ts'

/** What the schedule makes while the DAG is active: at once what is due, then one after the other. */
export interface DagPlan extends RunPlan {
  readonly dagId: string
  readonly isPaused: boolean
  readonly timezone: string
  /** The runs after what is due, in order; a continuous DAG tells none, they depend on how long a run takes. */
  readonly upcoming: readonly DueRun[]
  readonly sentence: string
}

/**
 * @param most how many due runs, and how many upcoming ones, to list
 * @throws BaramError NOT_FOUND
 */
export async function planDag(database: Database, runCache: RunCache, dagId: string, most: number): Promise<DagPlan> {
  const row = await readSchedule(database, dagId)
  if (row === null) throw notFound('dag', dagId)
  const { graph } = await runCache.version(database, row.versionId, row.versionHash)
  const { dag } = graph
  const now = await databaseNow(database)
  const whole = planRuns(dag.timetable, await findLastInterval(database, dagId), limitsOf(dag), now, MAX_COUNTED)
  const due = await withoutTaken(database, dagId, whole.due)
  const dueCount = whole.dueCount === null ? null : due.length
  const plan = { due: due.slice(0, most), dueCount, next: whole.next }
  const hasSchedule = dag.timetable.kind !== 'none'
  return {
    ...plan,
    dagId,
    isPaused: row.isPaused,
    timezone: dag.timezone,
    upcoming: follow(plan.next, dag.timetable.kind === 'continuous' ? 1 : most, (run) =>
      // As if each were made when it is due: without catchup a later look would pass over it.
      nextRun(dag.timetable, run.dataInterval, limitsOf(dag), run.runAfter),
    ),
    sentence: describePlan(plan, { timezone: dag.timezone, maxActiveRuns: dag.maxActiveRuns, hasSchedule }),
  }
}

/** A date that a user's run has taken is passed over when runs are made. */
async function withoutTaken(database: Database, dagId: string, due: readonly DueRun[]): Promise<readonly DueRun[]> {
  if (due.length === 0) return due
  const taken = new Set(
    await findTakenDates(
      database,
      dagId,
      due.map((run) => run.logicalDate),
    ),
  )
  return due.filter((run) => !taken.has(run.logicalDate))
}

function follow(first: DueRun | null, most: number, next: (run: DueRun) => DueRun | null): DueRun[] {
  const runs: DueRun[] = []
  for (let run = first; run !== null && runs.length < most; run = next(run)) runs.push(run)
  return runs
}
