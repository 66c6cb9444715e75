// The public types of the façade, as Airflow's TypeScript SDK has them, and the wider ones of `baram`.

import type { JsonValue } from '../core/json.ts'
import type { Branch, Condition } from './decide.ts'
import type { LabelledNode } from './labels.ts'
import type { Operator } from './operator.ts'
import type { DagParams } from './params.ts'
import type { Schedule } from './schedule.ts'

/** Options of a DAG; durations are seconds. Airflow's SDK: every field is optional. */
export interface DagSpec {
  /** `@once`, `@continuous`, a preset or a cron text, a point in time in UTC. Unset = manual only. */
  readonly schedule?: string | undefined
  readonly description?: string | undefined
  readonly dagDisplayName?: string | undefined
  readonly docMd?: string | undefined
  readonly startDate?: Date | undefined
  readonly endDate?: Date | undefined
  /** A set: deduplicated and sorted. */
  readonly tags?: readonly string[] | undefined
  /** Active task instances of one run; server default 16. */
  readonly maxActiveTasks?: number | undefined
  /** Running runs; server default 16. */
  readonly maxActiveRuns?: number | undefined
  readonly maxConsecutiveFailedDagRuns?: number | undefined
  /** Seconds. */
  readonly dagrunTimeout?: number | undefined
  /** Also create the runs of past dates since `startDate`; default false. */
  readonly catchup?: boolean | undefined
  readonly failFast?: boolean | undefined
  readonly renderTemplateAsNativeObj?: boolean | undefined
  readonly disableBundleVersioning?: boolean | undefined
  readonly isPausedUponCreation?: boolean | undefined
  /** Default queue of the DAG's tasks. */
  readonly queue?: string | undefined
}

/** Options of a task; durations are seconds. */
export interface TaskSpec {
  readonly taskId?: string | undefined
  /** Default `airflow`. */
  readonly owner?: string | undefined
  readonly startDate?: Date | undefined
  readonly endDate?: Date | undefined
  /** One of Airflow's 13 rules; default `all_success`. */
  readonly triggerRule?: string | undefined
  readonly dependsOnPast?: boolean | undefined
  readonly ignoreFirstDependsOnPast?: boolean | undefined
  readonly waitForPastDependsBeforeSkipping?: boolean | undefined
  readonly waitForDownstream?: boolean | undefined
  /** Tries after the first; default 0. */
  readonly retries?: number | undefined
  /** Seconds; default 300. */
  readonly retryDelay?: number | undefined
  /** Seconds. */
  readonly maxRetryDelay?: number | undefined
  /** Multiplier, 0 = off. */
  readonly retryExponentialBackoff?: number | undefined
  /** Seconds; the try is killed and counts as failed. */
  readonly executionTimeout?: number | undefined
  /** Default: the DAG's queue, else `default`. */
  readonly queue?: string | undefined
  /** Default `default_pool`. */
  readonly pool?: string | undefined
  readonly poolSlots?: number | undefined
  readonly priorityWeight?: number | undefined
  /** `downstream` (default), `upstream` or `absolute`. */
  readonly weightRule?: string | undefined
  readonly executor?: string | undefined
  /** Push the returned value as XCom; default true. */
  readonly doXcomPush?: boolean | undefined
  readonly returnsDagResult?: boolean | undefined
  readonly emailOnFailure?: boolean | undefined
  readonly emailOnRetry?: boolean | undefined
  readonly docMd?: string | undefined
  readonly mapIndexTemplate?: string | undefined
  readonly maxActiveTisPerDag?: number | undefined
  readonly maxActiveTisPerDagrun?: number | undefined
}

/** What a retry policy answers: `after` in seconds, default the task's own delay; `undefined` = as if there were no policy. */
export type RetryDecision = { readonly retry: false } | { readonly retry: true; readonly after?: number } | undefined

/** Asked when a try has failed. The task's `retries` still bound the number of tries. */
export type RetryPolicy = (error: unknown, tryNumber: number) => RetryDecision

