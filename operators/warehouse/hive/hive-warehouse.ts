// The warehouse on a real Hive: statements over HiveServer2, files in the lake that `lake_uri` names.

import type { ConnectionResult, OperatorContext } from '../../../sdk/index.ts'
import type { ExactResult, StatementOptions } from '../../duckdb/session.ts'
import { lakePath } from '../../lake/paths.ts'
import { checkTable, checkViewNames, checkViewOf, missingColumns, nameIsTaken, nameIsView } from '../shape.ts'
import {
  checkName,
  type ExternalTable,
  fullName,
  type Partition,
  type PartitionValues,
  partitionName,
  type TableName,
  type TableView,
  type Warehouse,
  WarehouseError,
} from '../warehouse.ts'
import { type HiveTarget, hiveTarget } from './connection.ts'
import {
  addColumns,
  createCsvView,
  createTable,
  csvFilesOf,
  hiveName,
  hiveTable,
  hiveText,
  isTextOfView,
  parsePartitionName,
  partitionClause,
  selectOfView,
} from './ddl.ts'
import { type Dialect, dialectOf, isRefusal, NO_PARTITION, NO_TABLE } from './dialect.ts'
import { HiveStatementError } from './errors.ts'
import { type HiveSession, openHiveSession } from './session.ts'

/** A table as Hive has it. */
interface KnownTable {
  /** What holds the partitions: the table itself, or the one below a csv view. */
  readonly files: TableName
  readonly columns: Readonly<Record<string, string>>
  readonly partitionedBy: readonly string[]
}

/** What has a name in Hive: `select` is null for a table. */
interface Named {
  readonly select: string | null
}

const cell = (row: Readonly<Record<string, unknown>>, name: string) => String(row[name] ?? '').trim()

class HiveWarehouse implements Warehouse {
  readonly name: string
  readonly #session: HiveSession
  readonly #lakeUri: string
  readonly #dialect: Dialect

  constructor(session: HiveSession, { lakeUri }: HiveTarget, dialect: Dialect) {
    this.name = session.name
    this.#session = session
    this.#lakeUri = lakeUri
    this.#dialect = dialect
  }

  async execute(sql: string, options: StatementOptions = {}): Promise<void> {
    // Rows that a statement has all the same are not fetched.
    await this.#session.run(sql, { ...options, maxRows: 1 })
  }

  query(sql: string, options: StatementOptions = {}): Promise<ExactResult> {
    return this.#session.run(sql, options)
  }

