// Pools as people set them, one or several. What waits for one is looked at anew by the scheduler.

import { alreadyExists, BaramError, notFound } from '../../core/errors.ts'
import { idFault, isInt4 } from '../../core/storable.ts'
import { subject } from '../../core/subjects.ts'
import { notifyScheduler } from '../../store/postgres/notify.ts'
import { deletePool, findPool, insertPool, type PoolSetting, putPool } from '../../store/postgres/pools.ts'
import { lockSettings } from '../../store/postgres/settings.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { type BulkAction, type BulkOutcome, bulk, type Settings } from './bulk.ts'
import { checkText, given, type PatchOf } from './setting.ts'

const DEFAULT_POOL = 'default_pool'
/** Column of a pool's name. */
const NAME_CHARACTERS = 256

/** What is asked of a pool. */
export type PoolPatch = PatchOf<PoolSetting, 'pool'>

type PoolEngine = Pick<Engine, 'database'>

/** @throws BaramError INPUT_INVALID */
function check({ pool, slots, description }: PoolPatch): void {
  const fault = idFault(pool, 'the name of a pool', NAME_CHARACTERS)
  if (fault !== null) throw new BaramError('INPUT_INVALID', fault)
  if (slots !== undefined && (!isInt4(slots) || slots < -1))
    throw new BaramError('INPUT_INVALID', `a pool has a whole number of slots, -1 for no limit; found ${slots}`)
  checkText(description ?? null, 'the description of a pool')
}

const builtin = (message: string, details: object = {}) =>
  new BaramError('REFUSED', message, { details: { ...details, ...subject('pool', DEFAULT_POOL), problem: 'builtin' } })

/** Tasks that name no pool are in the default one: it stays, as what it is. */
function refusal(asked: PoolPatch | string): BaramError | null {
  if (asked === DEFAULT_POOL) return builtin('the default pool cannot be deleted')
  if (typeof asked === 'string' || asked.pool !== DEFAULT_POOL || asked.description === undefined) return null
  return builtin('of the default pool only slots and include_deferred can be changed', { field: 'description' })
}

async function put(tx: Sql, setting: PoolSetting, actor: Actor): Promise<void> {
  await putPool(tx, setting)
  await noteSet(tx, setting, actor)
}

const noteSet = (tx: Sql, setting: PoolSetting, actor: Actor) =>
  audit(tx, actor, { event: 'pool.set', extra: { ...setting } })

/** The row is locked. @throws BaramError NOT_FOUND */
async function change(tx: Sql, patch: PoolPatch, actor: Actor): Promise<void> {
  const before = await findPool(tx, patch.pool)
  if (before === null) throw notFound('pool', patch.pool)
  await put(tx, { ...before, ...given<PoolSetting>(patch) }, actor)
}

async function add(tx: Sql, { pool, slots, description, includeDeferred }: PoolPatch, actor: Actor): Promise<void> {
  const setting = {
    pool,
    slots: slots ?? 0,
    description: description ?? null,
    includeDeferred: includeDeferred ?? false,
  }
  if (!(await insertPool(tx, setting))) throw alreadyExists('pool', pool)
  await noteSet(tx, setting, actor)
}

async function remove(tx: Sql, pool: string, actor: Actor): Promise<void> {
  if (!(await deletePool(tx, pool))) throw notFound('pool', pool)
  await audit(tx, actor, { event: 'pool.delete', extra: { pool } })
}

const settings: Settings<PoolPatch> = {
  what: 'pools',
  idOf: ({ pool }) => pool,
  check,
  lock: (tx, names) => lockSettings(tx, 'slot_pool', names),
  refusal,
  add,
  change,
  remove,
  notify: notifyScheduler,
}

/** Several pools at once. @throws BaramError INPUT_INVALID: nothing was done */
export const bulkPools = (
  { database }: PoolEngine,
  actions: readonly BulkAction<PoolPatch>[],
  actor: Actor,
): Promise<readonly BulkOutcome[]> => bulk({ database }, settings, actions, actor)

/** Makes a pool, or sets everything of the one that is there. @throws BaramError INPUT_INVALID */
export async function setPool({ database }: PoolEngine, setting: PoolSetting, actor: Actor): Promise<void> {
  check(setting)
  await database.transaction(async (tx) => {
    await put(tx, setting, actor)
    await notifyScheduler(tx)
  })
}

/** @throws BaramError INPUT_INVALID, or CONFLICT when there is one of the name */
export async function createPool({ database }: PoolEngine, setting: PoolPatch, actor: Actor): Promise<void> {
  check(setting)
  await database.transaction(async (tx) => {
    await add(tx, setting, actor)
    await notifyScheduler(tx)
  })
}

/** Changes what is given of a pool. @throws BaramError NOT_FOUND | INPUT_INVALID, or REFUSED for the default pool's description */
export async function patchPool({ database }: PoolEngine, patch: PoolPatch, actor: Actor): Promise<void> {
  check(patch)
  const refused = refusal(patch)
  if (refused !== null) throw refused
  await database.transaction(async (tx) => {
    await lockSettings(tx, 'slot_pool', [patch.pool])
    await change(tx, patch, actor)
    await notifyScheduler(tx)
  })
}

/** @throws BaramError NOT_FOUND, or REFUSED for the default pool */
export async function removePool({ database }: PoolEngine, pool: string, actor: Actor): Promise<void> {
  const refused = refusal(pool)
  if (refused !== null) throw refused
  await database.transaction((tx) => remove(tx, pool, actor))
}
