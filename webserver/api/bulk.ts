// Bulk operations: Airflow's actions and their answer, in which each action lists what it did and why it did not.

import { BaramError } from '../../core/errors.ts'
import type { BulkAction, BulkOutcome, OnMissing } from '../../engine/admin/bulk.ts'
import type { OnExisting } from '../../engine/admin/setting.ts'
import type { BodyName } from '../assets.ts'
import { airflowError } from '../http/airflow-errors.ts'
import { readBody } from '../http/bodies.ts'
import { ApiError } from '../http/errors.ts'
import type { Call } from './router.ts'

type Action = 'create' | 'update' | 'delete'

export interface BulkResult {
  readonly success: string[]
  readonly errors: { error: string; status_code: number }[]
}
/** Of an action that was not asked for: null. */
export type BulkAnswer = Record<Action, BulkResult | null>

export const emptyAnswer = (): BulkAnswer => ({ create: null, update: null, delete: null })

/** Where the results of an action are listed: two actions of one kind share it. */
export function resultOf(answer: BulkAnswer, action: Action): BulkResult {
  const result = answer[action] ?? { success: [], errors: [] }
  answer[action] = result
  return result
}

const toldOf = ({ detail, status }: ApiError) => ({
  error: typeof detail === 'string' ? detail : JSON.stringify(detail),
  status_code: status,
})

/** One entity of several: what it did, or what an answer says of why not. The others are done all the same. */
export async function doOne(
  done: BulkResult,
  mayBeMissing: boolean,
  act: () => Promise<readonly string[]>,
): Promise<void> {
  try {
    done.success.push(...(await act()))
  } catch (error) {
    const isExpected = error instanceof BaramError && (error.code === 'CONFLICT' || error.code === 'NOT_FOUND')
    const told = error instanceof ApiError ? error : isExpected ? airflowError(error) : null
    if (told === null) throw error
    if (told.status === 404 && mayBeMissing) return
    done.errors.push(toldOf(told))
  }
}

/** An action as the document has it; fields that are left out have the document's defaults. */
export interface ActionBody<Entity> {
  readonly action: Action
  /** Of a deletion, ids too. */
  readonly entities: readonly (Entity | string)[]
  readonly action_on_existence?: OnExisting
  readonly action_on_non_existence?: OnMissing
  readonly update_mask?: readonly string[] | null
}
export interface BulkBody<Entity> {
  readonly actions: readonly ActionBody<Entity>[]
}

/** How one kind of setting is spoken of. */
export interface BulkKind<Entity, Given> {
  readonly body: BodyName
  /** As in "The variables with these keys: {…} already exist.": `variables with these keys`. */
  readonly plural: string
  idOf(entity: Entity): string
  /** @param mask fields that count; null = all that are given */
  read(entity: Entity, mask: ReadonlySet<string> | null): Given
}

function actionOf<Entity, Given>(kind: BulkKind<Entity, Given>, body: ActionBody<Entity>): BulkAction<Given> {
  const { action, entities, action_on_existence, action_on_non_existence, update_mask } = body
  const missing = action_on_non_existence ?? 'fail'
  const mask =
    update_mask === null || update_mask === undefined || update_mask.length === 0 ? null : new Set(update_mask)
  const read = (given: ReadonlySet<string> | null) =>
    entities.flatMap((entity) => (typeof entity === 'string' ? [] : [kind.read(entity, given)]))
  switch (action) {
    case 'create':
      return { kind: 'create', entities: read(null), existing: action_on_existence ?? 'fail' }
    case 'update':
      return { kind: 'update', entities: read(mask), missing }
    case 'delete':
      return {
        kind: 'delete',
        ids: entities.map((entity) => (typeof entity === 'string' ? entity : kind.idOf(entity))),
        missing,
      }
  }
}

/** A set as Airflow prints it. */
const setText = (ids: readonly unknown[]): string => `{${ids.map((id) => `'${String(id)}'`).join(', ')}}`

function refusalOf(error: BaramError, plural: string): ApiError {
  const { ids, problem } = error.details
  const told = airflowError(error)
  if (told === null) throw error
  if (!Array.isArray(ids)) return told
  const end = problem === 'exists' ? 'already exist.' : 'were not found.'
  return new ApiError(told.status, `The ${plural}: ${setText(ids)} ${end}`)
}

/** Reads the actions, does them, and answers. */
export async function answerBulk<Entity, Given>(
  { web, req }: Call,
  kind: BulkKind<Entity, Given>,
  act: (actions: readonly BulkAction<Given>[]) => Promise<readonly BulkOutcome[]>,
): Promise<BulkAnswer> {
  const { actions } = readBody<BulkBody<Entity>>(web.assets, kind.body, req.body)
  const outcomes = await act(actions.map((body) => actionOf(kind, body)))
  const answer = emptyAnswer()
  for (const [i, { action }] of actions.entries()) {
    const result = resultOf(answer, action)
    const outcome = outcomes[i]
    result.success.push(...(outcome?.done ?? []))
    const refused = outcome?.refused ?? null
    if (refused !== null) result.errors.push(toldOf(refusalOf(refused, kind.plural)))
  }
  return answer
}
