// Tasks in the order in which they can run, as the graph of a DAG has it (core/graph.ts): level by level, by id inside one.

interface Node {
  readonly taskId: string
  readonly downstream: readonly string[]
}

export function inOrder<T extends Node>(tasks: readonly T[]): readonly T[] {
  const missing = new Map(tasks.map((task) => [task.taskId, 0]))
  for (const { downstream } of tasks) for (const id of downstream) missing.set(id, (missing.get(id) ?? 0) + 1)
  const byTaskId = new Map(tasks.map((task) => [task.taskId, task]))
  const order: T[] = []
  let level = tasks.filter((task) => missing.get(task.taskId) === 0)
  while (level.length > 0) {
    const sorted = level.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1))
    order.push(...sorted)
    const next: T[] = []
    for (const id of sorted.flatMap((task) => task.downstream)) {
      const left = (missing.get(id) ?? 0) - 1
      missing.set(id, left)
      const task = byTaskId.get(id)
      if (left === 0 && task !== undefined) next.push(task)
    }
    level = next
  }
  return order
}
