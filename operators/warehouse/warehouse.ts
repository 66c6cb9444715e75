// The warehouse port: external tables with partitions, on DuckDB or on Hive. Both pass test/operators/warehouse/contract.ts.

import type { ExactResult, StatementOptions } from '../duckdb/session.ts'
import type { Columns } from '../parquet/columns.ts'

export interface TableName {
  readonly database: string
  readonly table: string
}

/**
 * `csv` is one dialect, read alike by both: UTF-8, a header line (whose names do not matter: columns count by their
 * order), `,` between values, `"` around a value that holds one, `""` for a quote inside, a backslash is a backslash. A
 * value holds no line break, since Hive splits files at lines. An empty value is NULL, and so is one that is not of its
 * column's type; BOOLEAN is true or false. A row may lack its last values.
 */
export type TableFormat = 'parquet' | 'csv'

/** Hive: `CREATE EXTERNAL TABLE … PARTITIONED BY (…) STORED AS PARQUET LOCATION …`. */
export interface ExternalTable extends TableName {
  readonly columns: Columns
  /** Partition columns; their values come from partitions, never from files. Read as STRING. */
  readonly partitionedBy: readonly string[]
  /** Folder in the lake. */
  readonly location: string
  /** Of its files, which end so: `.parquet` or `.csv`. Default `parquet`. */
  readonly format?: TableFormat
}

/** `{ dt: '2024-03-18' }`: a value for each partition column. */
export type PartitionValues = Readonly<Record<string, string>>

export interface Partition {
  readonly values: PartitionValues
  /** Folder in the lake; need not lie below the table's. */
  readonly location: string
}

/** `CREATE OR REPLACE VIEW`: columns of one table, and only the rows of the partitions that `where` names. */
export interface TableView extends TableName {
  /** The table it shows. */
  readonly of: TableName
  /** In this order: columns of the table, partition columns too. */
  readonly columns: readonly string[]
  /** Partition columns and the value each must have. Empty = all rows. */
  readonly where: PartitionValues
}

/** Every call can be cancelled by a signal and limited in time. */
export interface Warehouse {
  /** Told in logs: `embedded warehouse (DuckDB)`. */
  readonly name: string
  execute(sql: string, options?: StatementOptions): Promise<void>
  /** Rows are exact: BIGINT and DECIMAL come as text. */
  query(sql: string, options?: StatementOptions): Promise<ExactResult>
  /** Makes the table, or adds the columns it lacks. Idempotent. @throws WarehouseError when a column changes its type or the partitioning differs */
  ensureExternalTable(table: ExternalTable, options?: StatementOptions): Promise<void>
  /**
   * Makes the view, or replaces one that shows something else. `false` when it was there as asked. Several tasks may do so at
   * once. @throws WarehouseError when a table has its name, or the table it shows lacks a column
   */
  ensureView(view: TableView, options?: StatementOptions): Promise<boolean>
  /** Hive: `ADD IF NOT EXISTS PARTITION … LOCATION`. `false` when the partition was there, wherever it points. */
  addPartition(table: TableName, partition: Partition, options?: StatementOptions): Promise<boolean>
  /** Hive: `PARTITION … SET LOCATION`. The atomic flip: a reader sees the old folder or the new one. @throws WarehouseError when there is no such partition */
  setPartitionLocation(table: TableName, partition: Partition, options?: StatementOptions): Promise<void>
  /** Forgets the partition; its files stay. `false` when there was none. */
  dropPartition(table: TableName, values: PartitionValues, options?: StatementOptions): Promise<boolean>
  /** What `partitions` tells without locations, in no order: on Hive one statement instead of one a partition. */
  partitionValues(table: TableName, options?: StatementOptions): Promise<readonly PartitionValues[]>
  /** Sorted by values. */
  partitions(table: TableName, options?: StatementOptions): Promise<readonly Partition[]>
  /** Rows the table shows of one file, as a reader would get them. */
  countRowsOfFile(table: TableName, values: PartitionValues, path: string, options?: StatementOptions): Promise<number>
  close(): Promise<void>
}

export class WarehouseError extends Error {
  override readonly name = 'WarehouseError'
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Names that Hive and DuckDB both take without quoting. */
export function checkName(name: string, what: string): string {
  if (!NAME.test(name))
    throw new WarehouseError(`${what} ${JSON.stringify(name)} must be letters, digits and _, such as upbit_lake`)
  return name
}

export function fullName({ database, table }: TableName): string {
  return `${checkName(database, 'database')}.${checkName(table, 'table')}`
}

/** `dt=2024-03-18/hour=09`, in the table's order. @throws WarehouseError when the values do not match the columns */
export function partitionName(partitionedBy: readonly string[], values: PartitionValues): string {
  const extra = Object.keys(values).filter((name) => !partitionedBy.includes(name))
  const parts = partitionedBy.map((name) => {
    const value = values[name]
    if (value === undefined || value === '') throw new WarehouseError(`partition column ${name} has no value`)
    return `${name}=${encodeURIComponent(value)}`
  })
  if (extra.length > 0) throw new WarehouseError(`the table is not partitioned by ${extra.join(', ')}`)
  return parts.join('/')
}
