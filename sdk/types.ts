// The public types of the façade, as Airflow's TypeScript SDK has them, and the wider ones of `baram`.

import type { JsonValue } from '../core/json.ts'
import type { Branch, Condition } from './decide.ts'
import type { LabelledNode } from './labels.ts'
import type { Callback, DeadlineAlert } from './notifier.ts'
import type { Operator } from './operator.ts'
import type { DagParams } from './params.ts'
import type { Schedule } from './schedule.ts'

/**
 * Options of a DAG, exactly those of Airflow's SDK; every one is optional. Durations are seconds.
 *
 * An unknown option throws where the DAG is declared; a value of a wrong type or out of range is an import error, with all
 * others of the DAG. Numbers are at most 2,147,483,647.
 */
export interface DagSpec {
  /**
   * When runs are made: `@once`, `@continuous`, `@hourly` to `@yearly`, or a cron text of 5 or 6 fields, a point in time in
   * UTC. Default: never; runs are made by hand.
   */
  readonly schedule?: string | undefined
  /** One line about the DAG, shown in lists. */
  readonly description?: string | undefined
  /** A name for people: told by the REST API and found by the search of DAGs; pages show the id. Default: the id. */
  readonly dagDisplayName?: string | undefined
  /** Markdown about the DAG, told by the REST API (`doc_md`). */
  readonly docMd?: string | undefined
  /**
   * The first logical date that may get a run; `every(…)` counts its spans from it. Years 1 to 9999. Default: none, and
   * then the schedule begins about when the DAG is first seen. `catchup` needs one.
   */
  readonly startDate?: Date | undefined
  /** The last logical date that gets a run. Years 1 to 9999. Default: none. */
  readonly endDate?: Date | undefined
  /** To find DAGs by. A set: deduplicated and sorted; each 1 to 100 characters. Default: none. */
  readonly tags?: readonly string[] | undefined
  /** Task instances of one run that are queued or running at a time, at least 1. Default: `core.max_active_tasks_per_dag`, 16. */
  readonly maxActiveTasks?: number | undefined
  /**
   * Runs of the DAG that are running at a time, at least 1; further ones wait. Default: `core.max_active_runs_per_dag`, 16.
   * `@continuous` has 1, and a larger number is an import error.
   */
  readonly maxActiveRuns?: number | undefined
  /** So many failed runs in a row pause the DAG. Default 0: it is never paused. */
  readonly maxConsecutiveFailedDagRuns?: number | undefined
  /**
   * Seconds from a run's start, more than 0, at most 366 days. Then the run fails, what has not ended is skipped and
   * running processes are ended. Default: no limit.
   */
  readonly dagrunTimeout?: number | undefined
  /**
   * Also make the runs of past dates since `startDate`, which it needs on a schedule of dates. Default false: after a pause
   * or an outage the latest date alone. No setting changes the default.
   */
  readonly catchup?: boolean | undefined
  /**
   * The first task that fails for good ends the run: what runs fails, the rest is skipped. Every task must have the trigger
   * rule `all_success`, else an import error. Default false.
   */
  readonly failFast?: boolean | undefined
  /** A template field that is one expression alone gives the value itself instead of its text. Default false. */
  readonly renderTemplateAsNativeObj?: boolean | undefined
  /** Accepted, ignored: a run keeps the version of the DAG it was made with. */
  readonly disableBundleVersioning?: boolean | undefined
  /** Whether the DAG is paused when it is first seen; later it says nothing. Default: `core.dags_are_paused_at_creation`, true. */
  readonly isPausedUponCreation?: boolean | undefined
  /** Default queue of the DAG's tasks, 1 to 256 characters. Default `default`. */
  readonly queue?: string | undefined
}

/**
 * Options of a task, exactly those of Airflow's SDK; every one is optional. Durations are seconds.
 *
 * An unknown option throws where the task is declared; a value of a wrong type or out of range is an import error, with all
 * others of the DAG. Numbers are at most 2,147,483,647, durations at most 366 days.
 */
