// Mapped tasks: how many instances a task gets from the lists it is mapped over, and which items each instance gets.
// Airflow's rules (`expand`, `zip`, `expand_kwargs`): of several lists the last one changes fastest.

import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { JsonValue } from './json.ts'
import type { SerializedInput, TaskMapping } from './serialized.ts'

const isObject = (value: JsonValue): value is { readonly [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Items that a value gives when it is mapped over: those of a list, the pairs of an object; null = neither. */
export function countItems(value: JsonValue): number | null {
  if (Array.isArray(value)) return value.length
  return isObject(value) ? Object.keys(value).length : null
}

/** One item: of a list, or a `[key, value]` pair of an object. */
export function itemOf(value: JsonValue, index: number): JsonValue | undefined {
  if (Array.isArray(value)) return (value as readonly JsonValue[])[index]
  return isObject(value) ? Object.entries(value)[index] : undefined
}

export type MapLength =
  | { readonly kind: 'known'; readonly length: number }
  /** This upstream returned nothing to map over. */
  | { readonly kind: 'missing'; readonly taskId: string }

function lengthOfInput(input: SerializedInput, lengthOf: (taskId: string) => number | undefined): number | undefined {
  return input.kind === 'literal' ? (countItems(input.value) ?? 0) : lengthOf(input.taskId)
}

/** How many instances there will be. `lengthOf`: items an upstream has returned. */
export function mapLength(mapping: TaskMapping, lengthOf: (taskId: string) => number | undefined): MapLength {
  const lengths: number[] = []
  for (const input of mapping.over) {
    const length = lengthOfInput(input, lengthOf)
    if (length === undefined) return { kind: 'missing', taskId: input.kind === 'ref' ? input.taskId : input.name }
    lengths.push(length)
  }
  return { kind: 'known', length: combine(mapping, lengths) }
}

function combine({ kind, fill }: TaskMapping, lengths: readonly number[]): number {
  if (kind === 'product') return lengths.reduce((product, length) => product * length, 1)
  return fill === null ? Math.min(...lengths) : Math.max(...lengths)
}

/** Of each list, in order: the item an instance gets, by the lists' lengths. */
export function itemIndexes(mapping: TaskMapping, lengths: readonly number[], mapIndex: number): number[] {
  if (mapping.kind !== 'product') return lengths.map(() => mapIndex)
  const indexes: number[] = []
  let rest = mapIndex
  for (const length of [...lengths].reverse()) {
    indexes.unshift(length === 0 ? 0 : rest % length)
    rest = length === 0 ? 0 : Math.floor(rest / length)
  }
  return indexes
}

/** The id of one more instance of a mapped task: a UUID (version 8) made from the first one's, so that no chance is needed. */
export function mappedId(firstId: string, mapIndex: number): string {
  const hex = bytesToHex(sha1(utf8ToBytes(`${firstId}#${mapIndex}`)))
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
