// Callbacks and deadlines of a declared DAG: what of them is stored, and the functions themselves when one is to be called.

import { ALERT_OPTIONS, type AlertKind, type CallbackCounts, type EndKind } from '../core/alerts.ts'
import { isOfTasks, type SerializedDeadline } from '../core/deadlines.ts'
import { isPeriodic } from '../core/timetables/slot.ts'
import type { TimetableSpec } from '../core/timetables/timetable.ts'
import { type Declaration, declarationOf, type FacadeDag } from './dag.ts'
import type { TaskNode } from './nodes.ts'
import { type Callback, type DeadlineAlert, listCallbacks, listDeadlines } from './notifier.ts'
import type { Faults, Spec } from './read-spec.ts'

const KINDS = ['failure', 'success', 'retry', 'skipped'] as const satisfies readonly EndKind[]

const callbacksOf = (spec: Spec, kind: EndKind): readonly Callback[] => {
  const value = spec[ALERT_OPTIONS[kind]]
  return value === undefined ? [] : (listCallbacks(value) ?? [])
}

/** How many callbacks there are by kind; `{}` when none, so that a DAG without any is stored as before. */
export function readCallbacks(spec: Spec): { readonly callbacks?: CallbackCounts } {
  const counts = KINDS.flatMap((kind) => {
    const { length } = callbacksOf(spec, kind)
    return length === 0 ? [] : [[kind, length] as const]
  })
  return counts.length === 0 ? {} : { callbacks: Object.fromEntries(counts) }
}

function keyOf(taskId: string | null, { reference, interval }: DeadlineAlert): string {
  const from = reference instanceof Date ? reference.toISOString() : reference
  return `${taskId === null ? '' : `${taskId}: `}${from}${interval < 0 ? '-' : '+'}${Math.abs(interval)}`
}

function serialize(taskId: string | null, alert: DeadlineAlert): SerializedDeadline {
  const { reference, interval, callbacks } = alert
  const rest = { key: keyOf(taskId, alert), interval, callbacks: callbacks.length }
  if (reference instanceof Date) return { ...rest, reference: 'fixed', at: reference.toISOString() }
  if (reference !== 'average_runtime') return { ...rest, reference }
  const maxRuns = alert.maxRuns ?? 10
  return { ...rest, reference, maxRuns, minRuns: alert.minRuns ?? maxRuns }
}

const deadlinesOf = (spec: Spec): readonly DeadlineAlert[] =>
  spec['deadline'] === undefined ? [] : (listDeadlines(spec['deadline']) ?? [])

function deadlineFault(
  { reference, minRuns = 0, maxRuns = 0 }: SerializedDeadline,
  isTask: boolean,
  timetable: TimetableSpec,
): string | null {
  if (isTask && !isOfTasks(reference))
    return `a task has no deadline by ${reference}; give it to the DAG, or count from slot, queued_at, logical_date or a Date`
  if (reference === 'slot' && !isPeriodic(timetable))
    return 'a deadline by slot needs a schedule of dates; a stream counts from last_success or last_rows, a run from queued_at'
  return minRuns > maxRuns ? `minRuns ${minRuns} is more than maxRuns ${maxRuns}` : null
}

/** The stored form of the deadlines of a DAG (`taskId` null) or a task; `{}` when there are none. */
export function readDeadlines(
  spec: Spec,
  taskId: string | null,
  timetable: TimetableSpec,
  where: string,
  faults: Faults,
): { readonly deadlines?: readonly SerializedDeadline[] } {
  const deadlines = deadlinesOf(spec).map((alert) => serialize(taskId, alert))
  const seen = new Set<string>()
  for (const deadline of deadlines) {
    const fault = deadlineFault(deadline, taskId !== null, timetable)
    if (fault !== null) faults.add(`${where}: option "deadline": ${fault}`)
    if (seen.has(deadline.key))
      faults.add(`${where}: option "deadline": two of them count ${deadline.key}; give one deadline both callbacks`)
    seen.add(deadline.key)
  }
  return deadlines.length === 0 ? {} : { deadlines }
}

/** Options of a task with those it takes over from its DAG and its groups. */
export function wholeSpec(node: TaskNode, defaults: Spec): Spec {
  const layers: Spec[] = [node.spec]
  for (let outer = node.group; outer !== null; outer = outer.parent) layers.unshift(outer.defaults)
  return Object.assign({}, defaults, ...layers) as Spec
}

function specOf({ spec, nodes }: Declaration, taskId: string | null): Spec | null {
  if (taskId === null) return spec
  const node = nodes.get(taskId)
  // Checked when the DAG was read: an object of task options.
  return node?.kind === 'task' ? wholeSpec(node, (spec['defaultArgs'] ?? {}) as Spec) : null
}

/** One callback of a DAG that was read; null when this file has none such. */
export function findCallback(
  dag: FacadeDag,
  at: {
    readonly taskId: string | null
    readonly kind: AlertKind
    readonly deadlineKey: string | null
    readonly ordinal: number
  },
): Callback | null {
  const spec = specOf(declarationOf(dag), at.taskId)
  if (spec === null) return null
  if (at.kind !== 'deadline') return callbacksOf(spec, at.kind)[at.ordinal] ?? null
  const alert = deadlinesOf(spec).find((deadline) => keyOf(at.taskId, deadline) === at.deadlineKey)
  return alert?.callbacks[at.ordinal] ?? null
}
