// XComs: their lists and values, and values that people write.

import { spacedJson } from '../../core/json.ts'
import { createXCom, deleteXCom, updateXCom, type XComAddress } from '../../engine/control/xcoms.ts'
import { getXComEntry, listXComs, type XComRow, type XComValueRow } from '../../store/postgres/read-task-instances.ts'
import type { Web } from '../deps.ts'
import { inWordsOf, XCOM } from '../http/airflow-errors.ts'
import { readBody } from '../http/bodies.ts'
import { notFound } from '../http/errors.ts'
import { type ApiRoutes, type Call, orAll } from './router.ts'
import { iso, isoText } from './shapes.ts'
import { placeOf } from './task-instances.ts'

const xcomJson = (row: XComRow) => ({
  key: row.key,
  timestamp: isoText(row.timestamp),
  logical_date: iso(row.logicalDate),
  run_after: isoText(row.runAfter),
  map_index: row.mapIndex,
  task_id: row.taskId,
  dag_id: row.dagId,
  run_id: row.runId,
  dag_display_name: row.dagDisplayName,
  task_display_name: row.taskDisplayName,
})

async function list({ web, query, param }: Call) {
  const page = query.page(web.config, { key: 'x.key' }, 'key')
  const filter = {
    key: query.text('xcom_key'),
    map_index: query.int('map_index', -1) ?? query.int('map_index_filter'),
    key_pattern: query.pattern('xcom_key_pattern'),
    dag_pattern: query.pattern('dag_display_name_pattern'),
    run_id_pattern: query.pattern('run_id_pattern'),
    task_id_pattern: query.pattern('task_id_pattern'),
    ...query.dates('logical_date', 'run_after'),
  }
  query.done()
  const at = { dagId: orAll(param('dag_id')), runId: orAll(param('dag_run_id')), taskId: orAll(param('task_id')) }
  const { rows, total } = await listXComs(web.database, at, filter, page)
  return { xcom_entries: rows.map(xcomJson), total_entries: total }
}

async function requireEntry(web: Web, at: XComAddress): Promise<XComValueRow> {
  const row = await getXComEntry(web.database, at)
  if (row === null) throw notFound(`XCom entry with key: \`${at.key}\` not found`)
  return row
}

async function one(call: Call) {
  const { web, query, param } = call
  const wantsText = query.bool('stringify') ?? false
  query.bool('deserialize')
  const at = placeOf(call, false)
  const row = await requireEntry(web, { ...at, key: param('xcom_key') })
  // Values are JSON at rest, so the native form needs no deserializing; text is the JSON of what is no text already.
  const text = typeof row.value === 'string' ? row.value : spacedJson(row.value)
  return { ...xcomJson(row), value: wantsText ? text : row.value }
}

const native = async (web: Web, at: XComAddress) => {
  const row = await requireEntry(web, at)
  return { ...xcomJson(row), value: row.value }
}

/** `map_index`: default -1, the instance of a task that is not mapped. */
interface UpdateBody {
  readonly value: unknown
  readonly map_index?: number
}
interface CreateBody extends UpdateBody {
  readonly key: string
}

const addressOf = ({ param }: Call, key: string, mapIndex: number | undefined): XComAddress => ({
  dagId: param('dag_id'),
  runId: param('dag_run_id'),
  taskId: param('task_id'),
  mapIndex: mapIndex ?? -1,
  key,
})

async function create(call: Call) {
  const { web, req, actor } = call
  const { key, value, map_index } = readBody<CreateBody>(web.assets, 'XComCreateBody', req.body)
  const at = addressOf(call, key, map_index)
  await inWordsOf(XCOM, createXCom(web, { ...at, value }, actor))
  return native(web, at)
}

async function update(call: Call) {
  const { web, req, param, actor } = call
  const { value, map_index } = readBody<UpdateBody>(web.assets, 'XComUpdateBody', req.body)
  const at = addressOf(call, param('xcom_key'), map_index)
  await inWordsOf(XCOM, updateXCom(web, { ...at, value }, actor))
  return native(web, at)
}

async function remove(call: Call) {
  const { web, param, actor } = call
  await deleteXCom(web, { ...placeOf(call, false), key: param('xcom_key') }, actor)
}

const BASE = '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries'

export function xcomRoutes(api: ApiRoutes): void {
  api.on('get', BASE, 'viewer', 200, list)
  api.on('post', BASE, 'user', 201, create)
  api.on('get', `${BASE}/{xcom_key}`, 'viewer', 200, one)
  api.on('patch', `${BASE}/{xcom_key}`, 'user', 200, update)
  api.on('delete', `${BASE}/{xcom_key}`, 'user', 204, remove)
}
