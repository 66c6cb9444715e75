// What happens to a run or a task that somebody is told of, and which callbacks are called for it.
//
// A callback is called for what happened by itself: what a person marked, cleared or deleted, that person knows. What fails
// because something else failed (upstream_failed, a DAG that fails fast) calls nobody either: the failure itself did.

import { describeReason, type Reason, type RunReason } from './reasons.ts'
import type { RunModel, TaskInstanceView } from './run-model.ts'
import { isFailed, type RunState, type TaskState } from './states.ts'

/** What a callback can be told of; `deadline`: something is late. */
export const ALERT_KINDS = ['failure', 'success', 'retry', 'skipped', 'deadline'] as const
export type AlertKind = (typeof ALERT_KINDS)[number]
/** Those that an end calls; a deadline is called by time. */
export type EndKind = Exclude<AlertKind, 'deadline'>

/** The authors' option of each kind, with Airflow's names. */
export const ALERT_OPTIONS: Readonly<Record<AlertKind, string>> = {
  failure: 'onFailureCallback',
  success: 'onSuccessCallback',
  retry: 'onRetryCallback',
  skipped: 'onSkippedCallback',
  deadline: 'deadline',
}

/** How many callbacks a DAG or a task has, by kind: all that the scheduler knows of an author's functions. */
export type CallbackCounts = { readonly [K in EndKind]?: number }

/** Failures of an attempt of its own. */
const FAILED_ITSELF: ReadonlySet<Reason['code']> = new Set<Reason['code']>([
  'failed',
  'failed_for_good',
  'set_aside',
  'timed_out',
  'lost',
  'wait_timed_out',
  'map_too_long',
])

/** What one move of a task instance is to its callbacks; null = nothing. */
export function endOfMove(to: TaskState | null, because: Reason): EndKind | null {
  switch (to) {
    case 'failed':
      return FAILED_ITSELF.has(because.code) ? 'failure' : null
    case 'up_for_retry':
      return FAILED_ITSELF.has(because.code) ? 'retry' : null
    case 'success':
      return because.code === 'succeeded' ? 'success' : null
    case 'skipped':
      return because.code === 'skipped_itself' ? 'skipped' : null
    default:
      return null
  }
}

/** What the move of a run is to its DAG's callbacks; null = nothing. */
export function endOfRun(to: RunState, because: RunReason | null): EndKind | null {
  if (because === null || because.code === 'run_marked') return null
  return to === 'failed' ? 'failure' : to === 'success' ? 'success' : null
}

