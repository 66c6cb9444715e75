// Runs take over tasks that the latest version of their DAG has and they do not; what has run stays as it is (Airflow's
// `only_new` of a clear: "only queue newly added tasks in the latest Dag version without clearing existing tasks").

import { decide } from '../../core/decide.ts'
import { isRunFinished } from '../../core/states.ts'
import { findInstances, type InstanceListRow } from '../../store/postgres/read-task-instances.ts'
import { findRunsWanted } from '../../store/postgres/run-control.ts'
import { loadRun } from '../../store/postgres/runs.ts'
import { loadInstances } from '../../store/postgres/task-instances.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { changeVersionsIn, latestVersion } from '../runs/change-version.ts'
import { belongs } from '../runs/insert.ts'
import type { RunChanges } from '../transaction/changes.ts'
import type { Version } from '../transaction/run-cache.ts'
import { type RunScope, resolveRuns } from './clear.ts'

export interface AddNewRequest {
  readonly dagId: string
  readonly runs: RunScope
}

/** Leaves a transaction that was only there to look. */
class OnlyShown extends Error {
  readonly rows: readonly InstanceListRow[]
  constructor(rows: readonly InstanceListRow[]) {
    super('only shown')
    this.rows = rows
  }
}

/** Whether the latest version has a task for this run that the run has no instance of. */
async function lacksTasks(tx: Sql, { graph }: Version, dagRunId: number): Promise<boolean> {
  const run = await loadRun(tx, dagRunId)
  if (run === null) return false
  const has = new Set((await loadInstances(tx, dagRunId)).flatMap((ti) => (ti.state === 'removed' ? [] : [ti.taskId])))
  return graph.tasks.some((task) => !has.has(task.taskId) && belongs(task, run.logicalDate))
}

async function idsOf(tx: Sql, runs: readonly number[]): Promise<readonly string[]> {
  const ids: string[] = []
  for (const id of runs) for (const row of await loadInstances(tx, id)) ids.push(row.id)
  return ids
}

/** Moves the runs that lack tasks to the latest version, and gives the instances that are new. */
async function add(tx: Sql, engine: Engine, { dagId }: AddNewRequest, all: readonly number[], by: string) {
  const latest = await latestVersion(tx, engine.runCache, dagId)
  const runs: number[] = []
  for (const id of all) if (await lacksTasks(tx, latest, id)) runs.push(id)
  const before = new Set(await idsOf(tx, runs))
  await changeVersionsIn(tx, engine.runCache, dagId, runs, by)
  const fresh = (await idsOf(tx, runs)).filter((id) => !before.has(id))
  return findInstances(tx, fresh)
}

async function wanted(engine: Engine, request: AddNewRequest): Promise<readonly number[]> {
  return findRunsWanted(engine.database, request.dagId, await resolveRuns(engine.database, request.dagId, request.runs))
}

/** Runs of one transaction. */
const BATCH = 50

function* chunks(runs: readonly number[]): Generator<readonly number[]> {
  for (let at = 0; at < runs.length; at += BATCH) yield runs.slice(at, at + BATCH)
}

async function preview(engine: Engine, request: AddNewRequest, runs: readonly number[]) {
  try {
    return await engine.database.transaction(async (tx) => {
      throw new OnlyShown(await add(tx, engine, request, runs, 'preview'))
    })
  } catch (error) {
    if (error instanceof OnlyShown) return error.rows
    throw error
  }
}

/**
 * The instances that would be new, as they would be made; nothing is.
 * @throws BaramError NOT_FOUND, or CONFLICT while a task that is gone is at work
 */
export async function previewNewTasks(engine: Engine, request: AddNewRequest): Promise<readonly InstanceListRow[]> {
  const rows: InstanceListRow[] = []
  for (const runs of chunks(await wanted(engine, request))) rows.push(...(await preview(engine, request, runs)))
  return rows
}

/** Resumes a finished run for its new tasks. */
function resume(changes: RunChanges, by: string): void {
  const { model } = changes
  if (isRunFinished(model.run.state)) changes.moveRun('queued', { code: 'cleared', by })
  else if (model.run.state === 'running') changes.add(decide(model))
}

const noteAdded = (tx: Sql, { dagId, runs }: AddNewRequest, actor: Actor) =>
  audit(tx, actor, {
    event: 'task_instance.clear',
    dagId,
    runId: runs.kind === 'run' ? runs.runId : null,
    extra: { runs, only_new: true },
  })

/**
 * Adds the new tasks; runs that have ended go on with them, and stay ended where there are none. A run gets its tasks and
 * goes on in one transaction: no death in between leaves it ended with tasks that never run.
 * @returns the new instances
 * @throws BaramError NOT_FOUND, or CONFLICT while a task that is gone is at work
 */
export async function addNewTasks(
  engine: Engine,
  request: AddNewRequest,
  actor: Actor,
): Promise<readonly InstanceListRow[]> {
  const added: InstanceListRow[] = []
  let isTold = false
  for (const runs of chunks(await wanted(engine, request))) {
    let fresh: readonly InstanceListRow[] = []
    await engine.transactions.run({
      runs,
      async before(tx) {
        if (!isTold) await noteAdded(tx, request, actor)
        fresh = await add(tx, engine, request, runs, actor.name)
      },
      act(all) {
        for (const id of new Set(fresh.map((row) => row.dagRunId))) {
          const changes = all.get(id)
          if (changes !== undefined) resume(changes, actor.name)
        }
      },
    })
    isTold = true
    added.push(...fresh)
  }
  return added
}
