// DAGs, their tasks, versions and sources.

import type { Request } from 'express'
import { RUN_STATES } from '../../core/states.ts'
import { markFavourite } from '../../engine/dags/favourite.ts'
import { pauseDag, pauseDags } from '../../engine/dags/pause.ts'
import { isFavourite as isFavouriteOf } from '../../store/postgres/favourites.ts'
import {
  countActiveRuns,
  countRunsByState,
  DAG_ORDER,
  type DagListRow,
  getDag,
  getVersion,
  listDags,
  listTags,
  listVersions,
  listWarnings,
  showSource,
  VERSION_ORDER,
  WARNING_ORDER,
} from '../../store/postgres/read-dags.ts'
import type { Web } from '../deps.ts'
import { acceptsText } from '../http/accept.ts'
import { airflowNotFound, FAVOURITE, inWordsOf } from '../http/airflow-errors.ts'
import { readBody } from '../http/bodies.ts'
import { ApiError, notFound } from '../http/errors.ts'
import type { Query } from '../http/query.ts'
import { type ApiRoutes, type Call, orAll } from './router.ts'
import { dagDetailsJson, dagJson, isoText, taskJson, versionJson } from './shapes.ts'

export async function requireDag(web: Web, dagId: string): Promise<DagListRow> {
  const row = await getDag(web.database, dagId)
  if (row === null) throw airflowNotFound('dag', dagId)
  return row
}

/** The newest version of a DAG and its graph. @throws ApiError 404 */
export async function requireLatest(web: Web, dagId: string) {
  const row = await requireDag(web, dagId)
  const latest = await getVersion(web.database, dagId, null)
  if (latest === null) throw airflowNotFound('dag', dagId)
  const { graph } = await web.runCache.version(web.database, latest.id)
  return { row, latest, graph }
}

/** What `GET /dags` and `PATCH /dags` filter by. */
const filterOf = (query: Query) => ({
  tags: query.texts('tags'),
  tags_all: query.oneOf('tags_match_mode', ['any', 'all']) === 'all',
  owners: query.substrings('owners'),
  dag_id_pattern: query.pattern('dag_id_pattern'),
  exclude_stale: query.bool('exclude_stale') ?? true,
  paused: query.bool('paused'),
})

async function list({ web, query, who }: Call) {
  const page = query.page(web.config, DAG_ORDER, 'dag_id')
  const filter = {
    ...filterOf(query),
    dag_display_name_pattern: query.pattern('dag_display_name_pattern'),
    has_import_errors: query.bool('has_import_errors'),
    last_dag_run_state: query.oneOf('last_dag_run_state', RUN_STATES),
    dag_run_state: query.texts('dag_run_state'),
    bundle_name: query.text('bundle_name'),
    bundle_version: query.text('bundle_version'),
    timetable_type: query.texts('timetable_type'),
    favourite: query.bool('is_favorite'),
    user: who.username,
    ...query.dates('dag_run_start_date', 'dag_run_end_date'),
  }
  // Assets are not here yet: asking for only those finds none.
  const wantsNone = query.bool('has_asset_schedule') === true
  query.done()
  if (wantsNone) return { dags: [], total_entries: 0 }
  const { rows, total } = await listDags(web.database, filter, page)
  return { dags: rows.map((row) => dagJson(row, web.jwtSecret)), total_entries: total }
}

/** @throws ApiError 400 for a mask of other fields */
function readPause(web: Web, req: Request, query: Query): boolean {
  const body = readBody<{ is_paused: boolean }>(web.assets, 'DAGPatchBody', req.body)
  if (query.texts('update_mask')?.some((field) => field !== 'is_paused') === true)
    throw new ApiError(400, 'Only `is_paused` field can be updated through the REST API')
  return body.is_paused
}

