// The package `baram/testing`: a DAG or a task run in the test's own process, in a made-up world, with a virtual clock.

import { rmSync } from 'node:fs'
import { type AlertKind, callbacksFor, type NewCallback } from '../core/alerts.ts'
import type { Effect } from '../core/effects.ts'
import { BaramError } from '../core/errors.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { maskByName } from '../core/masker.ts'
import { describeReason, type Reason } from '../core/reasons.ts'
import type { ResultTable } from '../core/result-table.ts'
import type { TaskInstanceView } from '../core/run-model.ts'
import type { SerializedDag } from '../core/serialized.ts'
import type { TaskState } from '../core/states.ts'
import { dagOf, type FacadeDag, isDag } from '../sdk/dag.ts'
import { insideOf } from '../sdk/nodes.ts'
import type { TaskRef } from '../sdk/types.ts'
import type { LogLine } from './attempt.ts'
import { Drive } from './driver.ts'
import { alone, prepare, type RunOptions, upTo } from './prepare.ts'
import type { StartedRun, World } from './world.ts'

export type { LogLine } from './attempt.ts'
export type { RunOptions } from './prepare.ts'
export type { MadeUpConnection, StartedRun } from './world.ts'

/** How one task instance ended. */
export interface TaskResult<TValue = JsonValue> {
  /** With the prefix of its groups. */
  readonly taskId: string
  /** -1 = not mapped. */
  readonly mapIndex: number
  /** Its last state; null = nothing has decided on it. */
  readonly state: TaskState | null
  /** Tries that were begun; 0 = it never ran. */
  readonly tries: number
  /** What it returned; undefined = nothing. */
  readonly value: TValue | undefined
  /** All its XComs by key, `return_value` among them. */
  readonly xcoms: { readonly [key: string]: JsonValue }
  /** Lines of all its tries, in order. */
  readonly logs: readonly LogLine[]
  /** Why it stands as it does, in a sentence. */
  readonly because: string
  /** Template fields as they were rendered for the last try; null = it has none. */
  readonly rendered: JsonObject | null
}

/** A callback that would have been called. */
export interface TestCallback {
  /** `failure`, `success`, `retry` or `skipped`; time does not pass in a test, so that it misses no deadline. */
  readonly kind: AlertKind
  /** Null: of the run. */
  readonly taskId: string | null
  /** -1 = not mapped. */
  readonly mapIndex: number
  /** Null: of the run. */
  readonly tryNumber: number | null
  /** What it would have been told. */
  readonly reason: string
}

/** How a run ended, and what it left. */
export interface DagResult {
  /** `failed` when a task that nothing is downstream of has failed, or the run took too long. */
  readonly state: 'success' | 'failed'
  /** `manual__<logical date>`. */
  readonly runId: string
  /** By task id; `load[0]` of a mapped task. */
  readonly states: { readonly [task: string]: TaskState | null }
  /** What tasks returned, by task id: of a mapped task the list of its values. */
  readonly xcoms: { readonly [taskId: string]: JsonValue }
  /** Tries that were begun, by the keys of `states`. */
  readonly tries: { readonly [task: string]: number }
  /** Lines of `getLogger()` and of failures, in order; `console.log` goes where it always goes. */
  readonly logs: readonly LogLine[]
  /** Every instance, in the order in which tasks can run. */
  readonly tasks: readonly TaskResult[]
  /** Row counts that tasks told with `recordEffect`. */
  readonly effects: readonly (Effect & { readonly taskId: string })[]
  /** What tasks published, by name; the last one of a name. */
  readonly reports: { readonly [name: string]: ResultTable }
  /** Runs of other DAGs that tasks have started; nothing runs of them. */
  readonly started: readonly StartedRun[]
  /** Variables as the run has left them. */
  readonly variables: { readonly [key: string]: string }
  /** Callbacks that a deployment would have called, in order. A test calls none: it must page nobody. */
  readonly callbacks: readonly TestCallback[]
  /** Where the virtual clock stands at the end. */
  readonly endedAt: Date
}

/** What is seen while a run is driven. */
export interface Watcher {
  /** Called with each line of `logs`, at once. */
  onLog?(line: LogLine): void
  /** Called with each move of an instance. `name`: `load`, or `load[0]`; `at`: by the virtual clock. */
  onMove?(name: string, to: TaskState | null, because: Reason, at: Date): void
}

