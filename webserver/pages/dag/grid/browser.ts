// The run grid: cells change as the stream tells, a card follows the pointer, arrows and clicks select.

import { letterOf, MARKS, STATE_NAMES, stateOf } from '../../../states/cells.ts'
import { countTally, readTally, worstOf } from '../../../states/tally.ts'
import { connect, type RunEvent } from '../../frame/browser/live.ts'
import { go, onReplaced } from '../../frame/browser/regions.ts'
import {
  BAR_HEIGHT,
  barHeight,
  barScale,
  columnX,
  drawBars,
  drawRow,
  type GridData,
  HEAD,
  PITCH,
  ROW,
  rowLetters,
  typeMark,
} from './geometry.ts'

const SVG = 'http://www.w3.org/2000/svg'

let data: GridData | null = null

function read(): GridData | null {
  const block = document.getElementById('grid-data')
  // The server's own block, in the shape both sides share.
  return block === null ? null : (JSON.parse(block.textContent) as GridData)
}

function path(cls: string, d: string, transform: string | null): SVGPathElement {
  const element = document.createElementNS(SVG, 'path')
  element.setAttribute('class', cls)
  if (transform !== null) element.setAttribute('transform', transform)
  element.setAttribute('d', d)
  return element
}

function rect(cls: string, geometry: Readonly<Record<string, number>>): SVGRectElement {
  const element = document.createElementNS(SVG, 'rect')
  element.setAttribute('class', cls)
  for (const [name, value] of Object.entries(geometry)) element.setAttribute(name, String(value))
  return element
}

function redrawRow(grid: GridData, r: number): void {
  const row = grid.rows[r]
  const group = document.querySelector(`#grid-svg g[data-row="${r}"]`)
  if (row === undefined || group === null) return
  const { bodies, marks } = drawRow(rowLetters(grid, row), r)
  group.replaceChildren(
    ...bodies.map(({ cls, d }) => path(cls, d, null)),
    ...marks.map(({ cls, d, transform }) => path(cls, d, transform)),
    ...drawBars(grid, row, r).map(({ cls, x, y, width }) => rect(cls, { x, y, width, height: BAR_HEIGHT })),
  )
}

function redrawBars(grid: GridData): void {
  const bars = document.getElementById('grid-bars')
  if (bars === null) return
  const now = Date.now()
  const scale = barScale(grid.runs, now)
  const shapes = grid.runs.flatMap((run, i) => {
    const h = barHeight(run, scale, now)
    const x = columnX(i)
    const state = stateOf(letterOf(run.state)) ?? 'none'
    const bar = rect(`b f-${state}`, { x: x + 1.5, y: HEAD - 5 - h, width: 11, height: h, rx: 1.5 })
    const mark =
      (state === 'failed' || state === 'running') && h > 14
        ? [path(`m m-${state}`, MARKS[state], `translate(${x} ${HEAD - 20})`)]
        : []
    const type = typeMark(run.type, i, HEAD - 5 - h)
    return [bar, ...mark, ...(type === null ? [] : [path('man', type, null)])]
  })
  bars.replaceChildren(...shapes)
}

/** Draws what an event tells at once; a run the grid does not know comes with the next look at the page. */
function take(event: RunEvent): void {
  if (data === null || event.dag !== data.dag) return
  const column = data.runs.findIndex((run) => run.id === event.id)
  const run = data.runs[column]
  if (run === undefined) return
  run.state = event.state
  run.start = event.start
  run.end = event.end
  const grid = data
  const changed = new Set(event.changed.map(([task]) => task))
  for (const [task, text] of event.changed) {
    const tally = readTally(text)
    const line = grid.cells[task]
    if (line !== undefined) grid.cells[task] = line.slice(0, column) + worstOf(tally) + line.slice(column + 1)
    const bars = grid.tallies[task]
    if (bars !== undefined) bars[column] = countTally(tally) > 1 ? text : ''
  }
  grid.rows.forEach((row, r) => {
    if (row.tasks.some((task) => changed.has(task))) redrawRow(grid, r)
  })
  redrawBars(grid)
}

/** The column and row under the pointer, by arithmetic; row -1 is the bars. Null where there is no cell. */
function hit(event: MouseEvent): { column: number; row: number } | null {
  const svg = event.target instanceof Element ? event.target.closest('#grid-svg, #grid-head') : null
  if (svg === null || data === null) return null
  const box = svg.getBoundingClientRect()
  const column = Math.floor((event.clientX - box.left - 2) / PITCH)
  const row = svg.id === 'grid-head' ? -1 : Math.floor((event.clientY - box.top) / ROW)
  if (column < 0 || column >= data.runs.length || row >= data.rows.length) return null
  return { column, row }
}