export interface TaskSpec {
  /**
   * The task's id, for calls that do not give it as first argument: 1 to 250 letters, digits, `_` and `-`. Given in both
   * places: an error. Default: the function's own name. Not allowed in `defaultArgs`.
   */
  readonly taskId?: string | undefined
  /** Who answers for the task, told in lists of DAGs and by the REST API. Default `airflow`. */
  readonly owner?: string | undefined
  /** Runs of an earlier logical date have no instance of this task. Years 1 to 9999. Default: none. */
  readonly startDate?: Date | undefined
  /** Runs of a later logical date have no instance of this task. Years 1 to 9999. Default: none. */
  readonly endDate?: Date | undefined
  /** Which ends of its upstream tasks let it run: one of Airflow's 13 rules. Default `all_success`. */
  readonly triggerRule?: string | undefined
  /** Runs only when its instance in the run before has succeeded or was skipped; the first one does not wait. Default false. */
  readonly dependsOnPast?: boolean | undefined
  /** Accepted, ignored: the first instance of a task never waits for a past it does not have. Default false. */
  readonly ignoreFirstDependsOnPast?: boolean | undefined
  /** With `dependsOnPast`: what would skip the task waits for the run before as well. Default false. */
  readonly waitForPastDependsBeforeSkipping?: boolean | undefined
  /**
   * Runs only when, in the run before, the tasks directly downstream of it have succeeded or were skipped too. Implies
   * `dependsOnPast`. Default false.
   */
  readonly waitForDownstream?: boolean | undefined
  /**
   * Tries after the first, a whole number from 0. A try whose worker was lost counts; one whose worker was told to stop does
   * not. Default 0.
   */
  readonly retries?: number | undefined
  /** Seconds from a failed try to the next, at least 0. Default 300. */
  readonly retryDelay?: number | undefined
  /** Longest delay in seconds that `retryExponentialBackoff` may grow to; bounds nothing else. Default: one day. 0: as unset. */
  readonly maxRetryDelay?: number | undefined
  /**
   * The factor by which the delay grows from try to try, at least 0; up to as much again is added, so that tasks do not come
   * back together. 0 (default) and 1: it does not grow.
   */
  readonly retryExponentialBackoff?: number | undefined
  /**
   * Seconds that a try may take, its deferral included; more than 0. Then its process is ended and the try has failed;
   * retries apply. Default: no limit.
   */
  readonly executionTimeout?: number | undefined
  /** Workers started with `--queues` take only tasks of theirs, others take all. 1 to 256 characters. Default: the DAG's queue, else `default`. */
  readonly queue?: string | undefined
  /** The pool whose slots it takes, 1 to 256 characters; while there is no such pool it waits. Default `default_pool`. */
  readonly pool?: string | undefined
  /** Slots of the pool it takes, at least 1; with more than the pool has it never starts. Default 1. */
  readonly poolSlots?: number | undefined
  /** Who starts first when slots are short: the larger weight, as `weightRule` sums it. A whole number, also below 0. Default 1. */
  readonly priorityWeight?: number | undefined
  /**
   * Whose weights make the task's: its own and those of everything downstream (`downstream`, default), of everything upstream
   * (`upstream`), or its own alone (`absolute`). Anything else is an import error.
   */
  readonly weightRule?: string | undefined
  /** Accepted, ignored: workers take tasks from Postgres, there is no executor to choose. */
  readonly executor?: string | undefined
  /**
   * Store the returned value as XCom `return_value`. Default true. With false a downstream task that takes the ref as input
   * fails: its argument has no value.
   */
  readonly doXcomPush?: boolean | undefined
  /** Accepted, ignored: a run has no result of its own. Default false. */
  readonly returnsDagResult?: boolean | undefined
  /** Accepted, ignored: no mail is sent; the operator `email` sends mail. */
  readonly emailOnFailure?: boolean | undefined
  /** Accepted, ignored: no mail is sent; the operator `email` sends mail. */
  readonly emailOnRetry?: boolean | undefined
  /** Markdown about the task, told by the REST API (`doc_md`). */
  readonly docMd?: string | undefined
  /** Names each instance of a mapped task: a template, rendered before its try, such as `{{args.region}}`. Default: the index. */
  readonly mapIndexTemplate?: string | undefined
  /** Instances of the task that are active (deferred ones too) at a time over all runs of the DAG, at least 1. Default: no limit. */
  readonly maxActiveTisPerDag?: number | undefined
  /** Instances of a mapped task that are active (deferred ones too) at a time in one run, at least 1. Default: no limit. */
  readonly maxActiveTisPerDagrun?: number | undefined
}

/** What a retry policy answers: `after` in seconds, default the task's own delay; `undefined` = as if there were no policy. */
export type RetryDecision = { readonly retry: false } | { readonly retry: true; readonly after?: number } | undefined

/**
 * Asked when a try has failed: with what was thrown, and the number of the try, from 1. The task's `retries` still bound the
 * number of tries. A policy that throws itself is told in the log and has no say.
 */
export type RetryPolicy = (error: unknown, tryNumber: number) => RetryDecision

/** Who is told how something ends (docs/alerts.md). Each is a function, a notifier such as `webhook(…)`, or a list of them. */
interface EndCallbacks {
  /** Called once when it has failed for good: with no try left; not for what a person marked. Default: none. */
  readonly onFailureCallback?: Callback | readonly Callback[] | undefined
  /** Called once when it has succeeded; not for what a person marked. Default: none. */
  readonly onSuccessCallback?: Callback | readonly Callback[] | undefined
}

/** `baram`'s wider task options. */
export interface BaramTaskSpec extends TaskSpec, EndCallbacks {
  /** Called when a try has failed and another follows. Default: none. */
  readonly onRetryCallback?: Callback | readonly Callback[] | undefined
  /** Called when the task has skipped itself (`SkipTask`). Default: none. */
  readonly onSkippedCallback?: Callback | readonly Callback[] | undefined
  /**
   * By when the task must have ended, and who is told when it has not: `deadlineAlert({ reference: 'slot', … })`, or a list.
   * Counts from `slot`, `queued_at`, `logical_date` or a Date; else an import error. Default: none.
   */
  readonly deadline?: DeadlineAlert | readonly DeadlineAlert[] | undefined
  /** Decides by the error whether and when to try again. Runs in the task's process. Default: `retries` and `retryDelay` alone. */
  readonly retryPolicy?: RetryPolicy | undefined
  /** `'process'`: a fresh child process for each try. Default: a warm one, which runs one try after another. Else an import error. */
  readonly isolate?: 'process' | undefined
}

