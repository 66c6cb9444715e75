// What a user's verbs touch: clear lets instances run again, mark sets them. Pure: the same choice is shown as a preview and
// made under the run's lock. The rules are Airflow's (dag.clear, set_task_instance_state, set_dag_run_state_to_*), whose
// answers test/engine/run-control-oracle.test.ts replays.

import type { DagGraph } from './graph.ts'
import type { Reason } from './reasons.ts'
import { grantTries, type RunModel, type TaskInstanceView, type Transition } from './run-model.ts'
import { isFailed, isFinished, type Mark, type TaskState } from './states.ts'

/** A task, or one instance of a mapped one. */
export interface TaskPick {
  readonly taskId: string
  /** Absent = all its instances. */
  readonly mapIndex?: number
}

/** Which tasks of a DAG a verb is about. */
export interface TaskScope {
  /** Null = all. */
  readonly tasks: readonly TaskPick[] | null
  /** Everything before them too, however far. */
  readonly upstream: boolean
  /** Everything downstream too, however far. */
  readonly downstream: boolean
}

/** A scope resolved on a graph: by task id, all instances (`null`) or those of some map indexes. */
export type ChosenTasks = ReadonlyMap<string, readonly number[] | null>

/** Everything that can be reached from some tasks, without them unless they lie on the way. */
export function reachable(graph: DagGraph, from: Iterable<number>, next: 'upstream' | 'downstream'): Set<number> {
  const found = new Set<number>()
  const agenda = [...from]
  for (let task = agenda.pop(); task !== undefined; task = agenda.pop()) {
    for (const other of graph[next][task] ?? []) {
      if (found.has(other)) continue
      found.add(other)
      agenda.push(other)
    }
  }
  return found
}

/** Tasks the graph lacks are left out: another version of the DAG may have them. Null = all tasks. */
export function chooseTasks(graph: DagGraph, scope: TaskScope): ChosenTasks | null {
  if (scope.tasks === null) return null
  const chosen = new Map<string, readonly number[] | null>()
  const whole = (taskId: string) => chosen.set(taskId, null)
  for (const { taskId, mapIndex } of scope.tasks) {
    const known = chosen.get(taskId)
    if (mapIndex === undefined) whole(taskId)
    else if (known !== null) chosen.set(taskId, [...(known ?? []), mapIndex])
  }
  const roots = [...chosen.keys()].flatMap((taskId) => graph.indexOf.get(taskId) ?? [])
  const relatives = [
    ...(scope.upstream ? reachable(graph, roots, 'upstream') : []),
    ...(scope.downstream ? reachable(graph, roots, 'downstream') : []),
  ]
  for (const task of relatives) whole(graph.task(task).taskId)
  return chosen
}

/** Whether an instance is meant by a resolved scope. */
export const isChosen = (chosen: ChosenTasks | null, taskId: string, mapIndex: number): boolean => {
  if (chosen === null) return true
  const indexes = chosen.get(taskId)
  return indexes === null || indexes?.includes(mapIndex) === true
}

/** Instances of a run that a scope means, whatever their state. */
function instancesOf(model: RunModel, chosen: ChosenTasks | null): TaskInstanceView[] {
  return [...model.instances.values()].filter((ti) => isChosen(chosen, model.graph.task(ti.task).taskId, ti.mapIndex))
}

/** Of what is chosen, which instances are cleared. Both = failed and running ones. */
export interface ClearFilter {
  /** failed and upstream_failed. */
  readonly onlyFailed: boolean
  readonly onlyRunning: boolean
}

/** States that a filter lets through; null = every one. */
export function clearedStates({ onlyFailed, onlyRunning }: ClearFilter): readonly TaskState[] | null {
  if (!onlyFailed && !onlyRunning) return null
  return [...(onlyFailed ? (['failed', 'upstream_failed'] as const) : []), ...(onlyRunning ? ['running' as const] : [])]
}

/** The instances of a run that a clear touches. Those without a state have nothing to clear, but count (as in Airflow). */
export function chooseCleared(model: RunModel, chosen: ChosenTasks | null, filter: ClearFilter): TaskInstanceView[] {
  const states = clearedStates(filter)
  return instancesOf(model, chosen).filter((ti) => states === null || (ti.state !== null && states.includes(ti.state)))
}

/**
 * Lets instances run again: their tries stay in the history, and they get as many more as a task begins with. A running
 * one is asked to end first and begins again when it has, whatever tries are left; those stay what they were.
 */
export function clearInstances(model: RunModel, instances: readonly TaskInstanceView[], by: string): Transition[] {
  const moved: Transition[] = []
  for (const ti of instances) {
    if (ti.state === null || ti.state === 'restarting') continue
    const isRunning = ti.state === 'running'
    const retries = model.graph.task(ti.task).retries
    const extraTries = isRunning ? 0 : ti.tryNumber + retries - ti.maxTries
    grantTries(ti, extraTries)
    const because: Reason = { code: 'cleared', by, extraTries }
    moved.push(model.move(ti, isRunning ? 'restarting' : null, because))
  }
  return moved
}

/** The instances of a run that marking touches: chosen, and not in that state already. */
export function chooseMarked(model: RunModel, chosen: ChosenTasks | null, to: Mark): TaskInstanceView[] {
  return instancesOf(model, chosen).filter((ti) => ti.state !== to)
}

/** Sets instances; what runs is ended. */
export function markInstances(
  model: RunModel,
  instances: readonly TaskInstanceView[],
  to: Mark,
  because: Reason,
): Transition[] {
  return instances.map((ti) => model.mark(ti, to, because))
}

/** Behind a marked task: what has failed because of what was before goes on, the task itself does not. */
export function chooseResumed(model: RunModel, taskId: string): TaskInstanceView[] {
  const task = model.graph.indexOf.get(taskId)
  const downstream = task === undefined ? new Set<number>() : reachable(model.graph, [task], 'downstream')
  return [...model.instances.values()].filter((ti) => downstream.has(ti.task) && isFailed(ti.state))
}

const WORKING: ReadonlySet<TaskState | null> = new Set(['running', 'deferred', 'up_for_reschedule', 'awaiting_input'])

/** How instances end when their run is set to an end: those at work as the run does, the rest is skipped. */
export function endWithRun(model: RunModel, to: 'success' | 'failed', by: string): Transition[] {
  const because: Reason = { code: 'run_marked', by, state: to }
  const open = [...model.instances.values()].filter((ti) => !isFinished(ti.state))
  return open.map((ti) => model.mark(ti, WORKING.has(ti.state) ? to : 'skipped', because))
}
