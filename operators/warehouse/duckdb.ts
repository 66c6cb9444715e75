// The embedded warehouse: catalog files, Parquet folders of the embedded lake, and an in-memory DuckDB that sees them as views.

import { type DuckDbSession, type ExactResult, openDuckDb, type StatementOptions, sqlName } from '../duckdb/session.ts'
import type { DirectoryLake } from '../lake/directory.ts'
import { nameOf } from '../lake/paths.ts'
import { Catalog, type CatalogTable } from './catalog.ts'
import { readConsistently } from './consistent-read.ts'
import { checkTable, checkViewNames, checkViewOf, missingColumns, nameIsTaken, nameIsView } from './shape.ts'
import { duckDbTable, type PartitionFiles, selectOf, selectOfView } from './views.ts'
import {
  type ExternalTable,
  fullName,
  type Partition,
  type PartitionValues,
  partitionName,
  type TableFormat,
  type TableName,
  type TableView,
  type Warehouse,
  WarehouseError,
} from './warehouse.ts'

/** Hidden from readers, as in Hive: staging (`._tmp`), markers (`_SUCCESS`). */
function isData(path: string, format: TableFormat): boolean {
  const name = nameOf(path)
  return name.endsWith(`.${format}`) && !name.startsWith('.') && !name.startsWith('_')
}

/** The table as it becomes. */
function widened(before: CatalogTable, wanted: ExternalTable): CatalogTable {
  const missing = missingColumns(before, wanted)
  if ((before.format ?? 'parquet') !== (wanted.format ?? 'parquet'))
    throw new WarehouseError(
      `table ${fullName(wanted)} is of format ${before.format ?? 'parquet'} and cannot become ${wanted.format ?? 'parquet'}`,
    )
  if (Object.keys(missing).length === 0) return before
  return { ...before, columns: { ...before.columns, ...missing }, widened: true }
}

export interface DuckDbWarehouseOptions {
  /** Folder of the catalog. */
  readonly catalog: string
  /** Whose files the tables read. */
  readonly lake: DirectoryLake
  /** Default `512MB`. */
  readonly memoryLimit?: string
  /** Default 2. */
  readonly threads?: number
}

export class DuckDbWarehouse implements Warehouse {
  readonly name = 'embedded warehouse (DuckDB)'
  readonly #catalog: Catalog
  readonly #lake: DirectoryLake
  readonly #session: Promise<DuckDbSession>

  constructor(options: DuckDbWarehouseOptions) {
    this.#catalog = new Catalog(options.catalog)
    this.#lake = options.lake
    this.#session = openDuckDb({ memoryLimit: options.memoryLimit ?? '512MB', threads: options.threads ?? 2 })
    // A failure to open is told by the first call that needs it.
    this.#session.catch(() => undefined)
  }

