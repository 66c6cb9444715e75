// The graph of a DAG as SVG, with the states of one run in its cells.

import type { DagGraph } from '../../../../core/graph.ts'
import type { SerializedTask } from '../../../../core/serialized.ts'
import { duration } from '../../../../core/times.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import { type CellState, STATE_NAMES, stateOf } from '../../../states/cells.ts'
import type { TaskCell } from '../../../states/run-cells.ts'
import { barParts, worstOf } from '../../../states/tally.ts'
import { tallyWords } from '../../../states/words.ts'
import { element, type Html, text } from '../../frame/element.ts'
import { dagPath, withQuery } from '../../frame/links.ts'
import { cellShapes } from '../../frame/state-cell.ts'
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
const sheets = (width: number): Html[] =>
  [6, 3].map((by) => element('rect', { class: 'nb', x: by, y: -by, width, height: HEIGHT, rx: 6 }))

const bar = ({ tally }: TaskCell, width: number): Html[] =>
  barParts(tally, width - 16, 3).map((part) =>
    element('rect', {
      class: `mb s-${part.state}`,
      x: n(8 + part.x),
      y: HEIGHT - 6,
      width: n(Math.max(0.5, part.width - 1)),
      height: 3,
      rx: 1,
    }),
  )

/** The number of instances of a mapped task, where there are several. */
const countOf = ({ cell, isMapped }: NodeView): number | null =>
  isMapped && cell !== undefined && cell.n > 1 ? cell.n : null

function times(view: NodeView): Html[] {
  if (!view.isMapped) return []
  const shown = countOf(view)?.toLocaleString('en') ?? 'n'
  return [element('text', { class: 'nx', x: n(view.box.width - 12), y: 22, 'text-anchor': 'end' }, text(`×${shown}`))]
}

/** The box of a task: its state, name, operator and time. */
function nodeBody(view: NodeView, state: CellState): Html {
  const { task, box, cell, line, isMapped } = view
  const at = `translate(${n(box.x - box.width / 2)} ${n(box.y - HEIGHT / 2)})`
  return element(
    'g',
    { class: 'node', transform: at },
    ...(isMapped ? sheets(box.width) : []),
    element('rect', { class: 'nb', width: box.width, height: HEIGHT, rx: 6 }),
    element('g', { transform: 'translate(14 11)' }, cellShapes(state)),
    element('text', { class: 'nt', x: 36, y: 22 }, text(task)),
    ...times(view),
    element('text', { class: 'ns', x: 36, y: 39 }, text(line)),
    ...(countOf(view) === null || cell === undefined ? [] : bar(cell, box.width)),
  )
}

function node(view: NodeView): Html {
  const { task, cell, href } = view
  const state = stateOf(cell === undefined ? '.' : worstOf(cell.tally)) ?? 'none'
  const body = nodeBody(view, state)
  if (href === null) return body
  const isSeveral = countOf(view) !== null && cell !== undefined
  const states = isSeveral ? tallyWords(cell.tally) : STATE_NAMES[state].toLowerCase()
  return element('a', { href, 'aria-label': `${task}, ${states}` }, body)
}

/** As much of a text as a width has room for. */
const cutTo = (value: string, most: number): string => (value.length > most ? `${value.slice(0, most - 1)}…` : value)

/** Another DAG, as a pill beside the task that starts it or waits for it. */
function dagPill({ dagId, way, box }: DagLink & { readonly box: Box }): Html {
  const at = `translate(${n(box.x - box.width / 2)} ${n(box.y - box.height / 2)})`
  const words = way === 'to' ? `→ ${dagId}` : `${dagId} →`
  const said = way === 'to' ? `starts the DAG ${dagId}` : `waits for the DAG ${dagId}`
  const shown = cutTo(words, Math.floor((box.width - 20) / 7.2))
  return element(
    'a',
    { href: dagPath(dagId), 'aria-label': said },
    element('title', {}, text(said)),
    element(
      'g',
      { transform: at },
      element('rect', { class: 'nd', width: n(box.width), height: n(box.height), rx: 14 }),
      element('text', { class: 'ndt', x: n(box.width / 2), y: 18, 'text-anchor': 'middle' }, text(shown)),
    ),
  )
}

