// Charts of a report: lines and bars by uPlot, in the colours of the theme.

import uPlot from 'uplot'
import { onReplaced } from './regions.ts'

interface Series {
  readonly name: string
  readonly values: readonly (number | string | null)[]
}

interface Chart {
  readonly kind: 'line' | 'bar'
  readonly xType: 'text' | 'number' | 'instant'
  readonly x: Series
  readonly y: readonly Series[]
}

const HEIGHT = 280

const COLOURS = 5

/** A token as the theme has it now: a canvas cannot read `light-dark(…)`, so an element reads it first. */
function colourOf(token: string, alpha = 1): string {
  const probe = document.createElement('i')
  probe.style.color = alpha === 1 ? `var(${token})` : `color-mix(in srgb, var(${token}) ${alpha * 100}%, transparent)`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 })
const exact = new Intl.NumberFormat('en', { maximumSignificantDigits: 12 })

function seriesOf(chart: Chart): uPlot.Series[] {
  const bars = uPlot.paths.bars?.({ size: [0.7, 60] })
  return chart.y.map(({ name }, i) => {
    const token = `--chart-${(i % COLOURS) + 1}`
    const stroke = colourOf(token)
    return {
      label: name,
      stroke,
      width: chart.kind === 'line' ? 1.5 : 1,
      value: (_: uPlot, value: number | null) => (value === null ? '—' : exact.format(value)),
      ...(chart.kind === 'bar' && bars !== undefined ? { fill: colourOf(token, 0.45), paths: bars } : {}),
      points: { show: chart.kind === 'line' && chart.x.values.length < 40 },
    }
  })
}

function xAxisOf(chart: Chart): Partial<uPlot.Axis> {
  if (chart.xType !== 'text') return {}
  const names = chart.x.values.map(String)
  return {
    values: (_, splits) => splits.map((at) => (Number.isInteger(at) ? (names[at] ?? '') : '')),
    rotate: names.length > 6 ? -40 : 0,
    size: names.length > 6 ? 90 : 40,
    // One tick a bar while they can be told apart.
    incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500],
  }
}

function draw(place: HTMLElement, chart: Chart, zone: string): uPlot {
  const line = { stroke: colourOf('--line'), width: 1 }
  const axis = { stroke: colourOf('--t2'), grid: line, ticks: line }
  const names = chart.x.values.map(String)
  const x = chart.xType === 'text' ? chart.x.values.map((_, i) => i) : chart.x.values.map(Number)
  const order = x.map((_, i) => i).sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0))
  const data = [
    order.map((i) => x[i] ?? 0),
    ...chart.y.map(({ values }) => order.map((i) => (typeof values[i] === 'number' ? values[i] : null))),
  ] satisfies (number | null)[][]
  const options: uPlot.Options = {
    width: place.clientWidth,
    height: HEIGHT,
    scales: { x: { time: chart.xType === 'instant', ...(chart.kind === 'bar' && { range: padded }) } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    series: [
      chart.xType === 'text' ? { label: chart.x.name, value: (_, at) => names[at] ?? '' } : { label: chart.x.name },
      ...seriesOf(chart),
    ],
    axes: [
      { ...axis, ...xAxisOf(chart) },
      { ...axis, size: 64, values: (_, splits) => splits.map((value) => compact.format(value)) },
    ],
  }
  // The rows of x are numbers by the lines above.
  return new uPlot(options, data as uPlot.AlignedData, place)
}

/** Half a bar of room on both sides. */
function padded(_: uPlot, min: number, max: number): [number, number] {
  const room = max === min ? 1 : 0.5
  return [min - room, max + room]
}

let drawn: { readonly plot: uPlot; readonly place: HTMLElement }[] = []

function drawAll(): void {
  for (const { plot } of drawn) plot.destroy()
  drawn = []
  const text = document.getElementById('report-data')?.textContent
  if (text === undefined || text === null) return
  // Written by our own server for this page.
  const { zone, charts } = JSON.parse(text) as { zone: string; charts: Chart[] }
  for (const [i, chart] of charts.entries()) {
    const place = document.getElementById(`chart-${i}`)
    if (place !== null && chart.x.values.length > 0) drawn.push({ place, plot: draw(place, chart, zone) })
  }
}

addEventListener('resize', () => {
  for (const { plot, place } of drawn) plot.setSize({ width: place.clientWidth, height: HEIGHT })
})
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
onReplaced(drawAll)
drawAll()
