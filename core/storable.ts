// What Postgres and JSON can hold, decided once (docs/reliability.md rule 19): text without NUL and without halves of surrogate
// pairs, numbers within their columns, instants of the years 1 to 9999, delays that a timer can keep.
//
// What people read is repaired visibly (`repairText`); what names or carries something is refused with a reason
// (`storableFault`, `idFault`); what waits is capped and said (`capDelay`).

/** Greatest value of an `int` column. */
export const MAX_INT4 = 2_147_483_647
/** Least value of an `int` column. */
export const MIN_INT4 = -2_147_483_648
/** Greatest value of a `bigint` column that JavaScript reads back unchanged. */
export const MAX_INT8 = Number.MAX_SAFE_INTEGER

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z: both Postgres and four-digit ISO text hold what lies between. */
const EARLIEST = -62_135_596_800_000
const LATEST = 253_402_300_799_999

/** Longest delay that is kept, ms: 366 days. What is longer was meant in another unit. */
export const MAX_DELAY_MS = 31_622_400_000
export const MAX_DELAY_SECONDS = MAX_DELAY_MS / 1000

const REPLACEMENT = '\uFFFD'
const NUL = '\u0000'

/** Why the text cannot be stored, as the end of a sentence ("must be text …"), or null. */
export function storableFault(text: string): string | null {
  if (text.includes(NUL)) return 'without NUL characters'
  return text.isWellFormed() ? null : 'without halves of surrogate pairs'
}

/** Free text as it can be stored: what cannot is shown as U+FFFD. */
export function repairText(text: string): string {
  return storableFault(text) === null ? text : text.toWellFormed().replaceAll(NUL, REPLACEMENT)
}

/** The beginning of a text, at most `most` UTF-16 units; never ends amid a surrogate pair. */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text
  const last = text.charCodeAt(most - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most)
}

/**
 * JSON text that Postgres takes as `jsonb`: strings and keys in it are repaired like free text. For what people read
 * (reasons, details, audit); values that tasks return are refused instead (`checkJson`).
 */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null'
  // Well-formed JSON.stringify writes what cannot be stored as an escape: most texts have none and are done here.
  return /\\u(0000|d[89a-f])/.test(text) ? JSON.stringify(repairDeep(JSON.parse(text))) : text
}

function repairDeep(value: unknown): unknown {
  if (typeof value === 'string') return repairText(value)
  if (Array.isArray(value)) return value.map(repairDeep)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [repairText(key), repairDeep(item)]),
  )
}

/**
 * Why a text cannot name something, as a sentence about `what`, or null. `.` and `..` are names that a URL reads as
 * another place: `DELETE …/dagRuns/..` is the deletion of a DAG.
 */
export function idFault(id: string, what: string, most = 250): string | null {
  if (id === '' || id.length > most) return `${what} must have 1 to ${most} characters, found ${id.length}`
  const fault = storableFault(id)
  if (fault !== null) return `${what} must be text ${fault}, found ${JSON.stringify(cutText(id, 80))}`
  return id === '.' || id === '..' ? `${what} must not be "${id}": in a URL that means another place` : null
}

/** Whether an instant (epoch ms) can be stored and written as four-digit ISO text. */
export const isStorableInstant = (instant: number): boolean =>
  Number.isFinite(instant) && instant >= EARLIEST && instant <= LATEST

/** Whether a number fits an `int` column as it is. */
export const isInt4 = (value: number): boolean => Number.isInteger(value) && value >= MIN_INT4 && value <= MAX_INT4

/** A delay within bounds, ms. NaN counts as none. */
export const capDelay = (ms: number): number => Math.max(0, Math.min(Number.isNaN(ms) ? 0 : ms, MAX_DELAY_MS))