/** `baram`'s wider task options. */
export interface BaramTaskSpec extends TaskSpec {
  /** Decides by the error whether and when to try again. Runs in the task's process. */
  readonly retryPolicy?: RetryPolicy | undefined
  /** `'process'`: a fresh child process for each try, instead of a warm one. */
  readonly isolate?: 'process' | undefined
}

/** `baram`'s wider DAG options. */
export interface BaramDagSpec extends Omit<DagSpec, 'schedule'> {
  /** As in Airflow's SDK, or `cron(…)`, `every(…)`, `events(…)`, `timetable(…)`. */
  readonly schedule?: string | Schedule | undefined
  /** IANA name; the zone people read this DAG's dates in. Default: the schedule's zone, else UTC. */
  readonly timezone?: string | undefined
  /** Options every task takes over unless its group or itself has its own. */
  readonly defaultArgs?: BaramTaskSpec | undefined
  /** Values a run may be given: `param(5, { type: 'integer' })`, `param.required(schema)`, or a JSON default alone. */
  readonly params?: DagParams | undefined
}

export interface TaskGroupOptions {
  /** Put `group.` before the ids inside; default true. */
  readonly prefixGroupId?: boolean
}

/** `baram`'s wider group options. */
export interface BaramGroupOptions extends TaskGroupOptions {
  /** Options every task inside takes over unless a group inside or itself has its own; above the DAG's. */
  readonly defaultArgs?: BaramTaskSpec | undefined
}

declare const RESULT: unique symbol

/** A task placed in the graph. Its string keys are exactly these four. */
export interface TaskRef<TReturn = unknown> {
  readonly dagId: string
  readonly taskId: string
  /** Draws this → others; returns this. */
  before(...others: readonly Endpoint[]): this
  /** Draws others → this; returns this. */
  after(...others: readonly Endpoint[]): this
  readonly [RESULT]?: TReturn
}

export interface TaskGroupRef {
  readonly dagId: string
  readonly groupId: string
  task: TaskMethod
  taskGroup(groupId: string, options?: TaskGroupOptions): TaskGroupRef
  before(...others: readonly Endpoint[]): this
  after(...others: readonly Endpoint[]): this
}

/** What stands in the graph. */
export type Node = TaskRef | TaskGroupRef | Condition | Branch
/** What an edge may end at: a node, or `label(node, text)`. */
export type Endpoint = Node | LabelledNode

/** The part of T that a literal can be. */
export type JsonPart<T> = T extends string | number | boolean | null
  ? T
  : T extends Date | Map<unknown, unknown> | Set<unknown> | ((...args: never[]) => unknown)
    ? never
    : T extends object
      ? { readonly [K in keyof T]: JsonPart<T[K]> }
      : never

/** One argument: a ref of its type, or a JSON literal. */
export type TaskInput<T> = TaskRef<T> | JsonPart<T>
/** Airflow's SDK: any ref, or a JSON literal of the argument's type. */
export type TaskInputs<TArgs> = { readonly [K in keyof TArgs]: TaskRef | JsonPart<TArgs[K]> }
/** `baram`: the ref's own type must fit as well. */
export type CheckedInputs<TArgs> = { readonly [K in keyof TArgs]: TaskRef<TArgs[K]> | JsonPart<TArgs[K]> }

export type HasArgs<TArgs> = unknown extends TArgs ? false : keyof TArgs extends never ? false : true

/** Called exactly once: places the task and returns its ref. */
export type TaskFactory<TArgs, TReturn> =
  HasArgs<TArgs> extends true ? (inputs: TaskInputs<TArgs>) => TaskRef<TReturn> : () => TaskRef<TReturn>
/** As `TaskFactory`; what `expand` needs to know of it is carried along, out of sight. */
export type CheckedFactory<TArgs, TReturn> = (HasArgs<TArgs> extends true
  ? (inputs: CheckedInputs<TArgs>) => TaskRef<TReturn>
  : () => TaskRef<TReturn>) &
  Expandable<TArgs, TReturn>

