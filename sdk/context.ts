// What a running task can see: its identity, its run, its client, its logger. Held in async-local storage so that
// helpers deep inside a task reach it, and two attempts in one process never see each other's.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Effect } from '../core/effects.ts'
import type { JsonValue } from '../core/json.ts'
import type { Report } from '../core/reports.ts'
import type { MismatchPolicy } from './effects.ts'
import { TaskDeferred } from './signals.ts'
import type { StateStores } from './state-stores.ts'
import { isPendingTrigger, type PendingTrigger } from './trigger.ts'

/** Airflow's SDK: exactly these six fields (its tests compare the keys). */
export interface TaskContext {
  readonly dagId: string
  /** With the prefix of its groups. */
  readonly taskId: string
  readonly runId: string
  /** 1 for the first try. */
  readonly tryNumber: number
  /** -1 for a task that is not mapped. */
  readonly mapIndex: number
  /** Aborts when the attempt is to stop (time-out, clear, shutdown). */
  readonly signal: AbortSignal
}

/** Dates of an instant as local text in the DAG's zone. */
export interface LocalDates {
  /** `2024-03-18` */
  readonly ds: string
  /** `20240318` */
  readonly dsNodash: string
  /** `2024-03-18T09:00:00+09:00` */
  readonly ts: string
  /** `20240318T090000` */
  readonly tsNodash: string
}

/** The run an attempt belongs to (ours; Airflow's SDK does not tell it). */
export interface RunInfo {
  readonly runId: string
  readonly runType: 'scheduled' | 'manual' | 'backfill' | 'asset_triggered' | 'asset_materialization'
  /** `null` for a manual run without a date. */
  readonly logicalDate: Date | null
  /** Half-open `[start, end)`; a manual run of an interval timetable carries the last complete one; `null` when the DAG has none. */
  readonly dataInterval: { readonly start: Date; readonly end: Date } | null
  readonly runAfter: Date
  /** The DAG's time zone (IANA name). */
  readonly timezone: string
  /** Local dates of the interval's start (else of the logical date, else of `runAfter`). */
  readonly local: LocalDates
  readonly conf: { readonly [key: string]: JsonValue }
  /** The DAG's params, with the run's conf over them. */
  readonly params: { readonly [name: string]: JsonValue }
  /** Idempotency key of this attempt: task instance / try / epoch. */
  readonly fence: string
}

export interface ConnectionResult {
  readonly id: string
  readonly type: string
  readonly host?: string | null
  readonly schema?: string | null
  readonly login?: string | null
  readonly password?: string | null
  readonly port?: number | null
  /** A JSON *string*, as in Airflow. */
  readonly extra?: string | null
}

export interface GetXComOpts {
  readonly key: string
  readonly dagId?: string
  readonly runId?: string
  readonly taskId?: string
  readonly mapIndex?: number | null
  readonly includePriorDates?: boolean
}

export interface SetXComOpts {
  readonly key: string
  readonly value: JsonValue
  readonly dagId?: string
  readonly runId?: string
  readonly taskId?: string
  readonly mapIndex?: number
}

export interface TaskClient extends StateStores {
  /** `null` when missing. */
  getVariable(key: string): Promise<string | null>
  /** @throws VariableNotFoundError */
  getVariableOrThrow(key: string): Promise<string>
  /** Upsert; leaving out the description clears it. */
  setVariable(key: string, value: string, description?: string | null): Promise<void>
  /** Idempotent. */
  deleteVariable(key: string): Promise<void>
  getConnection(connId: string): Promise<ConnectionResult | null>
  /** @throws ConnectionNotFoundError */
  getConnectionOrThrow(connId: string): Promise<ConnectionResult>
  /** Locators default to the current task. `null` when missing or stored null. */
  getXCom<T = unknown>(opts: GetXComOpts): Promise<T | null>
  setXCom(opts: SetXComOpts): Promise<void>
}

/** Fields first, then a constant sentence, as pino has it; a sentence alone is fine too. */
export interface TaskLogger {
  debug(fields: object, message: string): void
  debug(message: string): void
  info(fields: object, message: string): void
  info(message: string): void
  warn(fields: object, message: string): void
  warn(message: string): void
  error(fields: object, message: string): void
  error(message: string): void
}

/** How a run of some DAG stands. */
export interface RunStatus {
  readonly dagId: string
  readonly runId: string
  readonly state: 'queued' | 'running' | 'success' | 'failed'
  readonly logicalDate: Date | null
}

export interface TriggerRunRequest {
  readonly dagId: string
  readonly runId?: string
  readonly logicalDate?: Date | null
  readonly runAfter?: Date
  readonly conf?: { readonly [key: string]: JsonValue }
  readonly note?: string
  /** Clear a run that exists instead of refusing. Default false. */
  readonly resetDagRun?: boolean
  /** Refuse when the DAG is paused. Default false: the run waits until it is not. */
  readonly failWhenDagIsPaused?: boolean
}

/** `exists`: there is such a run already, nothing was made. */
export interface TriggeredRunInfo {
  readonly runId: string
  readonly exists: boolean
}

/** The last successful run before this one. */
export interface PreviousRun {
  readonly dataInterval: { readonly start: Date; readonly end: Date } | null
  readonly startDate: Date | null
  readonly endDate: Date | null
}

