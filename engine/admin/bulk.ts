// Several settings of one kind in one transaction. What is there decides about an action before anything of it is written:
// an action is done whole, without what it skips, or not at all.

import { BaramError } from '../../core/errors.ts'
import type { Database } from '../../store/database.ts'
import type { Sql } from '../../store/sql.ts'
import type { Actor } from '../engine.ts'
import type { OnExisting } from './setting.ts'

export type OnMissing = 'fail' | 'skip'

/** `Given`: what is asked of one setting; of one that exists, what is undefined stays as it is. */
export type BulkAction<Given> =
  | { readonly kind: 'create'; readonly entities: readonly Given[]; readonly existing: OnExisting }
  | { readonly kind: 'update'; readonly entities: readonly Given[]; readonly missing: OnMissing }
  | { readonly kind: 'delete'; readonly ids: readonly string[]; readonly missing: OnMissing }

/** How one kind of setting is kept: its verbs inside a transaction of the caller's. */
export interface Settings<Given> {
  /** For messages: `variables`. */
  readonly what: string
  idOf(given: Given): string
  /** @throws BaramError INPUT_INVALID */
  check(given: Given): void
  /** Those of the ids that exist, locked in one order. */
  lock(tx: Sql, ids: readonly string[]): Promise<ReadonlySet<string>>
  /** Why this one may not be changed or deleted, or null. */
  refusal?(given: Given | string): BaramError | null
  /** @throws BaramError CONFLICT when somebody was first */
  add(tx: Sql, given: Given, actor: Actor): Promise<void>
  change(tx: Sql, given: Given, actor: Actor): Promise<void>
  remove(tx: Sql, id: string, actor: Actor): Promise<void>
  /** Once, when anything was done. */
  notify?(tx: Sql): Promise<void>
}

export interface BulkOutcome {
  /** Ids, in the order asked. */
  readonly done: readonly string[]
  /** Why nothing of the action was done: `details.ids` exist or are missing, or one may not be touched. */
  readonly refused: BaramError | null
}

/** Settings of one request: each is a few statements, and their rows stay locked until the last. */
const MOST_SETTINGS = 1000

const refused = (code: 'CONFLICT' | 'NOT_FOUND', what: string, ids: readonly string[]): BulkOutcome => {
  const [problem, words] =
    code === 'CONFLICT' ? (['exists', 'exist already'] as const) : (['missing', 'are not there'] as const)
  const error = new BaramError(code, `of these ${what} some ${words}: ${ids.join(', ')}`, { details: { problem, ids } })
  return { done: [], refused: error }
}

const sizeOf = (action: BulkAction<unknown>): number =>
  action.kind === 'delete' ? action.ids.length : action.entities.length

const twice = (ids: readonly string[]): readonly string[] => ids.filter((id, i) => ids.indexOf(id) < i)

function refusalOf<Given>(settings: Settings<Given>, all: readonly (Given | string)[]): BulkOutcome | null {
  for (const given of all) {
    const error = settings.refusal?.(given) ?? null
    if (error !== null) return { done: [], refused: error }
  }
  return null
}

async function create<Given>(
  tx: Sql,
  settings: Settings<Given>,
  { entities, existing }: BulkAction<Given> & { readonly kind: 'create' },
  actor: Actor,
): Promise<BulkOutcome> {
  const ids = entities.map((given) => settings.idOf(given))
  const there = new Set(await settings.lock(tx, ids))
  const taken = new Set([...ids.filter((id) => there.has(id)), ...twice(ids)])
  if (existing === 'fail' && taken.size > 0) return refused('CONFLICT', settings.what, [...taken])
  const changed = existing === 'overwrite' ? entities.filter((given) => there.has(settings.idOf(given))) : []
  const refusal = refusalOf(settings, changed)
  if (refusal !== null) return refusal
  const done: string[] = []
  for (const given of entities) {
    const id = settings.idOf(given)
    const isThere = there.has(id)
    if (isThere && existing === 'skip') continue
    await (isThere ? settings.change(tx, given, actor) : settings.add(tx, given, actor))
    there.add(id)
    done.push(id)
  }
  return { done, refused: null }
}

async function update<Given>(
  tx: Sql,
  settings: Settings<Given>,
  { entities, missing }: BulkAction<Given> & { readonly kind: 'update' },
  actor: Actor,
): Promise<BulkOutcome> {
  const ids = entities.map((given) => settings.idOf(given))
  const there = await settings.lock(tx, ids)
  const absent = ids.filter((id) => !there.has(id))
  if (missing === 'fail' && absent.length > 0) return refused('NOT_FOUND', settings.what, absent)
  const found = entities.filter((given) => there.has(settings.idOf(given)))
  const refusal = refusalOf(settings, found)
  if (refusal !== null) return refusal
  for (const given of found) await settings.change(tx, given, actor)
  return { done: found.map((given) => settings.idOf(given)), refused: null }
}

async function remove<Given>(
  tx: Sql,
  settings: Settings<Given>,
  { ids, missing }: BulkAction<Given> & { readonly kind: 'delete' },
  actor: Actor,
): Promise<BulkOutcome> {
  const there = await settings.lock(tx, ids)
  const absent = ids.filter((id) => !there.has(id))
  if (missing === 'fail' && absent.length > 0) return refused('NOT_FOUND', settings.what, absent)
  const found = [...new Set(ids.filter((id) => there.has(id)))]
  const refusal = refusalOf(settings, found)
  if (refusal !== null) return refusal
  for (const id of found) await settings.remove(tx, id, actor)
  return { done: found, refused: null }
}

function act<Given>(tx: Sql, settings: Settings<Given>, action: BulkAction<Given>, actor: Actor): Promise<BulkOutcome> {
  switch (action.kind) {
    case 'create':
      return create(tx, settings, action, actor)
    case 'update':
      return update(tx, settings, action, actor)
    case 'delete':
      return remove(tx, settings, action, actor)
  }
}

/**
 * Does actions one after the other, each on what the ones before have left. All of it or nothing, but for actions that what is
 * there refuses: these are told, and the others are done.
 * @throws BaramError INPUT_INVALID for a value that cannot be stored or more than 1,000 settings; nothing was done
 */
export async function bulk<Given>(
  { database }: { readonly database: Database },
  settings: Settings<Given>,
  actions: readonly BulkAction<Given>[],
  actor: Actor,
): Promise<readonly BulkOutcome[]> {
  const size = actions.reduce((sum, action) => sum + sizeOf(action), 0)
  if (size > MOST_SETTINGS)
    throw new BaramError('INPUT_INVALID', `a request may name at most ${MOST_SETTINGS} ${settings.what}, found ${size}`)
  for (const action of actions) if (action.kind !== 'delete') for (const given of action.entities) settings.check(given)
  return database.transaction(async (tx) => {
    const outcomes: BulkOutcome[] = []
    for (const action of actions) outcomes.push(await act(tx, settings, action, actor))
    if (outcomes.some(({ done }) => done.length > 0)) await settings.notify?.(tx)
    return outcomes
  })
}
