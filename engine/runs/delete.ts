// Deletes runs and DAGs with everything that belongs to them. Log files stay, as with Airflow.

import { conflict, notFound } from '../../core/errors.ts'
import { isRunFinished } from '../../core/states.ts'
import { lockDag } from '../../store/postgres/dags.ts'
import { notifyPages, notifyScheduler } from '../../store/postgres/notify.ts'
import { deleteDag, deleteRuns, findRun, lockRunsOfDag } from '../../store/postgres/run-control.ts'
import { loadRun, lockRuns } from '../../store/postgres/runs.ts'
import { askForSuccessors } from '../../store/postgres/scheduler-requests.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

/** @throws BaramError NOT_FOUND, or CONFLICT while the run is running */
export async function removeRun(
  { database }: Pick<Engine, 'database'>,
  { dagId, runId }: { readonly dagId: string; readonly runId: string },
  actor: Actor,
): Promise<void> {
  await database.transaction(async (tx) => {
    const found = await findRun(tx, dagId, runId)
    const [locked] = found === null ? [] : await lockRuns(tx, [found.id])
    const run = locked === undefined ? null : await loadRun(tx, locked.id)
    if (run === null) throw notFound('dag_run', { dagId, runId })
    if (run.state !== 'queued' && !isRunFinished(run.state))
      throw conflict(
        'dag_run',
        { dagId, runId },
        'running',
        `run ${runId} of ${dagId} is ${run.state}; wait until it has ended, or mark it failed, then delete it`,
        { state: run.state },
      )
    // Whoever waited for this run as its past has another past now.
    await askForSuccessors(tx, run.id)
    await deleteRuns(tx, [run.id])
    await audit(tx, actor, { event: 'dag_run.delete', dagId, runId, logicalDate: run.logicalDate })
    await notifyScheduler(tx)
    await notifyPages(tx, { runs: [], dags: [dagId] })
  })
}

/**
 * Forgets a DAG with its runs, versions and backfills. It comes back when its file is read again.
 * @returns how many runs went with it
 * @throws BaramError NOT_FOUND, or CONFLICT while tasks of it run
 */
export async function removeDag({ database }: Pick<Engine, 'database'>, dagId: string, actor: Actor): Promise<number> {
  return database.transaction(async (tx) => {
    if ((await lockDag(tx, dagId)) === null) throw notFound('dag', dagId)
    const runs = await lockRunsOfDag(tx, dagId)
    if (runs.some((run) => run.active > 0))
      throw conflict(
        'dag',
        dagId,
        'running',
        `tasks of DAG ${dagId} are running; wait until they have ended, or mark their runs failed, then delete it`,
      )
    await deleteRuns(
      tx,
      runs.map((run) => run.id),
    )
    await deleteDag(tx, dagId)
    await audit(tx, actor, { event: 'dag.delete', dagId, extra: { runs: runs.length } })
    await notifyPages(tx, { runs: [], dags: [dagId] })
    return runs.length
  })
}
