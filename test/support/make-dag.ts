// Serialized DAGs and models for tests, filled with the defaults an author gets.

import { buildGraph, type DagGraph } from '../../core/graph.ts'
import { type RunFacts, RunModel, type TaskInstanceView } from '../../core/run-model.ts'
import type { SerializedDag, SerializedTask } from '../../core/serialized.ts'

type Changes<T> = { readonly [K in keyof T]?: T[K] }

export function makeTask(taskId: string, changes: Changes<SerializedTask> = {}): SerializedTask {
  return {
    taskId,
    operator: 'TypeScriptTask',
    owner: 'airflow',
    triggerRule: 'all_success',
    retries: 0,
    retryDelay: 300,
    maxRetryDelay: null,
    retryExponentialBackoff: 0,
    executionTimeout: null,
    dependsOnPast: false,
    ignoreFirstDependsOnPast: false,
    waitForDownstream: false,
    waitForPastDependsBeforeSkipping: false,
    queue: 'default',
    pool: 'default_pool',
    poolSlots: 1,
    priorityWeight: 1,
    weightRule: 'downstream',
    maxActiveTisPerDag: null,
    maxActiveTisPerDagrun: null,
    doXcomPush: true,
    isolate: null,
    startDate: null,
    endDate: null,
    docMd: null,
    inputs: [],
    mapping: null,
    mapIndexTemplate: null,
    skips: false,
    options: {},
    templateFields: [],
    ...changes,
  }
}

/** Tasks may be given by id alone. */
export function makeDag(
  tasks: readonly (string | SerializedTask)[],
  edges: readonly (readonly [string, string])[] = [],
  changes: Changes<SerializedDag> = {},
): SerializedDag {
  return {
    format: 2,
    dagId: 'example',
    dagDisplayName: null,
    description: null,
    docMd: null,
    timetable: { kind: 'none' },
    timezone: 'UTC',
    startDate: null,
    endDate: null,
    catchup: false,
    tags: [],
    maxActiveTasks: 16,
    maxActiveRuns: 16,
    maxConsecutiveFailedDagRuns: 0,
    dagrunTimeout: null,
    failFast: false,
    renderTemplateAsNativeObj: false,
    isPausedUponCreation: false,
    params: {},
    tasks: tasks.map((task) => (typeof task === 'string' ? makeTask(task) : task)),
    groups: [],
    edges,
    labels: [],
    ...changes,
  }
}

export function makeFacts(changes: Changes<RunFacts> = {}): RunFacts {
  return {
    dagRunId: 1,
    dagId: 'example',
    runId: 'manual__2024-03-18T00:00:00+00:00',
    runType: 'manual',
    logicalDate: Date.UTC(2024, 2, 18),
    dataInterval: null,
    runAfter: Date.UTC(2024, 2, 18),
    startDate: null,
    conf: {},
    versionId: 'v1',
    clearNumber: 0,
    state: 'running',
    rev: 0,
    ...changes,
  }
}

export function makeInstance(graph: DagGraph, task: number, changes: Changes<TaskInstanceView> = {}): TaskInstanceView {
  const of = graph.tasks[task]
  if (of === undefined) throw new Error(`the graph has no task ${task}`)
  return {
    id: `${of.taskId}#${changes.mapIndex ?? -1}`,
    task,
    mapIndex: -1,
    pool: of.pool,
    poolSlots: of.poolSlots,
    queue: of.queue,
    priorityWeight: graph.weight[task] ?? of.priorityWeight,
    state: null,
    tryNumber: 0,
    maxTries: of.retries,
    epoch: 0,
    isContinued: false,
    ...changes,
  }
}

/** A model of one unmapped instance a task, all without a state. */
export function makeModel(
  dag: SerializedDag,
  options: { facts?: Changes<RunFacts>; past?: ConstructorParameters<typeof RunModel>[3] } = {},
): RunModel {
  const graph = buildGraph(dag)
  const instances = graph.tasks.map((_, i) => makeInstance(graph, i))
  return new RunModel(graph, makeFacts({ dagId: dag.dagId, ...options.facts }), instances, options.past ?? null)
}

/** The instance of an unmapped task. */
export function instanceOf(model: RunModel, taskId: string): TaskInstanceView {
  const ti = model.byTask[model.graph.indexOf.get(taskId) ?? -1]?.[0]
  if (ti === undefined) throw new Error(`the model has no instance of ${taskId}`)
  return ti
}

/** Every instance's state by task id. */
export function statesOf(model: RunModel): Record<string, string | null> {
  const pairs = [...model.instances.values()].map((ti) => [model.graph.tasks[ti.task]?.taskId ?? '', ti.state] as const)
  return Object.fromEntries<string | null>(pairs)
}
