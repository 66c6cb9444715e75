// A catalog table as a DuckDB view over the Parquet files its partitions hold right now.

import { sqlName, sqlText } from '../duckdb/session.ts'
import { duckDbType } from '../parquet/columns.ts'
import type { ExternalTable, PartitionValues } from './warehouse.ts'

/** Files of one partition, as paths DuckDB can open. */
export interface PartitionFiles {
  readonly values: PartitionValues
  readonly files: readonly string[]
}

/** Gives every declared column a type even when no file has it: Hive answers NULL then, and so does this. */
function emptyPart(table: ExternalTable): string {
  const columns = Object.entries(table.columns).map(([name, type]) => `null::${duckDbType(type)} as ${sqlName(name)}`)
  const partitioned = table.partitionedBy.map((name) => `null::VARCHAR as ${sqlName(name)}`)
  return `select ${[...columns, ...partitioned].join(', ')} where false`
}

/** `filename = false` etc. are spelled out: the files' folders must not be read as values a second time. */
function filesPart({ values, files }: PartitionFiles): string {
  const constants = Object.entries(values).map(([name, value]) => `${sqlText(value)} as ${sqlName(name)}`)
  const list = files.map(sqlText).join(', ')
  return `select ${['*', ...constants].join(', ')} from read_parquet([${list}], hive_partitioning = false, union_by_name = true)`
}

/** The view's `select`: declared columns in their order, then the partition columns as STRING. */
export function selectOf(table: ExternalTable, partitions: readonly PartitionFiles[]): string {
  const parts = partitions.filter((partition) => partition.files.length > 0).map(filesPart)
  const columns = Object.entries(table.columns).map(
    ([name, type]) => `${sqlName(name)}::${duckDbType(type)} as ${sqlName(name)}`,
  )
  const partitioned = table.partitionedBy.map((name) => `${sqlName(name)}::VARCHAR as ${sqlName(name)}`)
  return `select ${[...columns, ...partitioned].join(', ')} from (${[emptyPart(table), ...parts].join(' union all by name ')})`
}
