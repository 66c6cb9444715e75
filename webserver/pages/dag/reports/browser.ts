// Charts of a report: lines and bars by uPlot, in the colours of the theme.

import uPlot from 'uplot'
import { onReplaced } from '../../frame/browser/regions.ts'

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

const DAY = 86_400

/** Times of day by 24 hours; the date where a day begins. */
function instantLabels(zone: string): uPlot.Axis.DynamicValues {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const date = new Intl.DateTimeFormat('en-GB', { timeZone: zone, day: 'numeric', month: 'short' })
  return (_, splits, _axis, _space, step) => {
    let last = ''
    return splits.map((at) => {
      const day = date.format(at * 1000)
      const time = clock.format(at * 1000)
      const isNew = day !== last
      last = day
      return step >= DAY ? day : isNew ? `${time}\n${day}` : time
    })
  }
}

function instantValue(zone: string): (self: uPlot, at: number | null) => string {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, dateStyle: 'medium', timeStyle: 'medium' })
  return (_, at) => (at === null ? '—' : format.format(at * 1000))
}

function xSeriesOf(chart: Chart, zone: string): uPlot.Series {
  const names = chart.x.values.map(String)
  const label = chart.x.name
  if (chart.xType === 'text') return { label, value: (_, at) => (at === null ? '—' : (names[at] ?? '')) }
  return chart.xType === 'instant' ? { label, value: instantValue(zone) } : { label }
}

function xAxisOf(chart: Chart, zone: string): Partial<uPlot.Axis> {
  if (chart.xType === 'instant') return { values: instantLabels(zone) }
  if (chart.xType !== 'text') return {}
  const names = chart.x.values.map(String)
  return {
    values: (_, splits) => splits.map((at) => (Number.isInteger(at) ? (names[at] ?? '') : '')),
    // Every bar has its name while there are few: long ones lean.
    rotate: names.length > 4 ? -35 : 0,
    size: names.length > 4 ? 84 : 40,
    space: 24,
    incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500],
  }
}

function draw(container: HTMLElement, chart: Chart, zone: string): uPlot {
  const line = { stroke: colourOf('--line'), width: 1 }
  const axis = { stroke: colourOf('--t2'), grid: line, ticks: line }
  const x = chart.xType === 'text' ? chart.x.values.map((_, i) => i) : chart.x.values.map(Number)
  const order = x.map((_, i) => i).sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0))
  const data = [
    order.map((i) => x[i] ?? 0),
    ...chart.y.map(({ values }) => order.map((i) => (typeof values[i] === 'number' ? values[i] : null))),
  ] satisfies (number | null)[][]
  const options: uPlot.Options = {
    width: container.clientWidth,
    height: HEIGHT,
    // Leaning names reach beyond the last bar.
    padding: [null, chart.xType === 'text' && x.length > 4 ? 40 : null, null, null],
    // Bars stand on zero: their lengths are what a reader compares.
    scales: {
      x: { time: chart.xType === 'instant', ...(chart.kind === 'bar' && { range: padded(x) }) },
      ...(chart.kind === 'bar' && { y: { range: fromZero } }),
    },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    series: [xSeriesOf(chart, zone), ...seriesOf(chart)],
    axes: [
      { ...axis, ...xAxisOf(chart, zone) },
      { ...axis, size: 64, values: (_, splits) => splits.map((value) => compact.format(value)) },
    ],
  }
  // The rows of x are numbers by the lines above.
  return new uPlot(options, data as uPlot.AlignedData, container)
}

/** Half a bar of room on both sides. */
function padded(x: readonly number[]): uPlot.Range.Function {
  const sorted = [...x].sort((a, b) => a - b)
  const steps = sorted.slice(1).map((at, i) => at - (sorted[i] ?? at))
  const room = Math.min(...steps.filter((step) => step > 0), Number.MAX_VALUE) / 2
  return (_, min, max) => (room > 1e300 ? [min - 1, max + 1] : [min - room, max + room])
}

const fromZero: uPlot.Range.Function = (_, min, max) => [Math.min(0, min * 1.05), Math.max(0, max * 1.05) || 1]

let drawn: { readonly plot: uPlot; readonly container: HTMLElement }[] = []

function drawAll(): void {
  for (const { plot } of drawn) plot.destroy()
  drawn = []
  const text = document.getElementById('report-data')?.textContent
  if (text === undefined || text === null) return
  // Written by our own server for this page.
  const { zone, charts } = JSON.parse(text) as { zone: string; charts: Chart[] }
  for (const [i, chart] of charts.entries()) {
    const container = document.getElementById(`chart-${i}`)
    if (container !== null && chart.x.values.length > 0) drawn.push({ container, plot: draw(container, chart, zone) })
  }
}

addEventListener('resize', () => {
  for (const { plot, container } of drawn) plot.setSize({ width: container.clientWidth, height: HEIGHT })
})
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
onReplaced(drawAll)
drawAll()
