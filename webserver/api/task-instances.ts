// Task instances and their tries.

import type { DagGraph } from '../../core/graph.ts'
import type { SerializedDag } from '../../core/serialized.ts'
import { TASK_STATES, type TaskState } from '../../core/states.ts'
import { removeInstances } from '../../engine/control/remove.ts'
import { findVersions } from '../../store/postgres/read-dags.ts'
import {
  getInstance,
  INSTANCE_ORDER,
  type InstanceListRow,
  listInstances,
  listTries,
  type TryRow,
} from '../../store/postgres/read-task-instances.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody } from '../http/bodies.ts'
import { notFound } from '../http/errors.ts'
import { knownOnly } from '../http/query.ts'
import { type PageBody, readPage, readRanges, requireAll } from './batch.ts'
import { requireLatest } from './dags.ts'
import { type ApiRoutes, type Call, orAll } from './router.ts'
import { requireRun } from './runs.ts'
import { instanceJson, tryJson } from './shapes.ts'

export interface InstancePlace {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
}

export async function requireInstance(web: Web, at: InstancePlace): Promise<InstanceListRow> {
  const row = await getInstance(web.database, at)
  if (row === null) throw airflowNotFound('task_instance', at)
  return row
}

const INDEX = /^-?\d{1,9}$/

/** The instance a path names; a path without map index means the unmapped one. */
export function placeOf({ query, param }: Call, isMapped: boolean): InstancePlace {
  const text = param('map_index')
  const mapIndex = isMapped ? (INDEX.test(text) ? Number(text) : -2) : (query.int('map_index', -1) ?? -1)
  query.done()
  return { dagId: param('dag_id'), runId: param('dag_run_id'), taskId: param('task_id'), mapIndex }
}

const versionsOf = (web: Web, rows: readonly TryRow[]) =>
  findVersions(web.database, [...new Set(rows.flatMap((row) => row.versionId ?? []))])

/** Tasks of a group and of the groups inside it. */
function tasksOfGroup(dag: SerializedDag, groupId: string): string[] {
  const groups = new Map(dag.groups.map((group) => [group.groupId, group.members]))
  const found: string[] = []
  const queue = [groupId]
  const seen = new Set<string>()
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id)) continue
    seen.add(id)
    const members = groups.get(id)
    if (members === undefined) found.push(id)
    else queue.push(...members)
  }
  return groups.has(groupId) ? found : []
}

const NO_STATE = new Set(['none', 'no_status', 'null'])

async function list(call: Call, onlyMappedOf: string | null) {
  const { web, query, param } = call
  const [dagId, runId] = [orAll(param('dag_id')), orAll(param('dag_run_id'))]
  const page = query.page(web.config, INSTANCE_ORDER, 'map_index')
  const states = query.texts('state')
  const group = query.text('task_group_id')
  const filter = {
    task_id: onlyMappedOf ?? query.text('task_id'),
    state: knownOnly(
      'state',
      states?.filter((state) => !NO_STATE.has(state)),
      TASK_STATES,
    ),
    with_no_state: states?.some((state) => NO_STATE.has(state)) ?? false,
    pool: query.texts('pool'),
    queue: query.texts('queue'),
    executor: query.texts('executor'),
    operator: query.texts('operator'),
    version_number: query.ints('version_number'),
    try_number: query.ints('try_number'),
    map_index: query.ints('map_index'),
    dag_id_pattern: query.pattern('dag_id_pattern'),
    run_id_pattern: query.pattern('run_id_pattern'),
    name_pattern: query.pattern('task_display_name_pattern'),
    pool_pattern: query.pattern('pool_name_pattern'),
    queue_pattern: query.pattern('queue_name_pattern'),
    operator_pattern: query.pattern('operator_name_pattern'),
    ...query.dates('run_after', 'logical_date', 'start_date', 'end_date', 'updated_at'),
    ...query.numbers('duration'),
  }
  query.done()
  if (dagId !== null && runId !== null) await requireRun(web, dagId, runId)
  const latest = dagId === null ? null : await requireLatest(web, dagId)
  const task_ids = group === undefined || latest === null ? undefined : tasksOfGroup(latest.graph.dag, group)
  const only_mapped = onlyMappedOf !== null
  const { rows, total } = await listInstances(
    web.database,
    dagId,
    runId,
    { ...filter, onlyMapped: only_mapped, taskIds: task_ids },
    page,
  )
  if (onlyMappedOf !== null && total === 0 && latest !== null) checkMapped(latest.graph, onlyMappedOf)
  const versions = await versionsOf(web, rows)
  return { task_instances: rows.map((row) => instanceJson(row, versions)), total_entries: total }
}

