// `baram/operators/postgres`: SQL as tasks, and the hook for functions that need more of Postgres than one statement.

export { createTables } from './create-tables.ts'
export { PostgresError, PostgresResultTooLargeError } from './errors.ts'
export {
  type OpenPostgres,
  openPostgres,
  PostgresHook,
  type PostgresParameters,
  type PostgresRow,
  type PostgresTable,
  type QueryLimits,
  type StatementResult,
} from './hook.ts'
export { type PostgresOptions, type PostgresValue, postgres } from './postgres.ts'
export { SqlSensorError, type SqlSensorOptions, sqlSensor } from './sql-sensor.ts'
export { type UpsertCounts, type UpsertRows, upsertRows } from './upsert.ts'
export { PostgresValueError } from './values.ts'
