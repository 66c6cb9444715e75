// What holds for tables of every warehouse: names that need no quoting, and how a table may grow.

import type { Columns, ColumnType } from '../parquet/columns.ts'
import { checkName, type ExternalTable, fullName, type TableName, type TableView, WarehouseError } from './warehouse.ts'

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

/** @throws WarehouseError for names that would need quoting */
export function checkViewNames(view: TableView): void {
  fullName(view)
  fullName(view.of)
  for (const name of [...view.columns, ...Object.keys(view.where)]) checkName(name, 'column')
  if (view.columns.length === 0) throw new WarehouseError(`the view ${fullName(view)} needs at least one column`)
}

/** @throws WarehouseError when the table cannot give what the view shows */
export function checkViewOf(view: TableView, { columns, partitionedBy }: Shape): void {
  const known = [...Object.keys(columns), ...partitionedBy]
  const lacking = view.columns.find((name) => !known.includes(name))
  if (lacking !== undefined)
    throw new WarehouseError(`the view ${fullName(view)}: ${fullName(view.of)} has no column ${lacking}`)
  const stray = Object.keys(view.where).find((name) => !partitionedBy.includes(name))
  if (stray !== undefined)
    throw new WarehouseError(`the view ${fullName(view)}: ${fullName(view.of)} is not partitioned by ${stray}`)
}

export function nameIsTaken(view: TableName): WarehouseError {
  return new WarehouseError(
    `${fullName(view)} is a table, so no view can have its name: drop or rename that table, or name the view otherwise`,
  )
}

export function nameIsView(table: TableName): WarehouseError {
  return new WarehouseError(
    `${fullName(table)} is a view, so no table can have its name: drop the view, or name the table otherwise`,
  )
}