/** Pauses the DAGs of one page of a list; without a pattern none is meant, `~` stands for all. */
async function patchAll({ web, req, query, actor }: Call) {
  const isPaused = readPause(web, req, query)
  const page = query.page(web.config, { dag_id: DAG_ORDER.dag_id }, 'dag_id')
  const filter = filterOf(query)
  query.done()
  if (query.text('dag_id_pattern') === undefined) return { dags: [], total_entries: 0 }
  const { rows, total } = await listDags(web.database, filter, page)
  const dagIds = rows.map((row) => row.dagId)
  await pauseDags(web, { dagIds, isPaused }, actor)
  return { dags: rows.map((row) => dagJson({ ...row, isPaused }, web.jwtSecret)), total_entries: total }
}

async function favourite({ web, actor, param }: Call, isFavourite: boolean) {
  await inWordsOf(FAVOURITE, markFavourite(web, { dagId: param('dag_id'), isFavourite }, actor))
}

async function patch({ web, req, query, actor, param }: Call) {
  const isPaused = readPause(web, req, query)
  const dagId = param('dag_id')
  await requireDag(web, dagId)
  await pauseDag(web, { dagId, isPaused }, actor)
  return dagJson(await requireDag(web, dagId), web.jwtSecret)
}

async function details({ web, who, param }: Call) {
  const { row, latest, graph } = await requireLatest(web, param('dag_id'))
  const [activeRuns, isFavourite] = await Promise.all([
    countActiveRuns(web.database, row.dagId),
    isFavouriteOf(web.database, row.dagId, who.username),
  ])
  return dagDetailsJson(row, graph.dag, latest, { activeRuns, isFavourite }, web.jwtSecret)
}

async function tasks({ web, query, param }: Call) {
  const { graph } = await requireLatest(web, param('dag_id'))
  const all = graph.tasks.map((task) => taskJson(graph, task))
  const key = query.text('order_by') ?? 'task_id'
  const field = key.replace(/^-/, '')
  const first = all[0]
  if (first !== undefined && !Object.hasOwn(first, field))
    throw new ApiError(400, `'Task' object has no attribute '${field.slice(0, 80)}'`)
  const text = (task: (typeof all)[number]) => {
    const value: unknown = Reflect.get(task, field)
    return typeof value === 'number' ? value : JSON.stringify(value)
  }
  const sign = key.startsWith('-') ? -1 : 1
  all.sort((a, b) => (text(a) < text(b) ? -sign : text(a) > text(b) ? sign : 0))
  return { tasks: all, total_entries: all.length }
}

async function task({ web, param }: Call) {
  const { graph } = await requireLatest(web, param('dag_id'))
  const found = graph.tasks.find(({ taskId }) => taskId === param('task_id'))
  if (found === undefined) throw notFound(`Task with id ${param('task_id')} was not found`)
  return taskJson(graph, found)
}

/** Answers JSON or the bare text, whichever is asked for. */
async function source({ web, req, res, query, param }: Call) {
  const number = query.int('version_number', 1) ?? null
  query.done()
  const isText = acceptsText(req)
  const dag = await requireDag(web, param('dag_id'))
  const row = await showSource(web.database, dag.dagId, number)
  if (row === null)
    throw notFound(
      number === null
        ? `Code not found for dag_id: \`${dag.dagId}\``
        : `The source code of the DAG ${dag.dagId}, version_number ${number} was not found`,
    )
  if (isText) {
    res.type('text/plain').send(row.sourceCode)
    return undefined
  }
  return {
    content: row.sourceCode,
    dag_id: dag.dagId,
    version_number: row.versionNumber,
    dag_display_name: dag.dagDisplayName,
  }
}

async function versions({ web, query, param }: Call) {
  const page = query.page(web.config, VERSION_ORDER, 'id')
  const dagId = orAll(param('dag_id'))
  const filter = {
    dagId: dagId ?? undefined,
    versionNumber: query.int('version_number'),
    bundleName: query.text('bundle_name'),
    bundleVersion: query.text('bundle_version'),
  }
  query.done()
  if (dagId !== null) await requireDag(web, dagId)
  const { rows, total } = await listVersions(web.database, filter, page)
  return { dag_versions: rows.map(versionJson), total_entries: total }
}

