// What commands print: tables for people, JSON and YAML for programs, plain columns for pipes.

import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import { BaramError } from '../core/errors.ts'
import { Moment } from './moment.ts'
import { colorOfState } from './state-colors.ts'
import { style } from './style.ts'
import { type Cell, type TableText, tableText } from './table.ts'
import { escapeUnseen, forTerminal, hasUnseen, visible, visibleCell } from './visible.ts'

export const FORMATS = ['table', 'json', 'yaml', 'plain'] as const
export type Format = (typeof FORMATS)[number]

export type Row = Readonly<Record<string, unknown>>

const require = createRequire(import.meta.url)
/** Loaded when something is read or written in it: 8 MB and some 50 ms of a process. */
export const yaml = () => require('yaml') as typeof Yaml

let code = 0

/** Remembered until the command has cleaned up; `process.exit` in the middle would lose output. */
export function setExitCode(value: number): void {
  code = Math.max(code, value)
}
export const exitCode = (): number => code

/** Streams whose reader has gone (`| head`): what would be written there is dropped. */
const closed = new Set<NodeJS.WritableStream>()

/**
 * Output that nobody reads ends nobody. A command must reach its end, which gives back what it took (a Postgres it has
 * started), and a standalone has more to do than to talk.
 */
export function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const isFirst = !closed.has(stream)
      closed.add(stream)
      if (error.code === 'EPIPE' || !isFirst) return
      tell(`dagctl: the output cannot be written: ${error.message}`)
      setExitCode(1)
    })
  }
}

/** False once the reader of the output has gone: who goes on only to be read may stop. */
export const hasReader = (): boolean => !closed.has(process.stdout)

export function print(text: string): void {
  if (hasReader()) process.stdout.write(forTerminal(text.endsWith('\n') ? text : `${text}\n`))
}

/** Hints and progress, apart from the output that programs read. */
export function tell(text: string): void {
  if (!closed.has(process.stderr)) process.stderr.write(`${forTerminal(text)}\n`)
}

export function readFormat(text: string): Format {
  const format = FORMATS.find((known) => known === text)
  if (format === undefined)
    throw new BaramError(
      'INPUT_INVALID',
      `the output format is one of ${FORMATS.join(', ')}; found ${JSON.stringify(text)}`,
    )
  return format
}

const textOf = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || value instanceof Moment) return String(value)
  return JSON.stringify(value)
}

/** Places of a line where a person reads; null = a pipe or a file, which has any number. */
const terminalWidth = (): number | null => (process.stdout.isTTY ? process.stdout.columns : null)

const cellOf = (column: string, value: unknown, isTerminal: boolean): Cell => ({
  text: visible(value instanceof Moment && isTerminal ? value.local() : textOf(value)),
  paint: column === 'state' && typeof value === 'string' ? colorOfState(value) : undefined,
})

/** @param width places of the terminal; null = no terminal */
function tableOf(rows: readonly Row[], columns: readonly string[], width: number | null): TableText {
  if (rows.length === 0) return { text: 'No data found', left: [] }
  const isTerminal = width !== null
  return tableText(
    columns.map((name) => ({ name, cells: rows.map((row) => cellOf(name, row[name], isTerminal)) })),
    width,
  )
}

/** One thing, a field on a line. */
function recordOf(row: Row, columns: readonly string[], width: number | null): TableText {
  const isTerminal = width !== null
  return tableText(
    [
      { name: 'field', cells: columns.map((text) => ({ text })) },
      { name: 'value', cells: columns.map((name) => cellOf(name, row[name], isTerminal)) },
    ],
    width,
  )
}

function printTable({ text, left }: TableText): void {
  print(text)
  if (left.length > 0) tell(style.dim(`No room for ${left.join(', ')}: see -o plain, or a wider terminal.`))
}

/** JSON for programs: printed as it is, whatever its texts hold. */
export const jsonText = (value: unknown): string => escapeUnseen(JSON.stringify(value, null, 2))

/** All texts in quotes: block texts and plain ones lose line ends and blanks, or become numbers to another reader. */
export const QUOTED = {
  defaultStringType: 'QUOTE_DOUBLE',
  defaultKeyType: 'QUOTE_DOUBLE',
  doubleQuotedAsJSON: true,
  lineWidth: 0,
} as const satisfies Yaml.ToStringOptions

function yamlText(value: unknown): string {
  const { stringify } = yaml()
  const text = stringify(value)
  return hasUnseen(text) ? escapeUnseen(stringify(value, QUOTED)) : text
}

/** One kind of thing in rows. Columns are the keys of the first row, or those given (so that an empty list has a header). */
export function formatRows(
  rows: readonly Row[],
  format: Format,
  columns = Object.keys(rows[0] ?? {}),
  width = terminalWidth(),
): string {
  switch (format) {
    case 'json':
      return jsonText(rows)
    case 'yaml':
      return yamlText(rows)
    case 'plain':
      return [columns, ...rows.map((row) => columns.map((column) => visibleCell(textOf(row[column]))))]
        .map((cells) => cells.join('\t'))
        .join('\n')
    case 'table':
      return tableOf(rows, columns, width).text
  }
}

export function printRows(rows: readonly Row[], format: Format, columns = Object.keys(rows[0] ?? {})): void {
  if (format === 'table') printTable(tableOf(rows, columns, terminalWidth()))
  else print(formatRows(rows, format, columns))
}

/** One thing: as rows of one for programs, a field on a line for people. */
export function printRecord(row: Row, format: Format, columns: readonly string[]): void {
  if (format === 'table') printTable(recordOf(row, columns, terminalWidth()))
  else print(formatRows([row], format, [...columns]))
}

/** An instant as ISO text in UTC, or empty. */
export const when = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? '' : new Date(ms).toISOString()
