// Pools, and how much of them is in use.

import { getPool, listPools, POOL_ORDER, type PoolRow } from '../../store/postgres/read-admin.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import type { ApiRoutes } from './router.ts'

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

export function poolRoutes(api: ApiRoutes): void {
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
}
