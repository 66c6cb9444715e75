// Waits until a query says so: Airflow's SqlSensor, on connections of type postgres.

import type { JsonObject, JsonValue, Operator, OperatorContext } from '../../sdk/index.ts'
import { type SensorOptions, templatedSensor } from '../sensor.ts'
import { openPostgres, type PostgresParameters, type PostgresRow } from './hook.ts'

export interface SqlSensorOptions extends SensorOptions {
  /** Connection of type postgres (template). */
  readonly connId: string
  /** The query; its first row is looked at (template). Never put data into its text: give it by `parameters`. */
  readonly sql: string
  /** A list for `$1`, `$2` …, or an object for `:name` (template, texts at any depth). */
  readonly parameters?: PostgresParameters
  /** Whether what `selector` gives is what is waited for. Default: it is none of null, false, 0, `'0'` and `''`. */
  readonly success?: (value: JsonValue) => boolean
  /** Whether what `selector` gives fails the try; asked before `success`. Default: never. */
  readonly failure?: (value: JsonValue) => boolean
  /** No row fails the try. Default false: wait. */
  readonly failOnEmpty?: boolean
  /** What of the first row is looked at. Default: its first column. */
  readonly selector?: (row: PostgresRow) => JsonValue
}

/** The query answered what must not be. Retries apply, with `softFail` too, as in Airflow. */
export class SqlSensorError extends Error {
  override readonly name = 'SqlSensorError'
}

type Look = {
  readonly connId: string
  readonly sql: string
  readonly parameters: readonly JsonValue[] | JsonObject | null
}

/** A number that is zero, also where it came as text to be exact, such as `0.00` of a numeric. */
const ZERO = /^[-+]?(?:0+\.?0*|\.0+)$/

/** Python's truth of what a cell may hold, and `'0'` as the number. */
export function isTruthy(value: JsonValue): boolean {
  if (typeof value === 'string') return value !== '' && !ZERO.test(value)
  if (typeof value !== 'object' || value === null) return Boolean(value)
  return Object.keys(value).length > 0
}

/** null: there is no row. */
async function firstRow(op: OperatorContext, { connId, sql, parameters }: Look) {
  const postgres = await openPostgres(op, connId)
  try {
    const results = await postgres.run(sql, parameters ?? undefined, { maxRows: 1 })
    const { rows, columns = [] } = results.at(-1) ?? {}
    const [row] = rows ?? []
    return row === undefined ? null : { row, cell: row[columns[0] ?? ''] ?? null }
  } finally {
    await postgres.close()
  }
}

/** @throws Error while the DAG is read */
function checkOptions({ connId, sql, success, failure, selector }: SqlSensorOptions): void {
  if (typeof connId !== 'string' || connId === '') throw new Error('sqlSensor: connId is missing')
  if (typeof sql !== 'string' || sql.trim() === '') throw new Error('sqlSensor: sql is empty')
  for (const [name, given] of Object.entries({ success, failure, selector }))
    if (given !== undefined && typeof given !== 'function') throw new Error(`sqlSensor: ${name} must be a function`)
}

/**
 * Runs a query until its first row is what is waited for. No row means "not yet", unless `failOnEmpty`. A database that
 * cannot be reached, or a query that fails, fails the try.
 * `TArgs`: the task's inputs, for templates.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function sqlSensor<TArgs extends object = Record<never, never>>(
  options: SqlSensorOptions,
): Operator<TArgs, undefined> {
  checkOptions(options)
  const { failOnEmpty = false, success = isTruthy, failure, selector } = options
  return templatedSensor<TArgs, SqlSensorOptions, Look, undefined>({
    name: 'SqlSensor',
    options: { ...options, failOnEmpty },
    templateFields: ['sql', 'parameters', 'connId'],
    prepare(op, { connId, sql, parameters }) {
      op.log.info({ connId, sql }, 'waiting for a query')
      // Parameters are JSON once rendered: they were stored with the DAG.
      return { connId, sql, parameters: (parameters ?? null) as Look['parameters'] }
    },
    async poke(look, op) {
      const found = await firstRow(op, look)
      if (found === null) {
        if (failOnEmpty) throw new SqlSensorError('the query gave no row, and failOnEmpty is set')
        return false
      }
      const value = selector === undefined ? found.cell : selector(found.row)
      if (failure?.(value) === true)
        throw new SqlSensorError(`the query answered what failure is for: ${JSON.stringify(value).slice(0, 200)}`)
      return success(value)
    },
  })
}
