// What the pages show of the running state: the last hours by minute, busy and quiet hours, what sells, and the funnel.

import type { PostgresHook, PostgresRow } from '../../operators/postgres/index.ts'
import type { OperatorContext, ResultTable } from '../../sdk/index.ts'
import { STEPS } from './order.ts'
import { kst } from './results.ts'
import { funnelOf, TOP_ITEMS } from './stats.ts'

const MINUTES_SHOWN = 180

const number = (name: string, unit?: string) => ({ name, type: 'number', ...(unit !== undefined && { unit }) }) as const
const text = (name: string) => ({ name, type: 'text' }) as const
const cell = (row: PostgresRow, name: string) => Number(row[name])
const at = (row: PostgresRow, name: string) => kst(Date.parse(String(row[name])))

async function minutes(postgres: PostgresHook): Promise<ResultTable> {
  const rows = await postgres.query(
    `select * from order_minute where minute > (select max(minute) from order_minute) - $1 * interval '1 minute' order by minute`,
    [MINUTES_SHOWN],
  )
  return {
    title: `Orders by minute, the last ${MINUTES_SHOWN / 60} hours of event time`,
    columns: [
      { name: 'minute', type: 'instant' },
      number('orders'),
      number('quantity', 'pieces'),
      number('revenue', 'KRW'),
      number('late', 'orders'),
      number('too late', 'records'),
    ],
    rows: rows.map((row) => [
      at(row, 'minute'),
      ...['orders', 'quantity', 'revenue', 'late', 'too_late'].map((name) => cell(row, name)),
    ]),
    charts: [{ kind: 'line', x: 'minute', y: ['orders'] }],
  }
}

async function hours(postgres: PostgresHook): Promise<ResultTable> {
  const rows = await postgres.query(
    `select to_char(minute at time zone 'Asia/Seoul', 'HH24') as hour, sum(orders) as orders, sum(revenue) as revenue
     from order_minute group by 1 order by 1`,
  )
  const byOrders = [...rows].sort((a, b) => cell(b, 'orders') - cell(a, 'orders'))
  const told = (row: PostgresRow | undefined) => `${row?.['hour'] ?? '–'}:00`
  return {
    title: `Hours of the day in Seoul: busiest ${told(byOrders[0])}, quietest ${told(byOrders.at(-1))}`,
    columns: [text('hour'), number('orders'), number('revenue', 'KRW')],
    rows: rows.map((row) => [`${row['hour']}:00`, cell(row, 'orders'), cell(row, 'revenue')]),
    charts: [{ kind: 'bar', x: 'hour', y: ['orders'] }],
  }
}

const ITEM_COLUMNS = [
  number('place'),
  text('item'),
  number('quantity', 'pieces'),
  number('orders'),
  number('revenue', 'KRW'),
]

function itemTable(title: string, rows: readonly PostgresRow[]): ResultTable {
  return {
    title,
    columns: ITEM_COLUMNS,
    rows: rows.map((row, i) => [
      i + 1,
      String(row['item_code']),
      ...['quantity', 'orders', 'revenue'].map((name) => cell(row, name)),
    ]),
    charts: [{ kind: 'bar', x: 'item', y: ['quantity'] }],
  }
}

async function topOfHour(postgres: PostgresHook): Promise<ResultTable> {
  const rows = await postgres.query(
    `select * from order_item_hour where hour = (select max(hour) from order_item_hour)
     order by quantity desc, item_code collate "C" limit $1`,
    [TOP_ITEMS],
  )
  const hour = rows[0] === undefined ? '' : ` of ${at(rows[0], 'hour').slice(0, 16).replace('T', ' ')} KST`
  return itemTable(`The hour's ${TOP_ITEMS} items${hour}`, rows)
}

async function topOfAll(postgres: PostgresHook): Promise<ResultTable> {
  const rows = await postgres.query(
    'select * from order_item_total order by quantity desc, item_code collate "C" limit $1',
    [TOP_ITEMS],
  )
  return itemTable(`The ${TOP_ITEMS} items that sold most, in all`, rows)
}

async function funnel(postgres: PostgresHook): Promise<ResultTable> {
  const [row] = await postgres.query(
    `select ${STEPS.map((step) => `coalesce(sum("${step}"), 0) as "${step}"`).join(', ')} from shop_funnel
     where hour > (select max(hour) from shop_funnel) - interval '24 hours'`,
  )
  const steps = funnelOf(STEPS.map((step) => Number(row?.[step] ?? 0)))
  const steepest = steps.findIndex(({ isSteepest }) => isSteepest)
  const share = ((steps[steepest]?.drop ?? 0) * 100).toFixed(0)
  const told = steepest < 1 ? '' : `: steepest drop ${steps[steepest - 1]?.step} → ${steps[steepest]?.step}, ${share} %`
  return {
    title: `The funnel of the last 24 hours${told}`,
    columns: [text('step'), number('sessions'), number('drop', '%')],
    rows: steps.map(({ step, sessions, drop }) => [
      step,
      sessions,
      drop === null ? null : Number((drop * 100).toFixed(1)),
    ]),
    charts: [{ kind: 'bar', x: 'step', y: ['sessions'] }],
  }
}

export async function publishShopReports(op: OperatorContext, postgres: PostgresHook): Promise<void> {
  await op.publish('minutes', await minutes(postgres))
  await op.publish('hours', await hours(postgres))
  await op.publish('top_items', await topOfHour(postgres))
  await op.publish('items', await topOfAll(postgres))
  await op.publish('funnel', await funnel(postgres))
}