  async execute(sql: string, options: StatementOptions = {}): Promise<void> {
    const session = await this.#session
    await defineViews(session, await this.#shownBy(sql))
    await session.run(sql, options)
  }

  async query(sql: string, options: StatementOptions = {}): Promise<ExactResult> {
    const session = await this.#session
    return readConsistently(async () => {
      const shown = await this.#shownBy(sql)
      const read = async () => {
        await defineViews(session, shown)
        return session.query(sql, options)
      }
      return { files: shown.tables.flatMap(({ partitions }) => partitions.flatMap(({ files }) => files)), read }
    }, options.signal)
  }

  async ensureExternalTable(table: ExternalTable): Promise<void> {
    checkTable(table)
    const before = await this.#catalog.table(table)
    if (before === null && (await this.#catalog.view(table)) !== null) throw nameIsView(table)
    const wanted = before === null ? { ...table, widened: false } : widened(before, table)
    if (wanted !== before) await this.#catalog.putTable(wanted)
  }

  async ensureView(view: TableView, { signal }: StatementOptions = {}): Promise<boolean> {
    signal?.throwIfAborted()
    checkViewNames(view)
    if ((await this.#catalog.table(view)) !== null) throw nameIsTaken(view)
    checkViewOf(view, await this.#catalog.tableOrThrow(view.of))
    const before = await this.#catalog.view(view)
    if (before !== null && selectOfView(before) === selectOfView(view)) return false
    signal?.throwIfAborted()
    await this.#catalog.putView(view)
    return true
  }

  async addPartition(name: TableName, partition: Partition): Promise<boolean> {
    const table = await this.#catalog.tableOrThrow(name)
    return this.#catalog.putPartition(table, partition, { onlyNew: true })
  }

  async setPartitionLocation(name: TableName, partition: Partition): Promise<void> {
    const table = await this.#catalog.tableOrThrow(name)
    if ((await this.#catalog.partition(table, partition.values)) === null) {
      throw new WarehouseError(
        `${fullName(name)} has no partition ${partitionName(table.partitionedBy, partition.values)}`,
      )
    }
    await this.#catalog.putPartition(table, partition)
  }

  async dropPartition(name: TableName, values: PartitionValues): Promise<boolean> {
    return this.#catalog.dropPartition(await this.#catalog.tableOrThrow(name), values)
  }

  async partitionValues(name: TableName): Promise<readonly PartitionValues[]> {
    return (await this.partitions(name)).map(({ values }) => values)
  }

  async partitions(name: TableName): Promise<readonly Partition[]> {
    await this.#catalog.tableOrThrow(name)
    return this.#catalog.partitions(name)
  }

  async countRowsOfFile(
    name: TableName,
    values: PartitionValues,
    path: string,
    options: StatementOptions = {},
  ): Promise<number> {
    const table = await this.#catalog.tableOrThrow(name)
    const session = await this.#session
    const file = this.#lake.file(path)
    const { rows } = await readConsistently(async () => {
      const partition = await this.#catalog.partition(table, values)
      const shown = partition === null ? [] : (await this.#filesOf(table, partition)).files
      const files = shown.includes(file) ? [file] : []
      const sql = `select count(*) as n from (${selectOf(table, [{ values, files }])})`
      return { files, read: () => session.query(sql, options) }
    }, options.signal)
    return Number(rows[0]?.['n'])
  }

  async close(): Promise<void> {
    const session = await this.#session.catch(() => null)
    session?.close()
  }

  async #filesOf({ format = 'parquet' }: ExternalTable, { values, location }: Partition): Promise<PartitionFiles> {
    const entries = await this.#lake.list(location)
    const files = entries
      .filter((entry) => entry.kind === 'file' && isData(entry.path, format))
      .map((entry) => this.#lake.file(entry.path))
    return { values, files }
  }

  /** What a statement could mean, as it is now: files and partitions come and go between two statements. */
  async #shownBy(sql: string): Promise<Shown> {
    const text = sql.toLowerCase()
    const asksForTables = /\b(show|information_schema|duckdb_(tables|views|columns))\b/.test(text)
    const [tables, views] = [new Map<string, CatalogTable>(), [] as TableView[]]
    const show = (table: CatalogTable) => tables.set(fullName(table), table)
    for (const name of await this.#catalog.names()) {
      if (!asksForTables && !text.includes(name.table.toLowerCase())) continue
      const table = await this.#catalog.table(name)
      if (table !== null) {
        show(table)
        continue
      }
      const view = await this.#catalog.view(name)
      const of = view === null ? null : await this.#catalog.table(view.of)
      if (view === null || of === null) continue
      views.push(view)
      show(of)
    }
    return { tables: await Promise.all([...tables.values()].map((table) => this.#shown(table))), views }
  }

  async #shown(table: CatalogTable): Promise<ShownTable> {
    const partitions = await this.#catalog.partitions(table)
    return { table, partitions: await Promise.all(partitions.map((partition) => this.#filesOf(table, partition))) }
  }
}

interface ShownTable {
  readonly table: CatalogTable
  readonly partitions: readonly PartitionFiles[]
}

interface Shown {
  readonly tables: readonly ShownTable[]
  /** Over tables that are among them. */
  readonly views: readonly TableView[]
}

async function defineViews(session: DuckDbSession, { tables, views }: Shown): Promise<void> {
  const define = async (name: TableName, select: string) => {
    await session.run(`create schema if not exists ${sqlName(name.database)}`)
    await session.run(`create or replace view ${duckDbTable(name)} as ${select}`)
  }
  for (const { table, partitions } of tables) await define(table, selectOf(table, partitions))
  for (const view of views) await define(view, selectOfView(view))
}
