// Runs take over tasks that the latest version of their DAG has and they do not; what has run stays as it is (Airflow's
// `only_new` of a clear: "only queue newly added tasks in the latest Dag version without clearing existing tasks").

import { decide } from '../core/decide.ts'
import { isRunFinished } from '../core/states.ts'
import { type AuditEntry, insertAudit } from '../store/postgres/audit.ts'
import { findInstances, type InstanceListRow } from '../store/postgres/read-task-instances.ts'
import { findRunsWanted } from '../store/postgres/run-control.ts'
import { loadRun } from '../store/postgres/runs.ts'
import { loadInstances } from '../store/postgres/task-instances.ts'
import type { Sql } from '../store/sql.ts'
import type { Version } from './boards.ts'
import { type ControlDeps, type RunScope, resolveRuns } from './clear.ts'
import { belongs } from './new-runs.ts'
import { latestVersion, repinInTransaction } from './repin.ts'

export interface AddNewRequest {
  readonly dagId: string
  readonly runs: RunScope
  readonly by: string
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
  const has = new Set((await loadInstances(tx, dagRunId)).flatMap((ti) => (ti.state === 'removed' ? [] : [ti.task_id])))
  return graph.tasks.some((task) => !has.has(task.taskId) && belongs(task, run.logical_date))
}

async function idsOf(tx: Sql, runs: readonly number[]): Promise<readonly string[]> {
  const ids: string[] = []
  for (const id of runs) for (const row of await loadInstances(tx, id)) ids.push(row.id)
  return ids
}

/** Moves the runs that lack tasks to the latest version, and gives the instances that are new. */
async function add(tx: Sql, deps: ControlDeps, { dagId, by }: AddNewRequest, all: readonly number[]) {
  const latest = await latestVersion(tx, deps.boards, dagId)
  const runs: number[] = []
  for (const id of all) if (await lacksTasks(tx, latest, id)) runs.push(id)
  const before = new Set(await idsOf(tx, runs))
  await repinInTransaction(tx, deps.boards, dagId, runs, by)
  const fresh = (await idsOf(tx, runs)).filter((id) => !before.has(id))
  return findInstances(tx, fresh)
}

async function wanted(deps: ControlDeps, request: AddNewRequest): Promise<readonly number[]> {
  return findRunsWanted(deps.database, request.dagId, await resolveRuns(deps.database, request.dagId, request.runs))
}

/**
 * The instances that would be new, as they would be made; nothing is.
 * @throws BaramError NOT_FOUND, or CONFLICT while a task that is gone is at work
 */
export async function previewNewTasks(deps: ControlDeps, request: AddNewRequest): Promise<readonly InstanceListRow[]> {
  const runs = await wanted(deps, request)
  try {
    return await deps.database.transaction(async (tx) => {
      throw new OnlyShown(await add(tx, deps, request, runs))
    })
  } catch (error) {
    if (error instanceof OnlyShown) return error.rows
    throw error
  }
}

/**
 * Adds the new tasks; runs that have ended go on with them, and stay ended where there are none.
 * @returns the new instances
 * @throws BaramError NOT_FOUND, or CONFLICT while a task that is gone is at work
 */
export async function addNewTasks(
  deps: ControlDeps,
  request: AddNewRequest,
  audit: AuditEntry,
): Promise<readonly InstanceListRow[]> {
  const runs = await wanted(deps, request)
  const added = await deps.database.transaction(async (tx) => {
    await insertAudit(tx, audit)
    return add(tx, deps, request, runs)
  })
  const changed = [...new Set(added.map((row) => row.dag_run_id))].sort((a, b) => a - b)
  if (changed.length > 0)
    await deps.turns.run({
      runs: changed,
      act(all) {
        for (const changes of all.values()) {
          const { board } = changes
          if (isRunFinished(board.run.state)) {
            board.run.state = 'queued'
            changes.runBecause = { code: 'cleared', by: request.by }
          } else if (board.run.state === 'running') changes.add(decide(board))
        }
      },
    })
  return added
}
