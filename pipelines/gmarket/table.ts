// The table gmarket.best as its readers see it.

import { sqlText } from '../../operators/duckdb/session.ts'
import type { Warehouse } from '../../operators/warehouse/warehouse.ts'
import type { OperatorContext } from '../../sdk/index.ts'
import { BEST_COLUMNS, type BestRow } from './columns.ts'
import type { HourSlot } from './slot.ts'

const BEST_TABLE = { database: 'gmarket', table: 'best' } as const

/** Starts of the hours that have a partition, oldest first (epoch ms). */
export async function knownHours(warehouse: Warehouse, op: OperatorContext): Promise<readonly number[]> {
  const partitions = await warehouse.partitionValues(BEST_TABLE, { signal: op.signal })
  return partitions
    .map(({ dt, hour }) => Date.parse(`${dt}T${hour}:00:00+09:00`))
    .filter((start) => !Number.isNaN(start))
    .sort((a, b) => a - b)
}

/** Rows of each hour of these days that has any, by the hour's start (epoch ms). */
export async function rowsByHour(
  warehouse: Warehouse,
  op: OperatorContext,
  days: readonly string[],
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await warehouse.query(
    `select dt, hour, count(*) as n from gmarket.best where dt in (${days.map(sqlText).join(', ')}) group by dt, hour`,
    { signal: op.signal },
  )
  return new Map(rows.map((row) => [Date.parse(`${row['dt']}T${row['hour']}:00:00+09:00`), Number(row['n'])]))
}

/** Values of BIGINT come as text, exact. */
function rowOf(row: Readonly<Record<string, unknown>>): BestRow {
  const text = (name: string) => String(row[name] ?? '')
  const whole = (name: string) => (row[name] === null || row[name] === undefined ? null : Number(row[name]))
  const big = (name: string) => (row[name] === null || row[name] === undefined ? null : BigInt(String(row[name])))
  return {
    slot: text('slot'),
    category_code: text('category_code'),
    category: text('category'),
    rank: whole('rank'),
    title: text('title'),
    price: big('price'),
    list_price: big('list_price'),
    discount_percent: whole('discount_percent'),
    goods_code: text('goods_code'),
    url: text('url'),
    img: text('img'),
  }
}

/** Of these categories (labels or codes, known ones); none given = all. In no order. */
export async function rowsOfHour(
  warehouse: Warehouse,
  op: OperatorContext,
  { dt, hour }: HourSlot,
  categories: readonly string[],
): Promise<readonly BestRow[]> {
  const names = Object.keys(BEST_COLUMNS).join(', ')
  const chosen = categories.map(sqlText).join(', ')
  const only = categories.length === 0 ? '' : ` and (category in (${chosen}) or category_code in (${chosen}))`
  const { rows } = await warehouse.query(
    `select ${names} from gmarket.best where dt = ${sqlText(dt)} and hour = ${sqlText(hour)}${only}`,
    { signal: op.signal },
  )
  return rows.map(rowOf)
}
