// Columns of the yearly Parquet files: which of them is which of ours, and as the same texts that a CSV has.
//
// Years differ: the day is a column or the index, a date, a timestamp or a text; the ratio is spelled in two ways; whole numbers are
// integers or doubles. The files are read as one, by name, so a column that only some years have is null in the others.

import { sqlName } from '../../operators/duckdb/session.ts'

export interface FileColumn {
  readonly name: string
  readonly type: string
}

/** What a column of ours is made of: the first that has a value in a row. */
export interface MappedColumn {
  readonly name: string
  readonly from: readonly FileColumn[]
}

/** Names beside our own, in the order they are looked at. pandas calls an index without a name `__index_level_0__`. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  Date: ['__index_level_0__', 'index'],
  ChagesRatio: ['ChangesRatio'],
}

const COLUMNS = [
  ...['Code', 'Name', 'Market', 'Dept', 'Close', 'ChangeCode', 'Changes', 'ChagesRatio', 'Open', 'High', 'Low'],
  ...['Volume', 'Amount', 'Marcap', 'Stocks', 'MarketId', 'Rank', 'Date'],
] as const

const isDay = (type: string) => /^(DATE|TIMESTAMP|VARCHAR)/.test(type)

/** Columns of ours that the files have; an index counts as a day only if its type can be one. */
export function mapColumns(given: readonly FileColumn[]): readonly MappedColumn[] {
  const byName = new Map(given.map((column) => [column.name.toLowerCase(), column]))
  return COLUMNS.flatMap((name) => {
    const from = [name, ...(OTHER_NAMES[name] ?? [])]
      .map((known) => byName.get(known.toLowerCase()))
      .filter((column) => column !== undefined)
      .filter((column) => name !== 'Date' || isDay(column.type))
    return from.length === 0 ? [] : [{ name, from }]
  })
}

/** A double that is whole is told without exponent and fraction: DuckDB writes 1e15 of what a CSV has as digits. */
const doubleText = (column: string) =>
  `case when ${column} = trunc(${column}) and abs(${column}) < 9007199254740992 then ${column}::bigint::varchar else ${column}::varchar end`

function textOf(name: string, { name: column, type }: FileColumn): string {
  const quoted = sqlName(column)
  // Midnight in Seoul, which is the day before in UTC.
  if (name === 'Date' && type === 'TIMESTAMP WITH TIME ZONE')
    return `(${quoted} at time zone 'Asia/Seoul')::date::varchar`
  if (name === 'Date' && type !== 'VARCHAR') return `${quoted}::date::varchar`
  if (type === 'DOUBLE' || type === 'FLOAT') return doubleText(quoted)
  return `${quoted}::varchar`
}

/** All columns of ours as texts, as a select list. */
export function selectList(columns: readonly MappedColumn[]): string {
  return columns
    .map(({ name, from }) => `coalesce(${from.map((column) => textOf(name, column)).join(', ')}) as ${sqlName(name)}`)
    .join(', ')
}

/** Of the files, told with their types: `ChangesRatio (DOUBLE)`. */
export const describeColumn = ({ name, type }: FileColumn): string => `${name} (${type})`

/** Columns that nothing of ours is made of. */
export function ignoredColumns(given: readonly FileColumn[], columns: readonly MappedColumn[]): readonly string[] {
  const used = new Set(columns.flatMap(({ from }) => from.map((column) => column.name)))
  return given.map((column) => column.name).filter((name) => !used.has(name))
}
