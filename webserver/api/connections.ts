// Connections. Secrets leave in masked form only.

import { MASK } from '../../core/masker.ts'
import {
  addDefaultConnections,
  bulkConnections,
  type ConnectionPatch,
  createConnection,
  deleteConnection,
  patchConnection,
} from '../../engine/admin/connections.ts'
import type { Connection, Vault } from '../../engine/admin/vault.ts'
import { CONNECTION_ORDER, listConnectionIds } from '../../store/postgres/read-admin.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody, readMask } from '../http/bodies.ts'
import { ApiError, invalid } from '../http/errors.ts'
import { answerBulk, type BulkKind } from './bulk.ts'
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

/** Fields that are left out, or outside the mask, stay as they are. @throws ApiError 422 */
function patchOf(body: ConnectionBody, mask: ReadonlySet<string> | null): ConnectionPatch {
  checkExtra(body.extra)
  const meant = <Field extends (typeof CONNECTION_FIELDS)[number]>(field: Field) =>
    mask === null || mask.has(field) ? body[field] : undefined
  return {
    connId: body.connection_id,
    connType: meant('conn_type'),
    description: meant('description'),
    host: meant('host'),
    login: meant('login'),
    schema: meant('schema'),
    port: meant('port'),
    password: meant('password'),
    extra: meant('extra'),
  }
}

const BULK: BulkKind<ConnectionBody, ConnectionPatch> = {
  body: 'BulkBody_ConnectionBody_',
  plural: 'connections with these connection_ids',
  idOf: ({ connection_id }) => connection_id,
  read: patchOf,
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
    await createConnection(web, patchOf(body, null), actor)
    return connectionJson(web.vault, await requireConnection(web, body.connection_id))
  })
  api.on('patch', '/connections', 'op', 200, (call) =>
    answerBulk(call, BULK, (actions) => bulkConnections(call.web, actions, call.actor)),
  )
  api.on('post', '/connections/defaults', 'op', 204, async ({ web, actor }) => addDefaultConnections(web, actor))
  api.on('patch', '/connections/{connection_id}', 'op', 200, async ({ web, req, query, actor, param }) => {
    const body = readBody<ConnectionBody>(web.assets, 'ConnectionBody', req.body)
    const id = param('connection_id')
    if (body.connection_id !== id)
      throw new ApiError(400, 'The connection_id in the request body does not match the URL parameter')
    const mask = readMask(query.texts('update_mask'), ['connection_id', ...CONNECTION_FIELDS])
    await patchConnection(web, patchOf(body, mask), actor)
    return connectionJson(web.vault, await requireConnection(web, id))
  })
  api.on('delete', '/connections/{connection_id}', 'op', 204, async ({ web, actor, param }) => {
    await deleteConnection(web, param('connection_id'), actor)
  })
}
