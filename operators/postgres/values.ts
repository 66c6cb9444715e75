// Values between Postgres and JSON: exact both ways, and refused where JSON has no place for them.

import pg from 'pg'
import { parseExactJson } from '../../sdk/index.ts'

/** A value that Postgres or JSON cannot hold. */
export class PostgresValueError extends Error {
  override readonly name = 'PostgresValueError'
}

type Parse = (text: string) => unknown

/** A number if JavaScript holds it exactly, else its text. */
function exactInteger(text: string): number | string {
  const value = Number(text)
  return /^-?\d+$/.test(text) && Number.isSafeInteger(value) ? value : text
}

/** JSON has no NaN and no infinity: they stay texts. */
function float(text: string): number | string {
  const value = Number(text)
  return Number.isFinite(value) ? value : text
}

/**
 * `2024-03-18 09:00:00.123456+09` as ISO text in UTC, with all its digits; infinity and years before Christ stay as
 * they are.
 */
function instant(text: string): string {
  const parts = /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(\.\d+)?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(text)
  if (parts === null) return text
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number)
  const offset = Number(parts[9]) * 3_600 + Number(parts[10] ?? 0) * 60 + Number(parts[11] ?? 0)
  const at = new Date(0)
  at.setUTCFullYear(year ?? 0, (month ?? 1) - 1, day)
  at.setUTCHours(hour ?? 0, minute, (second ?? 0) - (parts[8] === '-' ? -offset : offset))
  return at.toISOString().replace('.000Z', `${parts[7] ?? ''}Z`)
}

/** Without a zone, so without a `Z`. */
const localTime: Parse = (text) =>
  /^\d{4,}-\d\d-\d\d \d\d:/.test(text) && !text.endsWith('BC') ? text.replace(' ', 'T') : text

const refuseBytes: Parse = () => {
  throw new PostgresValueError(
    "a column of type bytea holds bytes, which JSON cannot: select encode(column, 'base64') or 'hex' instead",
  )
}

const text: Parse = (value) => value
const number: Parse = (value) => Number(value)
const boolean: Parse = (value) => value === 't'
const json: Parse = parseExactJson

/**
 * By type number, and that of its arrays. What is not here comes as Postgres prints it: exact, and readable by
 * Postgres.
 */
const TYPES: readonly (readonly [type: number, array: number, parse: Parse])[] = [
  [16, 1000, boolean],
  [21, 1005, number],
  [23, 1007, number],
  [26, 1028, number],
  [20, 1016, exactInteger],
  [1700, 1231, exactInteger],
  [700, 1021, float],
  [701, 1022, float],
  [1114, 1115, localTime],
  [1184, 1185, instant],
  [114, 199, json],
  [3802, 3807, json],
  [17, 1001, refuseBytes],
  ...[
    [25, 1009],
    [1043, 1015],
    [1042, 1014],
    [18, 1002],
    [19, 1003],
    [1082, 1182],
    [1083, 1183],
    [1266, 1270],
    [1186, 1187],
    [2950, 2951],
    [869, 1041],
    [650, 651],
  ].map(([type = 0, array = 0]) => [type, array, text] as const),
]

const parseArray =
  (parse: Parse): Parse =>
  (source) =>
    // pg's own reader of array texts; its types forget the `parse`.
    (pg.types.arrayParser as unknown as { create(text: string, entry: Parse): { parse(): unknown } })
      .create(source, (entry) => (entry === null ? null : parse(entry)))
      .parse()

const PARSERS = new Map(
  TYPES.flatMap(([type, array, parse]) => [[type, parse] as const, [array, parseArray(parse)] as const]),
)

/** What a client reads its rows with. */
export const exactTypes = { getTypeParser: (type: number): Parse => PARSERS.get(type) ?? text }

/** An element of an array text; quoted always, so that nothing in it means anything. */
function arrayElement(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (Array.isArray(value)) return arrayText(value)
  return `"${String(toParameter(value)).replaceAll(/[\\"]/g, String.raw`\$&`)}"`
}

const arrayText = (values: readonly unknown[]): string => `{${values.map(arrayElement).join(',')}}`

/**
 * What travels to Postgres for a value: lists as arrays, objects as JSON, dates in UTC, big numbers exactly.
 * @throws PostgresValueError for what has no place there
 */
export function toParameter(value: unknown): string | Buffer | null {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw new PostgresValueError('a text with a NUL character, which Postgres cannot hold')
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object': {
      if (value === null) return null
      if (value instanceof Date) return value.toISOString()
      if (value instanceof Uint8Array) return Buffer.from(value)
      return toParameter(Array.isArray(value) ? arrayText(value) : JSON.stringify(value))
    }
    default:
      throw new PostgresValueError(`a value of type ${typeof value}, which Postgres cannot hold`)
  }
}