async function version({ web, param }: Call) {
  const number = Number(param('version_number'))
  const row =
    Number.isInteger(number) && number > 0 && number < 2 ** 31
      ? await getVersion(web.database, param('dag_id'), number)
      : null
  if (row === null) throw airflowNotFound('dag_version', { dagId: param('dag_id'), version: param('version_number') })
  return versionJson(row)
}

async function stats({ web, query }: Call) {
  const ids = query.texts('dag_ids')
  const rows = await countRunsByState(web.database, ids === undefined || ids.length === 0 ? null : ids)
  const dags = new Map<string, { displayName: string; counts: Map<string, number> }>()
  for (const { dagId, dagDisplayName, state, n } of rows) {
    const found = dags.get(dagId) ?? { displayName: dagDisplayName, counts: new Map<string, number>() }
    if (state !== null) found.counts.set(state, n)
    dags.set(dagId, found)
  }
  const list = [...dags].map(([dagId, { displayName, counts }]) => ({
    dag_id: dagId,
    dag_display_name: displayName,
    stats: RUN_STATES.map((state) => ({ state, count: counts.get(state) ?? 0 })),
  }))
  return { dags: list, total_entries: list.length }
}

async function tags({ web, query }: Call) {
  const page = query.page(web.config, { name: 'n.name' }, 'name')
  const patterns = query.pattern('tag_name_pattern') ?? null
  query.done()
  const { rows, total } = await listTags(web.database, patterns, page)
  return { tags: rows.map((row) => row.name), total_entries: total }
}

async function warnings({ web, query }: Call) {
  const page = query.page(web.config, WARNING_ORDER, 'dag_id')
  const filter = {
    dagId: query.text('dag_id'),
    warningType: query.oneOf('warning_type', ['asset conflict', 'non-existent pool', 'runtime varying value']),
  }
  query.done()
  const { rows, total } = await listWarnings(web.database, filter, page)
  return {
    dag_warnings: rows.map(({ dagId, dagDisplayName, warningType, message, timestamp }) => ({
      dag_id: dagId,
      dag_display_name: dagDisplayName,
      warning_type: warningType,
      message,
      timestamp: isoText(timestamp),
    })),
    total_entries: total,
  }
}

export function dagRoutes(api: ApiRoutes): void {
  api.on('get', '/dags', 'viewer', 200, list)
  api.on('get', '/dags/{dag_id}', 'viewer', 200, async ({ web, param }) =>
    dagJson(await requireDag(web, param('dag_id')), web.jwtSecret),
  )
  api.on('patch', '/dags', 'user', 200, patchAll)
  api.on('patch', '/dags/{dag_id}', 'user', 200, patch)
  api.on('post', '/dags/{dag_id}/favorite', 'viewer', 204, (call) => favourite(call, true))
  api.on('post', '/dags/{dag_id}/unfavorite', 'viewer', 204, (call) => favourite(call, false))
  api.on('get', '/dags/{dag_id}/details', 'viewer', 200, details)
  api.on('get', '/dags/{dag_id}/tasks', 'viewer', 200, tasks)
  api.on('get', '/dags/{dag_id}/tasks/{task_id}', 'viewer', 200, task)
  api.on('get', '/dagSources/{dag_id}', 'viewer', 200, source)
  api.on('get', '/dags/{dag_id}/dagVersions', 'viewer', 200, versions)
  api.on('get', '/dags/{dag_id}/dagVersions/{version_number}', 'viewer', 200, version)
  api.on('get', '/dagStats', 'viewer', 200, stats)
  api.on('get', '/dagTags', 'viewer', 200, tags)
  api.on('get', '/dagWarnings', 'viewer', 200, warnings)
}
