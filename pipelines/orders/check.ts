// The same computation as a batch over the lake: SQL on the files that the stream wrote, beside the state that it kept.
//
// It is written a second time on purpose, in the warehouse's own language: what both find is no fault of one program.

import { sqlText } from '../../operators/duckdb/session.ts'
import { openPostgres, type PostgresHook } from '../../operators/postgres/index.ts'
import { openWarehouse } from '../../operators/warehouse/open.ts'
import type { ExternalTable, Warehouse } from '../../operators/warehouse/warehouse.ts'
import { addHourPartitions } from '../../operators/window-sinks/index.ts'
import { getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { EVENT_FOLDER, ORDER_FOLDER } from './consume.ts'
import { EVENT_COLUMNS, ORDER_COLUMNS, STEPS } from './order.ts'
import { HOUR_MS, LATE_MS, MINUTE_MS, MOST_LATE_MS } from './stats.ts'
import { createShopTables } from './tables.ts'

export interface CheckShop {
  /** The newest so many days of the lake. Default 2. */
  readonly days?: number
  /** Default `postgres_default`. */
  readonly postgresConnId?: string
  /** Default `hdfs_default`. */
  readonly lakeConnId?: string
  /** Default `hive_default`. */
  readonly warehouseConnId?: string
}

export type CheckedShop = {
  readonly minutes: number
  readonly itemHours: number
  readonly funnelHours: number
  /** Orders of the batch in these days. */
  readonly orders: number
}

/** Stream and batch do not have the same. A window may be between lake and state at the moment: a retry counts again. */
export class ShopDiffersError extends Error {
  override readonly name = 'ShopDiffersError'
}

const ORIGIN = { log_partition: 'INT', log_offset: 'BIGINT' } as const
const BY_HOUR = ['dt', 'hh']

/** For everybody: `select … from shop.orders where dt = '2024-03-18'`. */
const ORDERS: ExternalTable = {
  database: 'shop',
  table: 'orders',
  columns: { ...ORDER_COLUMNS, ...ORIGIN },
  partitionedBy: BY_HOUR,
  location: ORDER_FOLDER,
}
const EVENTS: ExternalTable = {
  database: 'shop',
  table: 'events',
  columns: { ...EVENT_COLUMNS, ...ORIGIN },
  partitionedBy: BY_HOUR,
  location: EVENT_FOLDER,
}

const inDays = (days: readonly string[]) => `dt in (${days.map(sqlText).join(', ')})`

/** Each order once; too late ones as they came. */
const ordersOf = (days: readonly string[]) => `(
  select *, row_number() over (partition by order_id, too_late order by log_offset) as nth from (
    select *, case when arrived_at - ordered_at > ${MOST_LATE_MS} then 1 else 0 end as too_late,
      ordered_at - ordered_at % ${MINUTE_MS} as minute_ms, ordered_at - ordered_at % ${HOUR_MS} as hour_ms
    from shop.orders where ${inDays(days)}) told) orders
  where (too_late = 1 or nth = 1)`

const minutesSql = (days: readonly string[]) => `select minute_ms as k,
  sum(1 - too_late) as orders,
  sum(case when too_late = 1 then 0 else quantity end) as quantity,
  sum(case when too_late = 1 then 0 else quantity * price end) as revenue,
  sum(case when too_late = 0 and purchase = 'solo' then 1 else 0 end) as solo,
  sum(case when too_late = 0 and purchase = 'group' then 1 else 0 end) as group_orders,
  sum(case when too_late = 0 and arrived_at - ordered_at > ${LATE_MS} then 1 else 0 end) as late,
  sum(too_late) as too_late
  from ${ordersOf(days)} group by minute_ms`

const itemHoursSql = (days: readonly string[]) => `select concat(cast(hour_ms as string), '/', item_code) as k,
  count(*) as orders, sum(quantity) as quantity, sum(quantity * price) as revenue
  from ${ordersOf(days)} and too_late = 0 group by hour_ms, item_code`

const funnelSql = (days: readonly string[]) => `select hour_ms as k,
  ${STEPS.map((step) => `sum(case when step = '${step}' then 1 else 0 end) as n_${step}`).join(', ')}
  from (select session_id, step, min(happened_at - happened_at % ${HOUR_MS}) as hour_ms from shop.events
    where ${inDays(days)} and arrived_at - happened_at <= ${MOST_LATE_MS} group by session_id, step) steps
  group by hour_ms`

const MS = (column: string) => `(extract(epoch from ${column}) * 1000)::bigint`
const minutesOfState = `select ${MS('minute')} as k, orders, quantity, revenue, solo, group_orders, late, too_late
  from order_minute where to_char(minute at time zone 'Asia/Seoul', 'YYYY-MM-DD') >= $1`
const itemHoursOfState = `select ${MS('hour')} || '/' || item_code as k, orders, quantity, revenue
  from order_item_hour where to_char(hour at time zone 'Asia/Seoul', 'YYYY-MM-DD') >= $1`
const funnelOfState = `select ${MS('hour')} as k, ${STEPS.map((step) => `"${step}"`).join(', ')}
  from shop_funnel where to_char(hour at time zone 'Asia/Seoul', 'YYYY-MM-DD') >= $1`
const totalsOfState = `select item_code from order_item_total full join (
    select item_code, sum(orders) as orders, sum(quantity) as quantity, sum(revenue) as revenue
    from order_item_hour group by item_code) hours using (item_code)
  where (order_item_total.orders, order_item_total.quantity, order_item_total.revenue)
    is distinct from (hours.orders, hours.quantity, hours.revenue)`

type Keyed = ReadonlyMap<string, readonly string[]>

/** Numbers as texts: both engines tell large ones exactly so. */
const keyed = (rows: readonly Readonly<Record<string, unknown>>[]): Keyed =>
  new Map(
    rows.map((row) => {
      const [key, ...numbers] = Object.values(row).map(String)
      return [key ?? '', numbers]
    }),
  )

interface Compared {
  readonly what: string
  readonly batch: Keyed
  readonly state: Keyed
}

/** Keys whose numbers differ, or which one of both lacks. */
function differing({ batch, state }: Compared): readonly string[] {
  const keys = new Set([...batch.keys(), ...state.keys()])
  return [...keys].filter((key) => String(batch.get(key)) !== String(state.get(key))).sort()
}

interface Check {
  readonly op: OperatorContext
  readonly warehouse: Warehouse
  readonly postgres: PostgresHook
}

async function compare(
  { op, warehouse, postgres }: Check,
  what: string,
  days: readonly string[],
  batchSql: (days: readonly string[]) => string,
  stateSql: string,
): Promise<Compared> {
  if (days.length === 0) return { what, batch: new Map(), state: new Map() }
  const { rows } = await warehouse.query(batchSql(days), { signal: op.signal })
  const state = await postgres.query(stateSql, [days[0] ?? ''])
  return { what, batch: keyed(rows), state: keyed(state) }
}

async function compareAll(check: Check, options: CheckShop): Promise<readonly Compared[]> {
  const { op, warehouse, postgres } = check
  const { days: most = 2, lakeConnId = 'hdfs_default' } = options
  const newest = { lakeConnId, days: most }
  const orderDays = await addHourPartitions(op, warehouse, ORDERS, newest)
  const eventDays = await addHourPartitions(op, warehouse, EVENTS, newest)
  await createShopTables(postgres)
  const wrong = await postgres.query(totalsOfState)
  const totals = new Map(wrong.map(({ item_code }) => [String(item_code), ['another sum than its hours']]))
  return [
    await compare(check, 'minutes', orderDays, minutesSql, minutesOfState),
    await compare(check, 'items of an hour', orderDays, itemHoursSql, itemHoursOfState),
    await compare(check, 'hours of the funnel', eventDays, funnelSql, funnelOfState),
    { what: 'items in all', batch: new Map(), state: totals },
  ]
}

async function publish(op: OperatorContext, compared: readonly Compared[]): Promise<void> {
  const number = (name: string) => ({ name, type: 'number' }) as const
  await op.publish('stream_and_batch', {
    title: 'The same numbers, kept by the stream and computed over the lake',
    columns: [{ name: 'what', type: 'text' }, number('stream'), number('batch'), number('different')],
    rows: compared.map((one) => [one.what, one.state.size, one.batch.size, differing(one).length]),
  })
}

/** Computes the shop's numbers over the lake and compares them with the state. Call it inside a task. @throws ShopDiffersError */
export async function checkShop(options: CheckShop = {}): Promise<CheckedShop> {
  const op = getOperatorContext('checkShop')
  const warehouse = await openWarehouse(op, options.warehouseConnId ?? 'hive_default', options.lakeConnId)
  try {
    const postgres = await openPostgres(op, options.postgresConnId)
    try {
      const compared = await compareAll({ op, warehouse, postgres }, options)
      await publish(op, compared)
      const [minutes, itemHours, funnel] = compared
      const orders = [...(minutes?.batch.values() ?? [])].reduce((sum, [count]) => sum + Number(count), 0)
      const result = {
        minutes: minutes?.batch.size ?? 0,
        itemHours: itemHours?.batch.size ?? 0,
        funnelHours: funnel?.batch.size ?? 0,
        orders,
      }
      op.log.info(result, 'stream and batch compared')
      const differences = compared
        .map((one) => ({ ...one, keys: differing(one) }))
        .filter(({ keys }) => keys.length > 0)
      if (differences.length > 0)
        throw new ShopDiffersError(
          `stream and batch differ in ${differences.map(({ what, keys }) => `${keys.length} ${what} (first ${keys[0]})`).join(', ')}. ` +
            'A window between lake and state settles by itself: a retry counts again',
        )
      return result
    } finally {
      await postgres.close()
    }
  } finally {
    await warehouse.close()
  }
}
