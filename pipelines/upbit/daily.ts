// A day of candles: wait for its slots, make one file of its many, and let the table's partition point at it.
//
// The slots' own files stay. A slot that is run again later adds its rows there, and `load_to_hive` turns the partition back to
// them: a reader is never without a row, and the next compaction makes one file again.

import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type LakeFile, uploadToLake } from '../../operators/lake/hdfs-upload.ts'
import type { Lake } from '../../operators/lake/lake.ts'
import { openLake } from '../../operators/lake/open.ts'
import { nameOf } from '../../operators/lake/paths.ts'
import { mergeParquet } from '../../operators/parquet/write.ts'
import { scratchFolder } from '../../operators/scratch/scratch.ts'
import { openWarehouse } from '../../operators/warehouse/open.ts'
import type { ExternalTable } from '../../operators/warehouse/warehouse.ts'
import { FailTask, getOperatorContext, type OperatorContext, type RunInfo, SkipTask } from '../../sdk/index.ts'
import { CANDLE_COLUMNS } from './candle.ts'
import { kstText } from './slot.ts'

const DAY = 86_400_000
const KST = 9 * 3_600_000

/** The day in Seoul that a run is for: its data interval must be exactly that day. */
export function dayOf(run: RunInfo): { readonly dt: string; readonly start: number; readonly end: number } {
  if (run.dataInterval === null)
    throw new FailTask('the run has no data interval: give the DAG a daily schedule with intervals')
  const [start, end] = [run.dataInterval.start.getTime(), run.dataInterval.end.getTime()]
  if ((start + KST) % DAY !== 0 || end - start !== DAY)
    throw new FailTask(`the data interval must be one day in Asia/Seoul, found [${kstText(start)}, ${kstText(end)})`)
  return { dt: kstText(start).slice(0, 10), start, end }
}

export interface DayReady {
  /** The DAG that fills the slots. Default `min_candle`. */
  readonly dagId?: string
  /** Minutes of a slot. Default 2. */
  readonly slotMinutes?: number
  /** Minutes after the day's end after which a last slot without a run is waited for no more. Default 10. */
  readonly graceMinutes?: number
}

/**
 * For a sensor: whether the last slot of the day has ended, well or badly. Slots run in order, one at a time; one that nobody
 * made (the DAG was paused then) is not waited for.
 */
export async function isDayReady(options: DayReady = {}): Promise<boolean> {
  const op = getOperatorContext('isDayReady')
  const { dagId = 'min_candle', slotMinutes = 2, graceMinutes = 10 } = options
  const { dt, end } = dayOf(op.run)
  const last = new Date(end - slotMinutes * 60_000)
  const found = await op.runs.state(dagId, { logicalDate: last })
  if (found !== null) return found.state === 'success' || found.state === 'failed'
  const isLate = Date.now() >= end + graceMinutes * 60_000
  if (isLate)
    op.log.warn(
      { dagId, dt, slot: kstText(last.getTime()) },
      'the last slot of the day has no run: going on without it',
    )
  return isLate
}

export interface CompactDay {
  /** Default `hdfs_default`. */
  readonly lakeConnId?: string
  /** Default `hive_default`. */
  readonly warehouseConnId?: string
  /** Folder of the slots' files. Default `/candle`. */
  readonly folder?: string
  readonly database?: string
  readonly table?: string
}

export type CompactedDay = LakeFile & { readonly dt: string; readonly files: number; readonly doubled: number }

/** The slots' files to scratch, streamed one by one. */
async function fetchFiles(
  op: OperatorContext,
  lake: Lake,
  folder: string,
  scratch: string,
): Promise<readonly string[]> {
  const entries = (await lake.list(folder)).filter((entry) => entry.kind === 'file' && entry.path.endsWith('.parquet'))
  const paths: string[] = []
  await mkdir(scratch, { recursive: true })
  for (const entry of entries) {
    const path = join(scratch, nameOf(entry.path))
    await pipeline(await lake.read(entry.path, { signal: op.signal }), createWriteStream(path), { signal: op.signal })
    paths.push(path)
  }
  return paths
}

async function flip(
  op: OperatorContext,
  {
    warehouseConnId = 'hive_default',
    lakeConnId = 'hdfs_default',
    database = 'upbit_lake',
    table = 'candle',
  }: CompactDay,
  dt: string,
  root: string,
  location: string,
  file: LakeFile,
): Promise<void> {
  const warehouse = await openWarehouse(op, warehouseConnId, lakeConnId)
  const wanted: ExternalTable = { database, table, columns: CANDLE_COLUMNS, partitionedBy: ['dt'], location: root }
  const partition = { values: { dt }, location }
  try {
    await warehouse.ensureExternalTable(wanted, { signal: op.signal })
    if (!(await warehouse.addPartition(wanted, partition, { signal: op.signal })))
      await warehouse.setPartitionLocation(wanted, partition, { signal: op.signal })
    const rows = await warehouse.countRowsOfFile(wanted, partition.values, file.path, { signal: op.signal })
    await op.record({
      kind: 'warehouse',
      target: `${database}.${table} dt=${dt}`,
      rowsRead: file.rows,
      rowsWritten: rows,
    })
  } finally {
    await warehouse.close()
  }
}

/**
 * Makes one file of the day's many, each minute of a market once, and turns the partition to it in one step. Safe to repeat.
 * Call it inside a task. @throws SkipTask when the day has no file
 */
export async function compactDay(options: CompactDay = {}): Promise<CompactedDay> {
  const op = getOperatorContext('compactDay')
  const { lakeConnId = 'hdfs_default', folder = '/candle' } = options
  const { dt } = dayOf(op.run)
  const scratch = join(await scratchFolder(op), 'day')
  const lake = await openLake(op, lakeConnId)
  try {
    const from = await fetchFiles(op, lake, `${folder}/dt=${dt}`, scratch)
    if (from.length === 0) throw new SkipTask(`there are no candles of ${dt}: min_candle did not run that day`)
    const path = join(scratch, 'candle.parquet.out')
    const merged = await mergeParquet({
      from,
      path,
      columns: CANDLE_COLUMNS,
      key: ['market', 'candle_date_time_utc', 'unit'],
      newestBy: 'timestamp',
      signal: op.signal,
    })
    const { rows, bytes, sha256 } = merged
    const doubled = merged.read - rows
    await op.record({
      kind: 'source',
      target: `${folder}/dt=${dt} (${from.length} files)`,
      rowsRead: merged.read,
      rowsWritten: rows,
      rowsRejected: doubled,
    })
    const location = `${folder}_daily/dt=${dt}`
    const source = { file_name: 'candle.parquet', local_file_path: path, rows, bytes, sha256 }
    const file = await uploadToLake(source, { connId: lakeConnId, target: `${location}/candle.parquet` })
    await flip(op, options, dt, folder, location, file)
    op.log.info({ dt, files: from.length, rows, doubled }, 'day compacted')
    return { ...file, dt, files: from.length, doubled }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
