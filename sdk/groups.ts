// Groups and edges, resolved to edges between tasks alone, with their labels.

import type { SerializedGroup } from '../core/serialized.ts'
import type { AnyNode, GroupNode, TaskNode } from './nodes.ts'

/** An edge as it was drawn: its ends may be groups. */
export interface DrawnEdge {
  readonly from: AnyNode
  readonly to: AnyNode
  readonly label: string | null
}

/** Edges between tasks, each pair once: `JSON.stringify([from, to])` → label. */
export type TaskEdges = ReadonlyMap<string, string | null>

const idOf = (node: AnyNode) => (node.kind === 'task' ? node.taskId : node.groupId)
const tasksOf = (node: AnyNode): TaskNode[] => (node.kind === 'task' ? [node] : node.members.flatMap(tasksOf))
const isEmpty = (node: AnyNode) => tasksOf(node).length === 0

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** Groups around a node, the innermost first. */
function groupsAround(node: AnyNode): GroupNode[] {
  const around: GroupNode[] = []
  for (let group = node.kind === 'task' ? node.group : node.parent; group !== null; group = group.parent)
    around.push(group)
  return around
}

/**
 * A group without tasks hands on what comes in to what goes out, so that it still orders its neighbours. Where nothing
 * but its parent could stand upstream of an edge, the parent's leaves do.
 */
function passThroughEmpty(edges: readonly DrawnEdge[]): DrawnEdge[] {
  const outOf = new Map<AnyNode, AnyNode[]>()
  for (const { from, to } of edges) append(outOf, from, to)
  const beyond = (node: AnyNode): AnyNode[] => {
    const seen = new Set([node])
    for (const node of seen) if (isEmpty(node)) for (const next of outOf.get(node) ?? []) seen.add(next)
    return [...seen].filter((node) => !isEmpty(node))
  }
  return edges.flatMap(({ from, to, label }) => {
    if (!isEmpty(from)) return beyond(to).map((target) => ({ from, to: target, label }))
    const parent = groupsAround(from).find((group) => !isEmpty(group))
    if (parent === undefined) return []
    // Inside the parent, its leaves may stand behind the target: an edge from them would close a circle.
    const outside = beyond(to).filter((target) => target !== parent && !groupsAround(target).includes(parent))
    return outside.map((target) => ({ from: parent, to: target, label }))
  })
}

/**
 * Edges between tasks alone. An edge into a group reaches its roots, one out of it leaves its leaves. Edges deeper inside
 * come first: a group's roots and leaves are known once everything drawn within it is. Of several labels the one drawn
 * last stays.
 */
export function resolveEdges(drawn: readonly DrawnEdge[]): TaskEdges {
  const before = new Map<TaskNode, TaskNode[]>()
  const behind = new Map<TaskNode, TaskNode[]>()
  const ends = (node: AnyNode, inside: ReadonlyMap<TaskNode, readonly TaskNode[]>): TaskNode[] => {
    if (node.kind === 'task') return [node]
    const members = new Set(tasksOf(node))
    return [...members].filter((task) => !(inside.get(task) ?? []).some((other) => members.has(other)))
  }
  const depthOf = ({ from, to }: DrawnEdge) => {
    const around = new Set(groupsAround(to))
    return groupsAround(from).filter((group) => around.has(group)).length
  }
  const byDepth = passThroughEmpty(drawn)
    .map((edge, drawnAt) => ({ edge, drawnAt, depth: depthOf(edge) }))
    .sort((a, b) => b.depth - a.depth)
  const labels = new Map<string, { label: string | null; drawnAt: number }>()
  for (const { edge, drawnAt } of byDepth) {
    const [sources, targets] = [ends(edge.from, behind), ends(edge.to, before)]
    for (const a of sources) {
      for (const b of targets) {
        if (a === b) continue
        const pair = JSON.stringify([a.taskId, b.taskId])
        const known = labels.get(pair)
        if (known === undefined) {
          append(before, b, a)
          append(behind, a, b)
        }
        const isNewer = edge.label !== null && (known === undefined || known.label === null || known.drawnAt < drawnAt)
        if (known === undefined || isNewer) labels.set(pair, { label: edge.label, drawnAt })
      }
    }
  }
  return new Map([...labels].map(([pair, { label }]) => [pair, label]))
}

/** Groups with what stands directly inside. */
export const readGroups = (nodes: Iterable<AnyNode>): SerializedGroup[] =>
  [...nodes].flatMap((node) =>
    node.kind === 'group' ? [{ groupId: node.groupId, members: node.members.map(idOf) }] : [],
  )
