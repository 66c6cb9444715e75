// Where the parts of a graph stand: layers from left to right, groups as frames, labels on their edges, and the DAGs that a
// task starts or waits for beside it. Made once a version.

import { createRequire } from 'node:module'
import type { DagGraph } from '../../../../core/graph.ts'
import type { SerializedTask } from '../../../../core/serialized.ts'

export interface Point {
  readonly x: number
  readonly y: number
}
export interface Box extends Point {
  readonly width: number
  readonly height: number
}
interface LayoutGraph {
  setGraph(options: object): void
  setDefaultEdgeLabel(make: () => object): void
  setNode(id: string, options: object): void
  setParent(id: string, parent: string): void
  setEdge(from: string, to: string, label?: object): void
  node(id: string): Box
  edge(edge: { v: string; w: string }): { points: Point[]; x?: number; y?: number }
  edges(): { v: string; w: string }[]
  graph(): { width?: number; height?: number }
}
interface Dagre {
  readonly graphlib: { readonly Graph: new (options: object) => LayoutGraph }
  layout(graph: LayoutGraph): void
}

// The part of the package's interface used here, written down above: its own types are loose.
const dagre = createRequire(import.meta.url)('@dagrejs/dagre') as Dagre

export const HEIGHT = 52
export const DAG_HEIGHT = 28
const PAD = 24

/** Mono 13 px: a letter is 7.8 px wide; the line below is the operator and a time, about 6.4 px a letter. */
const widthOf = (task: SerializedTask): number =>
  Math.max(
    150,
    Math.min(
      340,
      Math.ceil(
        Math.max(task.taskId.length * 7.9 + (task.mapping === null ? 0 : 60), (task.operator.length + 9) * 6.4),
      ) + 52,
    ),
  )
export const labelWidth = (text: string): number => Math.min(260, Math.ceil(text.length * 6.6) + 16)

/** Another DAG that a task starts (`to`) or waits for (`from`). */
export interface DagLink {
  readonly dagId: string
  readonly taskId: string
  readonly way: 'to' | 'from'
}

/** The DAGs a DAG's tasks name. */
export function dagLinks(tasks: readonly SerializedTask[]): DagLink[] {
  return tasks.flatMap(({ taskId, operator, options }): DagLink[] => {
    const dagId = options['dagId']
    const externalDagId = options['externalDagId']
    if (operator === 'TriggerDagRunOperator' && typeof dagId === 'string') return [{ dagId, taskId, way: 'to' }]
    return typeof externalDagId === 'string' ? [{ dagId: externalDagId, taskId, way: 'from' }] : []
  })
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly nodes: ReadonlyMap<string, Box>
  readonly groups: readonly { readonly id: string; readonly box: Box; readonly tasks: number }[]
  readonly edges: readonly {
    readonly from: string
    readonly to: string
    readonly points: readonly Point[]
    readonly label: { readonly text: string; readonly at: Point } | null
  }[]
  readonly links: readonly (DagLink & { readonly box: Box })[]
}

/** Versions never change, so neither do their layouts. */
const layouts = new WeakMap<DagGraph, Layout>()

export function layOut(graph: DagGraph): Layout {
  const known = layouts.get(graph)
  if (known !== undefined) return known
  const made = compute(graph)
  layouts.set(graph, made)
  return made
}

function compute({ dag }: DagGraph): Layout {
  const g = new dagre.graphlib.Graph({ compound: true })
  g.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 52, marginx: PAD, marginy: PAD })
  g.setDefaultEdgeLabel(() => ({}))
  // Names are numbered: an id such as `__proto__` must not become a key of the layout's own objects.
  const links = dagLinks(dag.tasks)
  const names = [
    ...dag.tasks.map((task) => `t:${task.taskId}`),
    ...dag.groups.map((group) => `g:${group.groupId}`),
    ...links.map((link) => `x:${link.taskId}`),
  ]
  const key = new Map(names.map((name, i) => [name, `n${i}`]))
  const keyOf = (kind: 't' | 'g' | 'x', id: string) => key.get(`${kind}:${id}`) ?? ''
  const groupIds = new Set(dag.groups.map((group) => group.groupId))
  for (const task of dag.tasks) g.setNode(keyOf('t', task.taskId), { width: widthOf(task), height: HEIGHT })
  const filled = dag.groups.filter((group) => group.members.length > 0)
  for (const group of filled) g.setNode(keyOf('g', group.groupId), {})
  for (const group of filled)
    for (const member of group.members) {
      const child = keyOf(groupIds.has(member) ? 'g' : 't', member)
      if (child !== '') g.setParent(child, keyOf('g', group.groupId))
    }
  const labels = new Map(dag.labels.map(([from, to, text]) => [`${keyOf('t', from)} ${keyOf('t', to)}`, text]))
  for (const [from, to] of dag.edges) {
    const text = labels.get(`${keyOf('t', from)} ${keyOf('t', to)}`)
    const size = text === undefined ? {} : { width: labelWidth(text), height: 20, labelpos: 'c' }
    g.setEdge(keyOf('t', from), keyOf('t', to), size)
  }
  for (const { dagId, taskId, way } of links) {
    const task = keyOf('t', taskId)
    const other = keyOf('x', taskId)
    g.setNode(other, { width: Math.min(300, Math.ceil(dagId.length * 7.4) + 44), height: DAG_HEIGHT })
    if (way === 'to') g.setEdge(task, other)
    else g.setEdge(other, task)
  }
  dagre.layout(g)
  const idOf = new Map([...key].map(([name, node]) => [node, name]))
  const inner = (node: string) => idOf.get(node)?.startsWith('t:') === true
  return {
    width: Math.ceil(g.graph().width ?? 0),
    height: Math.ceil(g.graph().height ?? 0),
    nodes: new Map(dag.tasks.map((task) => [task.taskId, g.node(keyOf('t', task.taskId))])),
    groups: filled.map((group) => ({
      id: group.groupId,
      box: g.node(keyOf('g', group.groupId)),
      tasks: group.members.length,
    })),
    edges: g.edges().flatMap((edge) => {
      if (!inner(edge.v) || !inner(edge.w)) return []
      const { points, x, y } = g.edge(edge)
      const text = labels.get(`${edge.v} ${edge.w}`)
      const label = text === undefined || x === undefined || y === undefined ? null : { text, at: { x, y } }
      return [{ from: idOf.get(edge.v)?.slice(2) ?? '', to: idOf.get(edge.w)?.slice(2) ?? '', points, label }]
    }),
    links: links.map((link) => ({ ...link, box: g.node(keyOf('x', link.taskId)) })),
  }
}
