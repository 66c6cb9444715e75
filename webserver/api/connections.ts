// Connections. Secrets leave in masked form only.

import { MASK } from '../../core/masker.ts'
import { deleteConnection, setConnection } from '../../engine/admin/connections.ts'
import type { Connection, Vault } from '../../engine/admin/vault.ts'
import { CONNECTION_ORDER, listConnectionIds } from '../../store/postgres/read-admin.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody, readMask } from '../http/bodies.ts'
import { ApiError, invalid } from '../http/errors.ts'
import type { ApiRoutes } from './router.ts'

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

export function connectionRoutes(api: ApiRoutes): void {
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
