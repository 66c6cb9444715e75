// Pools as people set them. What waits for one is looked at anew by the scheduler.

import { BaramError, notFound } from '../../core/errors.ts'
import { idFault, isInt4, storableFault } from '../../core/storable.ts'
import { notifyScheduler } from '../../store/postgres/notify.ts'
import { deletePool, type PoolSetting, putPool } from '../../store/postgres/pools.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

const DEFAULT_POOL = 'default_pool'

/** @throws BaramError INPUT_INVALID */
export async function setPool(
  { database }: Pick<Engine, 'database'>,
  setting: PoolSetting,
  actor: Actor,
): Promise<void> {
  const { pool, slots } = setting
  const fault = idFault(pool, 'the name of a pool', 256)
  if (fault !== null) throw new BaramError('INPUT_INVALID', fault)
  if (!isInt4(slots) || slots < -1)
    throw new BaramError('INPUT_INVALID', `a pool has a whole number of slots, -1 for no limit; found ${slots}`)
  const unstorable = setting.description === null ? null : storableFault(setting.description)
  if (unstorable !== null) throw new BaramError('INPUT_INVALID', `the description of a pool must be text ${unstorable}`)
  await database.transaction(async (tx) => {
    await putPool(tx, setting)
    await audit(tx, actor, { event: 'pool.set', extra: { ...setting } })
    await notifyScheduler(tx)
  })
}

/** @throws BaramError NOT_FOUND, or REFUSED for the default pool */
export async function removePool({ database }: Pick<Engine, 'database'>, pool: string, actor: Actor): Promise<void> {
  if (pool === DEFAULT_POOL) throw new BaramError('REFUSED', 'the default pool cannot be deleted')
  await database.transaction(async (tx) => {
    if (!(await deletePool(tx, pool))) throw notFound('pool', pool)
    await audit(tx, actor, { event: 'pool.delete', extra: { pool } })
  })
}