  async ensureExternalTable(table: ExternalTable, options: StatementOptions = {}): Promise<void> {
    checkTable(table)
    const isCsv = table.format === 'csv'
    if (isCsv && !this.#dialect.skipsHeaders)
      throw new WarehouseError(
        `${this.name} is Spark SQL, which takes the header of a csv file for a row: use Parquet for ${fullName(table)}`,
      )
    const known = await this.#find(table, options)
    if (known === null) {
      await this.execute(`CREATE DATABASE IF NOT EXISTS ${hiveName(table.database)}`, options)
      await this.execute(createTable(table, this.#uri(table.location)), options)
      if (isCsv) await this.execute(createCsvView(table), options)
      return
    }
    const isFiles = known.files.table !== table.table
    // A table of ours is partitioned, and a view is not: only then is it worth the question.
    if (!isFiles && known.partitionedBy.length === 0 && typeof (await this.#named(table, options))?.select === 'string')
      throw nameIsView(table)
    if (isFiles !== isCsv)
      throw new WarehouseError(`table ${fullName(table)} exists with another format than ${table.format ?? 'parquet'}`)
    const before = isCsv ? { ...known, columns: await this.#columnsOf(table, known, options) } : known
    const missing = missingColumns(before, table)
    if (Object.keys(missing).length === 0) return
    await this.execute(addColumns(table, missing, this.#dialect.cascade), options)
    if (isCsv) await this.execute(createCsvView(table), options)
  }

  async ensureView(view: TableView, options: StatementOptions = {}): Promise<boolean> {
    checkViewNames(view)
    if (await this.#hasView(view, options)) return false
    checkViewOf(view, await this.#known(view.of, options))
    await this.execute(`CREATE DATABASE IF NOT EXISTS ${hiveName(view.database)}`, options)
    try {
      await this.execute(`CREATE OR REPLACE VIEW ${hiveTable(view)} AS ${selectOfView(view)}`, options)
    } catch (error) {
      // Hive looks and then makes: of two tasks that make a new view at once, one is told that it exists.
      if (error instanceof HiveStatementError && (await this.#hasView(view, options))) return false
      throw error
    }
    return true
  }

  async addPartition(name: TableName, partition: Partition, options: StatementOptions = {}): Promise<boolean> {
    const table = await this.#known(name, options)
    partitionName(table.partitionedBy, partition.values)
    if (await this.#hasPartition(table, partition.values, options)) return false
    const clause = partitionClause(partition.values)
    const location = hiveText(this.#uri(partition.location))
    // IF NOT EXISTS: another task may have been first since. It meant the same partition, or its next look finds ours.
    await this.execute(
      `ALTER TABLE ${hiveTable(table.files)} ADD IF NOT EXISTS ${clause} LOCATION ${location}`,
      options,
    )
    return true
  }

  async setPartitionLocation(name: TableName, partition: Partition, options: StatementOptions = {}): Promise<void> {
    const table = await this.#known(name, options)
    const shown = partitionName(table.partitionedBy, partition.values)
    const location = hiveText(this.#uri(partition.location))
    const sql = `ALTER TABLE ${hiveTable(table.files)} ${partitionClause(partition.values)} SET LOCATION ${location}`
    await this.execute(sql, options).catch((error: unknown) => {
      throw isRefusal(error, NO_PARTITION) ? new WarehouseError(`${fullName(name)} has no partition ${shown}`) : error
    })
  }

  async dropPartition(name: TableName, values: PartitionValues, options: StatementOptions = {}): Promise<boolean> {
    const table = await this.#known(name, options)
    partitionName(table.partitionedBy, values)
    if (!(await this.#hasPartition(table, values, options))) return false
    await this.execute(`ALTER TABLE ${hiveTable(table.files)} DROP IF EXISTS ${partitionClause(values)}`, options)
    return true
  }

  async partitionValues(name: TableName, options: StatementOptions = {}): Promise<readonly PartitionValues[]> {
    return this.#partitionsOf(await this.#known(name, options), options)
  }

  /** Hive tells locations one partition at a time: a statement each. */
  async partitions(name: TableName, options: StatementOptions = {}): Promise<readonly Partition[]> {
    const table = await this.#known(name, options)
    const found: Partition[] = []
    for (const values of await this.#partitionsOf(table, options)) {
      const sql = `DESCRIBE FORMATTED ${hiveTable(table.files)} ${partitionClause(values)}`
      const described = (await this.query(sql, options)).rows
      const location = described.find((line) => /^Location:?$/.test(cell(line, 'col_name')))
      found.push({ values, location: this.#path(this.#dialect.location(cell(location ?? {}, 'data_type'))) })
    }
    return found
  }

  async countRowsOfFile(
    name: TableName,
    values: PartitionValues,
    path: string,
    options: StatementOptions = {},
  ): Promise<number> {
    const table = await this.#known(name, options)
    partitionName(table.partitionedBy, values)
    const uri = this.#uri(path)
    // Hive tells some paths as they are and some as an address: Korean and spaces then stand as %XX. Spark writes only spaces so.
    const asciiOnly = uri.replaceAll(/[ -~]+/g, encodeURI)
    const names = [...new Set([uri, encodeURI(uri), asciiOnly])].map(hiveText).join(', ')
    const where = Object.entries(values).map(([column, value]) => `${hiveName(column)} = ${hiveText(value)}`)
    const conditions = [...where, `${this.#dialect.fileName} IN (${names})`].join(' AND ')
    const sql = `SELECT count(*) AS n FROM ${hiveTable(table.files)} WHERE ${conditions}`
    return Number((await this.query(sql, options)).rows[0]?.['n'])
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  #uri(path: string): string {
    return `${this.#lakeUri}${lakePath(path)}`
  }

  /** A lake path again; a location elsewhere is told as Hive has it. */
  #path(location: string): string {
    if (this.#lakeUri !== '' && location.startsWith(`${this.#lakeUri}/`)) return location.slice(this.#lakeUri.length)
    return location.replace(/^file:\/*/, '/')
  }

  async #known(name: TableName, options: StatementOptions): Promise<KnownTable> {
    const found = await this.#find(name, options)
    if (found !== null) return found
    throw new WarehouseError(`there is no table ${fullName(name)} in ${this.name}`)
  }

  /** Whether the view is there as asked. @throws WarehouseError when its name is a table's */
  async #hasView(view: TableView, options: StatementOptions): Promise<boolean> {
    // A csv table is a view too, of ours: its files are what tells.
    if ((await this.#named(csvFilesOf(view), options)) !== null) throw nameIsTaken(view)
    const named = await this.#named(view, options)
    if (named !== null && named.select === null) throw nameIsTaken(view)
    return typeof named?.select === 'string' && isTextOfView(named.select, view)
  }

  async #named(name: TableName, options: StatementOptions): Promise<Named | null> {
    const rows = await this.#described(`DESCRIBE FORMATTED ${hiveTable(name)}`, options)
    if (rows === null) return null
    const told = (label: RegExp) => {
      const line = rows.find((row) => label.test(cell(row, 'col_name')))
      return line === undefined ? '' : cell(line, 'data_type')
    }
    // The labels have changed between versions, and are others in Spark SQL.
    const isView = ['VIRTUAL_VIEW', 'VIEW'].includes(told(/^(Table Type:|Type)$/))
    return { select: isView ? told(/^((View Original Text|Original Query):|View Text)$/) : null }
  }

  /** `null` when nothing has the name. */
  async #described(sql: string, options: StatementOptions): Promise<ExactResult['rows'] | null> {
    try {
      return (await this.query(sql, options)).rows
    } catch (error) {
      if (isRefusal(error, NO_TABLE) || /Database does not exist/.test(String(error))) return null
      throw error
    }
  }

  async #find(name: TableName, options: StatementOptions): Promise<KnownTable | null> {
    fullName(name)
    const csv = await this.#describe(csvFilesOf(name), options)
    return csv ?? this.#describe(name, options)
  }

  /** DESCRIBE lists the columns, the partition columns among them, and then those again below a heading. */
  async #describe(name: TableName, options: StatementOptions): Promise<KnownTable | null> {
    const described = await this.#described(`DESCRIBE ${hiveTable(name)}`, options)
    if (described === null) return null
    const lines = described.map((row) => [cell(row, 'col_name'), cell(row, 'data_type').toUpperCase()] as const)
    const heading = lines.findIndex(([column]) => column === '# Partition Information')
    const isColumn = ([column]: readonly [string, string]) => column !== '' && !column.startsWith('#')
    const partitionedBy =
      heading === -1
        ? []
        : lines
            .slice(heading)
            .filter(isColumn)
            .map(([column]) => column)
    const all = (heading === -1 ? lines : lines.slice(0, heading)).filter(isColumn)
    const columns = Object.fromEntries(all.filter(([column]) => !partitionedBy.includes(column)))
    return { files: name, columns, partitionedBy }
  }

  /** Of a csv table: the types stand in its view. */
  async #columnsOf(table: ExternalTable, { partitionedBy }: KnownTable, options: StatementOptions) {
    const view = await this.#describe(table, options)
    // A task that was killed between table and view left the table alone: the view is then made.
    if (view === null) await this.execute(createCsvView(table), options)
    const columns = view?.columns ?? table.columns
    return Object.fromEntries(Object.entries(columns).filter(([name]) => !partitionedBy.includes(name)))
  }

  async #partitionsOf({ files }: KnownTable, options: StatementOptions): Promise<readonly PartitionValues[]> {
    const { rows } = await this.query(`SHOW PARTITIONS ${hiveTable(files)}`, options)
    return rows.map((row) => parsePartitionName(cell(row, 'partition')))
  }

  async #hasPartition({ files }: KnownTable, values: PartitionValues, options: StatementOptions): Promise<boolean> {
    const sql = `SHOW PARTITIONS ${hiveTable(files)} ${partitionClause(values)}`
    return (await this.query(sql, options)).rows.length > 0
  }
}

/** The session of a connection, for statements of any kind. Close what you get. @throws ConnectionUnusableError, HiveUnreachableError */
export async function openHive(
  op: Pick<OperatorContext, 'log'>,
  connection: ConnectionResult,
  database?: string,
): Promise<HiveSession> {
  const target = await hiveTarget(op, connection)
  return openHiveSession(
    database === undefined ? target : { ...target, database: checkName(database, 'schema') },
    op.log,
  )
}

/** The warehouse of a connection of type hiveserver2. @throws ConnectionUnusableError, HiveUnreachableError */
export async function openHiveWarehouse(
  op: Pick<OperatorContext, 'log'>,
  connection: ConnectionResult,
): Promise<Warehouse> {
  const target = await hiveTarget(op, connection)
  const session = await openHiveSession(target, op.log)
  return new HiveWarehouse(session, target, dialectOf(await session.serverName()))
}
