// Rows of new runs: the run and its task instances, one or many at once.

import type { SerializedTask } from '../../core/serialized.ts'
import { uuidv7 } from '../../runtime/ids.ts'
import { insertRun, insertRuns, type NewRun } from '../../store/postgres/runs.ts'
import {
  insertInstancesOfRuns,
  insertTaskInstances,
  type NewTaskInstance,
} from '../../store/postgres/task-instances.ts'
import type { Sql } from '../../store/sql.ts'
import { startDeadlines } from '../alerts/deadlines.ts'
import type { Version } from '../transaction/run-cache.ts'

const epoch = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso))

/** Tasks whose own dates lie outside the run's logical date get no instance in it (Airflow's `verify_integrity`). */
export function belongs(task: SerializedTask, logicalDate: number | null): boolean {
  if (logicalDate === null) return true
  const [start, end] = [epoch(task.startDate), epoch(task.endDate)]
  return (start === null || start <= logicalDate) && (end === null || logicalDate <= end)
}

/** The row of a task's one instance, before it is mapped. */
export function newInstance({ graph }: Version, task: SerializedTask): NewTaskInstance {
  return {
    id: uuidv7(),
    taskId: task.taskId,
    mapIndex: -1,
    maxTries: task.retries,
    pool: task.pool,
    poolSlots: task.poolSlots,
    queue: task.queue,
    priorityWeight: graph.weight[graph.indexOf.get(task.taskId) ?? -1] ?? task.priorityWeight,
    operator: task.operator,
  }
}

const instancesOf = (version: Version, logicalDate: number | null): NewTaskInstance[] =>
  version.graph.tasks.flatMap((task) => (belongs(task, logicalDate) ? [newInstance(version, task)] : []))

/** Inserts a run with its instances; null when its id or date is taken. */
export async function insertWhole(tx: Sql, version: Version, run: NewRun): Promise<number | null> {
  const dagRunId = await insertRun(tx, run)
  if (dagRunId === null) return null
  await insertTaskInstances(
    tx,
    { dagRunId, dagId: run.dagId, runId: run.runId, versionId: run.versionId },
    instancesOf(version, run.logicalDate),
  )
  await startDeadlines(tx, version, [dagRunId])
  return dagRunId
}

/** Runs whose instances go in one statement: some thousand rows. */
const CHUNK = 500

/** Inserts many runs of one version for a backfill. Returns their row ids by run id; those whose id or date is taken are missing. */
export async function insertMany(
  tx: Sql,
  version: Version,
  runs: readonly NewRun[],
  backfillId: number,
): Promise<ReadonlyMap<string, number>> {
  const idOf = new Map<string, number>()
  for (let at = 0; at < runs.length; at += CHUNK) {
    const chunk = runs.slice(at, at + CHUNK)
    for (const { id, runId } of await insertRuns(tx, chunk, backfillId)) idOf.set(runId, id)
    const rows = chunk.flatMap(({ runId, logicalDate }) => {
      const dagRunId = idOf.get(runId)
      if (dagRunId === undefined) return []
      return instancesOf(version, logicalDate).map((ti) => ({ ...ti, dagRunId, runId }))
    })
    const [first] = chunk
    if (first !== undefined) await insertInstancesOfRuns(tx, first, rows)
    const made = chunk.flatMap(({ runId }) => idOf.get(runId) ?? [])
    await startDeadlines(tx, version, made)
  }
  return idOf
}
