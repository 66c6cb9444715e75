// What a running task can see: its identity, its run, its client, its logger. Held in async-local storage so that
// helpers deep inside a task reach it, and two attempts in one process never see each other's.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Effect } from '../core/effects.ts'
import type { JsonValue } from '../core/json.ts'
import type { ResultTable } from '../core/result-table.ts'
import type { MismatchPolicy } from './effects.ts'
import { TaskDeferred } from './signals.ts'
import type { StateStores } from './state-stores.ts'
import { isPendingTrigger, type PendingTrigger } from './trigger.ts'

/** Airflow's SDK: exactly these six fields (its tests compare the keys). */
export interface TaskContext {
  /** The DAG's id. */
  readonly dagId: string
  /** With the prefix of its groups. */
  readonly taskId: string
  /** The run's id, such as `scheduled__2024-03-18T00:00:00+00:00`. */
  readonly runId: string
  /** 1 for the first try. A try that goes on after a wait keeps its number. */
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
  /** As in `getContext()`. */
  readonly runId: string
  /** Who made it: the schedule, a person or a task, or a backfill. Airflow's two types by assets are never made here. */
  readonly runType: 'scheduled' | 'manual' | 'backfill' | 'asset_triggered' | 'asset_materialization'
  /** `null` for a manual run without a date. */
  readonly logicalDate: Date | null
  /** Half-open `[start, end)`; a manual run of an interval timetable carries the last complete one; `null` when the DAG has none. */
  readonly dataInterval: { readonly start: Date; readonly end: Date } | null
  /** The instant from which it may start; runs are listed in its order. */
  readonly runAfter: Date
  /** The DAG's time zone (IANA name). */
  readonly timezone: string
  /** Local dates of the interval's start (else of the logical date, else of `runAfter`). */
  readonly local: LocalDates
  /** What the run was given when it was made; `{}` when nothing. */
  readonly conf: { readonly [key: string]: JsonValue }
  /** The DAG's params, with the run's conf over them. */
  readonly params: { readonly [name: string]: JsonValue }
  /** Idempotency key of this attempt: task instance / try / epoch. */
  readonly fence: string
}

/** A Connection; what it lacks is null. Its password and the secrets of its `extra` are masked in logs from now on. */
export interface ConnectionResult {
  /** The id it was asked for by. */
  readonly id: string
  /** Which operator opens it: `http`, `postgres`, `kafka` … */
  readonly type: string
  /** Name or address of the server; what it means beyond that, the type says. */
  readonly host?: string | null
  /** Airflow's word: the database, or `https`; the type says. */
  readonly schema?: string | null
  /** User name. */
  readonly login?: string | null
  /** In the clear. */
  readonly password?: string | null
  /** Of the server. */
  readonly port?: number | null
  /** A JSON *string*, as in Airflow. */
  readonly extra?: string | null
}

/** Which XCom to read. What is left out is the running task's own. */
export interface GetXComOpts {
  /** `return_value` is what a task returned. */
  readonly key: string
  /** Default: this DAG. */
  readonly dagId?: string
  /** Default: this run. */
  readonly runId?: string
  /** Default: this task, so name the upstream. */
  readonly taskId?: string
  /** Default: this instance's own index. `null` and numbers below 0: the task is not mapped. */
  readonly mapIndex?: number | null
  /** When the run has none: the one of the latest earlier logical date. Default false. */
  readonly includePriorDates?: boolean
}

/** Which XCom to write. What is left out is the running task's own. */
export interface SetXComOpts {
  /** 1 to 512 characters. */
  readonly key: string
  /** JSON, at most 1 MiB. */
  readonly value: JsonValue
  /** Default, and only: this DAG. */
  readonly dagId?: string
  /** Default, and only: this run. */
  readonly runId?: string
  /** Default: this task. */
  readonly taskId?: string
  /** Default: this instance's own index. Numbers below 0: the task is not mapped. */
  readonly mapIndex?: number
}

/**
 * Variables, Connections and XComs of the deployment. A call outlives a lost connection to the database.
 * Every call rejects with an Error that says what is wrong: a key that is empty, or an attempt that has been taken over.
 */
export interface TaskClient extends StateStores {
  /** The text of a Variable; `null` when missing. One with a sensitive name is masked in logs from now on. */
  getVariable(key: string): Promise<string | null>
  /** As `getVariable`. @throws VariableNotFoundError when missing */
  getVariableOrThrow(key: string): Promise<string>
  /** Makes or replaces a Variable; leaving out the description clears it. */
  setVariable(key: string, value: string, description?: string | null): Promise<void>
  /** One that is not there is no error. */
  deleteVariable(key: string): Promise<void>
  /** `null` when missing. */
  getConnection(connId: string): Promise<ConnectionResult | null>
  /** As `getConnection`. @throws ConnectionNotFoundError when missing */
  getConnectionOrThrow(connId: string): Promise<ConnectionResult>
  /** `null` when missing or stored null. `T` is your word: nothing is checked. */
  getXCom<T = unknown>(opts: GetXComOpts): Promise<T | null>
  /** Makes or replaces an XCom of this run. @throws Error for what JSON cannot hold, more than 1 MiB, or another run */
  setXCom(opts: SetXComOpts): Promise<void>
}

