// The run grid as SVG: days, bars, cells, selection, by the geometry that the browser has too.

import { clock, day } from '../../../../core/times.ts'
import { MARKS } from '../../../states/cells.ts'
import { element, type Html, join, text } from '../../frame/element.ts'
import {
  BAR_HEIGHT,
  barHeight,
  barScale,
  columnX,
  drawBars,
  drawRow,
  type GridData,
  type GridRow,
  gridHeight,
  gridWidth,
  HEAD,
  median,
  PITCH,
  ROW,
  rowLetters,
  rowY,
  runSeconds,
  typeMark,
} from './geometry.ts'
import type { GridGap } from './missing-runs.ts'

export interface GridSelection {
  readonly column: number
  readonly row: number
}

/** Room that a day's name and an hour take, px. */
const DAY_ROOM = 78
const HOUR_ROOM = 44

type Span = readonly [from: number, to: number]

/** Day names where the day changes, with the room that each takes. */
function dayNames(data: GridData, zone: string): { readonly parts: Html[]; readonly taken: readonly Span[] } {
  const days = data.runs.map((run) => day(run.after, zone))
  const starts = days.flatMap((name, i) => (i === 0 || days[i - 1] !== name ? [i] : []))
  const parts: Html[] = []
  const taken: Span[] = []
  for (const [k, i] of starts.entries()) {
    const x = columnX(i)
    if (i > 0)
      parts.push(element('line', { class: 'gl', x1: x - 2, x2: x - 2, y1: 0, y2: gridHeight(data.rows.length) }))
    // A day whose name would run into the next day's is left to the next.
    const next = starts[k + 1]
    const end = next === undefined ? gridWidth(data.runs.length) : columnX(next)
    if (end - x < DAY_ROOM) continue
    parts.push(element('text', { class: 'day', x: x + 3, y: 13 }, text(days[i] ?? '')))
    taken.push([x, x + DAY_ROOM])
  }
  return { parts, taken }
}

/** Day names, then hours where they have room beside them. */
function axis(data: GridData, zone: string): Html[] {
  const { parts, taken: names } = dayNames(data, zone)
  const taken = [...names]
  for (const [i, run] of data.runs.entries()) {
    const x = columnX(i) + 7
    const from = x - HOUR_ROOM / 2
    const to = x + HOUR_ROOM / 2
    if (from < 0 || to > gridWidth(data.runs.length) || taken.some(([a, b]) => from < b && to > a)) continue
    parts.push(element('text', { x, y: 13, 'text-anchor': 'middle' }, text(clock(run.after, zone))))
    taken.push([from - HOUR_ROOM, to + HOUR_ROOM])
  }
  return parts
}

/** A line where the version changes. */
const versions = (data: GridData): Html[] =>
  data.runs.flatMap((run, i) => {
    const before = data.runs[i - 1]
    if (before === undefined || run.version === null || before.version === run.version) return []
    const x = columnX(i) - 2
    return [
      element('line', { class: 'ver', x1: x, x2: x, y1: 34, y2: gridHeight(data.rows.length) }),
      element('rect', { class: 'vb', x: x - 11, y: 20, width: 22, height: 15, rx: 3 }),
      element('text', { class: 'vt', x, y: 31, 'text-anchor': 'middle' }, text(`v${run.version}`)),
    ]
  })

/** The bars above the cells: how long each run took. */
function bars(data: GridData, now: number): Html[] {
  const scale = barScale(data.runs, now)
  return data.runs.flatMap((run, i) => {
    const { state } = run
    const h = barHeight(run, scale, now)
    const x = columnX(i)
    const y = HEAD - 5 - h
    const hasMark = (state === 'failed' || state === 'running') && h > 14
    const type = typeMark(run.type, i, y)
    return [
      element('rect', { class: `b f-${state}`, x: x + 1.5, y, width: 11, height: h, rx: 1.5 }),
      ...(hasMark
        ? [element('path', { class: `m m-${state}`, transform: `translate(${x} ${HEAD - 20})`, d: MARKS[state] })]
        : []),
      ...(type === null ? [] : [element('path', { class: 'man', d: type })]),
    ]
  })
}

