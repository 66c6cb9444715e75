// The graph of a DAG as SVG, with the states of one run in its cells. Data only as escaped text.

import type { DagGraph } from '../../../../core/graph.ts'
import { duration } from '../../../../core/times.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import { BOX, MARKS, STATE_NAMES, stateOf } from '../../../states/cells.ts'
import type { TaskCell } from '../../../states/run-cells.ts'
import { barParts, worstOf } from '../../../states/tally.ts'
import { tallyWords } from '../../../states/words.ts'
import { dagPath, withQuery } from '../../frame/links.ts'
import { escapeHtml } from '../../frame/markup.ts'
import { isMappedTask } from '../grid/rows.ts'
import { type Box, type DagLink, HEIGHT, type Layout, labelWidth, layOut, type Point } from './layout.ts'

/** A graph up to this width is shown whole, drawn smaller where the window is. */
const FITS = 1800

const n = (value: number): number => Math.round(value * 10) / 10

/** A smooth line through the layout's points, from the middle of one side to the middle of the other. */
function curve(points: readonly Point[], from: Box | undefined, to: Box | undefined): string {
  if (from === undefined || to === undefined) return ''
  const start = { x: from.x + from.width / 2, y: from.y }
  const end = { x: to.x - to.width / 2, y: to.y }
  // The layout's own ends lie on the boxes' edges; only what is between them leads around other boxes.
  const inner = points.slice(1, -1).filter((point) => point.x > start.x + 8 && point.x < end.x - 8)
  let d = `M${n(start.x)} ${n(start.y)}`
  let at = start
  for (const next of [...(inner.length > 1 ? inner : []), end]) {
    const middle = (at.x + next.x) / 2
    d += `C${n(middle)} ${n(at.y)} ${n(middle)} ${n(next.y)} ${n(next.x)} ${n(next.y)}`
    at = next
  }
  return d
}

interface NodeView {
  readonly task: string
  readonly box: Box
  readonly cell: TaskCell | undefined
  readonly line: string
  readonly isMapped: boolean
  readonly href: string | null
}

/** The sheets behind a mapped task's box say that there are several of it. */
const sheets = (width: number): string =>
  [6, 3].map((by) => `<rect class="nb" x="${by}" y="${-by}" width="${width}" height="${HEIGHT}" rx="6"/>`).join('')

function bar({ tally }: TaskCell, width: number): string {
  return barParts(tally, width - 16, 3)
    .map(
      (part) =>
        `<rect class="mb s-${part.state}" x="${n(8 + part.x)}" y="${HEIGHT - 6}" width="${n(Math.max(0.5, part.width - 1))}" height="3" rx="1"/>`,
    )
    .join('')
}

function node({ task, box, cell, line, isMapped, href }: NodeView): string {
  const name = stateOf(cell === undefined ? '.' : worstOf(cell.tally)) ?? 'none'
  const [x, y] = [n(box.x - box.width / 2), n(box.y - HEIGHT / 2)]
  const weight = name === 'scheduled' ? ' stroke-width="3"' : ''
  const count = isMapped && cell !== undefined && cell.n > 1 ? cell.n : null
  const times = isMapped
    ? `<text class="nx" x="${n(box.width - 12)}" y="22" text-anchor="end">×${count === null ? 'n' : count.toLocaleString('en')}</text>`
    : ''
  const body = `<g class="node" transform="translate(${x} ${y})">${isMapped ? sheets(box.width) : ''}<rect class="nb" width="${box.width}" height="${HEIGHT}" rx="6"/><g transform="translate(14 11)"><path class="b f-${name}" d="${BOX}"/><path class="m m-${name}" d="${MARKS[name]}"${weight}/></g><text class="nt" x="36" y="22">${escapeHtml(task)}</text>${times}<text class="ns" x="36" y="39">${escapeHtml(line)}</text>${count === null || cell === undefined ? '' : bar(cell, box.width)}</g>`
  const states = count === null || cell === undefined ? STATE_NAMES[name].toLowerCase() : tallyWords(cell.tally)
  const label = `${task}, ${states}`
  return href === null ? body : `<a href="${escapeHtml(href)}" aria-label="${escapeHtml(label)}">${body}</a>`
}

