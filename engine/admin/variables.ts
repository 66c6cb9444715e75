// Setting, changing and deleting Variables, one or several.

import { alreadyExists, notFound } from '../../core/errors.ts'
import { MASK } from '../../core/masker.ts'
import { lockSettings } from '../../store/postgres/settings.ts'
import {
  deleteVariable as deleteRow,
  insertVariable,
  updateVariable,
  upsertVariable,
} from '../../store/postgres/variables.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { type BulkAction, type BulkOutcome, bulk, type Settings } from './bulk.ts'
import { checkKey, checkText, type Fence, type OnExisting, type PatchOf } from './setting.ts'
import type { Vault } from './vault.ts'

export interface VariableSetting {
  readonly key: string
  /** What reads `***` of a sensitive key or field keeps what is stored. */
  readonly value: string
  readonly description: string | null
  /** Default `overwrite`. */
  readonly existing?: OnExisting
  readonly fence?: Fence
}

/** What is asked of a Variable. */
export type VariablePatch = PatchOf<Pick<VariableSetting, 'key' | 'value' | 'description'>, 'key'>

function check({ key, value, description }: VariablePatch): void {
  checkKey(key, 'variable key')
  checkText(value ?? null, 'the value')
  checkText(description ?? null, 'the description')
}

const noteSet = (tx: Sql, vault: Vault, key: string, actor: Actor) =>
  audit(tx, actor, { event: 'variable.set', extra: { key, value: vault.isSensitive(key) ? MASK : undefined } })

/** False when it exists. */
async function insert(
  tx: Sql,
  vault: Vault,
  { key, value, description }: VariablePatch,
  actor: Actor,
): Promise<boolean> {
  const sealed = await vault.sealVariable(tx, key, value ?? '')
  if (!(await insertVariable(tx, key, sealed, description ?? null))) return false
  await noteSet(tx, vault, key, actor)
  return true
}

/** @throws BaramError NOT_FOUND */
async function change(tx: Sql, vault: Vault, { key, value, description }: VariablePatch, actor: Actor): Promise<void> {
  const val = value === undefined ? undefined : await vault.sealVariable(tx, key, value)
  if (!(await updateVariable(tx, key, { val, description }))) throw notFound('variable', key)
  await noteSet(tx, vault, key, actor)
}

async function remove(tx: Sql, key: string, actor: Actor): Promise<boolean> {
  if (!(await deleteRow(tx, key))) return false
  await audit(tx, actor, { event: 'variable.delete', extra: { key } })
  return true
}

const settings = (vault: Vault): Settings<VariablePatch> => ({
  what: 'variables',
  idOf: ({ key }) => key,
  check,
  lock: (tx, keys) => lockSettings(tx, 'variable', keys),
  add: async (tx, given, actor) => {
    if (!(await insert(tx, vault, given, actor))) throw alreadyExists('variable', given.key)
  },
  change: (tx, given, actor) => change(tx, vault, given, actor),
  remove: async (tx, key, actor) => {
    await remove(tx, key, actor)
  },
})

/** Several Variables at once. @throws BaramError INPUT_INVALID: nothing was done */
export const bulkVariables = (
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  actions: readonly BulkAction<VariablePatch>[],
  actor: Actor,
): Promise<readonly BulkOutcome[]> => bulk({ database }, settings(vault), actions, actor)

/** Changes what is given of a Variable. @throws BaramError NOT_FOUND | INPUT_INVALID */
export async function patchVariable(
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  patch: VariablePatch,
  actor: Actor,
): Promise<void> {
  check(patch)
  await database.transaction((tx) => change(tx, vault, patch, actor))
}

/**
 * Sets a Variable.
 * @returns false when it existed and `existing` is `skip`
 * @throws BaramError INPUT_INVALID, or CONFLICT when it existed and `existing` is `fail`
 */
export async function setVariable(
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  { key, value, description, existing = 'overwrite', fence }: VariableSetting,
  actor: Actor,
): Promise<boolean> {
  check({ key, value, description })
  return database.transaction(async (tx) => {
    await fence?.(tx)
    if (existing === 'overwrite') {
      await upsertVariable(tx, key, await vault.sealVariable(tx, key, value), description)
      await noteSet(tx, vault, key, actor)
    } else if (!(await insert(tx, vault, { key, value, description }, actor))) {
      if (existing === 'skip') return false
      throw alreadyExists('variable', key)
    }
    return true
  })
}

/** @throws BaramError NOT_FOUND, unless it may be missing */
export async function deleteVariable(
  { database }: Pick<Engine, 'database'>,
  {
    key,
    mayBeMissing = false,
    fence,
  }: { readonly key: string; readonly mayBeMissing?: boolean; readonly fence?: Fence },
  actor: Actor,
): Promise<void> {
  await database.transaction(async (tx) => {
    await fence?.(tx)
    if (!(await remove(tx, key, actor)) && !mayBeMissing) throw notFound('variable', key)
  })
}
