// The mart on demand: hours of the table into Postgres by key, or into one CSV file of the lake.

import { join } from 'node:path'
import { uploadToLake } from '../../operators/lake/hdfs-upload.ts'
import { safeName } from '../../operators/lake/paths.ts'
import { writeCsv } from '../../operators/parquet/write.ts'
import { openPostgres } from '../../operators/postgres/hook.ts'
import { upsertRows } from '../../operators/postgres/upsert.ts'
import { scratchFolder } from '../../operators/scratch/scratch.ts'
import { openWarehouse } from '../../operators/warehouse/open.ts'
import type { Warehouse } from '../../operators/warehouse/warehouse.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { GMARKET_CATEGORIES } from './categories.ts'
import { BEST_COLUMNS, BEST_KEY, type BestRow } from './columns.ts'
import { type HourSlot, hourSlotAt } from './slot.ts'
import { knownHours, rowsOfHour } from './table.ts'

const HOUR = 3_600_000
/** A request for more is a mistake in a date. */
const MOST_HOURS = 24 * 366
const TARGETS: readonly string[] = ['Postgres table', 'CSV file']

export interface MartRequest {
  /** First hour, ISO text with a zone; null = the newest hour of the table. */
  readonly from: string | null
  /** Hours from there. */
  readonly hours: number
  /** Labels (식품) or codes; empty = all. */
  readonly categories: readonly string[]
  /** `Postgres table` or `CSV file`. */
  readonly target: string
  /** Name of the Postgres table. */
  readonly table: string
  /** Go on when hours of the range are not in the table. */
  readonly allowGaps: boolean
}

export interface MartConnections {
  /** Default `hive_default`. */
  readonly warehouse?: string
  /** Default `hdfs_default`. */
  readonly lake?: string
  /** Default `postgres_default`. */
  readonly postgres?: string
}

export type MartResult = {
  readonly target: string
  readonly hours: number
  readonly missingHours: readonly string[]
  readonly rows: number
}

const MART_COLUMNS = {
  slot: 'timestamptz',
  category_code: 'text',
  category: 'text not null',
  rank: 'int',
  title: 'text not null',
  price: 'bigint not null',
  list_price: 'bigint',
  discount_percent: 'int',
  goods_code: 'text not null',
  url: 'text not null',
  img: 'text not null',
} as const satisfies Record<keyof typeof BEST_COLUMNS, string>

async function newestHour(warehouse: Warehouse, op: OperatorContext): Promise<number> {
  const starts = await knownHours(warehouse, op)
  const newest = starts.at(-1)
  if (newest === undefined) throw new FailTask('gmarket.best has no hour yet: run gmarket_hourly first')
  return newest
}

async function hoursOf(warehouse: Warehouse, op: OperatorContext, { from, hours }: MartRequest): Promise<HourSlot[]> {
  const start = from === null ? await newestHour(warehouse, op) : Math.floor(Date.parse(from) / HOUR) * HOUR
  if (Number.isNaN(start))
    throw new FailTask(`from must be a date with a zone, such as 2026-01-05T09:00:00+09:00, found ${from}`)
  if (!Number.isInteger(hours) || hours < 1 || hours > MOST_HOURS)
    throw new FailTask(`hours must be 1 to ${MOST_HOURS}, found ${hours}`)
  return Array.from({ length: hours }, (_, i) => hourSlotAt(start + i * HOUR))
}

const valuesOf = (row: BestRow): readonly unknown[] =>
  Object.keys(BEST_COLUMNS).map((name) => row[name as keyof BestRow])

interface Filled {
  readonly target: string
  readonly rows: number
}

/** Each hour is a transaction of its own: what is done stays done when a later one fails. */
async function fillTable(
  op: OperatorContext,
  connId: string,
  table: string,
  hours: AsyncIterable<Hour>,
): Promise<Filled> {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(table))
    throw new FailTask(`table must be small letters, digits and _, found ${JSON.stringify(table)}`)
  const postgres = await openPostgres(op, connId)
  const sum = { inserted: 0, updated: 0, unchanged: 0, deleted: 0 }
  try {
    for await (const [slot, rows] of hours) {
      const watermark = { name: table, value: new Date(slot.start).toISOString() }
      const key = [...BEST_KEY]
      const group = ['slot', 'category_code']
      const done = await upsertRows(postgres, {
        table,
        columns: MART_COLUMNS,
        key,
        group,
        rows: rows.map(valuesOf),
        watermark,
      })
      for (const name of ['inserted', 'updated', 'unchanged', 'deleted'] as const) sum[name] += done[name]
    }
  } finally {
    await postgres.close()
  }
  op.log.info({ target: table, ...sum }, 'mart filled')
  return { target: table, rows: sum.inserted + sum.updated + sum.unchanged }
}