function select(column: number, row: number): void {
  if (data === null) return
  const url = new URL(location.href)
  const run = data.runs[column]
  if (run === undefined) return
  url.searchParams.set('run', run.run)
  const item = row < 0 ? undefined : data.rows[row]
  if (item === undefined) url.searchParams.delete('task')
  else url.searchParams.set('task', item.id)
  void go(url.pathname + url.search)
}

const seconds = (value: number): string =>
  value < 60
    ? `${value.toFixed(1)} s`
    : `${Math.floor(value / 60)} m ${String(Math.round(value % 60)).padStart(2, '0')} s`

function line(tag: string, text: string, cls = ''): HTMLElement {
  const element = document.createElement(tag)
  element.textContent = text
  element.className = cls
  return element
}

/** `1 failed · 11 success` of a mapped task. */
function tallyLines(text: string): HTMLElement[] {
  const words = readTally(text).map(([letter, n]) => {
    const state = stateOf(letter)
    return `${n} ${state === null ? '' : STATE_NAMES[state].toLowerCase()}`
  })
  return words.length === 0 ? [] : [line('div', words.join(' · '), 'small t2')]
}

function showCard(event: MouseEvent): void {
  const card = document.getElementById('card')
  if (card === null) return
  const at = hit(event)
  const run = at === null ? undefined : data?.runs[at.column]
  if (at === null || data === null || run === undefined) {
    card.hidden = true
    return
  }
  const row = data.rows[at.row]
  const letter = row === undefined ? letterOf(run.state) : (rowLetters(data, row)[at.column] ?? '.')
  const state = stateOf(letter)
  const took = row === undefined || row.isGroup ? null : (data.took[row.id]?.[at.column] ?? null)
  const runTook = run.start === null ? null : ((run.end ?? Date.now()) - run.start) / 1000
  const shown = row === undefined ? runTook : took
  card.replaceChildren(
    line('b', row === undefined ? `${run.label} run` : row.label, 'mono'),
    line(
      'div',
      `${state === null ? 'not in this run' : STATE_NAMES[state]}${shown === null ? '' : ` · ${seconds(shown)}`}`,
      state === null ? 't3' : `x-${state}`,
    ),
    ...tallyLines(row?.isMapped === true ? (data.tallies[row.id]?.[at.column] ?? '') : ''),
    line('div', row === undefined ? run.interval : `${run.label} run`, 'small t3'),
  )
  card.hidden = false
  const width = card.offsetWidth
  const height = card.offsetHeight
  const left = Math.min(event.clientX + 14, innerWidth - width - 8)
  const top = event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18
  card.style.setProperty('left', `${left}px`)
  card.style.setProperty('top', `${top}px`)
}

function selected(): { column: number; row: number } {
  const query = new URLSearchParams(location.search)
  const grid = data
  if (grid === null) return { column: -1, row: -1 }
  return {
    column: grid.runs.findIndex((run) => run.run === query.get('run')),
    row: grid.rows.findIndex((row) => row.id === query.get('task')),
  }
}

/** The next cell was chosen by key: it is brought into view. */
let isWalking = false

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

function onKey(event: KeyboardEvent): void {
  const step = STEPS[event.key]
  if (step === undefined || data === null || event.target !== document.getElementById('grid')) return
  event.preventDefault()
  isWalking = true
  const at = selected()
  const column =
    at.column === -1 ? data.runs.length - 1 : Math.max(0, Math.min(data.runs.length - 1, at.column + step[0]))
  select(column, Math.max(-1, Math.min(data.rows.length - 1, at.row + step[1])))
}

/** Newest runs are at the right: the grid opens there. */
function scrollToNewest(): void {
  const scroll = document.getElementById('grid-scroll')
  if (scroll !== null) scroll.scrollLeft = scroll.scrollWidth
}

document.addEventListener('click', (event) => {
  const at = hit(event)
  if (at !== null) select(at.column, at.row)
})
document.addEventListener('mousemove', (event) => {
  showCard(event)
})
document.addEventListener('keydown', onKey)
onReplaced(() => {
  data = read()
  if (isWalking) document.querySelector('#grid-svg .selc')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  isWalking = false
})
data = read()
scrollToNewest()
const { topics } = document.body.dataset
if (data !== null && topics !== undefined) connect({ topics, onRun: take })
