// Runs that go on with the latest version of their DAG (Airflow's run_on_latest_version): tasks that are new get an
// instance, instances of tasks that are gone are removed, the others take over pool, queue and weight.

import { BaramError, conflict, notFound } from '../../core/errors.ts'
import type { TaskState } from '../../core/states.ts'
import type { Database } from '../../store/database.ts'
import { type DagFacts, lockDag, lockFreeDag, readSchedule } from '../../store/postgres/dags.ts'
import { moveInstances } from '../../store/postgres/moves.ts'
import { recordVersionChange } from '../../store/postgres/run-control.ts'
import { loadRun, lockFreeRuns, lockRuns, type RunRow } from '../../store/postgres/runs.ts'
import {
  type InstanceRow,
  insertTaskInstances,
  loadInstances,
  refreshInstances,
} from '../../store/postgres/task-instances.ts'
import type { Sql } from '../../store/sql.ts'
import { decided } from '../transaction/decided.ts'
import { hasPlace, type RunCache, type Version } from '../transaction/run-cache.ts'
import { belongs, newInstance } from './insert.ts'

/** @throws BaramError NOT_FOUND */
export async function latestVersion(sql: Sql, runCache: RunCache, dagId: string): Promise<Version> {
  const dag = await readSchedule(sql, dagId)
  if (dag === null) throw notFound('dag', dagId)
  return runCache.version(sql, dag.versionId, dag.versionHash)
}

const AT_WORK: ReadonlySet<TaskState | null> = new Set(['queued', 'running', 'restarting'])

function refuseAtWork(run: RunRow, gone: readonly InstanceRow[]): void {
  const busy = gone.find((ti) => AT_WORK.has(ti.state))
  if (busy === undefined) return
  throw conflict(
    'task_instance',
    { dagId: run.dagId, runId: run.runId, taskId: busy.taskId, mapIndex: busy.mapIndex },
    'removed',
    `${busy.taskId} of run ${run.runId} is ${busy.state} and not in the latest version of ${run.dagId}; wait ` +
      `until it has ended, or clear with the run's own version`,
  )
}

async function removeInstances(tx: Sql, run: RunRow, rev: number, gone: readonly InstanceRow[], by: string) {
  if (gone.length === 0) return
  const groups = [...new Set(gone.map((ti) => ti.state))].map((from) => ({
    ids: gone.filter((ti) => ti.state === from).map((ti) => ti.id),
    from,
    steps: [{ to: 'removed' as const, because: { code: 'task_removed' } }],
    ...{ readyAt: null, isNewTry: false, extraTries: 0, queue: 'left' as const },
  }))
  const moves = { dagRunId: run.id, rev, isBump: false, isBackfill: false, who: `user:${by}`, worker: null, groups }
  await Promise.all(moveInstances(tx, moves).map((moved) => decided(moved, run)))
}

async function changeVersion(tx: Sql, run: RunRow, version: Version, versionId: string, by: string): Promise<void> {
  const instances = await loadInstances(tx, run.id)
  const open = instances.filter((ti) => ti.state !== 'removed')
  const gone = open.filter((ti) => !hasPlace(version, ti.taskId, ti.mapIndex))
  refuseAtWork(run, gone)
  const rev = await recordVersionChange(tx, run.id, versionId)
  await removeInstances(tx, run, rev, gone, by)
  const kept = open.filter((ti) => hasPlace(version, ti.taskId, ti.mapIndex))
  const has = new Set(kept.map((ti) => ti.taskId))
  const added = version.graph.tasks
    .filter((task) => !has.has(task.taskId) && belongs(task, run.logicalDate))
    .map((task) => newInstance(version, task))
  if (added.length > 0)
    await insertTaskInstances(tx, { dagRunId: run.id, dagId: run.dagId, runId: run.runId, versionId }, added)
  const refreshed = kept.flatMap((ti) => {
    const task = version.graph.find(ti.taskId)
    return task === undefined || AT_WORK.has(ti.state) ? [] : [{ ...newInstance(version, task), id: ti.id }]
  })
  await refreshInstances(tx, run.id, versionId, refreshed)
}

interface ChangeDeps {
  readonly database: Database
  readonly runCache: RunCache
}

async function changeLockedVersions(
  tx: Sql,
  runCache: RunCache,
  dag: DagFacts,
  ids: readonly number[],
  by: string,
): Promise<void> {
  const version = await runCache.version(tx, dag.versionId, dag.versionHash)
  for (const id of ids) {
    const run = await loadRun(tx, id)
    if (run !== null && run.createdDagVersionId !== dag.versionId)
      await changeVersion(tx, run, version, dag.versionId, by)
  }
}

const idsOf = (rows: readonly { readonly id: number }[]): number[] => rows.map((row) => row.id)

/**
 * Moves runs to the latest version of their DAG; those that have it stay as they are.
 * @throws BaramError NOT_FOUND, or CONFLICT while a task that is gone is at work
 */
export async function changeVersions(
  { database, runCache }: ChangeDeps,
  dagId: string,
  ids: readonly number[],
  by: string,
): Promise<void> {
  await database.transaction((tx) => changeVersionsIn(tx, runCache, dagId, ids, by))
}

/** As above, in a transaction of the caller's. */
export async function changeVersionsIn(
  tx: Sql,
  runCache: RunCache,
  dagId: string,
  ids: readonly number[],
  by: string,
): Promise<void> {
  const dag = await lockDag(tx, dagId)
  if (dag === null) throw notFound('dag', dagId)
  await changeLockedVersions(tx, runCache, dag, idsOf(await lockRuns(tx, ids)), by)
}

/**
 * As above for one run, without waiting for anybody.
 * @returns false when that cannot be now: its DAG or the run is held or gone, or a task that is gone is still at work
 */
export async function changeVersionIfFree(
  { database, runCache }: ChangeDeps,
  dagId: string,
  id: number,
  by: string,
): Promise<boolean> {
  try {
    return await database.transaction(async (tx) => {
      const dag = await lockFreeDag(tx, dagId)
      const free = dag === null ? [] : idsOf(await lockFreeRuns(tx, [id]))
      if (dag !== null) await changeLockedVersions(tx, runCache, dag, free, by)
      return free.length > 0
    })
  } catch (error) {
    if (error instanceof BaramError && error.code === 'CONFLICT') return false
    throw error
  }
}
