// `baram/operators/warehouse`: tables over Parquet and CSV files, on DuckDB or on a real Hive.

export {
  type ExactResult,
  type ExactRow,
  type ExactValue,
  type StatementOptions,
  StatementTimedOut,
} from '../duckdb/session.ts'
export { DuckDbWarehouse, type DuckDbWarehouseOptions } from './duckdb.ts'
export { HiveStatementError, HiveUnreachableError } from './hive/errors.ts'
export { type HiveOptions, hive } from './hive/hive-operator.ts'
export { type HiveExternalTableOptions, hiveExternalTable, type LoadedFile } from './hive-external-table.ts'
export { openWarehouse, type QueryWarehouseOptions, queryWarehouse } from './open.ts'
export {
  type ExternalTable,
  type Partition,
  type PartitionValues,
  type TableFormat,
  type TableName,
  type TableView,
  type Warehouse,
  WarehouseError,
} from './warehouse.ts'
