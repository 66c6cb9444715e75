// Pools, and how much of them is in use.

import { bulkPools, createPool, type PoolPatch, patchPool, removePool } from '../../engine/admin/pools.ts'
import { getPool, listPools, POOL_ORDER, type PoolRow } from '../../store/postgres/read-admin.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody, readMask } from '../http/bodies.ts'
import { ApiError, invalid } from '../http/errors.ts'
import { answerBulk, type BulkKind } from './bulk.ts'
import type { ApiRoutes, Call } from './router.ts'

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

async function requirePool(web: Web, name: string): Promise<PoolRow> {
  const row = await getPool(web.database, name)
  if (row === null) throw airflowNotFound('pool', name)
  return row
}

interface PoolBody {
  readonly name: string
  readonly slots: number
  readonly description?: string | null
  readonly include_deferred?: boolean
}
interface PoolPatchBody {
  readonly pool?: string | null
  readonly slots?: number | null
  readonly description?: string | null
  readonly include_deferred?: boolean | null
}
const FIELDS = ['slots', 'description', 'include_deferred'] as const

function readPool(
  name: string,
  body: Pick<PoolPatchBody, (typeof FIELDS)[number]>,
  mask: ReadonlySet<string> | null,
): PoolPatch {
  const meant = <Field extends (typeof FIELDS)[number]>(field: Field) =>
    mask === null || mask.has(field) ? body[field] : undefined
  return {
    pool: name,
    slots: notNull('slots', meant('slots')),
    description: meant('description'),
    includeDeferred: notNull('include_deferred', meant('include_deferred')),
  }
}

/** The document lets null pass, its rows have no room for it. @throws ApiError 422 */
function notNull<T extends boolean | number>(field: string, value: T | null | undefined): T | undefined {
  if (value !== null) return value
  const [type, word] = field === 'slots' ? ['int_type', 'integer'] : ['bool_type', 'boolean']
  throw invalid({ type, loc: ['body', field], msg: `Input should be a valid ${word}`, input: null })
}

const BULK: BulkKind<PoolBody, PoolPatch> = {
  body: 'BulkBody_PoolBody_',
  plural: 'pools with these pool names',
  idOf: ({ name }) => name,
  read: (body, mask) => readPool(body.name, body, mask),
}

async function patch({ web, req, query, param, actor }: Call) {
  const body = readBody<PoolPatchBody>(web.assets, 'PoolPatchBody', req.body)
  const name = param('pool_name')
  if (body.pool !== null && body.pool !== undefined && body.pool !== name)
    throw new ApiError(400, "Invalid body, pool name from request body doesn't match uri parameter")
  const mask = readMask(query.texts('update_mask'), ['pool', 'name', ...FIELDS, 'team_name'])
  await patchPool(web, readPool(name, body, mask), actor)
  return poolJson(await requirePool(web, name))
}

export function poolRoutes(api: ApiRoutes): void {
  api.on('get', '/pools', 'viewer', 200, async ({ web, query }) => {
    const page = query.page(web.config, POOL_ORDER, 'id')
    const p = query.pattern('pool_name_pattern')
    query.done()
    const { rows, total } = await listPools(web.database, { p }, page)
    return { pools: rows.map(poolJson), total_entries: total }
  })
  api.on('get', '/pools/{pool_name}', 'viewer', 200, async ({ web, param }) =>
    poolJson(await requirePool(web, param('pool_name'))),
  )
  api.on('post', '/pools', 'op', 201, async ({ web, req, actor }) => {
    const body = readBody<PoolBody>(web.assets, 'PoolBody', req.body)
    await createPool(web, readPool(body.name, body, null), actor)
    return poolJson(await requirePool(web, body.name))
  })
  api.on('patch', '/pools', 'op', 200, (call) =>
    answerBulk(call, BULK, (actions) => bulkPools(call.web, actions, call.actor)),
  )
  api.on('patch', '/pools/{pool_name}', 'op', 200, patch)
  api.on('delete', '/pools/{pool_name}', 'op', 204, ({ web, param, actor }) =>
    removePool(web, param('pool_name'), actor),
  )
}
