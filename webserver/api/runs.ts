// Runs: lists, one, and triggering.

import type { JsonObject } from '../../core/json.ts'
import { RUN_STATES, RUN_TYPES } from '../../core/states.ts'
import { triggerRun } from '../../engine/runs/create.ts'
import { findVersions } from '../../store/postgres/read-dags.ts'
import type { Page } from '../../store/postgres/read-filters.ts'
import { getRun, listRuns, RUN_ORDER, type RunFilter, type RunListRow } from '../../store/postgres/read-runs.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody, readInstant } from '../http/bodies.ts'
import { invalid } from '../http/errors.ts'
import { knownOnly } from '../http/query.ts'
import { type PageBody, readPage, readRanges, requireAll } from './batch.ts'
import { requireDag } from './dags.ts'
import { type ApiRoutes, type Call, orAll } from './router.ts'
import { runJson } from './shapes.ts'

export async function requireRun(web: Web, dagId: string, runId: string): Promise<RunListRow> {
  const row = await getRun(web.database, dagId, runId)
  if (row === null) throw airflowNotFound('dag_run', { dagId, runId })
  return row
}

async function answer(web: Web, dagId: string | null, filter: RunFilter, page: Page) {
  const { rows, total } = await listRuns(web.database, dagId, filter, page)
  const versions = await findVersions(web.database, [...new Set(rows.flatMap((row) => row.versionId ?? []))])
  return { dag_runs: rows.map((row) => runJson(row, versions)), total_entries: total }
}

async function list({ web, query, param }: Call) {
  const dagId = orAll(param('dag_id'))
  const page = query.page(web.config, RUN_ORDER, 'id')
  const bundle = query.texts('bundle_version')
  const filter: RunFilter = {
    runType: knownOnly('run type', query.texts('run_type'), RUN_TYPES),
    state: knownOnly('state', query.texts('state'), RUN_STATES),
    dagVersion: query.ints('dag_version'),
    bundleVersion: bundle?.[0],
    confContains: query.text('conf_contains'),
    dagIdPattern: query.pattern('dag_id_pattern'),
    runIdPattern: query.pattern('run_id_pattern'),
    userPattern: query.pattern('triggering_user_name_pattern'),
    partitionKeyPattern: query.pattern('partition_key_pattern'),
    ...query.dates('run_after', 'logical_date', 'start_date', 'end_date', 'updated_at'),
    ...query.numbers('duration'),
  }
  query.done()
  if (dagId !== null) await requireDag(web, dagId)
  return answer(web, dagId, filter, page)
}

interface BatchBody extends PageBody {
  readonly dag_ids?: string[] | null
  readonly states?: (string | null)[] | null
  readonly conf_contains?: string | null
  readonly [range: string]: unknown
}

async function batch(call: Call) {
  const { web, req } = call
  requireAll(call, 'dag_id')
  const body = readBody<BatchBody>(web.assets, 'DAGRunsBatchBody', req.body)
  const { dag_ids, states, order_by, page_limit, page_offset, conf_contains, ...ranges } = body
  const filter: RunFilter = {
    ...readRanges(ranges),
    dagIds: dag_ids ?? undefined,
    state: knownOnly(
      'state',
      states?.flatMap((state) => state ?? []),
      RUN_STATES,
    ),
    confContains: conf_contains ?? undefined,
  }
  return answer(web, null, filter, readPage(web, { order_by, page_limit, page_offset }, RUN_ORDER))
}

interface TriggerBody {
  readonly dag_run_id?: string | null
  readonly data_interval_start?: string | null
  readonly data_interval_end?: string | null
  readonly logical_date?: string | null
  readonly run_after?: string | null
  readonly conf?: JsonObject | null
  readonly note?: string | null
  readonly partition_key?: string | null
}

/** @throws ApiError 422 when only one end is given, or the ends are the wrong way round */
function intervalOf(body: TriggerBody) {
  const [start, end] = [
    readInstant('data_interval_start', body.data_interval_start),
    readInstant('data_interval_end', body.data_interval_end),
  ]
  const refuse = (msg: string) => invalid({ type: 'value_error', loc: ['body'], msg: `Value error, ${msg}` })
  if ((start === null) !== (end === null))
    throw refuse('Either both data_interval_start and data_interval_end must be provided or both must be None')
  if (start === null || end === null) return null
  if (start > end) throw refuse('data_interval_start must not be after data_interval_end')
  return { start, end }
}

async function trigger({ web, req, actor, param }: Call) {
  const body = readBody<TriggerBody>(web.assets, 'TriggerDAGRunPostBody', req.body)
  const dataInterval = intervalOf(body)
  const dagId = param('dag_id')
  const run = await triggerRun(
    web,
    {
      dagId,
      runId: body.dag_run_id ?? null,
      logicalDate: readInstant('logical_date', body.logical_date),
      dataInterval,
      runAfter: readInstant('run_after', body.run_after),
      conf: body.conf ?? {},
      note: body.note ?? null,
    },
    actor,
  )
  const row = await requireRun(web, dagId, run.runId)
  return runJson(row, await findVersions(web.database, row.versionId === null ? [] : [row.versionId]))
}

export function runRoutes(api: ApiRoutes): void {
  api.on('get', '/dags/{dag_id}/dagRuns', 'viewer', 200, list)
  api.on('post', '/dags/{dag_id}/dagRuns', 'user', 200, trigger)
  api.on('post', '/dags/{dag_id}/dagRuns/list', 'viewer', 200, batch)
  api.on('get', '/dags/{dag_id}/dagRuns/{dag_run_id}', 'viewer', 200, async ({ web, param }) => {
    const row = await requireRun(web, param('dag_id'), param('dag_run_id'))
    return runJson(row, await findVersions(web.database, row.versionId === null ? [] : [row.versionId]))
  })
}
