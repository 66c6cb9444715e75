// JSON values: their type, the check that nothing is lost, and the canonical text (RFC 8785) that hashes are made of.

import { BaramError } from './errors.ts'
import { idFault, storableFault } from './storable.ts'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }
export type JsonObject = { readonly [key: string]: JsonValue }

/** Deepest nesting a stored value may have: beyond it recursive readers (ours, Postgres') would fail one day. */
const MAX_DEPTH = 500

function refuse(path: string, what: string): never {
  throw new BaramError(
    'XCOM_INVALID',
    `${path === '' ? 'the value' : path} is ${what}, which JSON cannot hold; convert it before returning it`,
    {
      details: { path },
    },
  )
}

function checkNumber(value: number, path: string): number {
  if (!Number.isFinite(value)) refuse(path, String(value))
  return value
}

function checkText(value: string, path: string): string {
  if (storableFault(value) !== null)
    refuse(path, value.includes('\u0000') ? 'text with a NUL character' : 'text with half of a surrogate pair')
  return value
}

function checkObject(value: object, path: string, seen: readonly object[]): JsonValue {
  if (seen.includes(value)) refuse(path, 'a circle (it contains itself)')
  if (seen.length >= MAX_DEPTH) refuse(path, `nested deeper than ${MAX_DEPTH} levels`)
  const inside = [...seen, value]
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, i) =>
      item === undefined ? null : checkJson(item, `${path}[${i}]`, inside),
    )
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name
    refuse(path, `a ${typeof name === 'string' && name !== '' ? name : 'class instance'}`)
  }
  const out: Record<string, JsonValue> = {}
  for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
    checkText(key, path === '' ? key : `${path}.${key}`)
    const safe = item === undefined ? null : checkJson(item, path === '' ? key : `${path}.${key}`, inside)
    Object.defineProperty(out, key, { value: safe, enumerable: true, writable: true, configurable: true })
  }
  return out
}

/**
 * A copy of `value` that survives JSON unchanged. Nested `undefined` becomes `null` (the rule of Airflow's SDK);
 * Map, Set, Date, bigint, NaN, functions, class instances, cycles and text Postgres cannot store are refused with their path.
 * @throws BaramError XCOM_INVALID
 */
export function checkJson(value: unknown, path = '', seen: readonly object[] = []): JsonValue {
  switch (typeof value) {
    case 'string':
      return checkText(value, path)
    case 'number':
      return checkNumber(value, path)
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : checkObject(value, path, seen)
    case 'undefined':
      return refuse(path, 'undefined')
    case 'bigint':
      return refuse(path, `a bigint (${value}n)`)
    case 'function':
      return refuse(path, 'a function')
    case 'symbol':
      return refuse(path, 'a symbol')
  }
}

/** 1 MiB of JSON text; larger values belong into a file whose path is returned. */
export const XCOM_BYTES = 1_048_576
/** The longest key of an XCom. */
const XCOM_KEY_CHARACTERS = 512

/**
 * A copy of `value` that can be an XCom: `checkJson`, and no larger than 1 MiB as JSON text.
 * @param what the value in the message, as "the returned value"
 * @throws BaramError XCOM_INVALID | XCOM_TOO_LARGE
 */
export function checkXCom(value: unknown, what: string): JsonValue {
  const json = checkJson(value)
  const bytes = new TextEncoder().encode(JSON.stringify(json)).length
  if (bytes <= XCOM_BYTES) return json
  throw new BaramError(
    'XCOM_TOO_LARGE',
    `${what} has ${bytes} bytes as JSON, an XCom may have ${XCOM_BYTES}; write it to a file or a lake and return the path`,
  )
}

/** A key of an XCom, as it may be stored, whoever writes it. @throws BaramError INPUT_INVALID */
export function checkXComKey(key: string): void {
  const fault = idFault(key, 'an XCom key', XCOM_KEY_CHARACTERS)
  if (fault !== null) throw new BaramError('INPUT_INVALID', fault)
}

/** RFC 8785 text: keys sorted by UTF-16 code unit, no spaces, numbers as ECMAScript writes them. */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(canonicalJson).join(',')}]`
  const object = value as JsonObject
  const keys = Object.keys(object).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key] as JsonValue)}`).join(',')}}`
}

/** Text with spaces after commas and colons, as Python's `json.dumps` writes it; keys in their own order. */
export function spacedJson(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(spacedJson).join(', ')}]`
  const entries = Object.entries(value as JsonObject)
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}: ${spacedJson(item)}`).join(', ')}}`
}
