// XComs as people write them: a value that a task has left out, or left wrong, for the tasks downstream.

import { conflict, notFound } from '../../core/errors.ts'
import { checkXCom, checkXComKey } from '../../core/json.ts'
import { isInt4 } from '../../core/storable.ts'
import type { SubjectIds } from '../../core/subjects.ts'
import { notifyPages } from '../../store/postgres/notify.ts'
import { dropCopies, findRun } from '../../store/postgres/run-control.ts'
import { loadRun, lockRuns } from '../../store/postgres/runs.ts'
import { hasInstance } from '../../store/postgres/task-instances.ts'
import { deleteXCom as deleteRow, hasXCom, putXComs, SKIP_KEY } from '../../store/postgres/xcoms.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

/** Which XCom: -1 is the map index of a task that is not mapped. */
export type XComAddress = SubjectIds['xcom']

type XComEngine = Pick<Engine, 'database' | 'runCache'>

/** What copies of runs remember of values: the lengths of lists that others are mapped over, and what branches left out. */
const REMEMBERED: ReadonlySet<string> = new Set(['return_value', SKIP_KEY])

/** The run, locked: its values belong to what is decided about it. Null = there is none. */
async function lockRun(tx: Sql, { dagId, runId }: XComAddress) {
  const found = await findRun(tx, dagId, runId)
  const [locked] = found === null ? [] : await lockRuns(tx, [found.id])
  return locked === undefined ? null : loadRun(tx, locked.id)
}

/** What every change of a value ends with. */
async function noteChange(tx: Sql, dagRunId: number, event: string, at: XComAddress, actor: Actor): Promise<void> {
  const { dagId, runId, taskId, mapIndex, key } = at
  if (REMEMBERED.has(key)) await dropCopies(tx, dagRunId)
  // The value may be a secret, and is to be seen where it is stored.
  await audit(tx, actor, { event, dagId, runId, taskId, mapIndex, extra: { key } })
  await notifyPages(tx, { runs: [dagRunId], dags: [] })
}

/**
 * Adds an XCom to an instance.
 * @param value what JSON holds, at most 1 MiB of it
 * @throws BaramError NOT_FOUND (run, task or instance), CONFLICT when there is one, INPUT_INVALID, XCOM_INVALID or XCOM_TOO_LARGE
 */
export async function createXCom(
  { database, runCache }: XComEngine,
  { value, ...at }: XComAddress & { readonly value: unknown },
  actor: Actor,
): Promise<void> {
  const { dagId, runId, taskId, mapIndex, key } = at
  checkXComKey(key)
  const json = checkXCom(value, `the value of ${JSON.stringify(key)}`)
  await database.transaction(async (tx) => {
    const run = await lockRun(tx, at)
    if (run === null) throw notFound('dag_run', { dagId, runId })
    const { graph } = await runCache.version(tx, run.createdDagVersionId, run.versionHash)
    if (graph.find(taskId) === undefined) throw notFound('task', { dagId, taskId })
    const row = { dagRunId: run.id, taskId, mapIndex, key }
    if (!isInt4(mapIndex) || !(await hasInstance(tx, row)))
      throw notFound('task_instance', { dagId, runId, taskId, mapIndex })
    if (await hasXCom(tx, row))
      throw conflict('xcom', at, 'exists', `task ${taskId} of run ${runId} of ${dagId} has an XCom ${key} already`)
    await putXComs(tx, run.id, [{ taskId, mapIndex, key, value: json }])
    await noteChange(tx, run.id, 'xcom.create', at, actor)
  })
}

/** Replaces the value of an XCom. @throws BaramError NOT_FOUND, XCOM_INVALID or XCOM_TOO_LARGE */
export async function updateXCom(
  { database }: XComEngine,
  { value, ...at }: XComAddress & { readonly value: unknown },
  actor: Actor,
): Promise<void> {
  const { taskId, mapIndex, key } = at
  const json = checkXCom(value, `the value of ${JSON.stringify(key)}`)
  await database.transaction(async (tx) => {
    const run = await lockRun(tx, at)
    if (run === null || !isInt4(mapIndex) || !(await hasXCom(tx, { dagRunId: run.id, taskId, mapIndex, key })))
      throw notFound('xcom', at)
    await putXComs(tx, run.id, [{ taskId, mapIndex, key, value: json }])
    await noteChange(tx, run.id, 'xcom.update', at, actor)
  })
}

/** @throws BaramError NOT_FOUND */
export async function deleteXCom({ database }: XComEngine, at: XComAddress, actor: Actor): Promise<void> {
  const { taskId, mapIndex, key } = at
  await database.transaction(async (tx) => {
    const run = await lockRun(tx, at)
    if (run === null || !isInt4(mapIndex) || !(await deleteRow(tx, { dagRunId: run.id, taskId, mapIndex, key })))
      throw notFound('xcom', at)
    await noteChange(tx, run.id, 'xcom.delete', at, actor)
  })
}