/** Other runs of this deployment. */
export interface RunApi {
  /** Makes a manual run. @throws Error when the DAG does not exist, or is paused and `failWhenDagIsPaused` is set */
  trigger(request: TriggerRunRequest): Promise<TriggeredRunInfo>
  /** By run id, or by logical date; null when there is none. */
  state(dagId: string, by: { readonly runId: string } | { readonly logicalDate: Date }): Promise<RunStatus | null>
  /**
   * States of tasks in the run of another DAG with a logical date, as `taskId → states` (one a map index; `null` = no
   * state yet); null when there is no such run. Without `taskIds` all of them.
   */
  taskStates(
    dagId: string,
    logicalDate: Date,
    taskIds?: readonly string[],
  ): Promise<{ readonly [taskId: string]: readonly (string | null)[] } | null>
  /** The last successful run of this DAG before this one; null when there is none. */
  previousSuccess(): Promise<PreviousRun | null>
}

export interface DeferOptions {
  /** Seconds after which the try fails if nothing came; default: waits for ever. */
  readonly timeout?: number
}

/** All that an operator may see of the world: so each can be tested with a made-up one. */
export interface OperatorContext extends TaskContext {
  readonly run: RunInfo
  readonly client: TaskClient
  readonly runs: RunApi
  readonly log: TaskLogger
  /** When this try began: before this process did, if it was rescheduled or deferred since. */
  readonly triedAt: Date
  /** When the first try began; those before a clear do not count. What has to end in time, whatever fails, counts from here. */
  readonly firstTriedAt: Date
  /** How often this try was rescheduled. */
  readonly rescheduleCount: number
  /** Ids of the tasks directly behind this one (or behind task `of`); `all`: of everything behind it. */
  downstream(all?: boolean, of?: string): readonly string[]
  /** Whether no later run of this DAG is due by now. */
  isLatest(): boolean
  /** These tasks are not to run in this run (the operator must say `skips: true`). Counts once this try succeeds. */
  skip(taskIds: readonly string[]): void
  /** Gives the slot back; the same try goes on with `execute` after some seconds. */
  reschedule(seconds: number): never
  /** Gives the slot back until an instant, or until a trigger of this operator has its event; then `resume` runs. */
  defer(until: Date | PendingTrigger, options?: DeferOptions): never
  /**
   * Tells what this attempt read from or wrote to one place; stored with the try and shown on the run.
   * @throws CountMismatchError when rows are missing or too many, unless the policy says `warn`
   */
  record(effect: Effect, onMismatch?: MismatchPolicy): Promise<void>
  /** Publishes a small table (at most 1 MiB as JSON), drawn by the DAG's page of reports. Again under the same name: replaced. */
  publish(name: string, report: Report): Promise<void>
  /** Folder (absolute) below which embedded backends and scratch keep their files on this host. */
  readonly embeddedRoot: string
}

/** What `op.defer` does. @throws TaskDeferred always, or TypeError for something that cannot be waited for */
export function deferTo(until: Date | PendingTrigger, options: DeferOptions = {}): never {
  const timeout = options.timeout ?? null
  if (until instanceof Date) {
    if (Number.isNaN(until.getTime())) throw new TypeError('op.defer: expected a valid Date, found an invalid one')
    throw new TaskDeferred({ kind: 'time', at: until.getTime() }, timeout)
  }
  if (!isPendingTrigger(until))
    throw new TypeError('op.defer: expected a Date, or a trigger called with its arguments: op.defer(trigger({…}))')
  throw new TaskDeferred({ kind: 'trigger', name: until.name, args: until.args }, timeout)
}

// A registered symbol: two copies of the package in one process share the storage, as Airflow's SDK has it.
const KEY = Symbol.for('baram.task-scope')
const holder = globalThis as unknown as { [KEY]?: AsyncLocalStorage<OperatorContext> }
holder[KEY] ??= new AsyncLocalStorage<OperatorContext>()
const storage: AsyncLocalStorage<OperatorContext> = holder[KEY]

/** Runs `body` with `context` as what `getContext()` and its siblings answer. */
export function runInScope<T>(context: OperatorContext, body: () => T): T {
  return storage.run(context, body)
}

/** The whole context, for operators' helpers. @throws Error outside a task */
export function getOperatorContext(name = 'getOperatorContext'): OperatorContext {
  const context = storage.getStore()
  if (context === undefined)
    throw new Error(`${name}() works only inside a running task, not while a DAG file is loaded`)
  return context
}

/** The six fields of Airflow's SDK. @throws Error outside a task */
export function getContext(): TaskContext {
  const { dagId, taskId, runId, tryNumber, mapIndex, signal } = getOperatorContext('getContext')
  return { dagId, taskId, runId, tryNumber, mapIndex, signal }
}

/** Variables, Connections and XComs. @throws Error outside a task */
export function getClient(): TaskClient {
  return getOperatorContext('getClient').client
}

/** The run: dates, interval, conf. @throws Error outside a task */
export function getRun(): RunInfo {
  return getOperatorContext('getRun').run
}

/** The last successful run of this DAG before this one, or null. @throws Error outside a task */
export async function getPreviousRun(): Promise<PreviousRun | null> {
  return getOperatorContext('getPreviousRun').runs.previousSuccess()
}

/** Structured log lines of this attempt. @throws Error outside a task */
export function getLogger(): TaskLogger {
  return getOperatorContext('getLogger').log
}

/** Tells what the attempt read from or wrote to one place. @throws Error outside a task, CountMismatchError */
export async function recordEffect(effect: Effect, onMismatch?: MismatchPolicy): Promise<void> {
  await getOperatorContext('recordEffect').record(effect, onMismatch)
}

/** Publishes a small table of this run: see `OperatorContext.publish`. @throws Error outside a task */
export async function publishReport(name: string, report: Report): Promise<void> {
  await getOperatorContext('publishReport').publish(name, report)
}
