// The hours that `lakeSink` has made, as partitions of a table: then SQL sees them.

import type { OperatorContext } from '../../sdk/index.ts'
import { openLake } from '../lake/open.ts'
import { childOf, nameOf } from '../lake/paths.ts'
import type { ExternalTable, Warehouse } from '../warehouse/warehouse.ts'

export interface HourPartitions {
  /** Default `hdfs_default`; without it the embedded lake. */
  readonly lakeConnId?: string
  /** The newest so many days. Default: all. */
  readonly days?: number
}

const partitionValue = (path: string) => nameOf(path).replace(/^\w+=/, '')

/**
 * Makes the table where it is not there, partitioned by `dt` and `hh`, and adds the hours of the newest days.
 * @param table `location` is the folder of the sink
 * @returns the days, oldest first, such as `2024-03-18`
 */
export async function addHourPartitions(
  op: OperatorContext,
  warehouse: Warehouse,
  table: ExternalTable,
  { lakeConnId = 'hdfs_default', days = Number.POSITIVE_INFINITY }: HourPartitions = {},
): Promise<readonly string[]> {
  const lake = await openLake(op, lakeConnId)
  const folders = (await lake.list(table.location)).filter(({ path }) => /^dt=[\d-]+$/.test(nameOf(path)))
  const newest = folders.slice(Math.max(0, folders.length - days))
  await warehouse.ensureExternalTable(table, { signal: op.signal })
  for (const day of newest)
    for (const hour of await lake.list(day.path)) {
      if (!/^hh=\d\d$/.test(nameOf(hour.path))) continue
      const values = { dt: partitionValue(day.path), hh: partitionValue(hour.path) }
      const location = childOf(day.path, nameOf(hour.path))
      await warehouse.addPartition(table, { values, location }, { signal: op.signal })
    }
  return newest.map(({ path }) => partitionValue(path))
}