declare const SHAPE: unique symbol
/** A factory's arguments and result, for the compiler alone. */
export interface Expandable<TArgs, TReturn> {
  readonly [SHAPE]?: (args: TArgs) => TReturn
}

/** What comes behind a decider's handler: its inputs (`undefined` or nothing when it takes none), then its options. */
export type DeciderArgs<TArgs> =
  HasArgs<TArgs> extends true
    ? readonly [inputs: TaskInputs<TArgs>, spec?: TaskSpec]
    : readonly [inputs?: undefined, spec?: TaskSpec]
/** As `DeciderArgs`, with checked refs and `baram`'s options. */
export type CheckedDeciderArgs<TArgs> =
  HasArgs<TArgs> extends true
    ? readonly [inputs: CheckedInputs<TArgs>, spec?: BaramTaskSpec]
    : readonly [inputs?: undefined, spec?: BaramTaskSpec]

/** A body: a function of one object of named arguments, or of none. */
export type TaskFunction<TArgs, TReturn> = (args: TArgs) => TReturn | Promise<TReturn>

/** A type that carries the sentence its author will read. */
export interface TypeProblem<TMessage extends string> {
  readonly problem: TMessage
}

/** Airflow's `task` method. */
export interface TaskMethod {
  <TArgs, TReturn>(
    taskId: string,
    handler: TaskFunction<TArgs, TReturn> | Operator<TArgs, TReturn>,
    spec?: TaskSpec,
  ): TaskFactory<TArgs, TReturn>
  <TArgs, TReturn>(
    handler: TaskFunction<TArgs, TReturn> | Operator<TArgs, TReturn>,
    spec?: TaskSpec,
  ): TaskFactory<TArgs, TReturn>
}

/** What a task without a value returns. */
// biome-ignore lint/suspicious/noConfusingVoidType: handlers that return nothing have exactly this type
type Nothing = void | undefined

/** True when every part of R survives JSON; interfaces and class-less objects are walked, not asked for an index signature. */
type IsJson<R> = unknown extends R
  ? true
  : [R] extends [string | number | boolean | null | Nothing]
    ? true
    : [R] extends [JsonValue | undefined]
      ? true
      : R extends (...args: never[]) => unknown
        ? false
        : R extends bigint | symbol | Date | Map<unknown, unknown> | Set<unknown> | RegExp | Promise<unknown>
          ? false
          : R extends string | number | boolean | null | Nothing
            ? true
            : R extends readonly (infer I)[]
              ? IsJson<I>
              : R extends object
                ? false extends { [K in keyof R]-?: IsJson<R[K]> }[keyof R]
                  ? false
                  : true
                : false

type Placed<TArgs, TReturn> =
  false extends IsJson<TReturn>
    ? TypeProblem<'a task must return JSON: no Date, Map, Set, bigint or function'>
    : CheckedFactory<TArgs, TReturn>

/** `baram`'s `task` method: a return value that is not JSON, or a ref of the wrong type, is a compile error. */
export interface CheckedTaskMethod {
  <TArgs, TReturn>(
    taskId: string,
    handler: TaskFunction<TArgs, TReturn> | Operator<TArgs, TReturn>,
    spec?: BaramTaskSpec,
  ): Placed<TArgs, Awaited<TReturn>>
  <TArgs, TReturn>(
    handler: TaskFunction<TArgs, TReturn> | Operator<TArgs, TReturn>,
    spec?: BaramTaskSpec,
  ): Placed<TArgs, Awaited<TReturn>>
}

export interface CheckedGroupRef extends Omit<TaskGroupRef, 'task' | 'taskGroup'> {
  task: CheckedTaskMethod
  taskGroup(groupId: string, options?: BaramGroupOptions): CheckedGroupRef
}
