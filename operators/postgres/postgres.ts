// SQL on Postgres as a task: Airflow's SQLExecuteQueryOperator.

import { defineOperator, type JsonValue, type Operator, type OperatorContext } from '../../sdk/index.ts'
import { PostgresResultTooLargeError } from './errors.ts'
import {
  openPostgres,
  type PostgresHook,
  type PostgresParameters,
  type PostgresRow,
  type StatementResult,
} from './hook.ts'
import { splitStatements } from './statements.ts'

const XCOM_BYTES = 1_048_576
/** Of a statement in the log. */
const SHOWN = 1_000

export interface PostgresOptions {
  /** Connection of type postgres. Default `postgres_default`. */
  readonly postgresConnId?: string
  /**
   * One statement, several, or a text of several (template). Never put data into its text: give it by `parameters`,
   * which travel beside it and cannot become SQL.
   */
  readonly sql: string | readonly string[]
  /**
   * A list for `$1`, `$2` …, or an object for `:name` (template, texts at any depth). Lists inside become arrays,
   * objects JSON. The same ones for each statement.
   */
  readonly parameters?: PostgresParameters
  /** Each statement by itself instead of all in one transaction: for `vacuum`, `create database`. Default false. */
  readonly autocommit?: boolean
  /** Run the statements of a text one by one, as parameters and `autocommit` need it. Default false. */
  readonly split?: boolean
  /**
   * The XCom: `all` rows (default), the first `one` or null, or `none`. Of a list of statements it is a list of those.
   */
  readonly handler?: 'all' | 'one' | 'none'
  /** Seconds a statement may take; then Postgres cancels it. Default: the server's own limit. */
  readonly timeout?: number
}

/** What a task's SQL gives: rows, a row, nothing, or a list of those for a list of statements. */
export type PostgresValue =
  | readonly PostgresRow[]
  | PostgresRow
  | null
  | readonly (readonly PostgresRow[] | PostgresRow | null)[]

type Handler = NonNullable<PostgresOptions['handler']>

function handled(result: StatementResult | undefined, handler: Handler): readonly PostgresRow[] | PostgresRow | null {
  const rows = result?.rows ?? null
  return handler === 'one' ? (rows?.[0] ?? null) : rows
}

async function runStatement(
  op: OperatorContext,
  postgres: PostgresHook,
  sql: string,
  { parameters, handler = 'all' }: PostgresOptions,
): Promise<StatementResult | undefined> {
  op.log.info({ sql: sql.slice(0, SHOWN) }, 'running')
  const maxRows = { all: Number.POSITIVE_INFINITY, one: 1, none: 0 }[handler]
  const results = await postgres.run(sql, parameters, { maxBytes: XCOM_BYTES, maxRows })
  for (const { command, rowCount } of results) op.log.info({ command, rows: rowCount }, 'done')
  return results.at(-1)
}

function tooLarge(error: unknown): unknown {
  if (!(error instanceof PostgresResultTooLargeError)) return error
  return new PostgresResultTooLargeError(
    'the rows are larger than an XCom may be (1 MiB): write them to a table (insert … select) or with openPostgres to a file, ' +
      "select less, or set handler: 'none'",
    { cause: error },
  )
}

/** @throws Error while the DAG is read */
function checkOptions({ sql, timeout }: PostgresOptions): void {
  if ([sql].flat().every((text) => text.trim() === '')) throw new Error('postgres: sql is empty')
  if (timeout !== undefined && !(timeout > 0))
    throw new Error(`postgres: timeout must be above 0 seconds, found ${timeout}`)
}

/**
 * Runs SQL on the database of a connection, in one transaction (unless `autocommit`) that is rolled back when a
 * statement fails or the attempt must stop. The rows are the XCom, at most 1 MiB: `bigint` and `numeric` exactly (as
 * text where a number would not be), `timestamptz` as ISO text in UTC, `json` as JSON; `bytea` is refused.
 *
 * `TArgs`: the task's inputs, for templates: `postgres<{ day: string }>({ sql: '… where day = :day', parameters: { day:
 * '{{args.day}}' } })`.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function postgres<TArgs extends object = Record<never, never>, TValue extends JsonValue = PostgresValue>(
  options: PostgresOptions,
): Operator<TArgs, TValue | undefined> {
  checkOptions(options)
  const { postgresConnId = 'postgres_default', autocommit = false, split = false, handler = 'all', timeout } = options
  return defineOperator<TArgs, TValue | undefined, PostgresOptions>({
    name: 'SQLExecuteQueryOperator',
    options: { ...options, postgresConnId, autocommit, split, handler },
    templateFields: ['sql', 'parameters'],
    async execute(op, _args, rendered) {
      const texts = [rendered.sql].flat()
      const statements = split ? texts.flatMap(splitStatements) : texts
      const hook = await openPostgres(op, postgresConnId, timeout === undefined ? {} : { timeout })
      const runAll = async () => {
        const results: (StatementResult | undefined)[] = []
        for (const sql of statements) results.push(await runStatement(op, hook, sql, rendered))
        return results
      }
      try {
        const results = await (autocommit ? runAll() : hook.transaction(runAll)).catch((error: unknown) => {
          throw tooLarge(error)
        })
        if (handler === 'none') return undefined
        const values = results.map((result) => handled(result, handler))
        // Rows are what the author says they are.
        return (typeof rendered.sql === 'string' ? (values.at(-1) ?? null) : values) as JsonValue as TValue
      } finally {
        await hook.close()
      }
    },
  })
}
