// Variables, connections, pools, import errors, audit log, jobs. Secrets leave in masked form only.

import { MASK } from '../../core/masker.ts'
import { deleteConnection, setConnection } from '../../engine/admin/connections.ts'
import { deleteVariable, setVariable } from '../../engine/admin/variables.ts'
import type { Connection, Variable, Vault } from '../../engine/admin/vault.ts'
import {
  AUDIT_ORDER,
  type AuditRow,
  CONNECTION_ORDER,
  getAudit,
  getImportError,
  getPool,
  IMPORT_ERROR_ORDER,
  type ImportErrorListRow,
  JOB_ORDER,
  listAudit,
  listConnectionIds,
  listImportErrors,
  listJobs,
  listPools,
  listVariableKeys,
  POOL_ORDER,
  type PoolRow,
  VARIABLE_ORDER,
} from '../../store/postgres/read-admin.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody, readMask } from '../http/bodies.ts'
import { ApiError, invalid } from '../http/errors.ts'
import type { ApiRoutes, Call } from './router.ts'
import { iso, isoText } from './shapes.ts'

const variableJson = (vault: Vault, variable: Variable) => ({
  key: variable.key,
  value: vault.shownValue(variable),
  description: variable.description,
  is_encrypted: true,
  team_name: null,
})

async function requireVariable(web: Web, key: string): Promise<Variable> {
  const variable = await web.vault.findVariable(key)
  if (variable === null) throw airflowNotFound('variable', key)
  return variable
}

interface VariableBody {
  readonly key: string
  readonly value: unknown
  readonly description?: string | null
}

/** Variables are text: other JSON is stored as its text. */
const variableText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null))

function variableRoutes(api: ApiRoutes): void {
  api.on('get', '/variables', 'op', 200, async ({ web, query }) => {
    const page = query.page(web.config, VARIABLE_ORDER, 'id')
    const p = query.pattern('variable_key_pattern')
    query.done()
    const { rows, total } = await listVariableKeys(web.database, { p }, page)
    const variables = await Promise.all(rows.map(({ key }) => web.vault.findVariable(key)))
    return {
      variables: variables.flatMap((item) => (item === null ? [] : [variableJson(web.vault, item)])),
      total_entries: total,
    }
  })
  api.on('get', '/variables/{variable_key}', 'op', 200, async ({ web, param }) =>
    variableJson(web.vault, await requireVariable(web, param('variable_key'))),
  )
  api.on('post', '/variables', 'op', 201, async ({ web, req, actor }) => {
    const body = readBody<VariableBody>(web.assets, 'VariableBody', req.body)
    const value = variableText(body.value)
    await setVariable(web, { key: body.key, value, description: body.description ?? null, existing: 'fail' }, actor)
    return variableJson(web.vault, await requireVariable(web, body.key))
  })
  api.on('patch', '/variables/{variable_key}', 'op', 200, async ({ web, req, query, actor, param }) => {
    const body = readBody<VariableBody>(web.assets, 'VariableBody', req.body)
    const key = param('variable_key')
    if (body.key !== key) throw new ApiError(400, "Invalid body, key from request body doesn't match uri parameter")
    const mask = readMask(query.texts('update_mask'), ['key', 'value', 'description'])
    const before = await requireVariable(web, key)
    const value = mask === null || mask.has('value') ? variableText(body.value) : before.value
    const isDescribed = mask === null ? body.description !== undefined : mask.has('description')
    const description = isDescribed ? (body.description ?? null) : before.description
    await setVariable(web, { key, value, description }, actor)
    return variableJson(web.vault, await requireVariable(web, key))
  })
  api.on('delete', '/variables/{variable_key}', 'op', 204, async ({ web, actor, param }) => {
    await deleteVariable(web, { key: param('variable_key') }, actor)
  })
}

const connectionJson = (vault: Vault, connection: Connection) => ({
  connection_id: connection.connId,
  conn_type: connection.connType,
  description: connection.description,
  host: connection.host,
  login: connection.login,
  schema: connection.schema,
  port: connection.port,
  password: connection.password === null || connection.password === '' ? null : MASK,
  extra: vault.shownExtra(connection.extra),
  team_name: null,
})

async function requireConnection(web: Web, id: string): Promise<Connection> {
  const connection = await web.vault.findConnection(id)
  if (connection === null) throw airflowNotFound('connection', id)
  return connection
}

