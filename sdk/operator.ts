// An operator is a value that stands where a handler may stand: `dag.task('put', hdfsUpload({…}))`.

import type { OperatorContext } from './context.ts'

const BRAND = Symbol.for('baram.operator')

/** What `defineOperator` is given. `TArgs` is the object of named inputs, `TResult` what becomes the XCom. */
export interface OperatorSpec<TArgs, TResult> {
  /** Airflow's class name, shown in lists: `HdfsUploadOperator`. */
  readonly name: string
  /** The author's options as JSON, stored with the DAG so that pages can show them. Never a secret: those live in Connections. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Runs in the child; what it returns is the task's XCom. */
  execute(op: OperatorContext, args: TArgs): Promise<TResult> | TResult
}

export interface Operator<TArgs, TResult> extends OperatorSpec<TArgs, TResult> {
  readonly [BRAND]: true
}

/** Makes an operator: a frozen value, safe to share between tasks. */
export function defineOperator<TArgs, TResult>(spec: OperatorSpec<TArgs, TResult>): Operator<TArgs, TResult> {
  return Object.freeze({ ...spec, [BRAND]: true as const })
}

export function isOperator(value: unknown): value is Operator<unknown, unknown> {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}
