// HiveQL of our tables: texts only, so that they can be read and tested without a server.

import type { Columns, ColumnType } from '../../parquet/columns.ts'
import {
  checkName,
  type ExternalTable,
  type PartitionValues,
  type TableName,
  type TableView,
  WarehouseError,
} from '../warehouse.ts'

/** A text literal of HiveQL, where a backslash escapes. */
export function hiveText(value: string): string {
  if (value.includes('\0')) throw new WarehouseError('HiveQL text cannot hold a NUL character')
  const escaped = value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `'${escaped}'`
}

export function hiveName(name: string): string {
  return `\`${checkName(name, 'name')}\``
}

export function hiveTable({ database, table }: TableName): string {
  return `${hiveName(database)}.${hiveName(table)}`
}

/** The files of a csv table `t` are read by `t__csv`; `t` itself is the view that gives their texts types. */
export function csvFilesOf({ database, table }: TableName): TableName {
  return { database, table: `${table}__csv` }
}

const columnList = (columns: Readonly<Record<string, string>>) =>
  Object.entries(columns)
    .map(([name, type]) => `${hiveName(name)} ${type}`)
    .join(', ')

const asTexts = (columns: Columns) => Object.fromEntries(Object.keys(columns).map((name) => [name, 'STRING']))

/**
 * OpenCSVSerde reads quoted values, and every column as a text. Its escape character must not be the quote, and a
 * backslash is an ordinary character here: so it is one that no text holds.
 */
const CSV =
  `ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('separatorChar' = ',', ` +
  `'quoteChar' = '"', 'escapeChar' = '\\001') STORED AS TEXTFILE`

export function createTable(table: ExternalTable, location: string): string {
  const isCsv = table.format === 'csv'
  const columns = columnList(isCsv ? asTexts(table.columns) : table.columns)
  const partitions = table.partitionedBy.map((name) => `${hiveName(name)} STRING`).join(', ')
  return [
    `CREATE EXTERNAL TABLE IF NOT EXISTS ${hiveTable(isCsv ? csvFilesOf(table) : table)} (${columns})`,
    partitions === '' ? '' : `PARTITIONED BY (${partitions})`,
    isCsv ? CSV : 'STORED AS PARQUET',
    `LOCATION ${hiveText(location)}`,
    isCsv ? `TBLPROPERTIES ('skip.header.line.count' = '1')` : '',
  ]
    .filter((line) => line !== '')
    .join('\n')
}

/** The same rules as the embedded warehouse has (views.ts). */
function typedValue(column: string, type: ColumnType): string {
  switch (type) {
    case 'STRING':
      return `CASE WHEN ${column} = '' THEN NULL ELSE ${column} END`
    case 'BOOLEAN':
      return `CASE lower(${column}) WHEN 'true' THEN true WHEN 'false' THEN false END`
    case 'INT':
    case 'BIGINT':
      return `CASE WHEN ${column} RLIKE '^[+-]?[0-9]+$' THEN CAST(${column} AS ${type}) END`
    case 'DOUBLE':
    case 'DATE':
      return `CAST(${column} AS ${type})`
  }
}

/** Replaced whole when columns are added. */
export function createCsvView(table: ExternalTable): string {
  const columns = Object.entries(table.columns).map(
    ([name, type]) => `${typedValue(hiveName(name), type)} AS ${hiveName(name)}`,
  )
  const all = [...columns, ...table.partitionedBy.map(hiveName)]
  return `CREATE OR REPLACE VIEW ${hiveTable(table)} AS SELECT ${all.join(', ')} FROM ${hiveTable(csvFilesOf(table))}`
}

function viewText({ of, columns, where }: TableView, name: (name: string) => string): string {
  const conditions = Object.entries(where).map(([column, value]) => `${name(column)} = ${hiveText(value)}`)
  const filter = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  return `SELECT ${columns.map(name).join(', ')} FROM ${name(of.database)}.${name(of.table)}${filter}`
}

export const selectOfView = (view: TableView): string => viewText(view, hiveName)

/** Whether the text that Hive keeps of a view is this one's: version 4 leaves out the quotes of its names. */
export function isTextOfView(text: string, view: TableView): boolean {
  return text === selectOfView(view) || text === viewText(view, (name) => name)
}

/** CASCADE: partitions keep their own columns in Hive's metastore, and would answer NULL for a new one for ever. */
export function addColumns(table: ExternalTable, columns: Columns, cascade = ' CASCADE'): string {
  const isCsv = table.format === 'csv'
  const added = columnList(isCsv ? asTexts(columns) : columns)
  return `ALTER TABLE ${hiveTable(isCsv ? csvFilesOf(table) : table)} ADD COLUMNS (${added})${cascade}`
}

/** `PARTITION (dt='2024-03-18')`. */
export function partitionClause(values: PartitionValues): string {
  const parts = Object.entries(values).map(([name, value]) => `${hiveName(name)}=${hiveText(value)}`)
  return `PARTITION (${parts.join(', ')})`
}

/** Reads what SHOW PARTITIONS prints: `dt=2024-03-18/hour=09`, odd characters as `%3A`. */
export function parsePartitionName(text: string): PartitionValues {
  const values: Record<string, string> = {}
  for (const part of text.split('/')) {
    const at = part.indexOf('=')
    // Hive escapes only characters below 128, each as one byte; all others stand as they are.
    values[part.slice(0, at)] = part
      .slice(at + 1)
      .replaceAll(/%([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  return values
}
