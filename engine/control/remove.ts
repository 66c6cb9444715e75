// Takes instances of a task out of a run, with what belongs to them, as if the task had never been in it.

import { conflict, notFound } from '../../core/errors.ts'
import { notifyPages, notifyScheduler } from '../../store/postgres/notify.ts'
import { deleteInstances, dropCopies, findRun, type RunOfDag } from '../../store/postgres/run-control.ts'
import { lockRuns } from '../../store/postgres/runs.ts'
import { askForRun, askForSuccessors } from '../../store/postgres/scheduler-requests.ts'
import { type InstanceRow, loadInstances } from '../../store/postgres/task-instances.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

export interface RemovedTask {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  /** Null = all instances of the task. */
  readonly mapIndex: number | null
}

/** A process of them may run: another must not begin beside it. */
const AT_WORK: ReadonlySet<string | null> = new Set(['queued', 'running', 'restarting'])

async function lockInstances(tx: Sql, found: RunOfDag | null, asked: RemovedTask): Promise<readonly InstanceRow[]> {
  const [locked] = found === null ? [] : await lockRuns(tx, [found.id])
  if (locked === undefined) return []
  const { taskId, mapIndex } = asked
  const rows = await loadInstances(tx, locked.id)
  return rows.filter((row) => row.taskId === taskId && (mapIndex === null || row.mapIndex === mapIndex))
}

function refuseAtWork({ dagId, runId, taskId }: RemovedTask, rows: readonly InstanceRow[]): void {
  const busy = rows.find((row) => AT_WORK.has(row.state))
  if (busy === undefined) return
  const { mapIndex, state } = busy
  throw conflict(
    'task_instance',
    { dagId, runId, taskId, mapIndex },
    'removed',
    `task ${taskId} of run ${runId} is ${state}; mark it or wait until it has ended, then delete it`,
    { state: state ?? 'none' },
  )
}

/**
 * Deletes instances with their tries, values and events; what is left of the run is decided anew.
 * @returns their map indexes, ascending
 * @throws BaramError NOT_FOUND, or CONFLICT while one of them is queued or running
 */
export async function removeInstances(
  { database }: Pick<Engine, 'database'>,
  asked: RemovedTask,
  actor: Actor,
): Promise<readonly number[]> {
  const { dagId, runId, taskId, mapIndex } = asked
  return database.transaction(async (tx) => {
    const run = await findRun(tx, dagId, runId)
    const rows = await lockInstances(tx, run, asked)
    if (run === null || rows.length === 0) throw notFound('task_instance', { dagId, runId, taskId, mapIndex })
    refuseAtWork(asked, rows)
    await deleteInstances(
      tx,
      run.id,
      rows.map(({ id }) => id),
    )
    await dropCopies(tx, run.id)
    await askForRun(tx, run.id)
    await askForSuccessors(tx, run.id)
    await audit(tx, actor, {
      event: 'task_instance.delete',
      ...{ dagId, runId, taskId, mapIndex },
      extra: { instances: rows.length },
    })
    await notifyScheduler(tx)
    await notifyPages(tx, { runs: [run.id], dags: [] })
    return rows.map((row) => row.mapIndex).sort((a, b) => a - b)
  })
}
