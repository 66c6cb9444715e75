// Pools: made, changed and deleted by people. Their use is read in read-admin.ts and counted in task-queue.ts.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export interface PoolSetting {
  readonly pool: string
  /** -1 = unlimited. */
  readonly slots: number
  readonly description: string | null
  /** Deferred instances hold a slot too. */
  readonly includeDeferred: boolean
}

export async function putPool(tx: Sql, { pool, slots, description, includeDeferred }: PoolSetting): Promise<void> {
  await tx.query(
    `insert into slot_pool (pool, slots, description, include_deferred) values ($1, $2, $3, $4)
     on conflict (pool) do update set slots = excluded.slots, description = excluded.description, include_deferred = excluded.include_deferred`,
    [pool, slots, description, includeDeferred],
  )
}

/** Inserts; false when the name is taken. */
export async function insertPool(
  tx: Sql,
  { pool, slots, description, includeDeferred }: PoolSetting,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'insert into slot_pool (pool, slots, description, include_deferred) values ($1, $2, $3, $4) on conflict do nothing',
    [pool, slots, description, includeDeferred],
  )
  return rowCount === 1
}

export async function findPool(sql: Sql, pool: string): Promise<PoolSetting | null> {
  const rows = await rowsOf<PoolSetting>(
    sql,
    'select pool, slots, description, include_deferred from slot_pool where pool = $1',
    [pool],
  )
  return rows[0] ?? null
}

/** False when there is none. */
export async function deletePool(tx: Sql, pool: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from slot_pool where pool = $1', [pool])
  return rowCount === 1
}