async function writeFile(op: OperatorContext, connId: string, rows: AsyncIterable<BestRow>): Promise<Filled> {
  const file_name = 'mart.csv'
  const local_file_path = join(await scratchFolder(op), file_name)
  const file = await writeCsv({
    path: local_file_path,
    columns: BEST_COLUMNS,
    rows,
    sortBy: BEST_KEY,
    signal: op.signal,
  })
  const target = `/gmarket/mart/${safeName(op.runId)}.csv`
  const { path, rows: written } = await uploadToLake({ file_name, local_file_path, ...file }, { connId, target })
  return { target: path, rows: written }
}

type Hour = readonly [HourSlot, readonly BestRow[]]

/** What has been read so far, for the counts and the summary. */
class MartReading {
  readonly missingHours: string[] = []
  rows = 0
  readonly #op: OperatorContext
  readonly #warehouse: Warehouse
  readonly #request: MartRequest
  readonly #byCategory = new Map<string, { rows: number; sum: number }>()

  constructor(op: OperatorContext, warehouse: Warehouse, request: MartRequest) {
    this.#op = op
    this.#warehouse = warehouse
    this.#request = request
  }

  /** Hour by hour: one is in memory at a time. @throws FailTask for an hour that is not there, unless gaps are allowed */
  async *hours(slots: readonly HourSlot[]): AsyncGenerator<Hour> {
    for (const slot of slots) {
      const rows = await rowsOfHour(this.#warehouse, this.#op, slot, this.#request.categories)
      if (rows.length > 0) {
        this.#count(rows)
        yield [slot, rows]
        continue
      }
      this.missingHours.push(slot.text)
      if (!this.#request.allowGaps)
        throw new FailTask(
          `gmarket.best has no rows of ${slot.text}: run gmarket_hourly for that hour, or set allow_gaps`,
        )
    }
  }

  async *flat(slots: readonly HourSlot[]): AsyncGenerator<BestRow> {
    for await (const [, rows] of this.hours(slots)) yield* rows
  }

  async publishSummary(): Promise<void> {
    await this.#op.publish('mart_by_category', {
      title: 'Rows and mean price by category',
      columns: [
        { name: 'category', type: 'text' },
        { name: 'rows', type: 'number' },
        { name: 'mean price', type: 'number', unit: 'KRW' },
      ],
      rows: [...this.#byCategory].map(([category, { rows, sum }]) => [category, rows, Math.round(sum / rows)]),
      charts: [{ kind: 'bar', x: 'category', y: ['mean price'] }],
    })
  }

  #count(rows: readonly BestRow[]): void {
    this.rows += rows.length
    for (const row of rows) {
      const known = this.#byCategory.get(row.category ?? '') ?? { rows: 0, sum: 0 }
      this.#byCategory.set(row.category ?? '', { rows: known.rows + 1, sum: known.sum + Number(row.price) })
    }
  }
}

/** Names reach a statement as text, which Hive and DuckDB quote differently: only known ones may. */
function checkRequest({ target, categories }: MartRequest): void {
  if (!TARGETS.includes(target)) throw new FailTask(`target must be one of ${TARGETS.join(', ')}, found ${target}`)
  const known = GMARKET_CATEGORIES.flatMap(({ code, label }): string[] => [code, label])
  const stray = categories.find((name) => !known.includes(name))
  if (stray !== undefined) throw new FailTask(`${JSON.stringify(stray)} is no category; there are ${known.join(', ')}`)
}

/** Fills the mart. The same request again changes nothing. Call it inside a task. */
export async function fillMart(request: MartRequest, connections: MartConnections = {}): Promise<MartResult> {
  const op = getOperatorContext('fillMart')
  const { warehouse: hive = 'hive_default', lake = 'hdfs_default', postgres = 'postgres_default' } = connections
  checkRequest(request)
  const warehouse = await openWarehouse(op, hive, lake)
  const reading = new MartReading(op, warehouse, request)
  try {
    const slots = await hoursOf(warehouse, op, request)
    const { target, rows } =
      request.target === 'CSV file'
        ? await writeFile(op, lake, reading.flat(slots))
        : await fillTable(op, postgres, request.table, reading.hours(slots))
    if (request.target !== 'CSV file')
      await op.record({ kind: 'table', target: `Postgres ${target}`, rowsRead: reading.rows, rowsWritten: rows })
    await reading.publishSummary()
    return { target, hours: slots.length, missingHours: reading.missingHours, rows }
  } finally {
    await warehouse.close()
  }
}
