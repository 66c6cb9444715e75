// Where Spark SQL, which speaks HiveServer2's protocol too, differs from Hive in what our tables need.

import { HiveStatementError } from './errors.ts'

export interface Dialect {
  /** Behind ADD COLUMNS: Hive's partitions keep columns of their own in the metastore, Spark's do not. */
  readonly cascade: string
  /** The file that a row comes from. */
  readonly fileName: string
  /** Whether `skip.header.line.count` holds: csv tables need it. */
  readonly skipsHeaders: boolean
  /** A location as it is told: Spark's is an address, with spaces and percent signs as %XX. */
  location(told: string): string
}

const HIVE: Dialect = {
  cascade: ' CASCADE',
  fileName: 'INPUT__FILE__NAME',
  skipsHeaders: true,
  location: (told) => told,
}
const SPARK_SQL: Dialect = {
  cascade: '',
  fileName: 'input_file_name()',
  skipsHeaders: false,
  location: decodeURIComponent,
}

/** @param server what it calls itself: `Apache Hive`, `Spark SQL` */
export const dialectOf = (server: string): Dialect => (server.startsWith('Spark') ? SPARK_SQL : HIVE)

/** Numbers of Hive, or error conditions of Spark. */
interface Refusal {
  readonly codes: readonly number[]
  readonly conditions: readonly string[]
}

/** "Table not found", in two statements of Hive. */
export const NO_TABLE: Refusal = {
  codes: [10_001, 10_004],
  conditions: ['TABLE_OR_VIEW_NOT_FOUND', 'SCHEMA_NOT_FOUND'],
}
export const NO_PARTITION: Refusal = { codes: [10_006], conditions: ['PARTITIONS_NOT_FOUND'] }

export const isRefusal = (error: unknown, { codes, conditions }: Refusal): boolean =>
  error instanceof HiveStatementError &&
  (codes.includes(error.code) || conditions.some((condition) => error.message.includes(`[${condition}]`)))
