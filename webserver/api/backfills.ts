// Backfills in Airflow's shapes.

import type { ReprocessBehavior } from '../../core/backfill.ts'
import type { JsonObject } from '../../core/json.ts'
import {
  type BackfillRequest,
  cancelBackfill,
  createBackfill,
  pauseBackfill,
  previewBackfill,
} from '../../engine/runs/backfill.ts'
import { type BackfillRow, getBackfill, listBackfills } from '../../store/postgres/backfills.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound, BACKFILL, inWordsOf } from '../http/airflow-errors.ts'
import { readBody, readInstant } from '../http/bodies.ts'
import { invalid } from '../http/errors.ts'
import type { ApiRoutes, Call } from './router.ts'
import { iso, isoText } from './shapes.ts'

const backfillJson = (row: BackfillRow) => ({
  id: row.id,
  dag_id: row.dagId,
  dag_display_name: row.dagDisplayName,
  from_date: isoText(row.fromDate),
  to_date: isoText(row.toDate),
  dag_run_conf: row.dagRunConf,
  is_paused: row.isPaused,
  reprocess_behavior: row.reprocessBehavior,
  max_active_runs: row.maxActiveRuns,
  created_at: isoText(row.createdAt),
  completed_at: iso(row.completedAt),
  updated_at: isoText(row.updatedAt),
})

const MAX_ID = 2 ** 31 - 1

/** @throws ApiError 404 | 422 */
async function requireBackfill({ web, param }: Call): Promise<BackfillRow> {
  const id = readId(param('backfill_id'))
  const row = await getBackfill(web.database, id)
  if (row === null) throw airflowNotFound('backfill', id)
  return row
}

function readId(text: string): number {
  const id = Number(text)
  if (!/^\d{1,10}$/.test(text) || id > MAX_ID)
    throw invalid({
      type: 'int_parsing',
      loc: ['path', 'backfill_id'],
      msg: 'Input should be a valid integer, unable to parse string as an integer',
      input: text,
    })
  return id
}

interface BackfillBody {
  readonly dag_id: string
  readonly from_date: string
  readonly to_date: string
  readonly dag_run_conf?: JsonObject
  readonly max_active_runs?: number
  readonly reprocess_behavior?: ReprocessBehavior
  readonly run_backwards?: boolean
  readonly run_on_latest_version?: boolean
}

function requestOf({ web, req }: Call): BackfillRequest {
  const body = readBody<BackfillBody>(web.assets, 'BackfillPostBody', req.body)
  return {
    dagId: body.dag_id,
    from: readInstant('from_date', body.from_date) ?? 0,
    to: readInstant('to_date', body.to_date) ?? 0,
    isReverse: body.run_backwards === true,
    reprocess: body.reprocess_behavior ?? 'none',
    conf: body.dag_run_conf ?? {},
    maxActiveRuns: body.max_active_runs ?? 10,
    onLatestVersion: body.run_on_latest_version !== false,
  }
}

async function create(call: Call) {
  const { web, actor } = call
  const id = await inWordsOf(BACKFILL, createBackfill(web, requestOf(call), actor))
  return backfillJson(await found(web, id))
}

async function found(web: Web, id: number): Promise<BackfillRow> {
  const row = await getBackfill(web.database, id)
  if (row === null) throw airflowNotFound('backfill', id)
  return row
}

async function dryRun(call: Call) {
  const dates = await inWordsOf(BACKFILL, previewBackfill(call.web, requestOf(call)))
  const backfills = dates
    .filter((date) => date.exception === null)
    .map(({ run }) => ({ logical_date: isoText(run.logicalDate), partition_key: null, partition_date: null }))
  return { backfills, total_entries: backfills.length }
}

async function list({ web, query }: Call) {
  const page = query.page(web.config, { id: 'b.id' }, 'id')
  const dagId = query.text('dag_id')
  query.done()
  if (dagId === undefined)
    throw invalid({ type: 'missing', loc: ['query', 'dag_id'], msg: 'Field required', input: null })
  const { rows, total } = await listBackfills(web.database, dagId, page)
  return { backfills: rows.map(backfillJson), total_entries: total }
}

const pause = (isPaused: boolean) => async (call: Call) => {
  const { web, actor } = call
  const { id } = await requireBackfill(call)
  await pauseBackfill(web, { id, isPaused }, actor)
  return backfillJson(await found(web, id))
}

async function cancel(call: Call) {
  const { web, actor } = call
  const { id } = await requireBackfill(call)
  await cancelBackfill(web, id, actor)
  return backfillJson(await found(web, id))
}

export function backfillRoutes(api: ApiRoutes): void {
  api.on('get', '/backfills', 'viewer', 200, list)
  api.on('post', '/backfills', 'user', 200, create)
  api.on('post', '/backfills/dry_run', 'user', 200, dryRun)
  api.on('get', '/backfills/{backfill_id}', 'viewer', 200, async (call) => backfillJson(await requireBackfill(call)))
  api.on('put', '/backfills/{backfill_id}/pause', 'user', 200, pause(true))
  api.on('put', '/backfills/{backfill_id}/unpause', 'user', 200, pause(false))
  api.on('put', '/backfills/{backfill_id}/cancel', 'user', 200, cancel)
}