interface ConnectionBody {
  readonly connection_id: string
  readonly conn_type: string
  readonly description?: string | null
  readonly host?: string | null
  readonly login?: string | null
  readonly schema?: string | null
  readonly port?: number | null
  readonly password?: string | null
  readonly extra?: string | null
}

/** @throws ApiError 422 */
function checkExtra(extra: string | null | undefined): void {
  if (extra === null || extra === undefined || extra === '' || extra === MASK) return
  const refuse = (msg: string) => invalid({ type: 'value_error', loc: ['body', 'extra'], msg: `Value error, ${msg}` })
  try {
    const value: unknown = JSON.parse(extra)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  } catch {
    throw refuse('The `extra` field must be a valid JSON string (e.g., \'{"key": "value"}\')')
  }
  throw refuse('Expected JSON object in `extra` field, got non-dict JSON')
}

const CONNECTION_FIELDS = ['conn_type', 'description', 'host', 'login', 'schema', 'port', 'password', 'extra'] as const

function merged(body: ConnectionBody, before: Connection | null, mask: ReadonlySet<string> | null) {
  const takes = (field: (typeof CONNECTION_FIELDS)[number]) =>
    mask === null ? before === null || body[field] !== undefined : mask.has(field)
  return {
    connId: body.connection_id,
    connType: takes('conn_type') ? body.conn_type : (before?.connType ?? body.conn_type),
    description: takes('description') ? (body.description ?? null) : (before?.description ?? null),
    host: takes('host') ? (body.host ?? null) : (before?.host ?? null),
    login: takes('login') ? (body.login ?? null) : (before?.login ?? null),
    schema: takes('schema') ? (body.schema ?? null) : (before?.schema ?? null),
    port: takes('port') ? (body.port ?? null) : (before?.port ?? null),
    password: takes('password') ? (body.password ?? null) : (before?.password ?? null),
    extra: takes('extra') ? (body.extra ?? null) : (before?.extra ?? null),
  }
}

function connectionRoutes(api: ApiRoutes): void {
  api.on('get', '/connections', 'op', 200, async ({ web, query }) => {
    const page = query.page(web.config, CONNECTION_ORDER, 'id')
    const p = query.pattern('connection_id_pattern')
    query.done()
    const { rows, total } = await listConnectionIds(web.database, { p }, page)
    const found = await Promise.all(rows.map(({ connId }) => web.vault.findConnection(connId)))
    return {
      connections: found.flatMap((item) => (item === null ? [] : [connectionJson(web.vault, item)])),
      total_entries: total,
    }
  })
  api.on('get', '/connections/{connection_id}', 'op', 200, async ({ web, param }) =>
    connectionJson(web.vault, await requireConnection(web, param('connection_id'))),
  )
  api.on('post', '/connections', 'op', 201, async ({ web, req, actor }) => {
    const body = readBody<ConnectionBody>(web.assets, 'ConnectionBody', req.body)
    checkExtra(body.extra)
    await setConnection(web, { ...merged(body, null, null), existing: 'fail' }, actor)
    return connectionJson(web.vault, await requireConnection(web, body.connection_id))
  })
  api.on('patch', '/connections/{connection_id}', 'op', 200, async ({ web, req, query, actor, param }) => {
    const body = readBody<ConnectionBody>(web.assets, 'ConnectionBody', req.body)
    const id = param('connection_id')
    if (body.connection_id !== id)
      throw new ApiError(400, 'The connection_id in the request body does not match the URL parameter')
    checkExtra(body.extra)
    const mask = readMask(query.texts('update_mask'), ['connection_id', ...CONNECTION_FIELDS])
    await setConnection(web, merged(body, await requireConnection(web, id), mask), actor)
    return connectionJson(web.vault, await requireConnection(web, id))
  })
  api.on('delete', '/connections/{connection_id}', 'op', 204, async ({ web, actor, param }) => {
    await deleteConnection(web, param('connection_id'), actor)
  })
}

const poolJson = (row: PoolRow) => {
  const occupied = row.running + row.queued + (row.includeDeferred ? row.deferred : 0)
  return {
    name: row.pool,
    slots: row.slots,
    description: row.description,
    include_deferred: row.includeDeferred,
    team_name: null,
    occupied_slots: occupied,
    running_slots: row.running,
    queued_slots: row.queued,
    scheduled_slots: row.scheduled,
    open_slots: row.slots === -1 ? -1 : row.slots - occupied,
    deferred_slots: row.deferred,
  }
}