const ARROW = 'url(#arrow)'

function linkEdge(layout: Layout, { taskId, way, box }: DagLink & { readonly box: Box }): Html {
  const task = layout.nodes.get(taskId)
  const d = way === 'to' ? curve([], task, box) : curve([], box, task)
  return element('path', { class: 'e ed', d, 'marker-end': ARROW })
}

function edgeLabel(words: string, at: Point): Html {
  const width = labelWidth(words)
  const shown = cutTo(words, Math.floor((width - 12) / 6.2))
  return element(
    'g',
    { class: 'el', transform: `translate(${n(at.x - width / 2)} ${n(at.y - 10)})` },
    element('title', {}, text(words)),
    element('rect', { width, height: 20, rx: 10 }),
    element('text', { x: n(width / 2), y: 14, 'text-anchor': 'middle' }, text(shown)),
  )
}

function groupFrame({ id, box, tasks }: Layout['groups'][number]): Html[] {
  const left = box.x - box.width / 2
  const top = box.y - box.height / 2
  const frame = { x: n(left), y: n(top - 8), width: n(box.width), height: n(box.height + 8), rx: 10 }
  return [
    element('rect', { class: 'ng', ...frame }),
    element('text', { class: 'ngt', x: n(left + 12), y: n(top + 9) }, text(`${id} · ${tasks}`)),
  ]
}

function edgePath({ nodes }: Layout, { from, to, points, label }: Layout['edges'][number], state: string | null): Html {
  // A label stands where the layout made room for it: its edge leads through that place.
  const way = label === null ? points : [points[0] ?? label.at, label.at, label.at, label.at]
  return element('path', {
    class: state === 'success' ? 'e ok' : state === 'running' ? 'e on' : 'e',
    d: curve(way, nodes.get(from), nodes.get(to)),
    'marker-end': ARROW,
  })
}

function nodeOf(
  graph: DagGraph,
  task: SerializedTask,
  box: Box,
  cell: TaskCell | undefined,
  run: RunListRow | null,
): Html {
  const took = cell?.took ?? null
  const line = took !== null && took > 0 ? `${task.operator} · ${duration(took)}` : task.operator
  return node({
    task: task.taskId,
    box,
    cell,
    line: line.slice(0, 44),
    isMapped: isMappedTask(graph, task.taskId),
    href: run === null ? null : withQuery(dagPath(graph.dag.dagId), { run: run.runId, task: task.taskId }),
  })
}

/** The head of every edge. */
const MARKER = element(
  'defs',
  {},
  element(
    'marker',
    {
      id: 'arrow',
      viewBox: '0 0 8 8',
      refX: 7,
      refY: 4,
      markerWidth: 8,
      markerHeight: 8,
      orient: 'auto',
    },
    element('path', { class: 'ar', d: 'M0 0.5 7.500 4 0 7.500z' }),
  ),
)

export function graphSvg(graph: DagGraph, cells: ReadonlyMap<string, TaskCell>, run: RunListRow | null): Html {
  const layout = layOut(graph)
  const { width, height } = layout
  const stateOfTask = (task: string) => stateOf(worstOf(cells.get(task)?.tally ?? []))
  const nodes = graph.order.flatMap((i) => {
    const task = graph.tasks[i]
    const box = task === undefined ? undefined : layout.nodes.get(task.taskId)
    return task === undefined || box === undefined ? [] : [nodeOf(graph, task, box, cells.get(task.taskId), run)]
  })
  return element(
    'svg',
    {
      class: `graph${width <= FITS ? ' fit' : ''}`,
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': `Graph of ${graph.dag.dagId}`,
    },
    MARKER,
    ...layout.groups.flatMap(groupFrame),
    ...layout.edges.map((edge) => edgePath(layout, edge, stateOfTask(edge.from))),
    ...layout.links.map((link) => linkEdge(layout, link)),
    ...layout.edges.flatMap(({ label }) => (label === null ? [] : [edgeLabel(label.text, label.at)])),
    ...nodes,
    ...layout.links.map(dagPill),
  )
}
