// By when something must have happened, and what it counts from (Airflow's DeadlineAlert, and references of our own).
//
// Three references belong to the DAG and not to a run: they are missed also when no run was ever made. `slot` is the due time
// of each run of the schedule; `last_success` and `last_rows` are for streams, which have no dates.

import type { SerializedDag, SerializedTask } from './serialized.ts'
import { isPeriodic } from './timetables/slot.ts'
import {
  type DueRun,
  type Instant,
  nextInstant,
  prevInstant,
  type RunLimits,
  type TimetableSpec,
} from './timetables/timetable.ts'

/** What a deadline counts from. */
export const REFERENCES = [
  'slot',
  'last_success',
  'last_rows',
  'queued_at',
  'logical_date',
  'fixed',
  'average_runtime',
] as const
export type DeadlineReference = (typeof REFERENCES)[number]

/** The stored form of one deadline. */
export interface SerializedDeadline {
  /** Tells it from the others of its DAG, also in the next version: task, reference, interval. */
  readonly key: string
  readonly reference: DeadlineReference
  /** Seconds from the reference. */
  readonly interval: number
  /** Of `fixed`: ISO UTC text. */
  readonly at?: string
  /** Of `average_runtime`. */
  readonly maxRuns?: number
  readonly minRuns?: number
  /** How many callbacks it has. */
  readonly callbacks: number
}

/** A deadline with whose it is. */
export interface OwnedDeadline extends SerializedDeadline {
  /** Null = the run's, or the DAG's. */
  readonly taskId: string | null
}

const STANDING: ReadonlySet<DeadlineReference> = new Set<DeadlineReference>(['slot', 'last_success', 'last_rows'])
const OF_TASKS: ReadonlySet<DeadlineReference> = new Set<DeadlineReference>([
  'slot',
  'queued_at',
  'logical_date',
  'fixed',
])

/** Of the DAG: watched whether or not there is a run. */
export const isStanding = (reference: DeadlineReference): boolean => STANDING.has(reference)
/** A task can have it. */
export const isOfTasks = (reference: DeadlineReference): boolean => OF_TASKS.has(reference)

const ownedBy = (taskId: string | null, { deadlines = [] }: Pick<SerializedDag | SerializedTask, 'deadlines'>) =>
  deadlines.map((deadline) => ({ ...deadline, taskId }))

/** All deadlines of a DAG and its tasks. */
export const deadlinesOf = (dag: SerializedDag): readonly OwnedDeadline[] => [
  ...ownedBy(null, dag),
  ...dag.tasks.flatMap((task) => ownedBy(task.taskId, task)),
]

/** The multiple of a delta, counted from its anchor, at an instant or before it. */
const alignDelta = (everyMs: number, anchor: Instant, at: Instant) =>
  anchor + Math.floor((at - anchor) / everyMs) * everyMs

/**
 * The first run of a schedule that is due after an instant, whether or not anything was made of it; null when there is none.
 * @param anchor where the spans of a `delta` timetable are counted from: the end of the last one
 */
export function slotAfter(
  spec: TimetableSpec,
  anchor: Instant,
  at: Instant,
  { earliest, latest }: Pick<RunLimits, 'earliest' | 'latest'>,
): DueRun | null {
  if (!isPeriodic(spec)) return null
  const isSpan = (spec.kind === 'cron' || spec.kind === 'delta') && spec.interval
  // Nothing is due before the first date: it may be far ahead.
  let from = earliest === null ? at : Math.max(at, earliest - 1)
  for (;;) {
    const due = nextInstant(spec, spec.kind === 'delta' ? alignDelta(spec.everyMs, anchor, from) : from)
    if (due === null) return null
    const start = isSpan ? prevInstant(spec, due) : due
    if (start === null) return null
    // A span that began before the first date gets no run; the one after it does.
    if (earliest !== null && start < earliest) from = due
    else if (latest !== null && start > latest) return null
    else return { logicalDate: start, dataInterval: { start, end: due }, runAfter: due }
  }
}

const WORDS: Readonly<Record<DeadlineReference, string>> = {
  slot: 'its due time',
  last_success: 'its last successful run',
  last_rows: 'the last rows it told of',
  queued_at: 'it was queued',
  logical_date: 'its logical date',
  fixed: 'a fixed time',
  average_runtime: 'its usual duration',
}

/** What is late, in a sentence. `hasRun`: there is a run that has not ended; null = it is about no single run. */
export function describeMissed(
  { reference, interval, taskId }: Pick<OwnedDeadline, 'reference' | 'interval' | 'taskId'>,
  hasRun: boolean | null,
): string {
  const what = taskId === null ? 'The run' : `Task ${taskId}`
  const after =
    interval === 0
      ? `at ${WORDS[reference]}`
      : `${Math.abs(interval)} s ${interval < 0 ? 'before' : 'after'} ${WORDS[reference]}`
  if (reference === 'last_success') return `No run has succeeded for ${interval} s.`
  if (reference === 'last_rows') return `No task has told of a row for ${interval} s.`
  return hasRun === false ? `No run was made: nothing had ended ${after}.` : `${what} had not ended ${after}.`
}
