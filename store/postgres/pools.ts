// Pools: made, changed and deleted by people. Their use is read in read-admin.ts and counted in task-queue.ts.

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

/** False when there is none. */
export async function deletePool(tx: Sql, pool: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from slot_pool where pool = $1', [pool])
  return rowCount === 1
}
