// Task instances of a server, what is done to them, and their logs.

import { TASK_STATES } from '../../../core/states.ts'
import type { ClearRequest } from '../../../engine/control/clear.ts'
import type { MarkRequest } from '../../../engine/control/mark.ts'
import type { InstancePlace, Instances, InstanceView, Touched } from '../deployment.ts'
import type { Answer } from './answer.ts'
import { isoOrNull, pathOf, type RestClient } from './client.ts'
import { openLog } from './log.ts'
import type { Zones } from './zones.ts'

const instanceView = (answer: Answer, timezone: string): InstanceView => ({
  dagId: answer.text('dag_id'),
  runId: answer.text('dag_run_id'),
  taskId: answer.text('task_id'),
  mapIndex: answer.number('map_index'),
  state: answer.wordOrNull('state', TASK_STATES),
  tryNumber: answer.number('try_number'),
  startDate: answer.instantOrNull('start_date'),
  endDate: answer.instantOrNull('end_date'),
  timezone,
})

/** By task id and map index. */
export async function listInstances(
  client: RestClient,
  { dagId, runId }: { readonly dagId: string; readonly runId: string },
  timezone: string,
  most?: number,
) {
  const path = pathOf`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances`
  const { rows, total } = await client.list(path, 'task_instances', { order_by: ['task_id', 'map_index'] }, most)
  return { rows: rows.map((row) => instanceView(row, timezone)), total }
}

const touched = (answer: Answer): Touched => ({
  runId: answer.text('dag_run_id'),
  logicalDate: answer.instantOrNull('logical_date'),
  taskId: answer.text('task_id'),
  mapIndex: answer.number('map_index'),
  state: answer.wordOrNull('state', TASK_STATES),
})

/** A body of `POST /dags/{dag_id}/clearTaskInstances`: every field, whatever its default there. */
function clearBody({ runs, tasks, filter, ...request }: ClearRequest, isDryRun: boolean) {
  return {
    dry_run: isDryRun,
    ...(runs.kind === 'run'
      ? { dag_run_id: runs.runId, include_past: runs.past, include_future: runs.future }
      : { start_date: isoOrNull(runs.from), end_date: isoOrNull(runs.to) }),
    task_ids:
      tasks.tasks?.map(({ taskId, mapIndex }) => (mapIndex === undefined ? taskId : [taskId, mapIndex])) ?? null,
    include_upstream: tasks.upstream,
    include_downstream: tasks.downstream,
    only_failed: filter.onlyFailed,
    only_running: filter.onlyRunning,
    reset_dag_runs: request.resetsRuns,
    run_on_latest_version: request.onLatestVersion,
    prevent_running_task: request.refusesRunning,
  }
}

async function clear(client: RestClient, request: ClearRequest, isDryRun: boolean): Promise<readonly Touched[]> {
  const path = pathOf`/api/v2/dags/${request.dagId}/clearTaskInstances`
  return (await client.send('POST', path, {}, clearBody(request, isDryRun))).list('task_instances').map(touched)
}

async function mark(client: RestClient, request: MarkRequest, isDryRun: boolean): Promise<readonly Touched[]> {
  const { dagId, runId, taskId, mapIndex } = request
  const path = pathOf`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}`
  const body = {
    new_state: request.to,
    include_upstream: request.upstream,
    include_downstream: request.downstream,
    include_past: request.past,
    include_future: request.future,
  }
  const query = { map_index: mapIndex ?? undefined, update_mask: 'new_state' }
  const answer = await client.send('PATCH', isDryRun ? `${path}/dry_run` : path, query, body)
  return answer.list('task_instances').map(touched)
}

async function find(client: RestClient, zones: Zones, { dagId, runId, taskId, mapIndex }: InstancePlace) {
  const base = pathOf`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}`
  const answer = await client.find(mapIndex < 0 ? base : `${base}/${mapIndex}`)
  return answer === null ? null : instanceView(answer, await zones.of(dagId))
}

export const instancesOf = (client: RestClient, zones: Zones): Instances => ({
  list: (run, most) => listInstances(client, run, run.timezone, most),
  find: (place) => find(client, zones, place),
  log: (place, mayCome) => openLog(client, place, mayCome),
  previewClear: (request) => clear(client, request, true),
  clear: (request) => clear(client, request, false),
  async previewMark(request) {
    const set = await mark(client, request, true)
    // Airflow's dry run tells what is set, and not what is cleared downstream.
    return { set, cleared: null }
  },
  async mark(request) {
    await mark(client, request, false)
    return null
  },
})
