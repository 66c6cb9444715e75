// HiveQL as a task, on the Hive of a connection.

import { defineOperator, type JsonValue, type Operator } from '../../../sdk/index.ts'
import { ConnectionUnusableError } from '../../connection.ts'
import type { ExactResult, ExactRow } from '../../duckdb/session.ts'
import { openHive } from './hive-warehouse.ts'
import { type HiveParameter, splitHql, withParameters } from './statements.ts'

/** More than fits into an XCom in any case. */
const MOST_ROWS = 100_000
const XCOM_BYTES = 1_048_576
/** Of a statement in the log. */
const SHOWN = 1_000

export interface HiveOptions {
  /** Connection of type hiveserver2. Default `hive_default`. */
  readonly connId?: string
  /**
   * One statement, several with `;`, or a list of such texts (template). Never put data into its text: give it by
   * `parameters`, which are quoted.
   */
  readonly hql: string | readonly string[]
  /** For `:name` in the text (template, texts at any depth). A list stands for `in (:list)`. */
  readonly parameters?: Readonly<Record<string, HiveParameter>>
  /** Database. Default: that of the connection. */
  readonly schema?: string
  /** The XCom: rows of the last statement, `all` or the first `one` (or null), or `none` (default). BIGINT and DECIMAL are text. */
  readonly handler?: 'all' | 'one' | 'none'
  /** Seconds a statement may take; then it is cancelled. Default: `statement_timeout_s` of the connection. */
  readonly timeout?: number
}

type Handler = NonNullable<HiveOptions['handler']>

function handledBy(
  result: ExactResult | undefined,
  handler: Handler,
): readonly ExactRow[] | ExactRow | null | undefined {
  if (handler === 'none') return undefined
  const rows = result?.rows ?? []
  const value = handler === 'one' ? (rows[0] ?? null) : rows
  if (Buffer.byteLength(JSON.stringify(value)) <= XCOM_BYTES && rows.length <= MOST_ROWS) return value
  throw new Error(
    "hive: the rows are larger than an XCom may be (1 MiB): write them to a table (insert … select), select less, or set handler: 'none'",
  )
}

/** @throws Error while the DAG is read */
function checkOptions({ hql, timeout }: HiveOptions): void {
  if ([hql].flat().every((text) => text.trim() === '')) throw new Error('hive: hql is empty')
  if (timeout !== undefined && !(timeout > 0))
    throw new Error(`hive: timeout must be above 0 seconds, found ${timeout}`)
}

/**
 * Runs HiveQL in one session, statement after statement; `set name=value` holds for those after it. Hive has no
 * transaction over several: what ran before a failure stays, so write statements that can be repeated (`insert
 * overwrite`, `if not exists`).
 * @throws Error while the DAG is read, for options that cannot be
 */
export function hive<TArgs extends object = Record<never, never>>(
  options: HiveOptions,
): Operator<TArgs, JsonValue | undefined> {
  checkOptions(options)
  const { connId = 'hive_default', handler = 'none', schema, timeout } = options
  return defineOperator<TArgs, JsonValue | undefined, HiveOptions>({
    name: 'HiveOperator',
    options: { ...options, connId, handler },
    templateFields: ['hql', 'parameters'],
    async execute(op, _args, rendered) {
      const connection = await op.client.getConnectionOrThrow(connId)
      if (connection.type !== 'hiveserver2')
        throw new ConnectionUnusableError(connId, `hive needs type hiveserver2, found ${connection.type}`)
      const texts = [rendered.hql].flat().map((text) => withParameters(text, rendered.parameters ?? {}))
      const maxRows = { all: MOST_ROWS + 1, one: 1, none: 1 }[handler]
      const limits = { signal: op.signal, maxRows, ...(timeout !== undefined && { timeoutMs: timeout * 1000 }) }
      const session = await openHive(op, connection, schema)
      try {
        let last: ExactResult | undefined
        for (const statement of texts.flatMap(splitHql)) {
          op.log.info({ hql: statement.slice(0, SHOWN) }, 'running')
          last = await session.run(statement, limits)
        }
        // Exact rows are JSON; their types are readonly where JSON's are not.
        return handledBy(last, handler) as JsonValue | undefined
      } finally {
        await session.close()
      }
    },
  })
}
