// Rows to one Parquet file: the same rows make the same bytes, whatever order they come in.
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

export interface ParquetFile {
  readonly rows: number
  readonly bytes: number
  readonly sha256: string
}

export interface WriteParquet<C extends Columns> {
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

async function appendRows<C extends Columns>(session: DuckDbSession, request: WriteParquet<C>): Promise<number> {
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

async function copyOut<C extends Columns>(session: DuckDbSession, request: WriteParquet<C>, to: string): Promise<void> {
  const select = Object.entries(request.columns).map(
    ([name, type]) => `${sqlName(name)}::${duckDbType(type)} as ${sqlName(name)}`,
  )
  const order = request.sortBy.length === 0 ? '' : ` order by ${request.sortBy.map(sqlName).join(', ')}`
  await session.run(
    `copy (select ${select.join(', ')} from rows${order}) to ${sqlText(to)} ` +
      `(format parquet, compression snappy, row_group_size ${ROW_GROUP_ROWS})`,
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

export async function writeParquet<C extends Columns>(request: WriteParquet<C>): Promise<ParquetFile> {
  const folder = dirname(request.path)
  await mkdir(folder, { recursive: true })
  const part = join(folder, `.${basename(request.path)}.part`)
  const spill = join(folder, `.${basename(request.path)}.spill`)
  const session = await openDuckDb({ memoryLimit: request.memoryLimit ?? '256MB', threads: 1, tempDirectory: spill })
  try {
    const rows = await appendRows(session, request)
    await copyOut(session, request, part)
    const measured = await measureFile(part)
    await publish(part, request.path)
    return { rows, ...measured }
  } finally {
    session.close()
    await rm(part, { force: true })
    await rm(spill, { recursive: true, force: true })
  }
}
