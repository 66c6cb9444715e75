// Kinds of fields: how a value of the feed is read, and how Postgres and Parquet hold it.
//
// The feed writes numbers as texts and texts as numbers, epochs as 1783304552358.0, and dates without a zone. What cannot be read is a
// fault that says what was expected and what was found.

import type { ColumnType } from '../../operators/parquet/columns.ts'

/** Why a value cannot be used; the field's name is put before it. */
export class FieldFault extends Error {}

export type Kind = 'text' | 'whole' | 'epoch' | 'number' | 'instant'

export interface Values {
  text: string
  /** 32 bits. */
  whole: number
  /** Milliseconds. */
  epoch: number
  number: number
  /** ISO text in UTC. */
  instant: string
}

const LONGEST_TEXT = 200
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
/** The feed writes Seoul's time, without saying so. */
const DATE = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/
const EARLIEST = Date.UTC(2000, 0, 1)
const LATEST = Date.UTC(2100, 0, 1)

const told = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60)

function readText(value: unknown): string {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
  if (typeof text !== 'string') throw new FieldFault(`must be text, found ${told(value)}`)
  if (text.length > LONGEST_TEXT)
    throw new FieldFault(`must have at most ${LONGEST_TEXT} characters, found ${text.length}`)
  if (text.includes('\0') || !text.isWellFormed())
    throw new FieldFault(`must be text that can be stored, found ${told(text)}`)
  return text
}

function readNumber(value: unknown): number {
  const number = typeof value === 'string' && NUMBER.test(value.trim()) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number))
    throw new FieldFault(`must be a number, found ${told(value)}`)
  // Postgres and Parquet keep the sign of a zero, JSON does not.
  return number === 0 ? 0 : number
}

function readWhole(value: unknown): number {
  const number = readNumber(value)
  if ((number | 0) !== number) throw new FieldFault(`must be a whole number of 32 bits, found ${told(value)}`)
  return number
}

function readEpoch(value: unknown): number {
  const number = readNumber(value)
  if (!Number.isInteger(number)) throw new FieldFault(`must be whole milliseconds, found ${told(value)}`)
  if (number >= EARLIEST && number < LATEST) return number
  const isSeconds = number * 1_000 >= EARLIEST && number * 1_000 < LATEST
  throw new FieldFault(
    `must be epoch milliseconds of the years 2000 to 2099, found ${told(value)}${isSeconds ? '; these are seconds' : ''}`,
  )
}

/** Date.parse moves a day that does not exist into the next month. */
function isDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}

/** Records of a stream are mostly of one day: it is looked at once. */
let lastDay = { day: '', isReal: false }
const isRealDay = (day: string): boolean => {
  if (day !== lastDay.day) lastDay = { day, isReal: isDay(day) }
  return lastDay.isReal
}

function readInstant(value: unknown): string {
  const [, day = '', time = '', fraction = '', zone = '+09:00'] =
    (typeof value === 'string' && DATE.exec(value.trim())) || []
  const at = Date.parse(`${day}T${time}${fraction.slice(0, 4)}${zone}`)
  if (Number.isNaN(at) || !isRealDay(day))
    throw new FieldFault(`must be a date such as 2024-03-18 09:00:00, found ${told(value)}`)
  return new Date(at).toISOString()
}

interface KindOf<K extends Kind> {
  readonly read: (value: unknown) => Values[K]
  readonly postgres: string
  readonly parquet: ColumnType
  /** As Parquet takes it. */
  readonly toParquet: (value: Values[K]) => unknown
}

const same = (value: unknown) => value

/** No TIMESTAMP in Parquet: Hive before version 4 cannot read the one that DuckDB writes. */
export const KINDS: { readonly [K in Kind]: KindOf<K> } = {
  text: { read: readText, postgres: 'text', parquet: 'STRING', toParquet: same },
  whole: { read: readWhole, postgres: 'int', parquet: 'INT', toParquet: same },
  epoch: { read: readEpoch, postgres: 'bigint', parquet: 'BIGINT', toParquet: (value) => BigInt(value) },
  number: { read: readNumber, postgres: 'double precision', parquet: 'DOUBLE', toParquet: same },
  instant: { read: readInstant, postgres: 'timestamptz', parquet: 'STRING', toParquet: same },
}
