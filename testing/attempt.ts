// One attempt of a test, by the child's own program.

import { runBody } from '../child/attempt.ts'
import type { CallPort } from '../child/client.ts'
import { inputOf, itemInputs } from '../core/arguments.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import type { AttemptInput, AttemptResult, AttemptSpec, LogLevel } from '../core/protocol.ts'
import type { RunModel, TaskInstanceView } from '../core/run-model.ts'
import type { SerializedInput, SerializedTask } from '../core/serialized.ts'
import type { Outcome } from '../core/settle.ts'
import { boundDeferral, limitLeftMs } from '../core/time-limit.ts'
import type { FacadeDag } from '../sdk/dag.ts'
import { TaskTimedOut } from '../sdk/signals.ts'
import { afterSeconds, runWithTime } from '../sdk/waiting.ts'
import type { VirtualClock } from './clock.ts'
import type { Asking, World } from './world.ts'

/** One line of a task's log. */
export interface LogLine {
  /** With the prefix of its groups. */
  readonly taskId: string
  /** -1 = not mapped. */
  readonly mapIndex: number
  /** 1 for the first try. */
  readonly tryNumber: number
  /** `debug`, `info`, `warning` or `error`. */
  readonly level: LogLevel
  /** Secrets that the task was given are masked, in `fields` too. */
  readonly message: string
  /** What `getLogger().info(fields, message)` was given, or the `exception` of a failure. */
  readonly fields: object
}

export interface AttemptDeps {
  readonly dag: FacadeDag
  readonly model: RunModel
  readonly world: World
  readonly clock: VirtualClock
  readonly params: JsonObject
  /** Of the run: the last complete one for an interval timetable. */
  readonly dataInterval: AttemptSpec['dataInterval']
  readonly embeddedRoot: string
  /** False = a try may take as long as it likes (somebody is debugging it). */
  readonly hasTimeLimits: boolean
  onLog(line: LogLine): void
  onFields(ti: TaskInstanceView, fields: JsonObject, label: string | null): void
}

/** What a try that goes on after a wait begins with. */
export interface Continuation {
  readonly triedAt: number
  readonly firstTriedAt: number
  readonly rescheduleCount: number
  readonly resume: AttemptSpec['resume']
}

function taskOf(model: RunModel, ti: TaskInstanceView): SerializedTask {
  // Instances are made from the tasks of the graph.
  return model.graph.tasks[ti.task] as SerializedTask
}

/** What a ref stands for: the value, or the list of all values of a mapped task. */
function returnedBy({ model, world }: AttemptDeps, taskId: string): JsonValue | undefined {
  const task = model.graph.indexOf.get(taskId) ?? -1
  if ((model.graph.tasks[task]?.mapping ?? null) === null) return world.getXCom(taskId, -1)
  return (model.byTask[task] ?? []).flatMap((ti) => world.getXCom(taskId, ti.mapIndex) ?? [])
}

function inputsOf(deps: AttemptDeps, task: SerializedTask, mapIndex: number): AttemptInput[] {
  const read = (input: SerializedInput) => (input.kind === 'literal' ? input.value : returnedBy(deps, input.taskId))
  const plain = task.inputs.map((input) => inputOf(input, read(input)))
  const { mapping } = task
  if (mapping === null) return plain
  const sources: JsonValue[] = []
  for (const input of mapping.over) {
    const value = read(input)
    if (value === undefined) return [...plain, inputOf(input, undefined)]
    sources.push(value)
  }
  return [...plain, ...itemInputs(mapping, sources, mapIndex)]
}

export function portOf(deps: AttemptDeps, asking: Asking, ti: TaskInstanceView): CallPort {
  return {
    // Asynchronous as in a deployment: a throw becomes a rejection.
    make: async (_attempt, op, args) => deps.world.serve(asking, op, args),
    tellFields: (_attempt, fields, label) => deps.onFields(ti, fields, label),
  }
}

export function specOf(deps: AttemptDeps, ti: TaskInstanceView, from: Continuation): AttemptSpec {
  const { model, params, dataInterval, embeddedRoot } = deps
  const { run, graph } = model
  const task = taskOf(model, ti)
  return {
    ...{ attempt: 1, modulePath: '', dagId: run.dagId, taskId: task.taskId, runId: run.runId },
    ...{ tryNumber: ti.tryNumber, mapIndex: ti.mapIndex, fence: `${ti.id}/${ti.tryNumber}/${ti.epoch}` },
    ...{ runType: run.runType, logicalDate: run.logicalDate, dataInterval, runAfter: run.runAfter },
    ...{ runStartDate: run.startDate, timezone: graph.dag.timezone, conf: run.conf as JsonObject, embeddedRoot },
    inputs: inputsOf(deps, task, ti.mapIndex),
    ...{ doXcomPush: task.doXcomPush, params, ...from, maxTries: ti.maxTries },
    expandedCount: task.mapping === null ? null : (model.byTask[ti.task]?.length ?? 1),
  }
}

export const askingOf = ({ model }: AttemptDeps, ti: TaskInstanceView): Asking => ({
  dagId: model.run.dagId,
  runId: model.run.runId,
  taskId: taskOf(model, ti).taskId,
  mapIndex: ti.mapIndex,
})

/** Runs one try to its end, or to where it waits without a slot. */
export async function runTry(deps: AttemptDeps, ti: TaskInstanceView, from: Continuation): Promise<Outcome> {
  const { dag, model, clock } = deps
  const { taskId, executionTimeout } = taskOf(model, ti)
  const abort = new AbortController()
  const beganAt = clock.now()
  const limitMs = deps.hasTimeLimits ? limitLeftMs(executionTimeout, from, beganAt) : null
  const timedOut = { kind: 'timeout', seconds: executionTimeout ?? 0 } as const
  let isLate = false
  let stopTimer = (): void => undefined
  const late = new Promise<Outcome>((resolve) => {
    if (limitMs !== null) stopTimer = afterSeconds(limitMs / 1000, () => resolve(timedOut))
  })
  const time = clock.waits(limitMs, () => {
    isLate = true
    return new TaskTimedOut(`the attempt took longer than its limit of ${executionTimeout} s`)
  })
  const leftMs = () => (limitMs === null ? null : limitMs - (clock.now() - beganAt))
  const say = (level: LogLevel, message: string, fields: object = {}) =>
    deps.onLog({ taskId, mapIndex: ti.mapIndex, tryNumber: ti.tryNumber, level, message, fields })
  const work = runWithTime(time, async (): Promise<AttemptResult> => {
    const port = portOf(deps, askingOf(deps, ti), ti)
    return runBody(dag, specOf(deps, ti, from), { calls: port, signal: abort.signal, say, now: () => clock.now() })
  }).catch((error: unknown): Outcome => ({ kind: 'failure', message: String(error), isRetryable: true }))
  try {
    const outcome = await Promise.race([work.then((result) => boundDeferral(result, leftMs())), late])
    return isLate ? timedOut : outcome
  } finally {
    stopTimer()
    abort.abort(new Error('the attempt has ended'))
  }
}
