// `baram/operators/parquet`: rows to Parquet and CSV files.

export type { Columns, ColumnType, RowOf } from './columns.ts'
export { type WriteFile, type WrittenFile, writeCsv, writeParquet } from './write.ts'
