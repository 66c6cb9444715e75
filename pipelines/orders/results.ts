// What others are told of the shop: one document a minute, a place among an hour's items, an item in all, and a step of the funnel.
// Each has an id of its own, so that a later one of the same id replaces it, in the index as in whoever reads the topic.

import type { Fields, IndexedDocument, Source } from '../../operators/document-index/index.ts'
import type { PostgresHook, PostgresRow } from '../../operators/postgres/index.ts'
import { STEPS } from './order.ts'
import { funnelOf, HOUR_MS, MINUTE_MS, TOP_ITEMS } from './stats.ts'

export const RESULT_FIELDS: Fields = {
  kind: 'keyword',
  window_start: 'date',
  window_end: 'date',
  item_code: 'keyword',
  step: 'keyword',
  place: 'long',
  orders: 'long',
  quantity: 'long',
  revenue: 'long',
  solo: 'long',
  group_orders: 'long',
  late: 'long',
  too_late: 'long',
  sessions: 'long',
  drop: 'double',
  is_steepest: 'boolean',
  revision: 'long',
}

const KST_MS = 9 * HOUR_MS
/** `2024-03-18T09:01:00+09:00` */
export const kst = (at: number): string => `${new Date(at + KST_MS).toISOString().slice(0, 19)}+09:00`
const startOf = (row: PostgresRow, name: string): number => Date.parse(String(row[name]))

const windowOf = (start: number, length: number) => ({ window_start: kst(start), window_end: kst(start + length) })

function result(kind: string, name: string, source: Source): IndexedDocument {
  return { id: `${kind}/${name}`, source: { kind, ...source } }
}

function numbersOf(row: PostgresRow, names: readonly string[]): Source {
  return Object.fromEntries(names.map((name) => [name, Number(row[name])]))
}

/** Revisions that were not told yet: after `from`, up to and with `to`. */
export interface Revisions {
  readonly from: number
  readonly to: number
}

const MINUTE_NUMBERS = ['orders', 'quantity', 'revenue', 'solo', 'group_orders', 'late', 'too_late', 'revision']
const ITEM_NUMBERS = ['orders', 'quantity', 'revenue', 'revision']

async function minuteResults(postgres: PostgresHook, { from, to }: Revisions): Promise<readonly IndexedDocument[]> {
  const rows = await postgres.query(
    'select * from order_minute where revision > $1 and revision <= $2 order by minute',
    [from, to],
  )
  return rows.map((row) => {
    const minute = startOf(row, 'minute')
    return result('minute', kst(minute), { ...windowOf(minute, MINUTE_MS), ...numbersOf(row, MINUTE_NUMBERS) })
  })
}

/** All places of each hour that changed, with the hour's revision: a place may be another item's now. */
async function topResults(postgres: PostgresHook, { from, to }: Revisions): Promise<readonly IndexedDocument[]> {
  const rows = await postgres.query(
    `select * from (
       select hour, item_code, orders, quantity, revenue, max(revision) over (partition by hour) as revision,
         row_number() over (partition by hour order by quantity desc, item_code collate "C") as place
       from order_item_hour
       where hour in (select hour from order_item_hour where revision > $1 and revision <= $2)) items
     where place <= $3 order by hour, place`,
    [from, to, TOP_ITEMS],
  )
  return rows.map((row) => {
    const hour = startOf(row, 'hour')
    return result('top', `${kst(hour)}/${row['place']}`, {
      ...windowOf(hour, HOUR_MS),
      item_code: String(row['item_code']),
      ...numbersOf(row, ['place', ...ITEM_NUMBERS]),
    })
  })
}

async function totalResults(postgres: PostgresHook, { from, to }: Revisions): Promise<readonly IndexedDocument[]> {
  const rows = await postgres.query(
    'select * from order_item_total where revision > $1 and revision <= $2 order by item_code',
    [from, to],
  )
  return rows.map((row) =>
    result('total', String(row['item_code']), {
      item_code: String(row['item_code']),
      ...numbersOf(row, ITEM_NUMBERS),
    }),
  )
}

/** What changed of orders in these revisions. */
export async function orderResults(postgres: PostgresHook, revisions: Revisions): Promise<readonly IndexedDocument[]> {
  return [
    ...(await minuteResults(postgres, revisions)),
    ...(await topResults(postgres, revisions)),
    ...(await totalResults(postgres, revisions)),
  ]
}

/** What changed of the funnel in these revisions. */
export async function funnelResults(
  postgres: PostgresHook,
  { from, to }: Revisions,
): Promise<readonly IndexedDocument[]> {
  const rows = await postgres.query('select * from shop_funnel where revision > $1 and revision <= $2 order by hour', [
    from,
    to,
  ])
  return rows.flatMap((row) => {
    const hour = startOf(row, 'hour')
    const steps = funnelOf(STEPS.map((step) => Number(row[step])))
    return steps.map(({ step, sessions, drop, isSteepest }) =>
      result('funnel', `${kst(hour)}/${step}`, {
        ...windowOf(hour, HOUR_MS),
        ...{ step, sessions, drop, is_steepest: isSteepest, revision: Number(row['revision']) },
      }),
    )
  })
}
