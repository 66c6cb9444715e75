// The gantt of a run as SVG: a line a task in topological order, its slot, its tries by outcome, the waits between them.

import { clockSeconds, duration } from '../../../core/times.ts'
import type { CellState } from '../../states/cells.ts'
import { element, type Html, join, text } from '../frame/element.ts'
import { cellShapes } from '../frame/state-cell.ts'
import { type Span, ticks, type Work } from './timeline.ts'

export interface GanttRow {
  readonly taskId: string
  /** What stands before its line. */
  readonly name: string
  readonly state: CellState
  /** Of a mapped task, how many instances. */
  readonly n: number | null
  readonly work: readonly Work[]
  readonly isCritical: boolean
  readonly isSelected: boolean
  readonly href: string
}

const WIDTH = 1_200
const NAMES = 200
/** Room behind the last bar for how long it took. */
const AFTER = 70
const TOP = 24
const ROW = 24
/** Characters of a name that fit. */
const NAME_LENGTH = 24
/** A bar is seen however short it is. */
const LEAST = 3
/** A wait is drawn from here on: a slot is given a moment before a worker begins. */
const LEAST_WAIT = 2

const cut = (name: string): string => (name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 1)}…`)
const round = (x: number): number => Math.round(x * 10) / 10

type Scale = (at: number) => number

const scaleOf =
  ({ start, end }: Span): Scale =>
  (at) =>
    NAMES + (Math.max(0, at - start) / Math.max(1, end - start)) * (WIDTH - NAMES - AFTER)

function axis(span: Span, x: Scale, height: number, zone: string): Html[] {
  const lines = ticks((span.end - span.start) / 1_000)
  return lines.flatMap((seconds) => {
    const at = round(x(span.start + seconds * 1_000))
    const isFirst = seconds === 0
    const words = isFirst ? clockSeconds(span.start, zone) : `+${duration(seconds)}`
    return [
      element('line', { class: 'gl', x1: at, x2: at, y1: TOP - 6, y2: height }),
      element('text', { class: 'ax', x: at, y: 13, 'text-anchor': isFirst ? 'start' : 'middle' }, text(words)),
    ]
  })
}

/** A try: what it waited for its worker, then its bar; before it the wait since the try before. */
function piece(work: Work, before: Work | undefined, x: Scale, y: number): Html[] {
  const [from, to] = [x(work.start), x(work.end)]
  const since = before === undefined ? null : x(before.end)
  const queued = work.queued === null ? from : Math.max(x(work.queued), since ?? 0)
  const parts: Html[] = []
  if (since !== null && queued - since > LEAST_WAIT)
    parts.push(element('line', { class: 'w', x1: round(since + 1), x2: round(queued - 1), y1: y + 12, y2: y + 12 }))
  if (from - queued > LEAST_WAIT)
    parts.push(
      element('rect', { class: 'q', x: round(queued), y: y + 9, width: round(from - queued), height: 6, rx: 1 }),
    )
  const width = round(Math.max(LEAST, to - from))
  parts.push(
    element('rect', { class: `b f-${work.state ?? 'none'}`, x: round(from), y: y + 6, width, height: 12, rx: 1.5 }),
  )
  return parts
}

const NOT_BEGUN: Readonly<Partial<Record<CellState, string>>> = {
  upstream_failed: 'did not start',
  skipped: 'skipped',
  removed: 'removed',
  none: 'waits',
  scheduled: 'waits for a slot',
  queued: 'waits for a worker',
}

function line(row: GanttRow, i: number, x: Scale): Html {
  const y = TOP + i * ROW
  const last = row.work.at(-1)
  const took = last === undefined ? null : duration((last.end - last.start) / 1_000)
  const words =
    last === undefined
      ? (NOT_BEGUN[row.state] ?? '')
      : `${took}${row.work.length > 1 ? `, try ${row.work.length}` : ''}`
  const at = last === undefined ? NAMES + 4 : round(Math.max(x(last.end), x(last.start) + LEAST) + 6)
  const name = row.n === null ? row.name : `${row.name} ×${row.n.toLocaleString('en')}`
  return element(
    'a',
    {
      href: row.href,
      'data-go': row.isSelected ? null : true,
      'aria-label': `${name}: ${row.state.replaceAll('_', ' ')}${words === '' ? '' : `, ${words}`}`,
    },
    element('rect', { class: row.isSelected ? 'on' : 'over', x: 0, y, width: WIDTH, height: ROW }),
    element('g', { transform: `translate(4 ${y + 5})` }, cellShapes(row.state)),
    element(
      'text',
      { class: row.isCritical ? 'nm crit' : 'nm', x: 24, y: y + 16 },
      element('title', {}, text(name)),
      text(cut(name)),
    ),
    ...row.work.flatMap((work, k) => piece(work, row.work[k - 1], x, y)),
    element('text', { class: 'd', x: at, y: y + 16 }, text(words)),
  )
}

/** @param span of the run: from its start to its end, or to now */
export function ganttSvg(rows: readonly GanttRow[], span: Span, zone: string): Html {
  const height = TOP + rows.length * ROW + 4
  const x = scaleOf(span)
  return element(
    'svg',
    { class: 'gantt', viewBox: `0 0 ${WIDTH} ${height}`, role: 'group', 'aria-label': 'Tasks of the run in time' },
    join(axis(span, x, height, zone)),
    join(rows.map((row, i) => line(row, i, x))),
  )
}
