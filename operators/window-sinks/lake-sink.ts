// A window into Parquet files of the lake, one for each hour of event time in it: `/cars/dt=2024-03-18/hh=09/part-….parquet`.
//
// A file is of one window and one hour, and its name is made of where the window starts: a window that is repeated replaces its own
// files by the same bytes, also when a lost worker still writes them. So nothing is merged into a file that is there: a late record
// goes to its own hour, in a file of the window that brought it. `until` of the window is what rolls files, by size or time.

import { mkdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { OperatorContext } from '../../sdk/index.ts'
import { EventLogError } from '../event-log/event-log.ts'
import type { SinkAck, StreamWindow, WindowSink } from '../event-log/window.ts'
import type { WindowRecord } from '../event-log/window-read.ts'
import type { Lake } from '../lake/lake.ts'
import { openLake } from '../lake/open.ts'
import { childOf, lakePath, safeName } from '../lake/paths.ts'
import { replaceFile } from '../lake/replace-file.ts'
import type { Columns, RowOf } from '../parquet/columns.ts'
import { writeParquet } from '../parquet/write.ts'
import { scratchFolder } from '../scratch/scratch.ts'
import { HourFolders } from './hour-folder.ts'

export interface LakeSink<T, C extends Columns> {
  /** Default `hdfs_default`; without it the embedded lake. */
  readonly connId?: string
  /** Folder of the data in the lake, such as `/cars`: `dt=…/hh=…` are below it. */
  readonly folder: string
  /** The file has two more: `log_partition` and `log_offset`, where the record came from. */
  readonly columns: C
  readonly row: (value: T) => RowOf<C>
  /** Event time, epoch ms: decides day and hour. */
  readonly time: (value: T) => number
  /** Whose days and hours they are. Default `UTC`. */
  readonly timezone?: string
}

const ORIGIN = { log_partition: 'INT', log_offset: 'BIGINT' } as const satisfies Columns
const ORDER = Object.keys(ORIGIN)

/**
 * The same for each try of a window, and of no other: windows start at other offsets, and where a topic was made anew and counts from
 * 0 again, its first record is of another time.
 */
function fileNameOf<T>({ sequence, records }: StreamWindow<T>): string {
  const first = records.reduce((least, { message }) => Math.min(least, message.timestamp), Number.MAX_SAFE_INTEGER)
  return `part-${String(sequence).padStart(16, '0')}-${first}.parquet`
}

function byFolder<T, C extends Columns>(sink: LakeSink<T, C>, records: readonly WindowRecord<T>[]) {
  const folders = new HourFolders(sink.timezone ?? 'UTC')
  const grouped = new Map<string, WindowRecord<T>[]>()
  for (const record of records) {
    const folder = folders.of(sink.time(record.value))
    const known = grouped.get(folder)
    if (known === undefined) grouped.set(folder, [record])
    else known.push(record)
  }
  return grouped
}

function* rowsOf<T, C extends Columns>(sink: LakeSink<T, C>, records: readonly WindowRecord<T>[]) {
  for (const { message, value } of records)
    yield { ...sink.row(value), log_partition: message.partition, log_offset: BigInt(message.offset) }
}

interface Put<T, C extends Columns> {
  readonly op: OperatorContext
  readonly sink: LakeSink<T, C>
  readonly lake: Lake
  /** On this host, for files on their way. */
  readonly scratch: string
}

async function putHour<T, C extends Columns>(
  put: Put<T, C>,
  target: string,
  records: readonly WindowRecord<T>[],
): Promise<void> {
  const { op, sink, lake, scratch } = put
  const path = join(scratch, safeName(target))
  const columns: Columns = { ...sink.columns, ...ORIGIN }
  const file = await writeParquet({ path, columns, rows: rowsOf(sink, records), sortBy: ORDER, signal: op.signal })
  await replaceFile(op, lake, { ...file, from: path, target })
  await rm(path)
  const { rows, bytes, sha256 } = file
  await op.record({ kind: 'lake', target, rowsRead: rows, rowsWritten: rows, bytes, checksum: `sha256:${sha256}` })
}

/** Files that are written at once: a window with late records has many, and each waits for the disk or the network. */
const AT_ONCE = 4

/** All are over when it ends, also where one has failed: none writes on in a folder that is removed. */
async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const errors: unknown[] = []
  const work = async () => {
    for (let next = left.shift(); next !== undefined && errors.length === 0; next = left.shift())
      await act(next).catch((error: unknown) => void errors.push(error))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  if (errors.length > 0) throw errors[0]
}

/** Its own for each sink of each task: a run has several that work at once. A killed try's is found again by the next. */
const scratchOf = async (op: OperatorContext, folder: string): Promise<string> =>
  join(await scratchFolder(op), safeName(['window', op.taskId, op.mapIndex, folder].join('-')))

async function putWindow<T, C extends Columns>(
  op: OperatorContext,
  sink: LakeSink<T, C>,
  window: StreamWindow<T>,
): Promise<SinkAck> {
  if (window.records.length === 0) return { written: 0 }
  const lake = await openLake(op, sink.connId ?? 'hdfs_default')
  const scratch = await scratchOf(op, sink.folder)
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true })
  const name = fileNameOf(window)
  const hours = byFolder(sink, window.records)
  try {
    await inParallel([...hours], ([folder, records]) =>
      putHour({ op, sink, lake, scratch }, childOf(childOf(sink.folder, folder), name), records),
    )
  } finally {
    await rm(scratch, { recursive: true, force: true })
    await rmdir(dirname(scratch)).catch(() => undefined)
  }
  op.log.info({ folder: sink.folder, files: hours.size, rows: window.records.length, name }, 'window is in the lake')
  return { written: window.records.length }
}

/** Writes each window as one Parquet file an hour of event time: a window that is repeated replaces its own files. */
export function lakeSink<T, C extends Columns>(sink: LakeSink<T, C>): WindowSink<T> {
  lakePath(sink.folder)
  const taken = ORDER.find((name) => Object.hasOwn(sink.columns, name))
  if (taken !== undefined)
    throw new EventLogError(
      `lakeSink: the column ${taken} is the sink's own, which tells where a record came from: rename yours`,
    )
  return { name: `lake ${sink.folder}`, put: (op, window) => putWindow(op, sink, window) }
}