/** Lines of the attempt's log. Fields first, then a constant sentence, as pino has it; a sentence alone is fine too. Secrets are masked. */
export interface TaskLogger {
  /** For whoever looks for a fault. */
  debug(fields: object, message: string): void
  debug(message: string): void
  /** What the task does, as `console.log`. */
  info(fields: object, message: string): void
  info(message: string): void
  /** Something was wrong, and is no longer. */
  warn(fields: object, message: string): void
  warn(message: string): void
  /** Somebody must look, as `console.error`. It fails nothing. */
  error(fields: object, message: string): void
  error(message: string): void
}

/** How a run of some DAG stands. */
export interface RunStatus {
  /** The DAG it is a run of. */
  readonly dagId: string
  /** Its id. */
  readonly runId: string
  /** `queued`: it waits for its date, for room, or for its DAG to be unpaused. */
  readonly state: 'queued' | 'running' | 'success' | 'failed'
  /** `null` for a run without a date. */
  readonly logicalDate: Date | null
}

/** A manual run to make. */
export interface TriggerRunRequest {
  /** The DAG to run. */
  readonly dagId: string
  /** Default `manual__<date>`, with eight random letters when there is no logical date. */
  readonly runId?: string
  /** Default, and `null`: none. */
  readonly logicalDate?: Date | null
  /** The run may not start before. Default: the end of the scheduled interval whose date it takes, else the logical date, else now. */
  readonly runAfter?: Date
  /** What the run is given; it must fit the DAG's params. Default `{}`. */
  readonly conf?: { readonly [key: string]: JsonValue }
  /** A remark for people, stored with the run. Default: none. */
  readonly note?: string
  /** Clear a run that exists instead of refusing. Default false. */
  readonly resetDagRun?: boolean
  /** Refuse when the DAG is paused. Default false: the run waits until it is not. */
  readonly failWhenDagIsPaused?: boolean
}

/** What became of a request for a run. */
export interface TriggeredRunInfo {
  /** Of the run that was made, or that was there. */
  readonly runId: string
  /** True: there is a run of this id or date already, and nothing was made. */
  readonly exists: boolean
}

/** The last successful run before this one. */
export interface PreviousRun {
  /** Half-open `[start, end)`; `null` when it has none. */
  readonly dataInterval: { readonly start: Date; readonly end: Date } | null
  /** When it began to run. */
  readonly startDate: Date | null
  /** When it ended. */
  readonly endDate: Date | null
}

/** Other runs of this deployment. */
export interface RunApi {
  /** Makes a manual run. @throws Error when the DAG does not exist, refuses the conf, or is paused and `failWhenDagIsPaused` is set */
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

/** Options of `op.defer`. */
export interface DeferOptions {
  /** Seconds after which the try fails if nothing came; retries apply. Default: waits for ever, or until `executionTimeout`. */
  readonly timeout?: number
}

/** All that an operator may see of the world: so each can be tested with a made-up one. */
export interface OperatorContext extends TaskContext {
  /** What `getRun()` gives. */
  readonly run: RunInfo
  /** What `getClient()` gives. */
  readonly client: TaskClient
  /** Other runs of this deployment. */
  readonly runs: RunApi
  /** What `getLogger()` gives. */
  readonly log: TaskLogger
  /** When this try began: before this process did, if it was rescheduled or deferred since. */
  readonly triedAt: Date
  /** When the first try began; those before a clear do not count. What has to end in time, whatever fails, counts from here. */
  readonly firstTriedAt: Date
  /** How often this try was rescheduled; 0 = never. */
  readonly rescheduleCount: number
  /** Ids of the tasks directly downstream of this one (or of task `of`); `all`: of everything downstream. Sorted. */
  downstream(all?: boolean, of?: string): readonly string[]
  /** Whether no later run of this DAG is due by now. */
  isLatest(): boolean
  /** These tasks are not to run in this run (the operator must say `skips: true`). Counts once this try succeeds. */
  skip(taskIds: readonly string[]): void
  /**
   * Releases the slot and reschedules: the same try continues with `execute` after so many seconds, at most 366 days. Throws
   * to end the attempt: do not catch it.
   */
  reschedule(seconds: number): never
  /**
   * Frees the slot until an instant, or until a trigger of this operator has its event; then `resume` runs. Throws to end
   * the attempt: do not catch it. @throws TypeError for anything else
   */
  defer(until: Date | PendingTrigger, options?: DeferOptions): never
  /**
   * Tells what this attempt read from or wrote to one place; stored with the try and shown on the run.
   * @param onMismatch `'fail'` (default) or `'warn'`
   * @throws CountMismatchError when rows are missing or too many, unless the policy says `warn`; Error for numbers that are no counts
   */
  record(effect: Effect, onMismatch?: MismatchPolicy): Promise<void>
  /** Publishes a small table (at most 1 MiB as JSON), drawn by the DAG's page of reports. Again under the same name: replaced. */
  publish(name: string, report: ResultTable): Promise<void>
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
export async function publishReport(name: string, report: ResultTable): Promise<void> {
  await getOperatorContext('publishReport').publish(name, report)
}
