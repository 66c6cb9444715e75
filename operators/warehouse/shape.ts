// What holds for tables of every warehouse: names that need no quoting, and how a table may grow.

import type { Columns, ColumnType } from '../parquet/columns.ts'
import { checkName, type ExternalTable, fullName, WarehouseError } from './warehouse.ts'

interface Shape {
  readonly columns: Readonly<Record<string, string>>
  readonly partitionedBy: readonly string[]
}

/** @throws WarehouseError */
export function checkTable(table: ExternalTable): void {
  fullName(table)
  for (const name of [...Object.keys(table.columns), ...table.partitionedBy]) checkName(name, 'column')
  const twice = table.partitionedBy.find((name) => name in table.columns)
  if (twice !== undefined)
    throw new WarehouseError(
      `${twice} is a column and a partition column of ${fullName(table)}: leave it out of columns`,
    )
}

/** The columns the table lacks; they go last, as Hive's `ADD COLUMNS` has it. @throws WarehouseError for any other change */
export function missingColumns(before: Shape, wanted: ExternalTable): Columns {
  if (before.partitionedBy.join() !== wanted.partitionedBy.join()) {
    throw new WarehouseError(
      `table ${fullName(wanted)} is partitioned by (${before.partitionedBy.join(', ')}), not by (${wanted.partitionedBy.join(', ')})`,
    )
  }
  const missing: Record<string, ColumnType> = {}
  for (const [name, type] of Object.entries(wanted.columns)) {
    const known = before.columns[name]
    if (known === undefined) missing[name] = type
    else if (known !== type)
      throw new WarehouseError(`table ${fullName(wanted)}: column ${name} is ${known} and cannot become ${type}`)
  }
  return missing
}
