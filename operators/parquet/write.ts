// Rows to one Parquet or CSV file: the same rows make the same bytes, whatever order they come in.
//
// Rows go into a DuckDB table that spills to disk past its memory limit, and leave it sorted through COPY, snappy for Hive.
// One thread, a fixed row group and no time in the footer: that is what makes a second run's sha256 equal to the first's.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { DuckDBAppender } from '@duckdb/node-api'
import { type DuckDbSession, openDuckDb, sqlName, sqlText } from '../duckdb/session.ts'
import { type Columns, type ColumnType, duckDbType, type RowOf } from './columns.ts'

/** DuckDB's own default, written down so that a new version cannot change our bytes by changing it. */
const ROW_GROUP_ROWS = 122_880

export interface WrittenFile {
  readonly rows: number
  readonly bytes: number
  readonly sha256: string
}

export interface WriteFile<C extends Columns> {
  /** Appears whole or not at all. Its folder is made. */
  readonly path: string
  readonly columns: C
  readonly rows: AsyncIterable<RowOf<C>> | Iterable<RowOf<C>>
  /** Columns that order the file; with a unique key among them the bytes depend on the rows alone. */
  readonly sortBy: readonly (keyof C & string)[]
  readonly signal?: AbortSignal
  /** Default `256MB`. */
  readonly memoryLimit?: string
}

/** Appends `value` if the type can hold it; DuckDB itself would cut an INT silently. */
function tryAppend(appender: DuckDBAppender, type: ColumnType, value: unknown): boolean {
  if (value === null) appender.appendNull()
  else if (type === 'STRING' && typeof value === 'string') appender.appendVarchar(value)
  // The table holds dates as text until COPY casts them: one place decides what a date is.
  else if (type === 'DATE' && typeof value === 'string') appender.appendVarchar(value)
  else if (type === 'DOUBLE' && typeof value === 'number') appender.appendDouble(value)
  else if (type === 'INT' && typeof value === 'number' && (value | 0) === value) appender.appendInteger(value)
  else if (type === 'BIGINT' && typeof value === 'bigint' && BigInt.asIntN(64, value) === value)
    appender.appendBigInt(value)
  else if (type === 'BOOLEAN' && typeof value === 'boolean') appender.appendBoolean(value)
  else return false
  return true
}

function appendRow(
  appender: DuckDBAppender,
  columns: readonly [string, ColumnType][],
  row: Readonly<Record<string, unknown>>,
): void {
  for (const [name, type] of columns) {
    if (!tryAppend(appender, type, row[name]))
      throw new RangeError(`column ${name} is ${type}, which cannot hold ${String(row[name])}`)
  }
  appender.endRow()
}

async function appendRows<C extends Columns>(session: DuckDbSession, request: WriteFile<C>): Promise<number> {
  const columns = Object.entries(request.columns)
  const table = columns.map(([name, type]) => `${sqlName(name)} ${type === 'DATE' ? 'VARCHAR' : duckDbType(type)}`)
  await session.run(`create table rows (${table.join(', ')})`)
  const appender = await session.connection.createAppender('rows')
  let count = 0
  for await (const row of request.rows) {
    request.signal?.throwIfAborted()
    appendRow(appender, columns, row)
    count += 1
  }
  appender.closeSync()
  return count
}

type Format = 'parquet' | 'csv'

/** How DuckDB writes each: the same rows make the same bytes. CSV has a header and quotes what needs it; empty = null. */
const COPY_OPTIONS: Readonly<Record<Format, string>> = {
  parquet: `format parquet, compression snappy, row_group_size ${ROW_GROUP_ROWS}`,
  csv: "format csv, header true, delimiter ',', quote '\"', escape '\"', nullstr ''",
}

interface CopyOut {
  readonly columns: Columns
  readonly sortBy: readonly string[]
  readonly signal?: AbortSignal | undefined
}

async function copyOut(session: DuckDbSession, request: CopyOut, to: string, format: Format): Promise<void> {
  const select = Object.entries(request.columns).map(
    ([name, type]) => `${sqlName(name)}::${duckDbType(type)} as ${sqlName(name)}`,
  )
  const order = request.sortBy.length === 0 ? '' : ` order by ${request.sortBy.map(sqlName).join(', ')}`
  await session.run(
    `copy (select ${select.join(', ')} from rows${order}) to ${sqlText(to)} (${COPY_OPTIONS[format]})`,
    { signal: request.signal },
  )
}

