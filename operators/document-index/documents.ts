// What a document may hold, and what its fields are searched by: the same for every adapter.

import type { JsonValue } from '../../sdk/index.ts'
import { DocumentIndexError, type Fields, type FieldType, type IndexedDocument, type Scalar } from './document-index.ts'

/** Elasticsearch's limit of a keyword, in bytes; a longer one would be refused there. */
const MOST_KEYWORD_BYTES = 32_766
const MOST_ID_BYTES = 512

/** What a field is searched by: texts by their words, dates by epoch ms, the others by themselves. */
type Key = Scalar | readonly string[]

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/
const TIME = /^(\d{4}-\d\d-\d\d)T\d\d(:\d\d(:\d\d([.,]\d{1,9})?)?)?(Z|[+-]\d\d:?\d\d)?$/

function isDay(text: string): boolean {
  const parts = DAY.exec(text)
  if (parts === null) return false
  const at = new Date(`${text}T00:00:00Z`)
  // A Date takes 30 February for 1 March; Elasticsearch does not.
  return !Number.isNaN(at.getTime()) && at.getUTCDate() === Number(parts[3])
}

/** Epoch ms; null when it is no date. */
function instantOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && Math.abs(value) <= 8.64e15 ? value : null
  if (typeof value !== 'string') return null
  if (isDay(value)) return Date.parse(`${value}T00:00:00Z`)
  const parts = TIME.exec(value)
  if (parts === null || !isDay(parts[1] ?? '')) return null
  const [, , minutes, seconds, , zone] = parts
  const whole = `${value.slice(0, 13)}${minutes === undefined ? ':00' : value.slice(13, 16)}`
  const rest = seconds === undefined ? '' : value.slice(16, value.length - (zone?.length ?? 0)).replace(',', '.')
  // A Date knows milliseconds; what is finer is kept in the document and not compared by.
  const at = Date.parse(`${whole}${rest.slice(0, 7)}${zone ?? 'Z'}`)
  return Number.isNaN(at) ? null : at
}

const WORD =
  /\p{Script=Han}|\p{Script=Hiragana}|[\p{L}\p{M}\p{N}_]+(?:(?:(?<=\p{L})['’.:](?=\p{L})|(?<=\p{N})[.,](?=\p{N}))[\p{L}\p{M}\p{N}_]+)*/gu

/** Words as Elasticsearch's standard analyser has them: small letters, cut where Unicode cuts words. */
export function wordsOf(text: string): readonly string[] {
  return [...new Set(text.toLowerCase().match(WORD) ?? [])]
}

function shown(value: unknown): string {
  const text =
    typeof value === 'number' || value === undefined ? String(value) : (JSON.stringify(value) ?? typeof value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** What the field is searched by, or null when it cannot be of this type. */
function keyOf(type: FieldType, value: unknown): Key | null {
  switch (type) {
    case 'keyword':
      return typeof value === 'string' ? value : null
    case 'text':
      return typeof value === 'string' ? wordsOf(value) : null
    case 'long':
      return Number.isSafeInteger(value) ? Number(value) : null
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? value : null
    case 'date':
      return instantOf(value)
    case 'boolean':
      return typeof value === 'boolean' ? value : null
  }
}

const WANTED: Readonly<Record<FieldType, string>> = {
  keyword: 'a text',
  text: 'a text',
  long: 'a whole number up to 2^53',
  double: 'a number',
  date: 'an ISO date such as 2020-12-30 or 2020-12-30T09:00:00+09:00, or epoch ms',
  boolean: 'true or false',
}

export interface Mapping {
  readonly fields: Fields
  readonly strict: boolean
}

export type CheckedDocument =
  | { readonly keys: Readonly<Record<string, Key>>; readonly reason?: undefined }
  | { readonly reason: string }

/** Postgres holds no NUL, and no half of a surrogate pair. */
const isSpeakable = (text: string) => !text.includes('\0') && text.isWellFormed()

function problemOf(field: string, type: FieldType, value: unknown): string | null {
  if (typeof value === 'string' && !isSpeakable(value)) return `field ${field} holds a NUL or half a character`
  if (type === 'keyword' && typeof value === 'string' && Buffer.byteLength(value) > MOST_KEYWORD_BYTES)
    return `field ${field} is longer than ${MOST_KEYWORD_BYTES} bytes: map it as text`
  return null
}

/** Any depth of a field that is not mapped: JSON would lose these without a word. */
function holdsUnspeakable(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  if (typeof value === 'string') return !isSpeakable(value)
  if (Array.isArray(value)) return value.some(holdsUnspeakable)
  if (typeof value === 'object' && value !== null) return Object.values(value).some(holdsUnspeakable)
  return value === undefined || typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol'
}

/** Its keys, or why it is refused. A field that is null counts as missing. */
export function checkDocument({ fields, strict }: Mapping, { id, source }: IndexedDocument): CheckedDocument {
  const bytes = Buffer.byteLength(id)
  if (bytes === 0 || bytes > MOST_ID_BYTES || !isSpeakable(id))
    return { reason: `the id ${shown(id)} must have 1 to ${MOST_ID_BYTES} bytes of whole characters` }
  const keys: Record<string, Key> = {}
  // A caller without types may hand over NaN or undefined, which JSON would turn into null or nothing.
  for (const [field, value] of Object.entries<JsonValue | undefined>(source)) {
    const type = Object.hasOwn(fields, field) ? fields[field] : undefined
    if (value === null) continue
    if (type === undefined) {
      if (strict) return { reason: `field ${field} is not mapped, and the index is strict` }
      if (holdsUnspeakable(value)) return { reason: `field ${field} is ${shown(value)}, which JSON cannot hold` }
      continue
    }
    const key = keyOf(type, value)
    if (key === null) return { reason: `field ${field} must be ${WANTED[type]}, found ${shown(value)}` }
    const problem = problemOf(field, type, value)
    if (problem !== null) return { reason: problem }
    keys[field] = key
  }
  return { keys }
}

/** The type of a field that is asked for. @throws DocumentIndexError when it is not mapped, or of another type than `allowed` */
export function typeOf({ fields }: Mapping, field: string, use: string, allowed: readonly FieldType[]): FieldType {
  const type = Object.hasOwn(fields, field) ? fields[field] : undefined
  if (type === undefined)
    throw new DocumentIndexError(`${use}: there is no field ${field} (${Object.keys(fields).join(', ')})`)
  if (!allowed.includes(type))
    throw new DocumentIndexError(`${use}: field ${field} is ${type}, it must be ${allowed.join(' or ')}`)
  return type
}

/** A value to compare with, as keys are. @throws DocumentIndexError when the field could never hold it */
export function comparable(type: FieldType, field: string, value: Scalar): Scalar {
  const key = keyOf(type, value)
  if (key === null || typeof key === 'object')
    throw new DocumentIndexError(`field ${field} is ${type}: compare it with ${WANTED[type]}, found ${shown(value)}`)
  return key
}