const importErrorJson = (row: ImportErrorListRow) => ({
  import_error_id: row.id,
  timestamp: isoText(row.timestamp),
  filename: row.filename,
  bundle_name: row.bundleName,
  stack_trace: row.stacktrace,
})

const auditJson = (row: AuditRow) => ({
  event_log_id: row.id,
  when: isoText(row.dttm),
  dag_id: row.dagId,
  task_id: row.taskId,
  run_id: row.runId,
  map_index: row.mapIndex,
  try_number: row.tryNumber,
  event: row.event,
  logical_date: iso(row.logicalDate),
  owner: row.owner,
  extra: row.extra,
  dag_display_name: row.dagDisplayName,
  task_display_name: row.taskId,
})

/** A numeric id of a path; anything else names nothing. */
const rowId = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : -1)

async function events({ web, query }: Call) {
  const page = query.page(web.config, AUDIT_ORDER, 'id')
  const filter = {
    dag_id: query.text('dag_id'),
    task_id: query.text('task_id'),
    run_id: query.text('run_id'),
    map_index: query.int('map_index'),
    try_number: query.int('try_number'),
    owner: query.text('owner'),
    event: query.text('event'),
    excluded_events: query.texts('excluded_events'),
    included_events: query.texts('included_events'),
    before: query.date('before'),
    after: query.date('after'),
    dag_id_pattern: query.pattern('dag_id_pattern'),
    task_id_pattern: query.pattern('task_id_pattern'),
    run_id_pattern: query.pattern('run_id_pattern'),
    owner_pattern: query.pattern('owner_pattern'),
    event_pattern: query.pattern('event_pattern'),
  }
  query.done()
  const { rows, total } = await listAudit(web.database, filter, page)
  return { event_logs: rows.map(auditJson), total_entries: total }
}

async function jobs({ web, query }: Call) {
  const page = query.page(web.config, JOB_ORDER, 'id')
  const filter = {
    is_alive: query.bool('is_alive'),
    job_state: query.text('job_state'),
    job_type: query.text('job_type'),
    hostname: query.text('hostname'),
    executor_class: query.text('executor_class'),
    ...query.dates('start_date', 'end_date'),
  }
  query.done()
  const { rows, total } = await listJobs(web.database, filter, page)
  return {
    jobs: rows.map((row) => ({
      id: row.id,
      dag_id: null,
      state: row.state,
      job_type: row.jobType,
      start_date: isoText(row.startDate),
      end_date: iso(row.endDate),
      latest_heartbeat: isoText(row.latestHeartbeat),
      executor_class: row.executorClass,
      hostname: row.hostname,
      unixname: row.unixname,
      dag_display_name: null,
    })),
    total_entries: total,
  }
}

export function adminRoutes(api: ApiRoutes): void {
  variableRoutes(api)
  connectionRoutes(api)
  api.on('get', '/pools', 'viewer', 200, async ({ web, query }) => {
    const page = query.page(web.config, POOL_ORDER, 'id')
    const p = query.pattern('pool_name_pattern')
    query.done()
    const { rows, total } = await listPools(web.database, { p }, page)
    return { pools: rows.map(poolJson), total_entries: total }
  })
  api.on('get', '/pools/{pool_name}', 'viewer', 200, async ({ web, param }) => {
    const row = await getPool(web.database, param('pool_name'))
    if (row === null) throw airflowNotFound('pool', param('pool_name'))
    return poolJson(row)
  })
  api.on('get', '/importErrors', 'viewer', 200, async ({ web, query }) => {
    const page = query.page(web.config, IMPORT_ERROR_ORDER, 'id')
    const p = query.pattern('filename_pattern')
    query.done()
    const { rows, total } = await listImportErrors(web.database, { p }, page)
    return { import_errors: rows.map(importErrorJson), total_entries: total }
  })
  api.on('get', '/importErrors/{import_error_id}', 'viewer', 200, async ({ web, param }) => {
    const row = await getImportError(web.database, rowId(param('import_error_id')))
    if (row === null) throw airflowNotFound('import_error', param('import_error_id'))
    return importErrorJson(row)
  })
  api.on('get', '/eventLogs', 'admin', 200, events)
  api.on('get', '/eventLogs/{event_log_id}', 'admin', 200, async ({ web, param }) => {
    const row = await getAudit(web.database, rowId(param('event_log_id')))
    if (row === null) throw airflowNotFound('event_log', param('event_log_id'))
    return auditJson(row)
  })
  api.on('get', '/jobs', 'viewer', 200, jobs)
}