interface BatchBody extends PageBody {
  readonly dag_ids?: readonly string[] | null
  readonly dag_run_ids?: readonly string[] | null
  readonly task_ids?: readonly string[] | null
  /** Null = instances without a state. */
  readonly state?: readonly (TaskState | null)[] | null
  readonly pool?: readonly string[] | null
  readonly queue?: readonly string[] | null
  readonly executor?: readonly string[] | null
  readonly [range: string]: unknown
}

const { id, state, duration, start_date, end_date, map_index } = INSTANCE_ORDER
const BATCH_ORDER = { id, state, duration, start_date, end_date, map_index }

async function batch(call: Call) {
  const { web, req } = call
  requireAll(call, 'dag_id')
  requireAll(call, 'dag_run_id')
  const body = readBody<BatchBody>(web.assets, 'TaskInstancesBatchBody', req.body)
  const { dag_ids, dag_run_ids, task_ids, state: states, pool, queue, executor, ...rest } = body
  const { order_by, page_limit, page_offset, ...ranges } = rest
  const filter = {
    ...readRanges(ranges),
    dagIds: dag_ids ?? undefined,
    runIds: dag_run_ids ?? undefined,
    taskIds: task_ids ?? undefined,
    state: states?.flatMap((wanted) => wanted ?? []),
    withNoState: states?.includes(null) ?? false,
    pool: pool ?? undefined,
    queue: queue ?? undefined,
    executor: executor ?? undefined,
  }
  const page = readPage(web, { order_by, page_limit, page_offset }, BATCH_ORDER)
  const { rows, total } = await listInstances(web.database, null, null, filter, page)
  const versions = await versionsOf(web, rows)
  return { task_instances: rows.map((row) => instanceJson(row, versions)), total_entries: total }
}

/** A mapped task without instances answers none; any other task is an error. @throws ApiError 404 */
function checkMapped(graph: DagGraph, taskId: string): void {
  const task = graph.find(taskId)
  if (task === undefined) throw notFound(`Task id ${taskId} not found`)
  if (task.mapping === null) throw notFound(`Task id ${taskId} is not mapped`)
}

const one = (isMapped: boolean) => async (call: Call) => {
  const row = await requireInstance(call.web, placeOf(call, isMapped))
  return instanceJson(row, await versionsOf(call.web, [row]))
}

const tries = (isMapped: boolean) => async (call: Call) => {
  const { web } = call
  const row = await requireInstance(web, placeOf(call, isMapped))
  const rows = await listTries(web.database, row.dagRunId, row.taskId, row.mapIndex)
  const versions = await versionsOf(web, rows)
  return { task_instances: rows.map((item) => tryJson(item, versions)), total_entries: rows.length }
}

const oneTry = (isMapped: boolean) => async (call: Call) => {
  const { web, param } = call
  const at = placeOf(call, isMapped)
  const row = await requireInstance(web, at)
  const rows = await listTries(web.database, row.dagRunId, row.taskId, row.mapIndex)
  const found = rows.find((item) => String(item.tryNumber) === param('task_try_number'))
  if (found === undefined)
    throw notFound(
      `The Task Instance with dag_id: \`${at.dagId}\`, run_id: \`${at.runId}\`, task_id: \`${at.taskId}\`, ` +
        `try_number: \`${param('task_try_number')}\` and map_index: \`${at.mapIndex}\` was not found`,
    )
  return tryJson(found, await versionsOf(web, [found]))
}

export function taskInstanceRoutes(api: ApiRoutes): void {
  const base = '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances'
  api.on('get', base, 'viewer', 200, (call) => list(call, null))
  api.on('post', `${base}/list`, 'viewer', 200, batch)
  api.on('get', `${base}/{task_id}`, 'viewer', 200, one(false))
  api.on('delete', `${base}/{task_id}`, 'user', 200, async (call) => {
    await removeInstances(call.web, placeOf(call, false), call.actor)
    return null
  })
  api.on('get', `${base}/{task_id}/listMapped`, 'viewer', 200, (call) => list(call, call.param('task_id')))
  api.on('get', `${base}/{task_id}/tries`, 'viewer', 200, tries(false))
  api.on('get', `${base}/{task_id}/tries/{task_try_number}`, 'viewer', 200, oneTry(false))
}

/** After the logs' routes: `{map_index}` would take their place in the path. */
export function mappedRoutes(api: ApiRoutes): void {
  const base = '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}'
  api.on('get', base, 'viewer', 200, one(true))
  api.on('get', `${base}/tries`, 'viewer', 200, tries(true))
  api.on('get', `${base}/tries/{task_try_number}`, 'viewer', 200, oneTry(true))
}
