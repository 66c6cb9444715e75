// Geometry of the run grid: rows × runs, one path a state a row. Pure, so that server and browser draw the same cells.

import { MARKS, stateOf, worstLetter } from '../../../states/cells.ts'
import { barParts, readTally } from '../../../states/tally.ts'

export const PITCH = 18
export const ROW = 26
/** Height of the bars' part above the rows. */
export const HEAD = 104
const CELL = 14
const MOST_BAR = 66

export interface GridRun {
  readonly id: number
  readonly run: string
  state: string
  readonly type: string
  /** Epoch ms. */
  readonly after: number
  start: number | null
  end: number | null
  readonly version: number | null
  /** When it ran, for its card and labels. */
  readonly label: string
  readonly interval: string
}

export interface GridRow {
  /** Task or group id. */
  readonly id: string
  readonly label: string
  readonly isGroup: boolean
  readonly isFolded: boolean
  /** Its cells carry a bar of the states of its instances. */
  readonly isMapped: boolean
  readonly depth: number
  /** Task ids whose states the row shows: itself, or everything in the group. */
  readonly tasks: readonly string[]
}

export interface GridData {
  readonly dag: string
  readonly runs: GridRun[]
  readonly rows: readonly GridRow[]
  /** A letter a run, by task id. */
  readonly cells: Record<string, string>
  /** Of mapped tasks a tally a run, by task id; empty where there is but one instance. */
  readonly tallies: Record<string, string[]>
  /** Seconds a run, by task id; null = none. */
  readonly took: Record<string, (number | null)[]>
}

export interface Shape {
  readonly cls: string
  readonly d: string
}

export const columnX = (i: number): number => i * PITCH + 4
export const rowY = (r: number): number => HEAD + r * ROW + (ROW - CELL) / 2
/** Never narrower than the name of a day. */
export const gridWidth = (runs: number): number => Math.max(runs * PITCH + 10, 100)
export const gridHeight = (rows: number): number => HEAD + rows * ROW

/** The letters a row shows. */
export function rowLetters(data: GridData, row: GridRow): string {
  const lines = row.tasks.map((task) => data.cells[task] ?? '')
  return data.runs.map((_, i) => worstLetter(lines.map((line) => line[i] ?? '.'))).join('')
}

export interface Bar {
  readonly cls: string
  readonly x: number
  readonly y: number
  readonly width: number
}

export const BAR_HEIGHT = 3
/** The bars under the cells of a mapped task's row. */
export function drawBars(data: GridData, row: GridRow, r: number): Bar[] {
  if (!row.isMapped) return []
  const round = (value: number) => Math.round(value * 10) / 10
  return (data.tallies[row.id] ?? []).flatMap((text, i) =>
    text === ''
      ? []
      : barParts(readTally(text), CELL, BAR_HEIGHT).map(({ state, x, width }) => ({
          cls: `mb s-${state}`,
          x: round(columnX(i) + x),
          y: rowY(r) + CELL + 1,
          width: round(Math.max(0.5, width - 0.4)),
        })),
  )
}

export interface Mark extends Shape {
  readonly transform: string
}

/** The shapes of one row: a body per state, and its marks. */
export function drawRow(letters: string, r: number): { bodies: Shape[]; marks: Mark[] } {
  const columns = new Map<string, number[]>()
  for (const [i, letter] of [...letters].entries()) {
    if (letter === '.') continue
    const list = columns.get(letter)
    if (list === undefined) columns.set(letter, [i])
    else list.push(i)
  }
  const bodies: Shape[] = []
  const marks: Mark[] = []
  const y = rowY(r)
  for (const [letter, list] of columns) {
    const state = stateOf(letter)
    if (state === null) continue
    bodies.push({
      cls: `b f-${state}`,
      d: list.map((i) => `M${columnX(i) + 2.5} ${y + 2.5}h9v9h-9z`).join(''),
    })
    if (state === 'success' || state === 'none') continue
    marks.push(
      ...list.map((i) => ({ cls: `m m-${state}`, d: MARKS[state], transform: `translate(${columnX(i)} ${y})` })),
    )
  }
  return { bodies, marks }
}

export const runSeconds = (run: GridRun, now: number): number | null =>
  run.start === null ? null : Math.max(0, ((run.end ?? now) - run.start) / 1000)

/** What stands over the bar of a run that no schedule made: ▸ by hand, ◂◂ a backfill; null for others. `y`: top of the bar. */
export function typeMark(type: string, column: number, y: number): string | null {
  const x = columnX(column)
  if (type === 'manual') return `M${x + 4.5} ${y - 12}l6 3.5-6 3.5z`
  if (type === 'backfill') return `M${x + 7} ${y - 12}l-5 3.5 5 3.5zM${x + 13} ${y - 12}l-5 3.5 5 3.5z`
  return null
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}

/** Linear to twice the 95th percentile: one outlier must not flatten all others. */
export function barScale(runs: readonly GridRun[], now: number): number {
  const seconds = runs.flatMap((run) => runSeconds(run, now) ?? []).sort((a, b) => a - b)
  const p95 = seconds[Math.floor((seconds.length - 1) * 0.95)] ?? 1
  return Math.max(p95 * 1.25, 0.1)
}

export function barHeight(run: GridRun, scale: number, now: number): number {
  const seconds = runSeconds(run, now)
  return seconds === null ? 3 : Math.max(3, Math.min(MOST_BAR, Math.round((seconds / scale) * MOST_BAR)))
}
