// Rows of the log, drawn the same by the server and by the browser.

import { ansiSpans } from './ansi.ts'
import type { LogGroup, ShownLine } from './line.ts'
import { type Piece, type Tag, tag } from './piece.ts'
import { SHOWN_ROWS, type TraceItem, traceItems } from './trace.ts'

const LEVEL_CLASSES = { error: ' e', warning: ' w', info: '', debug: ' d' } as const

const count = (n: number, word: string): string => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`

function traceRow(item: TraceItem): Tag {
  if (item.kind !== 'stack') return tag('div', `tr ${item.kind}`, item.text)
  const label = `Whole stack, ${count(item.rows.length, 'frame')}`
  return tag('details', 'stack', tag('summary', {}, label), ...item.rows.map(traceRow))
}

/** The exception below its line: the first rows, the rest behind a fold that needs no script. */
function traceBlock(text: string): Tag {
  const items = traceItems(text)
  // A fold that hides one row costs the row it takes itself.
  const shown = items.length <= SHOWN_ROWS + 1 ? items : items.slice(0, SHOWN_ROWS)
  const rest = items.slice(shown.length)
  const fold =
    rest.length === 0
      ? []
      : [tag('details', 'more', tag('summary', {}, `Show ${count(rest.length, 'more line')}`), ...rest.map(traceRow))]
  return tag('div', 'trace', ...shown.map(traceRow), ...fold)
}

const spans = (text: string): Piece[] =>
  ansiSpans(text).map((span) => (span.cls === '' ? span.text : tag('span', span.cls, span.text)))

function cells({ n, clock, level, text, trace, cut }: ShownLine, after: readonly Piece[] = []): Piece[] {
  const number = n === null ? tag('a', {}) : tag('a', { href: `#L${n}` }, String(n))
  const more = cut === undefined ? [] : [tag('span', 'cut', ` … ${count(cut, 'more character')}, in the download`)]
  return [
    number,
    tag('time', {}, clock),
    tag('b', {}, level),
    tag('span', {}, ...spans(text), ...more, ...after),
    ...(trace === undefined ? [] : [traceBlock(trace)]),
  ]
}

const attrs = ({ n, level, mark }: ShownLine): Tag['attrs'] => ({
  class: `l${LEVEL_CLASSES[level]}${mark === 'group' ? ' ghead' : ''}`,
  id: n === null ? null : `L${n}`,
  'data-level': level,
  // Nobody reads that a group has ended: its fold says so.
  hidden: mark === 'end' ? true : null,
})

export const lineRow = (line: ShownLine): Tag => tag('div', attrs(line), ...cells(line))

/** Whether a group is drawn open: errors, what is still being written, and what reaches beyond the loaded lines must be seen. */
export const isGroupOpen = (group: LogGroup, first: number, last: number): boolean =>
  group.hasError || group.end === null || group.start < first || group.end > last

/**
 * A group's fold with its first row; the rows inside are put into it.
 * @param head the line that began it, or null when that is not loaded: its title stands in its place
 */
export function groupFold(group: LogGroup, head: ShownLine | null, isOpen: boolean, rows: readonly Piece[] = []): Tag {
  const line = head ?? { n: group.start, clock: '', level: 'info', text: group.title, mark: 'group' }
  const lines = group.end === null ? [] : [tag('span', 'glen', `  ${count(group.lines, 'line')}`)]
  const first = tag('span', { ...attrs(line), 'data-out': head === null ? true : null }, ...cells(line, lines))
  return tag(
    'details',
    { class: 'g', 'data-start': String(group.start), open: isOpen ? true : null },
    tag('summary', {}, first),
    ...rows,
  )
}

/** The rows of a part of the log, groups folded. */
export function windowRows(lines: readonly ShownLine[], groups: readonly LogGroup[]): Piece[] {
  const byStart = new Map(groups.map((group) => [group.start, group]))
  const first = lines[0]?.n ?? 0
  const last = lines.at(-1)?.n ?? 0
  const rows: Piece[] = []
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]
    const group = line?.group === undefined ? undefined : byStart.get(line.group)
    if (line === undefined || group === undefined) {
      if (line !== undefined) rows.push(lineRow(line))
      i++
      continue
    }
    const isHead = line.mark === 'group'
    let end = i + 1
    while (end < lines.length && lines[end]?.group === group.start) end++
    const inside = lines.slice(isHead ? i + 1 : i, end).map(lineRow)
    rows.push(groupFold(group, isHead ? line : null, isGroupOpen(group, first, last), inside))
    i = end
  }
  return rows
}
