// What the verbs of Variables and Connections share: what becomes of a key that exists, and which texts can be stored.

import { BaramError } from '../../core/errors.ts'
import { idFault, storableFault } from '../../core/storable.ts'
import type { Sql } from '../../store/sql.ts'

/** What happens to a key that exists. */
export type OnExisting = 'fail' | 'overwrite' | 'skip'

/** First in the transaction: throws when the caller may no longer write. */
export type Fence = (tx: Sql) => Promise<void>

/** Of one that exists, what is undefined stays as it is. */
export type PatchOf<Setting, Id extends keyof Setting> = Pick<Setting, Id> & {
  readonly [Field in keyof Setting]?: Setting[Field] | undefined
}

/** The fields of a patch that are given. */
export const given = <Setting extends object>(
  patch: { readonly [Field in keyof Setting]?: Setting[Field] | undefined },
): Partial<Setting> =>
  // Its own entries without those that are undefined: what Partial says.
  Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as Partial<Setting>

/** @throws BaramError INPUT_INVALID */
export function checkKey(key: string, what: string): void {
  const fault = idFault(key, `a ${what}`)
  if (fault !== null) throw new BaramError('INPUT_INVALID', fault)
}

/** @throws BaramError INPUT_INVALID */
export function checkText(text: string | null, what: string, most = Number.POSITIVE_INFINITY): void {
  const fault = text === null ? null : storableFault(text)
  if (fault !== null) throw new BaramError('INPUT_INVALID', `${what} must be text ${fault}`)
  if (text !== null && text.length > most)
    throw new BaramError('INPUT_INVALID', `${what} has at most ${most} characters, found ${text.length}`)
}
