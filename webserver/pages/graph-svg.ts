// The graph of a DAG as SVG: laid out in layers from left to right, groups as frames, states of one run in the cells.

import { createRequire } from 'node:module'
import type { DagGraph } from '../../core/graph.ts'
import type { RunListRow } from '../../store/postgres/read-runs.ts'
import type { CellRow } from '../../store/postgres/read-task-instances.ts'
import { BOX, cellState, letterOf, MARKS, STATE_NAMES, stateOf, worstLetter } from '../shared/cells.ts'
import { duration } from '../text/times.ts'
import { dagPath, withQuery } from './dag-view.ts'
import { escapeHtml } from './helpers.ts'

interface Point {
  readonly x: number
  readonly y: number
}
interface Box extends Point {
  readonly width: number
  readonly height: number
}
interface LayoutGraph {
  setGraph(options: object): void
  setDefaultEdgeLabel(make: () => object): void
  setNode(id: string, options: object): void
  setParent(id: string, parent: string): void
  setEdge(from: string, to: string): void
  node(id: string): Box
  edge(edge: { v: string; w: string }): { points: Point[] }
  edges(): { v: string; w: string }[]
  graph(): { width?: number; height?: number }
}
interface Dagre {
  readonly graphlib: { readonly Graph: new (options: object) => LayoutGraph }
  layout(graph: LayoutGraph): void
}

// The part of the package's interface used here, written down above: its own types are loose.
const dagre = createRequire(import.meta.url)('@dagrejs/dagre') as Dagre

const HEIGHT = 52
/** Mono 13 px: a letter is 7.8 px wide; the line below is the operator and a time, about 6.4 px a letter. */
const widthOf = (task: { taskId: string; operator: string }): number =>
  Math.max(150, Math.min(340, Math.ceil(Math.max(task.taskId.length * 7.9, (task.operator.length + 9) * 6.4)) + 52))
/** A graph up to this width is shown whole, drawn smaller where the window is. */
const FITS = 1800
const PAD = 24

interface Layout {
  readonly width: number
  readonly height: number
  readonly nodes: ReadonlyMap<string, Box>
  readonly groups: readonly { readonly id: string; readonly box: Box; readonly tasks: number }[]
  readonly edges: readonly { readonly from: string; readonly to: string; readonly points: readonly Point[] }[]
}

/** Versions never change, so neither do their layouts. */
const layouts = new WeakMap<DagGraph, Layout>()

function layOut(graph: DagGraph): Layout {
  const known = layouts.get(graph)
  if (known !== undefined) return known
  const { dag } = graph
  const g = new dagre.graphlib.Graph({ compound: true })
  g.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 52, marginx: PAD, marginy: PAD })
  g.setDefaultEdgeLabel(() => ({}))
  // Names are numbered: an id such as `__proto__` must not become a key of the layout's own objects.
  const key = new Map(
    [...dag.tasks.map((task) => `t:${task.taskId}`), ...dag.groups.map((group) => `g:${group.groupId}`)].map(
      (name, i) => [name, `n${i}`],
    ),
  )
  const keyOf = (kind: 't' | 'g', id: string) => key.get(`${kind}:${id}`)
  const groupIds = new Set(dag.groups.map((group) => group.groupId))
  for (const task of dag.tasks) g.setNode(keyOf('t', task.taskId) ?? '', { width: widthOf(task), height: HEIGHT })
  const filled = dag.groups.filter((group) => group.members.length > 0)
  for (const group of filled) g.setNode(keyOf('g', group.groupId) ?? '', {})
  for (const group of filled)
    for (const member of group.members) {
      const child = keyOf(groupIds.has(member) ? 'g' : 't', member)
      const parent = keyOf('g', group.groupId)
      if (child !== undefined && parent !== undefined) g.setParent(child, parent)
    }
  for (const [from, to] of dag.edges) g.setEdge(keyOf('t', from) ?? '', keyOf('t', to) ?? '')
  dagre.layout(g)
  const idOf = new Map([...key].map(([name, node]) => [node, name.slice(2)]))
  const layout: Layout = {
    width: Math.ceil(g.graph().width ?? 0),
    height: Math.ceil(g.graph().height ?? 0),
    nodes: new Map(dag.tasks.map((task) => [task.taskId, g.node(keyOf('t', task.taskId) ?? '')])),
    groups: filled.map((group) => ({
      id: group.groupId,
      box: g.node(keyOf('g', group.groupId) ?? ''),
      tasks: group.members.length,
    })),
    edges: g.edges().map((edge) => ({
      from: idOf.get(edge.v) ?? '',
      to: idOf.get(edge.w) ?? '',
      points: g.edge(edge).points,
    })),
  }
  layouts.set(graph, layout)
  return layout
}

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

