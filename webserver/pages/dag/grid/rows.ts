// The matrix of the run grid from rows: tasks in topological order, groups around their tasks, cells as letters.

import type { DagGraph } from '../../../../core/graph.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { TaskCell } from '../../../states/run-cells.ts'
import { worstOf, writeTally } from '../../../states/tally.ts'
import { runInterval, runLabel } from '../../run/view.ts'
import type { GridData, GridRow } from './geometry.ts'

interface Node {
  readonly id: string
  readonly isGroup: boolean
  readonly rank: number
  readonly children: Node[]
}

/** Groups as a tree; each stands where its first task stands. */
function tree({ dag, indexOf, rank }: DagGraph): Node[] {
  const groups = new Map(dag.groups.map((group) => [group.groupId, group.members]))
  const inner = new Set(dag.groups.flatMap((group) => group.members))
  const build = (id: string, seen: ReadonlySet<string>): Node => {
    const members = groups.get(id)
    if (members === undefined || seen.has(id)) {
      const index = indexOf.get(id)
      return { id, isGroup: false, rank: index === undefined ? 0 : (rank[index] ?? 0), children: [] }
    }
    const children = sorted(members.map((member) => build(member, new Set([...seen, id]))))
    return { id, isGroup: true, rank: Math.min(...children.map((child) => child.rank)), children }
  }
  const roots = [...dag.tasks.map((task) => task.taskId), ...groups.keys()].filter((id) => !inner.has(id))
  return sorted(roots.map((id) => build(id, new Set())))
}

const sorted = (nodes: Node[]): Node[] => nodes.sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1))

const tasksUnder = (node: Node): string[] => (node.isGroup ? node.children.flatMap(tasksUnder) : [node.id])

/** True for a task that has as many instances as its inputs have items. */
export const isMappedTask = ({ tasks, indexOf }: DagGraph, taskId: string): boolean => {
  const task = tasks[indexOf.get(taskId) ?? -1]
  return task !== undefined && task.mapping !== null
}

export function gridRows(graph: DagGraph, folded: ReadonlySet<string>, find: string): GridRow[] {
  const rows: GridRow[] = []
  const add = (node: Node, depth: number): void => {
    const tasks = tasksUnder(node)
    const isFound = find === '' || tasks.some((task) => task.toLowerCase().includes(find))
    if (!isFound) return
    const isFolded = folded.has(node.id)
    const isMapped = !node.isGroup && isMappedTask(graph, node.id)
    rows.push({ id: node.id, label: node.id, isGroup: node.isGroup, isFolded, isMapped, depth, tasks })
    if (node.isGroup && !isFolded) for (const child of node.children) add(child, depth + 1)
  }
  for (const node of tree(graph)) add(node, 0)
  return rows
}

/** `runs` newest first, as read; the grid shows the newest right. */
export function gridData(
  graph: DagGraph,
  rows: readonly GridRow[],
  runs: readonly RunListRow[],
  cells: ReadonlyMap<number, ReadonlyMap<string, TaskCell>>,
  now: number,
): GridData {
  const columns = [...runs].reverse()
  // Pairs, not assignments: an id such as `__proto__` must become a key like any other.
  const letters: [string, string][] = []
  const took: [string, (number | null)[]][] = []
  const tallies: [string, string[]][] = []
  for (const { taskId, mapping } of graph.tasks) {
    const line = columns.map((run) => cells.get(run.id)?.get(taskId))
    const tenths = (seconds: number | null | undefined) =>
      typeof seconds === 'number' ? Math.round(seconds * 10) / 10 : null
    letters.push([taskId, line.map((cell) => (cell === undefined ? '.' : worstOf(cell.tally))).join('')])
    took.push([taskId, line.map((cell) => tenths(cell?.took))])
    if (mapping !== null)
      tallies.push([taskId, line.map((cell) => (cell === undefined || cell.n < 2 ? '' : writeTally(cell.tally)))])
  }
  return {
    dag: graph.dag.dagId,
    rows,
    runs: columns.map((run) => ({
      id: run.id,
      run: run.runId,
      state: run.state,
      type: run.runType,
      after: run.runAfter,
      start: run.startDate,
      end: run.endDate,
      version: run.versionNumber,
      label: runLabel(run, now),
      interval: runInterval(run, now) ?? '',
    })),
    cells: Object.fromEntries(letters),
    tallies: Object.fromEntries(tallies),
    took: Object.fromEntries(took),
  }
}
