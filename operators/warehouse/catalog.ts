// The embedded warehouse's catalog: one small JSON file a table and one a partition, each written atomically.
//
// Nothing is shared between two writers: tasks of several processes add partitions at once and no update is lost, without a lock.
//   <root>/<database>/<table>/table.json
//   <root>/<database>/<table>/partitions/dt=2024-03-18.json
//   <root>/<database>/<view>/view.json
//   <root>/.parts/…                       what is being written; no name of a database begins with a dot

import { readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { ColumnType } from '../parquet/columns.ts'
import {
  type ExternalTable,
  fullName,
  type Partition,
  type PartitionValues,
  partitionName,
  type TableName,
  type TableView,
  WarehouseError,
} from './warehouse.ts'
import { hasCode, writeWhole } from './whole-file.ts'

const COLUMN_TYPES: readonly ColumnType[] = ['STRING', 'DOUBLE', 'INT', 'BIGINT', 'BOOLEAN', 'DATE']

async function readJson(file: string): Promise<unknown> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    return value
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw new WarehouseError(`the catalog file ${file} cannot be read`, { cause: error })
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTextRecord(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === 'string')
}

function isColumns(value: unknown): value is ExternalTable['columns'] {
  return isTextRecord(value) && Object.values(value).every((type) => COLUMN_TYPES.some((known) => known === type))
}

/** A table, and whether it got columns after its first files were written: only then do files of one partition differ. */
export interface CatalogTable extends ExternalTable {
  readonly widened: boolean
}

function parseTable(name: TableName, value: unknown, file: string): CatalogTable {
  if (
    isRecord(value) &&
    isColumns(value['columns']) &&
    Array.isArray(value['partitionedBy']) &&
    typeof value['location'] === 'string'
  ) {
    const { columns, partitionedBy, location } = value
    // Tables of earlier versions have none: they are Parquet.
    const format = value['format'] === 'csv' ? 'csv' : 'parquet'
    const widened = value['widened'] === true
    return { ...name, columns, partitionedBy: partitionedBy.map(String), location, format, widened }
  }
  throw new WarehouseError(`the catalog file ${file} does not describe a table`)
}

function parsePartition(value: unknown, file: string): Partition {
  if (isRecord(value) && isTextRecord(value['values']) && typeof value['location'] === 'string') {
    return { values: value['values'], location: value['location'] }
  }
  throw new WarehouseError(`the catalog file ${file} does not describe a partition`)
}

function parseView(name: TableName, value: unknown, file: string): TableView {
  if (isRecord(value) && isTextRecord(value['of']) && Array.isArray(value['columns']) && isTextRecord(value['where'])) {
    const { columns, where } = value
    const { database = '', table = '' } = value['of']
    return { ...name, of: { database, table }, columns: columns.map(String), where }
  }
  throw new WarehouseError(`the catalog file ${file} does not describe a view`)
}

const PARTS = '.parts'

export class Catalog {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** Of tables and views. */
  async names(): Promise<readonly TableName[]> {
    const found: TableName[] = []
    for (const database of await namesIn(this.#root)) {
      if (database === PARTS) continue
      for (const table of await namesIn(join(this.#root, database))) found.push({ database, table })
    }
    return found
  }

  async table(name: TableName): Promise<CatalogTable | null> {
    const file = this.#tableFile(name)
    const value = await readJson(file)
    return value === null ? null : parseTable({ database: name.database, table: name.table }, value, file)
  }

  /** @throws WarehouseError when there is no such table */
  async tableOrThrow(name: TableName): Promise<CatalogTable> {
    const found = await this.table(name)
    if (found === null) throw new WarehouseError(`there is no table ${fullName(name)} in the embedded warehouse`)
    return found
  }

  async putTable({ columns, partitionedBy, location, format, widened, ...name }: CatalogTable): Promise<void> {
    await this.#write(this.#tableFile(name), { columns, partitionedBy, location, format, widened })
  }

  async view(name: TableName): Promise<TableView | null> {
    const file = this.#viewFile(name)
    const value = await readJson(file)
    return value === null ? null : parseView({ database: name.database, table: name.table }, value, file)
  }

  async putView({ of, columns, where, ...name }: TableView): Promise<void> {
    await this.#write(this.#viewFile(name), { of: { database: of.database, table: of.table }, columns, where })
  }

  async partitions(name: TableName): Promise<readonly Partition[]> {
    const folder = this.#partitionsFolder(name)
    const files = (await namesIn(folder)).filter((file) => file.endsWith('.json'))
    const found = await Promise.all(files.map((file) => this.#readPartition(join(folder, file))))
    return found.filter((partition) => partition !== null)
  }

  async partition(table: ExternalTable, values: PartitionValues): Promise<Partition | null> {
    return this.#readPartition(this.#partitionFile(table, values))
  }

  /** `onlyNew`: leaves one that is there. @returns whether it was written */
  async putPartition(
    table: ExternalTable,
    { values, location }: Partition,
    options: { onlyNew?: boolean } = {},
  ): Promise<boolean> {
    return this.#write(this.#partitionFile(table, values), { values, location }, options)
  }

  async dropPartition(table: ExternalTable, values: PartitionValues): Promise<boolean> {
    try {
      await unlink(this.#partitionFile(table, values))
      return true
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return false
      throw error
    }
  }

  #write(file: string, value: unknown, options: { readonly onlyNew?: boolean } = {}): Promise<boolean> {
    return writeWhole(file, value, { parts: join(this.#root, PARTS), ...options })
  }

  async #readPartition(file: string): Promise<Partition | null> {
    const value = await readJson(file)
    return value === null ? null : parsePartition(value, file)
  }

  #folder(name: TableName): string {
    fullName(name) // checks both names: they become folders
    return join(this.#root, name.database, name.table)
  }

  #tableFile(name: TableName): string {
    return join(this.#folder(name), 'table.json')
  }

  #viewFile(name: TableName): string {
    return join(this.#folder(name), 'view.json')
  }

  #partitionsFolder(name: TableName): string {
    return join(this.#folder(name), 'partitions')
  }

  #partitionFile(table: ExternalTable, values: PartitionValues): string {
    // One flat file a partition: `/` between two columns becomes `,`, which encodeURIComponent never leaves in a value.
    const name = partitionName(table.partitionedBy, values).replaceAll('/', ',')
    return join(this.#partitionsFolder(table), `${name}.json`)
  }
}
