// What an attempt did outside Baram, counted: rows read, written and rejected of one place, with what proves it.
//
// A task tells each place it read from or wrote to; the numbers are stored with its try and shown on the run. They must
// add up (read = written + rejected): if they do not, rows were lost or doubled, and the task fails unless it says otherwise.

import { BaramError } from './errors.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { storableFault } from './storable.ts'

/** What kind of place it is. `source` is only read: its `rowsWritten` are the rows returned. */
export const EFFECT_KINDS = ['source', 'file', 'lake', 'warehouse', 'event_log', 'index', 'table'] as const
export type EffectKind = (typeof EFFECT_KINDS)[number]

export interface Effect {
  readonly kind: EffectKind
  /** The path, topic, index or table, or the address read from; at most 1,000 characters. Never with a secret. */
  readonly target: string
  readonly rowsRead: number
  readonly rowsWritten: number
  /** Default 0. */
  readonly rowsRejected?: number
  readonly bytes?: number
  /** `sha256:…`, as the place itself or our own reading gave it. */
  readonly checksum?: string
  /** Event log: first and last offset by partition. */
  readonly offsets?: { readonly [partition: string]: readonly [first: number, last: number] }
  /** Event log: how the stream stood when a window of it was settled. */
  readonly stream?: StreamStanding
}

export type StreamStanding = {
  /** Records that were still to read. */
  readonly lag: number
  /** Records a second of the window. */
  readonly rowsPerSecond: number
  /** Seconds since the newest record of the window came; null for an empty one. */
  readonly freshness: number | null
}

const TARGET_LENGTH = 1_000
const CHECKSUM_LENGTH = 200
const MOST_PARTITIONS = 1_000

function refuse(what: string, found: unknown): never {
  const text = JSON.stringify(found) ?? String(found)
  throw new BaramError('INPUT_INVALID', `recordEffect: ${what}, found ${text.slice(0, 120)}`)
}

function countOf(args: JsonObject, name: string, fallback?: number): number {
  const value = args[name] ?? fallback
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    return refuse(`${name} must be a whole number of 0 or more`, value)
  return value
}

function textOf(args: JsonObject, name: string, most: number): string {
  const value = args[name]
  if (typeof value !== 'string' || value === '' || value.length > most)
    return refuse(`${name} must be text of 1 to ${most} characters`, value)
  const fault = storableFault(value)
  if (fault !== null) return refuse(`${name} must be text ${fault}`, value)
  return value
}

function isOffsets(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const ranges = Object.values(value)
  return (
    ranges.length <= MOST_PARTITIONS &&
    Object.keys(value).every((partition) => storableFault(partition) === null) &&
    ranges.every((range) => Array.isArray(range) && range.length === 2 && range.every(Number.isSafeInteger))
  )
}

const isAmount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0

function streamOf(value: JsonValue): StreamStanding {
  const given = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  const { lag, rowsPerSecond, freshness } = given
  const isFresh = freshness === null || isAmount(freshness)
  if (isAmount(lag) && Number.isSafeInteger(lag) && isAmount(rowsPerSecond) && isFresh)
    return { lag, rowsPerSecond, freshness }
  return refuse('stream must be { lag, rowsPerSecond, freshness }, numbers of 0 or more; freshness may be null', value)
}

/** An effect as a child sends it. @throws BaramError INPUT_INVALID */
export function readEffect(args: JsonObject): Effect {
  const kind = EFFECT_KINDS.find((kind) => kind === args['kind'])
  if (kind === undefined) return refuse(`kind must be one of ${EFFECT_KINDS.join(', ')}`, args['kind'])
  const { bytes, checksum, offsets, stream } = args
  if (offsets !== undefined && !isOffsets(offsets))
    return refuse('offsets must be an object of [first, last] by partition', offsets)
  return {
    kind,
    target: textOf(args, 'target', TARGET_LENGTH),
    rowsRead: countOf(args, 'rowsRead'),
    rowsWritten: countOf(args, 'rowsWritten'),
    rowsRejected: countOf(args, 'rowsRejected', 0),
    ...(bytes !== undefined && { bytes: countOf(args, 'bytes') }),
    ...(checksum !== undefined && { checksum: textOf(args, 'checksum', CHECKSUM_LENGTH) }),
    // Proven just above.
    ...(offsets !== undefined && { offsets: offsets as NonNullable<Effect['offsets']> }),
    ...(stream !== undefined && { stream: streamOf(stream) }),
  }
}

/** How many rows are missing (above 0) or too many (below 0) between what was read and what came of it. */
export function missingRows({ rowsRead, rowsWritten, rowsRejected = 0 }: Effect): number {
  return rowsRead - rowsWritten - rowsRejected
}
