// An operator is a value that stands where a handler may stand: `dag.task('put', hdfsUpload({…}))`.

import type { JsonValue } from '../core/json.ts'
import type { OperatorContext } from './context.ts'
import type { TriggerFactory } from './trigger.ts'

const BRAND = Symbol.for('baram.operator')

/**
 * What `defineOperator` is given. `TArgs` is the object of named inputs, `TResult` what becomes the XCom, `TOptions` the
 * author's options.
 */
export interface OperatorSpec<TArgs, TResult, TOptions extends object = Readonly<Record<string, unknown>>> {
  /** Airflow's class name, shown in lists: `HdfsUploadOperator`. */
  readonly name: string
  /**
   * The author's options as JSON, stored with the DAG so that pages can show them (functions are left out). Never a
   * secret: those live in Connections.
   */
  readonly options?: TOptions
  /** Names of options whose texts (at any depth) are rendered as templates before each attempt. Default: none. */
  readonly templateFields?: readonly (keyof TOptions & string)[]
  /** Triggers its `execute` and `resume` may defer to. */
  readonly triggers?: readonly TriggerFactory[]
  /** True when it may end with `op.skip(…)`. */
  readonly skips?: boolean
  /** False refuses inputs where the task is called; default true. */
  readonly takesInputs?: boolean
  /** Runs in the child; what it returns is the task's XCom. `options` are rendered. */
  execute(op: OperatorContext, args: TArgs, options: TOptions): Promise<TResult> | TResult
  /** Runs instead of `execute` once what the task was deferred to has come; `event` is what the trigger returned. */
  resume?(op: OperatorContext, event: JsonValue, args: TArgs, options: TOptions): Promise<TResult> | TResult
}

export interface Operator<TArgs, TResult> {
  readonly name: string
  readonly options?: Readonly<Record<string, unknown>>
  readonly templateFields?: readonly string[]
  readonly triggers?: readonly TriggerFactory[]
  readonly skips?: boolean
  readonly takesInputs?: boolean
  /** `options`: rendered; default as the author gave them. */
  execute(op: OperatorContext, args: TArgs, options?: object): Promise<TResult> | TResult
  /** Absent when the operator never defers. */
  readonly resume?: (op: OperatorContext, event: JsonValue, args: TArgs, options?: object) => Promise<TResult> | TResult
  readonly [BRAND]: true
}

/** Makes an operator: a frozen value, safe to share between tasks. */
export function defineOperator<TArgs, TResult, TOptions extends object = Readonly<Record<string, unknown>>>(
  spec: OperatorSpec<TArgs, TResult, TOptions>,
): Operator<TArgs, TResult> {
  // Its own options come back to it, rendered: what runs an operator need not know their type.
  const optionsOf = (options: object | undefined) => (options ?? spec.options ?? {}) as TOptions
  const { resume } = spec
  return Object.freeze({
    ...(spec as Omit<OperatorSpec<TArgs, TResult, Readonly<Record<string, unknown>>>, 'execute' | 'resume'>),
    execute: (op: OperatorContext, args: TArgs, options?: object) => spec.execute(op, args, optionsOf(options)),
    ...(resume !== undefined && {
      resume: (op: OperatorContext, event: JsonValue, args: TArgs, options?: object) =>
        resume.call(spec, op, event, args, optionsOf(options)),
    }),
    [BRAND]: true as const,
  })
}

export function isOperator(value: unknown): value is Operator<unknown, unknown> {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}
