// `baram/operators/parquet`: rows to Parquet files.

export type { Columns, ColumnType, RowOf } from './columns.ts'
export { type ParquetFile, type WriteParquet, writeParquet } from './write.ts'