/** `baram`'s wider DAG options. Its callbacks are told of runs; those of tasks may stand in `defaultArgs`. */
export interface BaramDagSpec extends Omit<DagSpec, 'schedule'>, EndCallbacks {
  /**
   * By when a run must have ended, also when none was made, or how long a stream may bring nothing, and who is told:
   * `deadlineAlert({ reference: 'slot', interval: 600, callback })`, or a list. Default: none.
   */
  readonly deadline?: DeadlineAlert | readonly DeadlineAlert[] | undefined
  /** As in Airflow's SDK, or `cron(…)`, `every(…)`, `events(…)`, `timetable(…)`. */
  readonly schedule?: string | Schedule | undefined
  /** IANA name; the zone people read this DAG's dates in. Default: the schedule's zone, else UTC. Unknown: an import error. */
  readonly timezone?: string | undefined
  /** Options every task takes over unless its group or itself has its own; all but `taskId`. Default: none. */
  readonly defaultArgs?: BaramTaskSpec | undefined
  /**
   * Values a run may be given: `param(5, { type: 'integer' })`, `param.required(schema)`, or a JSON default alone. A run whose
   * conf does not fit is refused; a DAG with a schedule needs a default for each. Default: none, and any conf is taken.
   */
  readonly params?: DagParams | undefined
}

/** Options of a group. */
export interface TaskGroupOptions {
  /** Put `group.` before the ids inside; default true. With false the ids must be unique in the DAG. */
  readonly prefixGroupId?: boolean
}

/** `baram`'s wider group options. */
export interface BaramGroupOptions extends TaskGroupOptions {
  /** Options every task inside takes over unless a group inside or itself has its own; above the DAG's. All but `taskId`. Default: none. */
  readonly defaultArgs?: BaramTaskSpec | undefined
}

declare const RESULT: unique symbol

/** A task placed in the graph. Its string keys are exactly these four. */
export interface TaskRef<TReturn = unknown> {
  /** Of the DAG it belongs to. */
  readonly dagId: string
  /** With the prefix of its groups. */
  readonly taskId: string
  /** Draws this → others; returns this. @throws Error for itself, a task of another DAG, or once the DAG was read */
  before(...others: readonly Endpoint[]): this
  /** Draws others → this; returns this. @throws Error as `before` */
  after(...others: readonly Endpoint[]): this
  /** What the task returns, for the compiler alone. */
  readonly [RESULT]?: TReturn
}

/** A group of tasks: an edge to it reaches its roots, one from it leaves its leaves. */
export interface TaskGroupRef {
  /** Of the DAG it belongs to. */
  readonly dagId: string
  /** With the prefix of the groups around it. */
  readonly groupId: string
  /** Declares a task inside, as `dag.task` does. @throws Error for a bad or taken id, and for unknown options */
  task: TaskMethod
  /** Makes a group inside; its id: 1 to 200 letters, digits, `_` and `-`. @throws Error for a bad or taken id, and for unknown options */
  taskGroup(groupId: string, options?: TaskGroupOptions): TaskGroupRef
  /** Draws this → others; returns this. @throws Error for itself, a task of another DAG, or once the DAG was read */
  before(...others: readonly Endpoint[]): this
  /** Draws others → this; returns this. @throws Error as `before` */
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

/** Whether a handler takes named arguments. */
export type HasArgs<TArgs> = unknown extends TArgs ? false : keyof TArgs extends never ? false : true

/** Called exactly once: places the task and returns its ref. @throws Error when called again, and for inputs that are no object of refs of this DAG and JSON */
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
  /** Never there at run time. */
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
  /** The sentence. */
  readonly problem: TMessage
}

/**
 * Airflow's `task` method: declares a task and gives the factory that places it.
 * @throws Error for a bad or taken id, a handler of more than one parameter, unknown options, or once the DAG was read
 */
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

/**
 * `baram`'s `task` method: a return value that is not JSON, or a ref of the wrong type, is a compile error.
 * @throws Error as `TaskMethod`
 */
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

/** A group of `baram`'s `Dag`: as `TaskGroupRef`, with wider options and checked types. */
export interface CheckedGroupRef extends Omit<TaskGroupRef, 'task' | 'taskGroup'> {
  /** Declares a task inside, as `dag.task` does. @throws Error as `TaskMethod` */
  task: CheckedTaskMethod
  /** Makes a group inside; its id: 1 to 200 letters, digits, `_` and `-`. @throws Error for a bad or taken id, and for unknown options */
  taskGroup(groupId: string, options?: BaramGroupOptions): CheckedGroupRef
}