const nameOf = (taskId: string, mapIndex: number) => (mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`)

/** Failed tasks that a sentence names; the rest is counted. */
const MOST_NAMES = 5

function describeFailed(model: RunModel): string {
  // Those that failed themselves: what is upstream_failed because of them names no cause.
  const failed = [...model.instances.values()].filter((ti) => isFailed(ti.state))
  const own = failed.filter((ti) => ti.state === 'failed')
  const told = own.length > 0 ? own : failed
  const names = told.slice(0, MOST_NAMES).map((ti) => nameOf(model.graph.task(ti.task).taskId, ti.mapIndex))
  const more = told.length > MOST_NAMES ? ` and ${told.length - MOST_NAMES} more` : ''
  return names.length === 0 ? 'The run failed.' : `Failed: ${names.join(', ')}${more}.`
}

/** Why a run ended, in a sentence. */
export function describeRunEnd(model: RunModel, because: RunReason | null): string {
  if (because?.code === 'run_timed_out') return `Took longer than ${because.seconds} s (dagrunTimeout).`
  if (because?.code === 'deadlock') return 'Unfinished tasks are left and none of them can ever start.'
  return model.run.state === 'failed' ? describeFailed(model) : 'Every task has ended well.'
}

/** One callback that is to be called, as it is stored. */
export interface NewCallback {
  /** What happened, and which of the author's callbacks: the same thing is stored once. */
  readonly dedupKey: string
  readonly kind: AlertKind
  /** Null = of the run. */
  readonly taskId: string | null
  readonly mapIndex: number
  /** Null = of the run, or of a deadline. */
  readonly tryNumber: number | null
  /** Which one of a list. */
  readonly ordinal: number
  readonly reason: string
}

/** A move as the engine gathers it: the instance as it stands now, and the steps that led there. */
export interface AlertedMove {
  readonly ti: TaskInstanceView
  readonly steps: readonly { readonly to: TaskState | null; readonly because: Reason }[]
}

const repeat = (count: number): readonly number[] => Array.from({ length: count }, (_, ordinal) => ordinal)

/** Tries that began after a step: a later one is not the one that ended. */
const triesBegunAfter = (steps: AlertedMove['steps'], at: number) =>
  steps.slice(at + 1).filter(({ to }, i) => {
    const before = steps[at + i]?.to ?? null
    return to === 'scheduled' && (before === null || before === 'up_for_retry')
  }).length

function callbacksOfMove(model: RunModel, { ti, steps }: AlertedMove): NewCallback[] {
  const { taskId, callbacks } = model.graph.task(ti.task)
  if (callbacks === undefined) return []
  return steps.flatMap(({ to, because }, at) => {
    const kind = endOfMove(to, because)
    const count = kind === null ? 0 : (callbacks[kind] ?? 0)
    if (kind === null || count === 0) return []
    const tryNumber = ti.tryNumber - triesBegunAfter(steps, at)
    const reason = describeReason(because, model.graph.dag.timezone)
    return repeat(count).map((ordinal) => ({
      // One that failed before its first try has no number of its own to tell it from the same after a clear.
      dedupKey: `ti/${ti.id}/${tryNumber > 0 ? tryNumber : `0.${model.run.clearNumber}`}/${kind}/${ordinal}`,
      ...{ kind, taskId, mapIndex: ti.mapIndex, tryNumber, ordinal, reason },
    }))
  })
}

function callbacksOfRun(model: RunModel, because: RunReason | null): NewCallback[] {
  const { callbacks } = model.graph.dag
  const kind = callbacks === undefined ? null : endOfRun(model.run.state, because)
  const count = kind === null ? 0 : (callbacks?.[kind] ?? 0)
  if (kind === null) return []
  const { dagRunId, clearNumber } = model.run
  const reason = describeRunEnd(model, because)
  return repeat(count).map((ordinal) => ({
    // A run that was cleared ends once more.
    dedupKey: `run/${dagRunId}/${clearNumber}/${kind}/${ordinal}`,
    ...{ kind, taskId: null, mapIndex: -1, tryNumber: null, ordinal, reason },
  }))
}

/**
 * The callbacks that one transaction's changes of a run call.
 * @param hasRunMoved the run itself came to its state in this transaction
 */
export function callbacksFor(
  model: RunModel,
  moves: Iterable<AlertedMove>,
  hasRunMoved: boolean,
  because: RunReason | null,
): readonly NewCallback[] {
  if (!model.graph.hasCallbacks) return []
  const ofTasks = [...moves].flatMap((move) => callbacksOfMove(model, move))
  return hasRunMoved ? [...ofTasks, ...callbacksOfRun(model, because)] : ofTasks
}

/** What a callback is told, as it goes to the child: instants are epoch ms. */
export interface AlertFacts {
  /** The same at each delivery: a receiver drops what it has seen. */
  readonly id: string
  readonly kind: AlertKind
  readonly dagId: string
  readonly runId: string | null
  readonly taskId: string | null
  readonly mapIndex: number
  readonly tryNumber: number | null
  readonly reason: string
  readonly logicalDate: number | null
  readonly dataInterval: { readonly start: number; readonly end: number } | null
  readonly timezone: string
  readonly at: number
  /** Of a deadline: its key, and when it was. */
  readonly deadline: { readonly key: string; readonly time: number } | null
  readonly url: string | null
}

/** Tries of a callback: with the delays between them about an hour and a half. */
export const CALLBACK_TRIES = 8
const FIRST_DELAY_S = 5
const FACTOR = 3
const LONGEST_DELAY_S = 3_600

/** Seconds until a callback that failed is called again, after its n-th try. */
export const callbackDelay = (tries: number): number =>
  Math.min(FIRST_DELAY_S * FACTOR ** Math.max(0, tries - 1), LONGEST_DELAY_S)

/** The page of what an alert is about, below the address that people reach the pages at. */
export function alertUrl(
  baseUrl: string | null,
  at: Pick<AlertFacts, 'dagId' | 'runId' | 'taskId' | 'mapIndex'>,
): string | null {
  if (baseUrl === null) return null
  const dag = `${baseUrl.replace(/\/+$/, '')}/dags/${encodeURIComponent(at.dagId)}`
  if (at.runId === null) return dag
  const run = encodeURIComponent(at.runId)
  if (at.taskId === null) return `${dag}?run=${run}`
  const index = at.mapIndex < 0 ? '' : `?map_index=${at.mapIndex}`
  return `${dag}/runs/${run}/tasks/${encodeURIComponent(at.taskId)}${index}`
}