const nameOf = (taskId: string, mapIndex: number) => (mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`)

interface Seen {
  readonly logs: LogLine[]
  readonly because: Map<TaskInstanceView, Reason>
  readonly rendered: Map<TaskInstanceView, JsonObject>
}

function tasksOf({ model }: Drive, world: World, seen: Seen): TaskResult[] {
  return model.graph.order.flatMap((task) =>
    (model.byTask[task] ?? []).map((ti) => {
      const taskId = model.graph.task(task).taskId
      const because = seen.because.get(ti)
      return {
        ...{ taskId, mapIndex: ti.mapIndex, state: ti.state, tries: ti.tryNumber },
        value: world.getXCom(taskId, ti.mapIndex),
        xcoms: world.xcomsOf(taskId, ti.mapIndex),
        logs: seen.logs.filter((line) => line.taskId === taskId && line.mapIndex === ti.mapIndex),
        because: because === undefined ? 'Nothing has decided on it.' : describeReason(because),
        rendered: seen.rendered.get(ti) ?? null,
      }
    }),
  )
}

/** Of a mapped task the list of what its instances returned. */
function valuesOf(tasks: readonly TaskResult[]): Record<string, JsonValue> {
  const values: Record<string, JsonValue> = {}
  for (const { taskId, mapIndex, value } of tasks) {
    if (mapIndex >= 0) {
      const list = (values[taskId] ?? []) as JsonValue[]
      values[taskId] = value === undefined ? list : [...list, value]
    } else if (value !== undefined) values[taskId] = value
  }
  return values
}

async function drive(
  dag: FacadeDag,
  options: RunOptions,
  watcher: Watcher,
  part?: (whole: SerializedDag) => SerializedDag,
): Promise<DagResult> {
  const { world, drive: prepared } = prepare(dag, options, part)
  const seen: Seen = { logs: [], because: new Map(), rendered: new Map() }
  const callbacks: TestCallback[] = []
  const note = (called: readonly NewCallback[]) => {
    for (const { kind, taskId, mapIndex, tryNumber, reason } of called)
      callbacks.push({ kind, taskId, mapIndex, tryNumber, reason })
  }
  const run = new Drive({
    ...prepared,
    onLog: (given) => {
      const { masker } = world
      // A masked copy of an object is an object.
      const fields = masker.maskDeep(given.fields) as object
      const line = { ...given, message: masker.mask(given.message), fields }
      seen.logs.push(line)
      watcher.onLog?.(line)
    },
    // As above; by name too, as a deployment stores them.
    onFields: (ti, fields) => seen.rendered.set(ti, world.masker.maskDeep(maskByName(fields)) as JsonObject),
    onMove: ({ ti, to, because }, model, at) => {
      note(callbacksFor(model, [{ ti, steps: [{ to, because }] }], false, null))
      seen.because.set(ti, because)
      watcher.onMove?.(nameOf(model.graph.task(ti.task).taskId, ti.mapIndex), to, because, new Date(at))
    },
  })
  try {
    const state = await run.run()
    run.model.moveRun(state)
    note(callbacksFor(run.model, [], true, { code: 'leaves' }))
    const tasks = tasksOf(run, world, seen)
    const byName = <T>(pick: (task: TaskResult) => T) =>
      Object.fromEntries(tasks.map((task) => [nameOf(task.taskId, task.mapIndex), pick(task)]))
    return {
      ...{
        state,
        runId: prepared.run.runId,
        states: byName((task) => task.state),
        tries: byName((task) => task.tries),
      },
      ...{ xcoms: valuesOf(tasks), logs: seen.logs, tasks, effects: world.effects, started: world.started },
      reports: Object.fromEntries(world.reports),
      variables: Object.fromEntries(world.variables),
      callbacks,
      endedAt: new Date(run.clock.now()),
    }
  } finally {
    // A folder of our own making goes with the run.
    if (options.folder === undefined) rmSync(prepared.embeddedRoot, { recursive: true, force: true })
  }
}

/**
 * Runs a DAG to its end, as a deployment would: trigger rules, branches, mapped tasks, retries and waits; only that tasks
 * run one after another in this process, and that no wait takes time.
 * @param options.task run only this task and what is upstream of it
 * @throws BaramError DAG_INVALID, DAG_CYCLE, PARAMS_INVALID, INPUT_INVALID for a date, NOT_FOUND for a task; a task that fails does not throw
 */
export function runDag(
  dag: FacadeDag,
  options: RunOptions & Watcher & { readonly task?: string } = {},
): Promise<DagResult> {
  const { task } = options
  return drive(dag, options, options, task === undefined ? undefined : (whole) => upTo(whole, task))
}

/** Options of `runTask`. */
export interface RunTaskOptions extends RunOptions, Watcher {
  /** Arguments by name; those the DAG gives as literals need not be given. Default: none. */
  readonly inputs?: { readonly [name: string]: JsonValue }
}

async function runAlone(dag: FacadeDag, taskId: string, options: RunTaskOptions): Promise<TaskResult> {
  const { tasks } = await drive(dag, options, options, (whole) => alone(whole, taskId, options.inputs ?? {}))
  // The part has exactly this task.
  return tasks[0] as TaskResult
}

/**
 * Runs one task alone, with its retries: `runTask(dag, 'load', { inputs: { rows: 3 } })`, or by the reference that its call
 * returned. Of a mapped task one instance runs; `inputs` has its items.
 * @throws BaramError INPUT_INVALID for an argument that another task would give and nobody gave; else as `runDag`
 */
export function runTask<TValue>(task: TaskRef<TValue>, options?: RunTaskOptions): Promise<TaskResult<TValue>>
export function runTask(dag: FacadeDag, taskId: string, options?: RunTaskOptions): Promise<TaskResult>
export function runTask(
  first: FacadeDag | TaskRef,
  second?: string | RunTaskOptions,
  third?: RunTaskOptions,
): Promise<TaskResult> {
  if (isDag(first)) return runAlone(first, String(second), third ?? {})
  const inside = insideOf(first)
  const dag = inside === null ? null : dagOf(inside.owner)
  if (inside?.node.kind !== 'task' || dag === null)
    throw new BaramError('INPUT_INVALID', 'runTask takes a DAG and a task id, or the reference of a placed task')
  return runAlone(dag, inside.node.taskId, (second ?? {}) as RunTaskOptions)
}
