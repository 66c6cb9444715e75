// Rows as a table that fits the terminal: cells are wrapped, and where that is not enough, columns are left out and named.
// Widths are what a terminal shows (string-width): Hangul takes two places a letter, an accent none.

import stringWidth from 'string-width'
import { style } from './style.ts'

/** One cell: its lines, and its colours. */
export interface Cell {
  readonly text: string
  readonly paint?: ((text: string) => string) | undefined
}

export interface Column {
  readonly name: string
  readonly cells: readonly Cell[]
}

export interface TableText {
  readonly text: string
  /** Names of columns for which there was no room. */
  readonly left: readonly string[]
}

/** A word longer than this is broken rather than given its room: a clock with its offset is the longest that is not. */
const LONGEST_WORD = 14
/** From the widest to the closest: one that is the same in all rows says nothing beside a closer one. */
const NAMES = ['dag_id', 'run_id', 'dag_run_id', 'task_id']
/** Least missed: a time has its offset, and an owner is rarely looked for. */
const GO_FIRST = ['timezone', 'local', 'owners']
/** What a row is looked at for. */
const STAY = ['state']
/** Beside each cell: a line and two blanks. */
const FRAME = 3

const PLAIN = /^[\x20-\x7e]*$/
export const widthOf = (text: string): number => (PLAIN.test(text) ? text.length : stringWidth(text))

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Pieces of at most so many places. */
function chop(word: string, width: number): string[] {
  const pieces: string[] = []
  let piece = ''
  let used = 0
  for (const { segment } of graphemes.segment(word)) {
    const more = widthOf(segment)
    if (used + more > width && piece !== '') {
      pieces.push(piece)
      piece = ''
      used = 0
    }
    piece += segment
    used += more
  }
  return [...pieces, piece]
}

/** A line on as many lines as it needs, broken at blanks where that is possible. */
export function wrap(line: string, width: number): string[] {
  if (widthOf(line) <= width) return [line]
  const lines: string[] = []
  let at = ''
  for (const word of line.split(' ')) {
    const joined = at === '' ? word : `${at} ${word}`
    if (widthOf(joined) <= width) {
      at = joined
      continue
    }
    if (at !== '') lines.push(at)
    const pieces = chop(word, width)
    lines.push(...pieces.slice(0, -1))
    at = pieces.at(-1) ?? ''
  }
  return [...lines, at]
}

const linesOf = (text: string): string[] => text.replaceAll('\t', '  ').split('\n')

const most = (numbers: Iterable<number>): number => {
  let found = 0
  for (const n of numbers) if (n > found) found = n
  return found
}

interface Measured extends Column {
  readonly natural: number
  readonly least: number
}

function measure({ name, cells }: Column): Measured {
  const lines = cells.flatMap(({ text }) => linesOf(text))
  const natural = Math.max(widthOf(name), most(lines.map(widthOf)))
  const word = most(lines.flatMap((line) => line.split(' ')).map(widthOf))
  return { name, cells, natural, least: Math.min(natural, Math.max(widthOf(name), Math.min(LONGEST_WORD, word))) }
}

const roomOf = (columns: readonly Measured[], of: 'natural' | 'least'): number =>
  columns.reduce((sum, column) => sum + column[of] + FRAME, 1)

const isSame = ({ cells }: Column): boolean => cells.every(({ text }) => text === cells[0]?.text)

/** A name that the command was given, or that stands once above a closer one: nobody misses it. */
function isImplied(column: Column, columns: readonly Column[]): boolean {
  const at = NAMES.indexOf(column.name)
  return at >= 0 && isSame(column) && columns.some(({ name }) => NAMES.indexOf(name) > at)
}

/** The column that goes next, when there is no room for all. */
function nextToGo(columns: readonly Measured[]): Measured | undefined {
  const rest = columns.slice(1)
  return (
    columns.find((column) => isImplied(column, columns)) ??
    rest.find(({ name }) => GO_FIRST.includes(name)) ??
    rest.findLast(({ name }) => !STAY.includes(name)) ??
    rest[0]
  )
}

/** Width of each column: the widest give way first. */
function widthsOf(columns: readonly Measured[], width: number): number[] {
  const widths = columns.map(({ natural }) => natural)
  for (let over = roomOf(columns, 'natural') - width; over > 0; over--) {
    let widest = -1
    for (const [i, { least }] of columns.entries())
      if ((widths[i] ?? 0) > least && (widths[i] ?? 0) > (widths[widest] ?? 0)) widest = i
    if (widest === -1) break
    widths[widest] = (widths[widest] ?? 1) - 1
  }
  return widths
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

function rowText(cells: readonly Cell[], widths: readonly number[]): string {
  const wrapped = cells.map(({ text }, i) => linesOf(text).flatMap((line) => wrap(line, widths[i] ?? 0)))
  const height = Math.max(...wrapped.map((lines) => lines.length))
  return Array.from({ length: height }, (_, at) => {
    const line = cells.map(({ paint }, i) => {
      const padded = pad(wrapped[i]?.[at] ?? '', widths[i] ?? 0)
      return paint === undefined ? padded : paint(padded)
    })
    return `│ ${line.join(' │ ')} │`
  }).join('\n')
}

const ruleText = (widths: readonly number[], [left, middle, right]: readonly [string, string, string]): string =>
  left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right

/**
 * The table in a frame, headings in bold.
 * @param width places of the terminal; null = as wide as it needs
 */
export function tableText(columns: readonly Column[], width: number | null): TableText {
  let kept = columns.map(measure)
  const left: string[] = []
  while (width !== null && kept.length > 1 && roomOf(kept, 'least') > width) {
    const gone = nextToGo(kept)
    kept = kept.filter((column) => column !== gone)
    if (gone !== undefined) left.push(gone.name)
  }
  const widths = width === null ? kept.map(({ natural }) => natural) : widthsOf(kept, width)
  const head = kept.map(({ name }): Cell => ({ text: name, paint: style.bold }))
  const rows = (kept[0]?.cells ?? []).map((_, i) => kept.map(({ cells }) => cells[i] ?? { text: '' }))
  const text = [
    ruleText(widths, ['┌', '┬', '┐']),
    rowText(head, widths),
    ruleText(widths, ['├', '┼', '┤']),
    ...rows.map((cells) => rowText(cells, widths)),
    ruleText(widths, ['└', '┴', '┘']),
  ].join('\n')
  return { text, left }
}