/** Median of the runs that ended well, and its line. */
function medianLine(data: GridData, now: number): Html[] {
  const middle = medianSeconds(data, now)
  if (middle === null) return []
  const y = HEAD - 5 - Math.min(66, Math.round((middle / barScale(data.runs, now)) * 66))
  return [element('line', { class: 'avg', x1: 0, x2: gridWidth(data.runs.length), y1: y, y2: y })]
}

export const medianSeconds = (data: GridData, now: number): number | null =>
  median(data.runs.flatMap((run) => (run.state === 'success' ? (runSeconds(run, now) ?? []) : [])))

/** A dotted line where dates of the schedule have no run; it leads to their backfill. */
function gapLines(data: GridData, gaps: readonly GridGap[]): Html[] {
  const height = gridHeight(data.rows.length)
  return gaps.map(({ after, title, href }) => {
    const x = columnX(data.runs.findIndex((run) => run.id === after)) + PITCH - 2
    return element(
      'a',
      { tabindex: -1, href },
      element('title', {}, text(`No run for ${title}: backfill`)),
      element('rect', { class: 'gaphit', x: x - 4, y: 20, width: 8, height: height - 20 }),
      element('line', { class: 'gap', x1: x, x2: x, y1: 20, y2: height }),
    )
  })
}

/** The selected column and row, behind everything. */
function tint(data: GridData, { column, row }: GridSelection): Html[] {
  const height = gridHeight(data.rows.length) - 20
  const width = gridWidth(data.runs.length)
  return [
    ...(column < 0 ? [] : [element('rect', { class: 'hl', x: columnX(column) - 2, width: PITCH, y: 20, height })]),
    ...(row < 0 ? [] : [element('rect', { class: 'rowhl', x: 0, width, y: HEAD + row * ROW, height: ROW })]),
  ]
}

/** The ring around the selected cell. */
const ring = ({ column, row }: GridSelection): Html[] =>
  column < 0 || row < 0
    ? []
    : [
        element('rect', {
          class: 'selc',
          x: columnX(column) - 1.5,
          y: rowY(row) - 1.5,
          width: 17,
          height: 17,
          rx: 4,
        }),
      ]

/** The cells of a row, their marks, and the bars of a mapped task's. */
function rowGroup(data: GridData, row: GridRow, r: number): Html {
  const { bodies, marks } = drawRow(rowLetters(data, row), r)
  return element(
    'g',
    { 'data-row': r },
    ...bodies.map(({ cls, d }) => element('path', { class: cls, d })),
    ...marks.map(({ cls, d, transform }) => element('path', { class: cls, transform, d })),
    ...drawBars(data, row, r).map(({ cls, x, y, width }) =>
      element('rect', { class: cls, x, y, width, height: BAR_HEIGHT }),
    ),
  )
}

/** Two drawings of one plane, cut at the line below the bars: the head stays in view while the rows scroll. */
export function gridSvg(
  data: GridData,
  selected: GridSelection,
  zone: string,
  now: number,
  gaps: readonly GridGap[] = [],
): Html {
  const width = gridWidth(data.runs.length)
  const height = gridHeight(data.rows.length)
  const back = [...tint(data, selected), ...axis(data, zone), ...versions(data)]
  const svg = (id: string, top: number, tall: number, inner: readonly Html[]) =>
    element(
      'svg',
      { class: 'gs', id, width, height: tall, viewBox: `0 ${top} ${width} ${tall}`, 'aria-hidden': 'true' },
      ...back,
      ...inner,
      ...gapLines(data, gaps),
    )
  const rule = element('line', { class: 'gl', x1: 0, x2: width, y1: HEAD - 0.5, y2: HEAD - 0.5 })
  const head = [...medianLine(data, now), rule, element('g', { id: 'grid-bars' }, ...bars(data, now))]
  const rows = [...data.rows.map((row, r) => rowGroup(data, row, r)), ...ring(selected)]
  return join([
    element('div', { class: 'ghead' }, svg('grid-head', 0, HEAD, head)),
    svg('grid-svg', HEAD, height - HEAD, rows),
  ])
}
