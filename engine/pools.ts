// Pools as people set them. What waits for one is looked at anew by the scheduler.

import { BaramError } from '../core/errors.ts'
import type { Database } from '../store/database.ts'
import { insertAudit } from '../store/postgres/audit.ts'
import { notifyScheduler } from '../store/postgres/notify.ts'
import { deletePool, type PoolSetting, putPool } from '../store/postgres/pools.ts'

const DEFAULT_POOL = 'default_pool'

/** @throws BaramError INPUT_INVALID */
export async function setPool(database: Database, setting: PoolSetting, by: string): Promise<void> {
  const { pool, slots } = setting
  if (pool === '' || pool.length > 256)
    throw new BaramError('INPUT_INVALID', `the name of a pool has 1 to 256 characters, found ${pool.length}`)
  if (!Number.isInteger(slots) || slots < -1 || slots > 2 ** 31 - 1)
    throw new BaramError('INPUT_INVALID', `a pool has a whole number of slots, -1 for no limit; found ${slots}`)
  await database.transaction(async (tx) => {
    await putPool(tx, setting)
    await insertAudit(tx, { event: 'pool.set', owner: by, extra: setting })
    await notifyScheduler(tx)
  })
}

/** @throws BaramError NOT_FOUND, or REFUSED for the default pool */
export async function removePool(database: Database, pool: string, by: string): Promise<void> {
  if (pool === DEFAULT_POOL) throw new BaramError('REFUSED', 'the default pool cannot be deleted')
  await database.transaction(async (tx) => {
    if (!(await deletePool(tx, pool))) throw new BaramError('NOT_FOUND', `there is no pool ${pool}`)
    await insertAudit(tx, { event: 'pool.delete', owner: by, extra: { pool } })
  })
}
