// Setting and deleting Variables.

import { alreadyExists, notFound } from '../../core/errors.ts'
import { MASK } from '../../core/masker.ts'
import { deleteVariable as deleteRow, insertVariable, upsertVariable } from '../../store/postgres/variables.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { checkKey, checkText, type Fence, type OnExisting } from './setting.ts'

export interface VariableSetting {
  readonly key: string
  /** What reads `***` of a sensitive key or field keeps what is stored. */
  readonly value: string
  readonly description: string | null
  /** Default `overwrite`. */
  readonly existing?: OnExisting
  readonly fence?: Fence
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
  checkKey(key, 'variable key')
  checkText(value, 'the value')
  checkText(description, 'the description')
  return database.transaction(async (tx) => {
    await fence?.(tx)
    const sealed = await vault.sealVariable(tx, key, value)
    if (existing === 'overwrite') await upsertVariable(tx, key, sealed, description)
    else if (!(await insertVariable(tx, key, sealed, description))) {
      if (existing === 'skip') return false
      throw alreadyExists('variable', key)
    }
    await audit(tx, actor, { event: 'variable.set', extra: { key, value: vault.isSensitive(key) ? MASK : undefined } })
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
    if (await deleteRow(tx, key)) await audit(tx, actor, { event: 'variable.delete', extra: { key } })
    else if (!mayBeMissing) throw notFound('variable', key)
  })
}
