// The arguments of an attempt out of what its upstreams have returned.

import { BaramError } from './errors.ts'
import type { JsonValue } from './json.ts'
import { countItems, itemIndexes, itemOf } from './mapping.ts'
import type { AttemptInput } from './protocol.ts'
import type { SerializedInput, TaskMapping } from './serialized.ts'

/** One argument; `undefined` = its upstream returned nothing. */
export function inputOf(input: SerializedInput, value: JsonValue | undefined): AttemptInput {
  const missingFrom = input.kind === 'ref' ? input.taskId : input.name
  return value === undefined ? { name: input.name, value: null, missingFrom } : { name: input.name, value }
}

/** An item of `expandEach` is the object of its instance's arguments. */
function spread(item: JsonValue, mapIndex: number): AttemptInput[] {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new BaramError(
      'INPUT_INVALID',
      `item ${mapIndex} of the list this task is mapped over must be an object of named arguments, found ${JSON.stringify(item).slice(0, 80)}`,
    )
  return Object.entries(item).map(([name, value]) => ({ name, value }))
}

/**
 * The items of a mapped instance as its arguments. `sources`: the lists, in the mapping's order.
 * @throws BaramError INPUT_INVALID when an item cannot be an argument
 */
export function itemInputs(mapping: TaskMapping, sources: readonly JsonValue[], mapIndex: number): AttemptInput[] {
  const lengths = sources.map((source) => countItems(source) ?? 0)
  const indexes = itemIndexes(mapping, lengths, mapIndex)
  const items = sources.map((source, i) => itemOf(source, indexes[i] ?? 0) ?? mapping.fill?.value ?? null)
  if (mapping.kind === 'each') return spread(items[0] ?? null, mapIndex)
  return mapping.over.map((input, i) => ({ name: input.name, value: items[i] ?? null }))
}

/** Why a value cannot be mapped over; null when it can. (Airflow fails the task that made it, as we do.) */
export function refuseToMap(taskId: string, value: JsonValue | undefined, limit: number): string | null {
  const items = value === undefined ? null : countItems(value)
  if (items !== null && items <= limit) return null
  return items === null
    ? `a task is mapped over what ${taskId} returns, which must be a list or an object, found ${JSON.stringify(value ?? null).slice(0, 80)}`
    : `a task is mapped over what ${taskId} returns, which has ${items} items; at most ${limit} are allowed (core.max_map_length)`
}