/** Another DAG, as a pill beside the task that starts it or waits for it. */
function dagPill({ dagId, way, box }: DagLink & { readonly box: Box }): string {
  const [x, y] = [n(box.x - box.width / 2), n(box.y - box.height / 2)]
  const text = way === 'to' ? `→ ${dagId}` : `${dagId} →`
  const said = way === 'to' ? `starts the DAG ${dagId}` : `waits for the DAG ${dagId}`
  const most = Math.floor((box.width - 20) / 7.2)
  const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text
  return `<a href="${escapeHtml(dagPath(dagId))}" aria-label="${escapeHtml(said)}"><title>${escapeHtml(said)}</title><g transform="translate(${x} ${y})"><rect class="nd" width="${n(box.width)}" height="${n(box.height)}" rx="14"/><text class="ndt" x="${n(box.width / 2)}" y="18" text-anchor="middle">${escapeHtml(shown)}</text></g></a>`
}

const linkEdge = (layout: Layout, { taskId, way, box }: DagLink & { readonly box: Box }): string => {
  const task = layout.nodes.get(taskId)
  const d = way === 'to' ? curve([], task, box) : curve([], box, task)
  return `<path class="e ed" d="${d}" marker-end="url(#arrow)"/>`
}

function edgeLabel(text: string, at: Point): string {
  const width = labelWidth(text)
  const most = Math.floor((width - 12) / 6.2)
  const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text
  return `<g class="el" transform="translate(${n(at.x - width / 2)} ${n(at.y - 10)})"><title>${escapeHtml(text)}</title><rect width="${width}" height="20" rx="10"/><text x="${n(width / 2)}" y="14" text-anchor="middle">${escapeHtml(shown)}</text></g>`
}

function groupFrames({ groups }: Layout): string {
  return groups
    .map(
      ({ id, box, tasks }) =>
        `<rect class="ng" x="${n(box.x - box.width / 2)}" y="${n(box.y - box.height / 2 - 8)}" width="${n(box.width)}" height="${n(box.height + 8)}" rx="10"/><text class="ngt" x="${n(box.x - box.width / 2 + 12)}" y="${n(box.y - box.height / 2 + 9)}">${escapeHtml(id)} · ${tasks}</text>`,
    )
    .join('')
}

export function graphSvg(graph: DagGraph, cells: ReadonlyMap<string, TaskCell>, run: RunListRow | null): string {
  const layout = layOut(graph)
  const stateOfTask = (task: string) => stateOf(worstOf(cells.get(task)?.tally ?? []))
  const edges = layout.edges.map(({ from, to, points, label }) => {
    const state = stateOfTask(from)
    const cls = state === 'success' ? 'e ok' : state === 'running' ? 'e on' : 'e'
    // A label stands where the layout made room for it: its edge leads through that place.
    const way = label === null ? points : [points[0] ?? label.at, label.at, label.at, label.at]
    return `<path class="${cls}" d="${curve(way, layout.nodes.get(from), layout.nodes.get(to))}" marker-end="url(#arrow)"/>`
  })
  const labels = layout.edges.map(({ label }) => (label === null ? '' : edgeLabel(label.text, label.at)))
  const nodes = graph.order.flatMap((i) => {
    const task = graph.tasks[i]
    const box = task === undefined ? undefined : layout.nodes.get(task.taskId)
    if (task === undefined || box === undefined) return []
    const cell = cells.get(task.taskId)
    const took = cell?.took ?? null
    const line = took !== null && took > 0 ? `${task.operator} · ${duration(took)}` : task.operator
    const href = run === null ? null : withQuery(dagPath(graph.dag.dagId), { run: run.run_id, task: task.taskId })
    const isMapped = isMappedTask(graph, task.taskId)
    return [node({ task: task.taskId, box, cell, line: line.slice(0, 44), isMapped, href })]
  })
  const { width, height } = layout
  const parts = [
    groupFrames(layout),
    ...edges,
    ...layout.links.map((link) => linkEdge(layout, link)),
    ...labels,
    ...nodes,
    ...layout.links.map(dagPill),
  ]
  return `<svg class="graph${width <= FITS ? ' fit' : ''}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${escapeHtml(`Graph of ${graph.dag.dagId}`)}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="ar" d="M0 0.5 7.500 4 0 7.500z"/></marker></defs>${parts.join('')}</svg>`
}
