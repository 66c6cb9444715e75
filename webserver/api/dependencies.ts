// What keeps a task instance from being queued, by Airflow's names of dependencies and in the sentences of `why`.

import { explain } from '../../engine/why/why.ts'
import { getRun } from '../../store/postgres/read-runs.ts'
import type { ApiRoutes, Call } from './router.ts'
import { placeOf, requireInstance } from './task-instances.ts'

const TRIGGER_RULE = 'Trigger Rule'
const PAST = 'Previous Dagrun State'
const POOL = 'Pool Slots Available'
const SLOTS = 'Task Instance Slots Available'

/** A reason that is none of these is in nobody's way, or the run's own. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['waits_for_upstream', TRIGGER_RULE],
  ['rule_impossible', TRIGGER_RULE],
  ['waits_for_past', PAST],
  ['waits_for_past_downstream', PAST],
  ['waits_for_pool', POOL],
  ['waits_its_turn', POOL],
  ['pool_missing', POOL],
  ['pool_too_small', POOL],
  ['waits_for_run_limit', SLOTS],
  ['waits_for_parallelism', SLOTS],
  ['ready', SLOTS],
  ['waits_for_task_limit', 'Task Concurrency'],
  ['waits_while_paused', 'Dag Not Paused'],
])

const dependencies = (isMapped: boolean) => async (call: Call) => {
  const { web } = call
  const at = placeOf(call, isMapped)
  const { state } = await requireInstance(web, at)
  if (state !== null && state !== 'scheduled') return { dependencies: [] }
  const { code, sentence } = await explain(web.database, web.runCache, { ...at, run: at.runId })
  // Before its run starts, what the run waits for is what the task waits for.
  const run = await getRun(web.database, at.dagId, at.runId)
  const name = NAMES.get(code) ?? (run?.state === 'queued' ? 'Dagrun Running' : null)
  return { dependencies: name === null ? [] : [{ name, reason: sentence }] }
}

export function dependencyRoutes(api: ApiRoutes): void {
  api.on(
    'get',
    '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/dependencies',
    'viewer',
    200,
    dependencies(false),
  )
}

/** Last: `{map_index}` would take the place of words. */
export function mappedDependencyRoutes(api: ApiRoutes): void {
  api.on(
    'get',
    '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/dependencies',
    'viewer',
    200,
    dependencies(true),
  )
}
