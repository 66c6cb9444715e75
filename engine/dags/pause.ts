// Pausing DAGs, and resuming their schedules.

import { notFound } from '../../core/errors.ts'
import { lockDag, setNextRun, setPaused } from '../../store/postgres/dags.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { notifyPages, notifyScheduler } from '../../store/postgres/notify.ts'
import { askForDag } from '../../store/postgres/scheduler-requests.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { computeNext } from '../runs/create.ts'
import type { RunCache } from '../transaction/run-cache.ts'

interface Pause {
  readonly dagId: string
  readonly isPaused: boolean
}

/** False when there is no such DAG. */
async function pause(tx: Sql, runCache: RunCache, { dagId, isPaused }: Pause, actor: Actor): Promise<boolean> {
  const dag = await lockDag(tx, dagId)
  if (dag === null) return false
  await setPaused(tx, dagId, isPaused)
  if (!isPaused) {
    // The time while paused does not count: without catchup the schedule continues from now.
    const { graph } = await runCache.version(tx, dag.versionId, dag.versionHash)
    await setNextRun(tx, dagId, await computeNext(tx, graph.dag, await databaseNow(tx)))
    await askForDag(tx, dagId)
  }
  await audit(tx, actor, { event: isPaused ? 'dag.pause' : 'dag.unpause', dagId })
  return true
}

/** A paused DAG makes no scheduled runs and starts none; its schedule resumes from now. @throws BaramError NOT_FOUND */
export async function pauseDag(
  { database, runCache }: Pick<Engine, 'database' | 'runCache'>,
  request: Pause,
  actor: Actor,
): Promise<void> {
  await database.transaction(async (tx) => {
    if (!(await pause(tx, runCache, request, actor))) throw notFound('dag', request.dagId)
    await notifyScheduler(tx)
    await notifyPages(tx, { runs: [], dags: [request.dagId] })
  })
}

/** As above for several, all or none; those that are there no more are passed over. */
export async function pauseDags(
  { database, runCache }: Pick<Engine, 'database' | 'runCache'>,
  { dagIds, isPaused }: { readonly dagIds: readonly string[]; readonly isPaused: boolean },
  actor: Actor,
): Promise<void> {
  await database.transaction(async (tx) => {
    // In one order, so that two who want the same DAGs cannot wait for each other.
    for (const dagId of [...dagIds].sort()) await pause(tx, runCache, { dagId, isPaused }, actor)
    await notifyScheduler(tx)
    await notifyPages(tx, { runs: [], dags: dagIds })
  })
}
