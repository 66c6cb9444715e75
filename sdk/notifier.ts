// What authors give as callbacks and deadlines: a function, or a notifier, told of one alert.

import type { AlertKind } from '../core/alerts.ts'
import { type DeadlineReference, REFERENCES } from '../core/deadlines.ts'
import { MAX_DELAY_SECONDS } from '../core/storable.ts'
import type { OperatorContext } from './context.ts'

const NOTIFIER = Symbol.for('baram.notifier')
const DEADLINE = Symbol.for('baram.deadline')

/** What happened, or is late. Secrets that the task has fetched are masked in its texts. */
export interface Alert {
  /** The same at each delivery of this alert to this callback: a receiver can drop what it has seen. */
  readonly id: string
  /** `retry`: a try failed and another follows; `failure`: none follows. */
  readonly kind: AlertKind
  /** The DAG it is about. */
  readonly dagId: string
  /** Null: of no single run (a deadline that was missed without one). */
  readonly runId: string | null
  /** With the prefix of its groups; null: of the whole run. */
  readonly taskId: string | null
  /** -1: not of one instance of a mapped task. */
  readonly mapIndex: number
  /** Null: of no single try. */
  readonly tryNumber: number | null
  /** One line for people: `hello.load failed: …`. */
  readonly text: string
  /** Why, in a sentence. */
  readonly reason: string
  /** Null: it has none. */
  readonly logicalDate: Date | null
  /** Half-open; null: it has none. */
  readonly dataInterval: { readonly start: Date; readonly end: Date } | null
  /** The DAG's time zone (IANA name). */
  readonly timezone: string
  /** When it happened. */
  readonly at: Date
  /** Of a deadline: the instant that was missed. */
  readonly deadline: Date | null
  /** The page of it; null while `[api] base_url` is not set. */
  readonly url: string | null
}

/** What a notifier may see of the world: so each can be tested with a made-up one. */
export type NotifierContext = Pick<OperatorContext, 'client' | 'log' | 'signal'>

/** Tells somebody of an alert. */
export interface Notifier {
  /** Its name, for people: `webhook`. */
  readonly kind: string
  /**
   * Runs in a child process. What it throws is retried with growing delays; a `FailTask` is not. It may be called again
   * with an alert that has arrived, of the same `id`.
   */
  notify(op: NotifierContext, alert: Alert): Promise<void> | void
  readonly [NOTIFIER]: true
}

/** Makes a notifier: a frozen value, safe to share between DAGs. */
export function defineNotifier(spec: Pick<Notifier, 'kind' | 'notify'>): Notifier {
  return Object.freeze({ kind: spec.kind, notify: spec.notify.bind(spec), [NOTIFIER]: true as const })
}

/** A function that is told of an alert; `getClient()` and `getLogger()` work in it. */
export type CallbackFunction = (alert: Alert) => unknown
/** What can be told of an alert. */
export type Callback = Notifier | CallbackFunction

export const isNotifier = (value: unknown): value is Notifier =>
  typeof value === 'object' && value !== null && NOTIFIER in value

const isCallback = (value: unknown): value is Callback => typeof value === 'function' || isNotifier(value)

/** A callback or a list of them as a list; null = something else. */
export function listCallbacks(value: unknown): readonly Callback[] | null {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every(isCallback) ? list : null
}

/** Options of `deadlineAlert`. */
export interface DeadlineOptions {
  /**
   * What it counts from. Of the DAG, also when no run was made: `slot` (the due time of each run of the schedule),
   * `last_success` (the end of its last successful run), `last_rows` (the last time that a task told of rows with
   * `recordEffect`). Of each run: `queued_at`, `logical_date`, `average_runtime` (as long after it was queued as its runs
   * take on average), or a Date.
   */
  readonly reference: Exclude<DeadlineReference, 'fixed'> | Date
  /** Seconds after the reference, at most 366 days; before a date where it is negative. */
  readonly interval: number
  /** Called once when nothing has ended by then. */
  readonly callback: Callback | readonly Callback[]
  /** `average_runtime`: the last runs that are averaged. Default 10. */
  readonly maxRuns?: number
  /** `average_runtime`: with fewer runs there is no deadline. Default: `maxRuns`. */
  readonly minRuns?: number
}

/** A deadline made by `deadlineAlert`. */
export interface DeadlineAlert extends Omit<DeadlineOptions, 'callback'> {
  /** Its callbacks. */
  readonly callbacks: readonly Callback[]
  readonly [DEADLINE]: true
}

export const isDeadlineAlert = (value: unknown): value is DeadlineAlert =>
  typeof value === 'object' && value !== null && DEADLINE in value

/** A deadline or a list of them as a list; null = something else. */
export function listDeadlines(value: unknown): readonly DeadlineAlert[] | null {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every(isDeadlineAlert) ? list : null
}

/** References that may be missed before they come. */
const MAY_BE_NEGATIVE: ReadonlySet<unknown> = new Set(['logical_date', 'fixed'])

function intervalFault(reference: string, interval: unknown): string | null {
  const found = `found ${String(interval)}`
  if (typeof interval !== 'number' || !Number.isFinite(interval))
    return `interval must be a number of seconds, ${found}`
  if (Math.abs(interval) > MAX_DELAY_SECONDS)
    return `interval is in seconds and at most ${MAX_DELAY_SECONDS} (366 days), ${found}`
  const isWait = reference === 'last_success' || reference === 'last_rows' || reference === 'queued_at'
  if (isWait && interval <= 0) return `interval must be more than 0 seconds after ${reference}, ${found}`
  return interval < 0 && !MAY_BE_NEGATIVE.has(reference)
    ? `interval must be at least 0 seconds after ${reference}, ${found}`
    : null
}

function referenceOf(reference: unknown): DeadlineReference | null {
  if (reference instanceof Date) return Number.isNaN(reference.getTime()) ? null : 'fixed'
  return reference === 'fixed' ? null : (REFERENCES.find((known) => known === reference) ?? null)
}

const isCount = (value: unknown) =>
  value === undefined || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1_000)

/**
 * By when something must have ended, and who is told when it has not: Airflow's `DeadlineAlert`.
 * @throws Error for a reference that is none, an interval that cannot be, or what is no callback
 */
export function deadlineAlert(options: DeadlineOptions): DeadlineAlert {
  const refuse = (message: string): never => {
    throw new Error(`deadlineAlert: ${message}`)
  }
  const reference = referenceOf(options.reference)
  if (reference === null)
    return refuse(
      `reference must be a valid Date or one of ${REFERENCES.filter((name) => name !== 'fixed').join(', ')}, found ${String(options.reference)}`,
    )
  const fault = intervalFault(reference, options.interval)
  if (fault !== null) return refuse(fault)
  const { maxRuns, minRuns, callback, ...rest } = options
  if ((maxRuns ?? minRuns) !== undefined && reference !== 'average_runtime')
    return refuse(`maxRuns and minRuns belong to the reference average_runtime, found ${reference}`)
  if (!isCount(maxRuns) || !isCount(minRuns)) return refuse('maxRuns and minRuns must be whole numbers from 1 to 1000')
  const callbacks = listCallbacks(callback)
  if (callbacks === null || callbacks.length === 0)
    return refuse('callback must be a function, a notifier such as webhook(…), or a list of them')
  const counts = { ...(maxRuns !== undefined && { maxRuns }), ...(minRuns !== undefined && { minRuns }) }
  return Object.freeze({ ...rest, ...counts, callbacks: Object.freeze([...callbacks]), [DEADLINE]: true as const })
}
