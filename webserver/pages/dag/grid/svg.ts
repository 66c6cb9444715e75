// The run grid as SVG text: days, bars, cells, selection. Geometry from shared/grid.ts; data only as escaped text.

import { clock, day } from '../../../../core/times.ts'
import { MARKS } from '../../../states/cells.ts'
import { escapeHtml } from '../../frame/markup.ts'
import {
  BAR_HEIGHT,
  barHeight,
  barScale,
  columnX,
  drawBars,
  drawRow,
  type GridData,
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

/** Day names where the day changes, then hours where they have room beside them. */
function axis(data: GridData, zone: string): string {
  const days = data.runs.map((run) => day(run.after, zone))
  const starts = days.flatMap((name, i) => (i === 0 || days[i - 1] !== name ? [i] : []))
  const height = gridHeight(data.rows.length)
  const parts: string[] = []
  const taken: [number, number][] = []
  for (const [k, i] of starts.entries()) {
    const x = columnX(i)
    if (i > 0) parts.push(`<line class="gl" x1="${x - 2}" x2="${x - 2}" y1="0" y2="${height}"/>`)
    // A day whose name would run into the next day's is left to the next.
    const next = starts[k + 1]
    const room = next === undefined ? gridWidth(data.runs.length) - x : columnX(next) - x
    if (room < DAY_ROOM) continue
    parts.push(`<text class="day" x="${x + 3}" y="13">${escapeHtml(days[i] ?? '')}</text>`)
    taken.push([x, x + DAY_ROOM])
  }
  for (const [i, run] of data.runs.entries()) {
    const x = columnX(i) + 7
    const [from, to] = [x - HOUR_ROOM / 2, x + HOUR_ROOM / 2]
    if (from < 0 || to > gridWidth(data.runs.length) || taken.some(([a, b]) => from < b && to > a)) continue
    parts.push(`<text x="${x}" y="13" text-anchor="middle">${escapeHtml(clock(run.after, zone))}</text>`)
    taken.push([from - HOUR_ROOM, to + HOUR_ROOM])
  }
  return parts.join('')
}

function versions(data: GridData): string {
  return data.runs
    .flatMap((run, i) => {
      const before = data.runs[i - 1]
      if (before === undefined || run.version === null || before.version === run.version) return []
      const x = columnX(i) - 2
      return [
        `<line class="ver" x1="${x}" x2="${x}" y1="34" y2="${gridHeight(data.rows.length)}"/><rect class="vb" x="${x - 11}" y="20" width="22" height="15" rx="3"/><text class="vt" x="${x}" y="31" text-anchor="middle">v${run.version}</text>`,
      ]
    })
    .join('')
}

export function barsSvg(data: GridData, now: number): string {
  const scale = barScale(data.runs, now)
  return data.runs
    .map((run, i) => {
      const h = barHeight(run, scale, now)
      const x = columnX(i)
      const mark =
        (run.state === 'failed' || run.state === 'running') && h > 14
          ? `<path class="m m-${run.state}" transform="translate(${x} ${HEAD - 20})" d="${MARKS[run.state]}"/>`
          : ''
      const d = typeMark(run.type, i, HEAD - 5 - h)
      const type = d === null ? '' : `<path class="man" d="${d}"/>`
      return `<rect class="b f-${escapeHtml(run.state)}" x="${x + 1.5}" y="${HEAD - 5 - h}" width="11" height="${h}" rx="1.5"/>${mark}${type}`
    })
    .join('')
}

/** Median of the runs that ended well, and its line. */
function medianLine(data: GridData, now: number): string {
  const middle = medianSeconds(data, now)
  if (middle === null) return ''
  const scale = barScale(data.runs, now)
  const y = HEAD - 5 - Math.min(66, Math.round((middle / scale) * 66))
  return `<line class="avg" x1="0" x2="${gridWidth(data.runs.length)}" y1="${y}" y2="${y}"/>`
}

export const medianSeconds = (data: GridData, now: number): number | null =>
  median(data.runs.flatMap((run) => (run.state === 'success' ? (runSeconds(run, now) ?? []) : [])))

/** A dotted line where dates of the schedule have no run; it leads to their backfill. */
function gapLines(data: GridData, gaps: readonly GridGap[]): string {
  const height = gridHeight(data.rows.length)
  return gaps
    .map(({ after, title, href }) => {
      const x = columnX(data.runs.findIndex((run) => run.id === after)) + PITCH - 2
      return `<a tabindex="-1" href="${escapeHtml(href)}"><title>${escapeHtml(`No run for ${title}: backfill`)}</title><rect class="gaphit" x="${x - 4}" y="20" width="8" height="${height - 20}"/><line class="gap" x1="${x}" x2="${x}" y1="20" y2="${height}"/></a>`
    })
    .join('')
}

/**
 * Two drawings of one plane, cut at the line below the bars: the head stays in view while the rows scroll.
 */
export function gridSvg(
  data: GridData,
  selected: GridSelection,
  zone: string,
  now: number,
  gaps: readonly GridGap[] = [],
): string {
  const width = gridWidth(data.runs.length)
  const height = gridHeight(data.rows.length)
  const { column, row } = selected
  const tint =
    (column < 0
      ? ''
      : `<rect class="hl" x="${columnX(column) - 2}" width="${PITCH}" y="20" height="${height - 20}"/>`) +
    (row < 0 ? '' : `<rect class="rowhl" x="0" width="${width}" y="${HEAD + row * ROW}" height="${ROW}"/>`)
  const rows = data.rows
    .map((item, r) => {
      const { bodies, marks } = drawRow(rowLetters(data, item), r)
      const body = bodies.map(({ cls, d }) => `<path class="${cls}" d="${d}"/>`).join('')
      const mark = marks
        .map(({ cls, d, transform }) => `<path class="${cls}" transform="${transform}" d="${d}"/>`)
        .join('')
      const bars = drawBars(data, item, r)
        .map(
          ({ cls, x, y, width: w }) => `<rect class="${cls}" x="${x}" y="${y}" width="${w}" height="${BAR_HEIGHT}"/>`,
        )
        .join('')
      return `<g data-row="${r}">${body}${mark}${bars}</g>`
    })
    .join('')
  const ring =
    column < 0 || row < 0
      ? ''
      : `<rect class="selc" x="${columnX(column) - 1.5}" y="${rowY(row) - 1.5}" width="17" height="17" rx="4"/>`
  const back = `${tint}${axis(data, zone)}${versions(data)}`
  const lines = gapLines(data, gaps)
  const svg = (id: string, top: number, tall: number, inner: string) =>
    `<svg class="gs" id="${id}" width="${width}" height="${tall}" viewBox="0 ${top} ${width} ${tall}" aria-hidden="true">${back}${inner}${lines}</svg>`
  const rule = `<line class="gl" x1="0" x2="${width}" y1="${HEAD - 0.5}" y2="${HEAD - 0.5}"/>`
  const head = `${medianLine(data, now)}${rule}<g id="grid-bars">${barsSvg(data, now)}</g>`
  return `<div class="ghead">${svg('grid-head', 0, HEAD, head)}</div>${svg('grid-svg', HEAD, height - HEAD, `${rows}${ring}`)}`
}