function node(task: string, box: Box, state: string | null, line: string, href: string | null): string {
  const name = cellState(state)
  const [x, y] = [n(box.x - box.width / 2), n(box.y - HEIGHT / 2)]
  const weight = name === 'scheduled' ? ' stroke-width="3"' : ''
  const body = `<g class="node" transform="translate(${x} ${y})"><rect class="nb" width="${box.width}" height="${HEIGHT}" rx="6"/><g transform="translate(14 11)"><path class="b f-${name}" d="${BOX}"/><path class="m m-${name}" d="${MARKS[name]}"${weight}/></g><text class="nt" x="36" y="22">${escapeHtml(task)}</text><text class="ns" x="36" y="39">${escapeHtml(line)}</text></g>`
  const label = `${task}, ${STATE_NAMES[name].toLowerCase()}`
  return href === null ? body : `<a href="${escapeHtml(href)}" aria-label="${escapeHtml(label)}">${body}</a>`
}

export function graphSvg(graph: DagGraph, cells: readonly CellRow[], run: RunListRow | null): string {
  const layout = layOut(graph)
  const states = new Map<string, { letter: string; seconds: number | null }>()
  for (const cell of cells) {
    const known = states.get(cell.task_id)
    states.set(cell.task_id, {
      letter: worstLetter([known?.letter ?? '.', letterOf(cell.state)]),
      seconds: Math.max(known?.seconds ?? 0, cell.duration ?? 0),
    })
  }
  const stateOfTask = (task: string) => stateOf(states.get(task)?.letter ?? '.')
  const groups = layout.groups
    .map(
      ({ id, box, tasks }) =>
        `<rect class="ng" x="${n(box.x - box.width / 2)}" y="${n(box.y - box.height / 2 - 8)}" width="${n(box.width)}" height="${n(box.height + 8)}" rx="10"/><text class="ngt" x="${n(box.x - box.width / 2 + 12)}" y="${n(box.y - box.height / 2 + 9)}">${escapeHtml(id)} · ${tasks}</text>`,
    )
    .join('')
  const edges = layout.edges
    .map(({ from, to, points }) => {
      const state = stateOfTask(from)
      const cls = state === 'success' ? 'e ok' : state === 'running' ? 'e on' : 'e'
      return `<path class="${cls}" d="${curve(points, layout.nodes.get(from), layout.nodes.get(to))}" marker-end="url(#arrow)"/>`
    })
    .join('')
  const nodes = graph.order
    .flatMap((i) => {
      const task = graph.tasks[i]
      const box = task === undefined ? undefined : layout.nodes.get(task.taskId)
      if (task === undefined || box === undefined) return []
      const state = stateOfTask(task.taskId)
      const seconds = states.get(task.taskId)?.seconds ?? null
      const line = seconds !== null && seconds > 0 ? `${task.operator} · ${duration(seconds)}` : task.operator
      const href = run === null ? null : withQuery(dagPath(graph.dag.dagId), { run: run.run_id, task: task.taskId })
      return [node(task.taskId, box, state, line.slice(0, 44), href)]
    })
    .join('')
  const { width, height } = layout
  return `<svg class="graph${width <= FITS ? ' fit' : ''}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${escapeHtml(`Graph of ${graph.dag.dagId}`)}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="ar" d="M0 0.5 7.500 4 0 7.500z"/></marker></defs>${groups}${edges}${nodes}</svg>`
}
