// Result tables: small tables that a task publishes (`publishReport`), and how a page draws them.

import { BaramError, messageOf } from './errors.ts'
import { checkJson, type JsonObject, type JsonValue } from './json.ts'

/** `instant`: epoch ms or ISO text with a zone, shown in the DAG's zone. */
export const COLUMN_TYPES = ['text', 'number', 'instant'] as const

export interface ResultColumn {
  readonly name: string
  readonly type: (typeof COLUMN_TYPES)[number]
  /** Shown after the name: `KRW`. */
  readonly unit?: string
}

/** A line of `y` over `x` (a number or instant), or bars of `y` by `x`. Names of columns. */
export interface ResultChart {
  readonly kind: 'line' | 'bar'
  readonly x: string
  readonly y: readonly string[]
}

export interface ResultTable {
  /** Default: the name. */
  readonly title?: string
  readonly columns: readonly ResultColumn[]
  /** Each as long as `columns`; `null` = no value. */
  readonly rows: readonly (readonly (string | number | null)[])[]
  /** Default: a table alone. Several charts stand below each other. */
  readonly charts?: readonly ResultChart[]
}

/** Bytes of a result table as JSON: Postgres and a page both hold it whole. */
export const RESULT_TABLE_BYTES = 1_048_576
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/
const MOST_COLUMNS = 100

function refuse(what: string, found: unknown): never {
  const text = JSON.stringify(found) ?? String(found)
  throw new BaramError('INPUT_INVALID', `publishReport: ${what}, found ${text.slice(0, 120)}`)
}

const isRecord = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readColumn(value: JsonValue): ResultColumn {
  const column: JsonObject = isRecord(value) ? value : {}
  const { name, type, unit } = column
  const known = COLUMN_TYPES.find((known) => known === type)
  if (
    typeof name !== 'string' ||
    name === '' ||
    known === undefined ||
    (unit !== undefined && typeof unit !== 'string')
  )
    return refuse(`a column is { name, type: ${COLUMN_TYPES.join(' | ')}, unit? }`, value)
  return { name, type: known, ...(unit !== undefined && { unit }) }
}

function readRow(value: JsonValue, at: number, columns: readonly ResultColumn[]): ResultTable['rows'][number] {
  if (!Array.isArray(value) || value.length !== columns.length)
    return refuse(`row ${at} must be a list of ${columns.length} values, one a column`, value)
  return (value as readonly JsonValue[]).map((cell, i) => {
    if (cell === null || typeof cell === 'number') return cell
    if (typeof cell === 'string' && columns[i]?.type !== 'number') return cell
    return refuse(`row ${at}, column ${columns[i]?.name ?? i} must be ${columns[i]?.type ?? 'text'} or null`, cell)
  })
}

function readChart(value: JsonValue, columns: readonly ResultColumn[]): ResultChart {
  const chart: JsonObject = isRecord(value) ? value : {}
  const { kind, x, y } = chart
  const numbers = columns.filter((column) => column.type === 'number').map((column) => column.name)
  const xColumn = columns.find((column) => column.name === x)
  const names = Array.isArray(y) ? (y as readonly JsonValue[]).map(String) : []
  if ((kind !== 'line' && kind !== 'bar') || xColumn === undefined || names.length === 0)
    return refuse('a chart is { kind: line | bar, x: a column, y: [columns] }', value)
  const wrong = names.find((name) => !numbers.includes(name))
  if (wrong !== undefined) return refuse('each y of a chart must be a number column', wrong)
  if (kind === 'line' && xColumn.type === 'text') return refuse('x of a line must be a number or instant column', x)
  return { kind, x: xColumn.name, y: names }
}

function listOf(args: JsonObject, name: string): readonly JsonValue[] {
  const value = args[name] ?? []
  return Array.isArray(value) ? (value as readonly JsonValue[]) : refuse(`${name} must be a list`, value)
}

/** @throws BaramError INPUT_INVALID */
export function checkResultTableName(name: unknown): string {
  if (typeof name === 'string' && NAME.test(name)) return name
  return refuse('its name must be 1 to 100 letters, digits, _ . or -, such as candle_price', name)
}

function checkTexts(report: ResultTable): void {
  try {
    checkJson(report)
  } catch (error) {
    refuse('its texts must be ones that can be stored', messageOf(error))
  }
}

/** A result table as a task gives it. @throws BaramError INPUT_INVALID */
export function readResultTable(args: JsonObject): ResultTable {
  const columns = listOf(args, 'columns').map(readColumn)
  if (columns.length === 0 || columns.length > MOST_COLUMNS)
    return refuse(`it needs 1 to ${MOST_COLUMNS} columns`, columns.length)
  const names = columns.map((column) => column.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) return refuse('two columns have one name', twice)
  const { title } = args
  if (title !== undefined && typeof title !== 'string') return refuse('its title must be text', title)
  const report: ResultTable = {
    ...(title !== undefined && { title }),
    columns,
    rows: listOf(args, 'rows').map((row, at) => readRow(row, at, columns)),
    charts: listOf(args, 'charts').map((chart) => readChart(chart, columns)),
  }
  checkTexts(report)
  const bytes = new TextEncoder().encode(JSON.stringify(report)).length
  if (bytes > RESULT_TABLE_BYTES)
    return refuse(
      `a result table has at most ${RESULT_TABLE_BYTES} bytes as JSON: publish fewer rows, or a path`,
      bytes,
    )
  return report
}