/** Length and sha256 of a file, read as a stream. */
async function measureFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function publish(part: string, path: string): Promise<void> {
  const handle = await open(part, 'r+')
  await handle.sync().finally(() => handle.close())
  await rename(part, path)
}

/** A session whose table `rows` spills beside the file it becomes. */
async function withSession<T>(
  path: string,
  memoryLimit: string,
  use: (session: DuckDbSession) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  const spill = partOf(path, 'spill')
  const session = await openDuckDb({ memoryLimit, threads: 1, tempDirectory: spill })
  try {
    return await use(session)
  } finally {
    session.close()
    await rm(spill, { recursive: true, force: true })
  }
}

const partOf = (path: string, ending: string): string => join(dirname(path), `.${basename(path)}.${ending}`)

/** One output: written beside, measured, then visible under its name. */
async function putFile(session: DuckDbSession, request: CopyOut, path: string, format: Format) {
  const part = partOf(path, 'part')
  try {
    await copyOut(session, request, part, format)
    const measured = await measureFile(part)
    await publish(part, path)
    return measured
  } finally {
    await rm(part, { force: true })
  }
}

async function writeRows<C extends Columns>(request: WriteFile<C>, format: Format): Promise<WrittenFile> {
  return withSession(request.path, request.memoryLimit ?? '256MB', async (session) => {
    const rows = await appendRows(session, request)
    return { rows, ...(await putFile(session, request, request.path, format)) }
  })
}

export const writeParquet = <C extends Columns>(request: WriteFile<C>): Promise<WrittenFile> =>
  writeRows(request, 'parquet')

/** With a header; texts that need it are quoted; a missing value is empty. */
export const writeCsv = <C extends Columns>(request: WriteFile<C>): Promise<WrittenFile> => writeRows(request, 'csv')

export interface MergeCsv {
  /** Files as `writeCsv` makes them, all with these columns. */
  readonly from: readonly string[]
  readonly columns: Columns
  readonly sortBy: readonly string[]
  /** The outputs; each appears whole or not at all. */
  readonly csv: string
  readonly parquet: string
  readonly signal?: AbortSignal
}

/** Several CSV files to one CSV and one Parquet file of the same rows in the same order. */
export async function mergeCsv(
  request: MergeCsv,
): Promise<{ readonly csv: WrittenFile; readonly parquet: WrittenFile }> {
  const types = Object.entries(request.columns).map(([name, type]) => `${sqlText(name)}: ${sqlText(duckDbType(type))}`)
  const files = request.from.map(sqlText).join(', ')
  return withSession(request.parquet, '256MB', async (session) => {
    // Strict: a line of another form is an error that names its file and line, never a skipped row.
    await session.run(
      `create table rows as select * from read_csv([${files}], header = true, delim = ',', quote = '"', escape = '"', nullstr = '', ` +
        `columns = {${types.join(', ')}}, auto_detect = false)`,
      { signal: request.signal },
    )
    const { rows: counted } = await session.query('select count(*) as n from rows')
    const rows = Number(counted[0]?.['n'])
    const parquet = await putFile(session, request, request.parquet, 'parquet')
    return { csv: { rows, ...(await putFile(session, request, request.csv, 'csv')) }, parquet: { rows, ...parquet } }
  })
}

export interface MergeParquet {
  readonly from: readonly string[]
  /** Appears whole or not at all. */
  readonly path: string
  readonly columns: Columns
  /** Names a row, and orders the file. */
  readonly key: readonly string[]
  /** Of rows of one key the one with the largest of this column stays. */
  readonly newestBy: string
  readonly signal?: AbortSignal
}

/** Several Parquet files of these columns to one, each key once. `read` counts rows before doubles were left out. */
export async function mergeParquet(request: MergeParquet): Promise<WrittenFile & { readonly read: number }> {
  const { columns, key, newestBy, path, signal } = request
  const names = Object.keys(columns).map(sqlName).join(', ')
  const files = request.from.map(sqlText).join(', ')
  const keys = key.map(sqlName).join(', ')
  return withSession(path, '256MB', async (session) => {
    await session.run(
      `create table rows as select ${names} from read_parquet([${files}], union_by_name = true)
       qualify row_number() over (partition by ${keys} order by ${sqlName(newestBy)} desc) = 1`,
      { signal },
    )
    const count = async (of: string) => Number((await session.query(`select count(*) as n from ${of}`)).rows[0]?.['n'])
    const read = await count(`read_parquet([${files}], union_by_name = true)`)
    const rows = await count('rows')
    return { read, rows, ...(await putFile(session, { columns, sortBy: key, signal }, path, 'parquet')) }
  })
}
