// Thrift's columns as exact rows. The driver's own reader loses digits: BIGINT above 2^53 becomes Infinity, DECIMAL a number.
//
// A page holds each column as a list of values and a bitmap of nulls (bit i of the row, lowest bit first; trailing zero
// bytes may be left out). BIGINT comes as eight bytes, DECIMAL, DATE, TIMESTAMP and nested types as text.

import type { ExactResult, ExactRow, ExactValue } from '../../duckdb/session.ts'
import { WarehouseError } from '../warehouse.ts'

export interface HiveColumn {
  readonly name: string
  /** `BIGINT`, `DECIMAL(10,2)`. */
  readonly type: string
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

type Decode = (value: unknown) => ExactValue

const broken = (what: string, value: unknown) =>
  new WarehouseError(`Hive sent a ${what} that is none: ${String(JSON.stringify(value)).slice(0, 100)}`)

const decodeNumber: Decode = (value) => {
  if (typeof value !== 'number') throw broken('number', value)
  // JSON has no word for them; DuckDB's exact rows write them so, too.
  return Number.isFinite(value) ? value : String(value)
}

const decodeText: Decode = (value) => {
  if (typeof value === 'string') return value
  if (Buffer.isBuffer(value)) return value.toString('utf8')
  throw broken('text', value)
}

/** The thrift library wraps eight bytes as `Int64 { buffer, offset }`; only from them the value is exact. */
const decodeBigint: Decode = (value) => {
  if (!isRecord(value) || !Buffer.isBuffer(value['buffer'])) throw broken('BIGINT', value)
  return value['buffer'].readBigInt64BE(Number(value['offset'] ?? 0)).toString()
}

const DECODERS: Readonly<Record<string, Decode>> = {
  boolVal: (value) => {
    if (typeof value !== 'boolean') throw broken('BOOLEAN', value)
    return value
  },
  byteVal: decodeNumber,
  i16Val: decodeNumber,
  i32Val: decodeNumber,
  i64Val: decodeBigint,
  doubleVal: decodeNumber,
  stringVal: decodeText,
  binaryVal: (value) => {
    if (!Buffer.isBuffer(value)) throw broken('BINARY', value)
    return value.toString('hex')
  },
}

function isNull(nulls: unknown, row: number): boolean {
  if (!Buffer.isBuffer(nulls)) return false
  const byte = nulls[row >> 3] ?? 0
  return ((byte >> (row & 7)) & 1) === 1
}

/** The values of one column of a page. */
function decodeColumn(column: unknown, name: string): readonly ExactValue[] {
  if (!isRecord(column)) throw broken(`column ${name}`, column)
  for (const [kind, decode] of Object.entries(DECODERS)) {
    const { [kind]: filled } = column
    if (!isRecord(filled) || !Array.isArray(filled['values'])) continue
    const { nulls } = filled
    return filled['values'].map((value: unknown, row) => (isNull(nulls, row) ? null : decode(value)))
  }
  throw broken(`column ${name}`, Object.keys(column))
}

/** One page (a TRowSet) as rows. */
export function decodePage(page: unknown, columns: readonly HiveColumn[]): readonly ExactRow[] {
  const given = isRecord(page) ? page['columns'] : undefined
  if (!Array.isArray(given) || given.length === 0) return []
  if (given.length !== columns.length)
    throw new WarehouseError(`Hive sent ${given.length} columns where it had announced ${columns.length}`)
  const values = columns.map(({ name }, i) => decodeColumn(given[i], name))
  const length = values[0]?.length ?? 0
  const uneven = values.findIndex((column) => column.length !== length)
  if (uneven !== -1)
    throw new WarehouseError(
      `Hive sent ${values[uneven]?.length} values of ${columns[uneven]?.name} for ${length} rows`,
    )
  return Array.from({ length }, (_, row) =>
    Object.fromEntries(columns.map(({ name }, i) => [name, values[i]?.[row] ?? null])),
  )
}

/** `{ precision: { i32Value: 10 }, … }` of a DECIMAL, VARCHAR or CHAR. */
function typeOf(entry: unknown, typeNames: ReadonlyMap<number, string>): string {
  const primitive = isRecord(entry) ? entry['primitiveEntry'] : undefined
  if (!isRecord(primitive)) return 'STRING'
  const name = typeNames.get(Number(primitive['type'])) ?? 'STRING'
  const qualifiers = isRecord(primitive['typeQualifiers']) ? primitive['typeQualifiers']['qualifiers'] : undefined
  if (!isRecord(qualifiers)) return name
  const numbers = ['precision', 'scale', 'characterMaximumLength'].flatMap((key) => {
    const qualifier = qualifiers[key]
    return isRecord(qualifier) && typeof qualifier['i32Value'] === 'number' ? [qualifier['i32Value']] : []
  })
  return numbers.length === 0 ? name : `${name}(${numbers.join(',')})`
}

/**
 * The columns a schema (TTableSchema) announces. Hive calls those of `select *` by table and name, `candle.market`; the
 * table is left out wherever that keeps all names apart.
 */
export function columnsOf(schema: unknown, typeNames: ReadonlyMap<number, string>): readonly HiveColumn[] {
  const given = isRecord(schema) ? schema['columns'] : undefined
  if (!Array.isArray(given)) return []
  const full = given.map((column: unknown) => {
    if (!isRecord(column) || typeof column['columnName'] !== 'string') throw broken('column', column)
    const types = isRecord(column['typeDesc']) ? column['typeDesc']['types'] : undefined
    return { name: column['columnName'], type: typeOf(Array.isArray(types) ? types[0] : undefined, typeNames) }
  })
  const short = full.map(({ name, type }) => ({ name: name.slice(name.indexOf('.') + 1), type }))
  const names = new Set(short.map(({ name }) => name))
  return names.size === full.length ? short : full
}

export function resultOf(columns: readonly HiveColumn[], pages: readonly (readonly ExactRow[])[]): ExactResult {
  return { columns, rows: pages.flat() }
}
