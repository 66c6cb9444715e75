// Reading a DAG in tests of the SDK's checklist.

import type { Dag, TaskGroupRef, TaskRef, TaskSpec } from '../../../sdk/facade/index.ts'
import { serializeDag } from '../../../sdk/serialize.ts'

export const read = (dag: Dag) => serializeDag(dag, { maxActiveTasks: 16, maxActiveRuns: 16 })
export const edgesOf = (dag: Dag) => read(dag).edges.map(([from, to]) => `${from} → ${to}`)
export const taskOf = (dag: Dag, taskId: string) => {
  const found = read(dag).tasks.find((task) => task.taskId === taskId)
  if (found === undefined) throw new Error(`no task ${taskId}`)
  return found
}
export const nothing = (): void => undefined
/** A task placed at once. */
export const place = (dag: Dag | TaskGroupRef, id: string, spec: TaskSpec = {}): TaskRef =>
  dag.task(id, nothing, spec)()
