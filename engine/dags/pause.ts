// Pausing a DAG, and resuming its schedule.

import { notFound } from '../../core/errors.ts'
import { lockDag, setNextRun, setPaused } from '../../store/postgres/dags.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { notifyPages, notifyScheduler } from '../../store/postgres/notify.ts'
import { askForDag } from '../../store/postgres/scheduler-requests.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { computeNext } from '../runs/create.ts'

/** A paused DAG makes no scheduled runs and starts none; its schedule resumes from now. @throws BaramError NOT_FOUND */
export async function pauseDag(
  { database, runCache }: Pick<Engine, 'database' | 'runCache'>,
  { dagId, isPaused }: { readonly dagId: string; readonly isPaused: boolean },
  actor: Actor,
): Promise<void> {
  await database.transaction(async (tx) => {
    const dag = await lockDag(tx, dagId)
    if (dag === null) throw notFound('dag', dagId)
    await setPaused(tx, dagId, isPaused)
    if (!isPaused) {
      // The time while paused does not count: without catchup the schedule goes on from now.
      const { graph } = await runCache.version(tx, dag.versionId, dag.versionHash)
      await setNextRun(tx, dagId, await computeNext(tx, graph.dag, await databaseNow(tx)))
      await askForDag(tx, dagId)
    }
    await audit(tx, actor, { event: isPaused ? 'dag.pause' : 'dag.unpause', dagId })
    await notifyScheduler(tx)
    await notifyPages(tx, { runs: [], dags: [dagId] })
  })
}
