// A window of the shop's streams added to the running state: each order and each step of a session once, however often it was sent.
//
// An id is kept for as long as its repeat could still count. A repeat has the key of what it repeats, so it is in the same partition,
// where records come in the order of their arrival: once a partition has got twice the lateness past an order, no repeat of it counts.
// Twice, because the clocks of several producers differ. So the ids of three hours are kept, not those of all time.

import type { StreamWindow, WindowRecord } from '../../operators/event-log/index.ts'
import type { PostgresHook } from '../../operators/postgres/index.ts'
import type { Order, ShopEvent } from './order.ts'
import { isTooLate, MOST_LATE_MS, type OrderSums, sumFunnel, sumOrders } from './stats.ts'
import {
  addSums,
  forgetIds,
  nextRevision,
  ORDER_ITEM_HOUR,
  ORDER_ITEM_TOTAL,
  ORDER_MINUTE,
  rememberIds,
  type SeenTable,
  SHOP_FUNNEL,
} from './tables.ts'

interface Timed {
  readonly at: number
  readonly arrived: number
}

const iso = (at: number): string => new Date(at).toISOString()

/** The first of each id: by the window first, then by what counted before. Too late ones all stay: they are counted as records. */
async function firstOnes<T extends Timed>(
  postgres: PostgresHook,
  seen: SeenTable,
  records: readonly WindowRecord<T>[],
  idOf: (value: T) => string,
): Promise<readonly T[]> {
  const first = new Map<string, WindowRecord<T>>()
  const late: T[] = []
  for (const record of records) {
    if (isTooLate(record.value)) late.push(record.value)
    else if (!first.has(idOf(record.value))) first.set(idOf(record.value), record)
  }
  const ids = [...first].map(([id, { message, value }]) => ({ id, partition: message.partition, at: value.at }))
  const isNew = await rememberIds(postgres, seen, ids)
  const counted = [...first].filter(([id]) => isNew.has(id)).map(([, { value }]) => value)
  return [...counted, ...late]
}

async function forgetOld<T extends Timed>(
  postgres: PostgresHook,
  seen: SeenTable,
  records: readonly WindowRecord<T>[],
): Promise<void> {
  const reached = new Map<number, number>()
  for (const { message, value } of records)
    reached.set(message.partition, Math.max(reached.get(message.partition) ?? 0, value.arrived))
  for (const [partition, arrived] of reached) await forgetIds(postgres, seen, partition, arrived - 2 * MOST_LATE_MS)
}

function minuteRows({ minutes }: OrderSums): readonly (readonly unknown[])[] {
  return [...minutes].map(([minute, counts]) => {
    const { orders, quantity, revenue, solo, group, late, tooLate } = counts
    return [iso(minute), orders, quantity, revenue, solo, group, late, tooLate]
  })
}

function itemHourRows({ hours }: OrderSums): readonly (readonly unknown[])[] {
  return [...hours].flatMap(([hour, items]) =>
    [...items].map(([item, { orders, quantity, revenue }]) => [iso(hour), item, orders, quantity, revenue]),
  )
}

function itemRows({ hours }: OrderSums): readonly (readonly unknown[])[] {
  const totals = new Map<string, [orders: number, quantity: number, revenue: number]>()
  for (const items of hours.values())
    for (const [item, { orders, quantity, revenue }] of items) {
      const [o, q, r] = totals.get(item) ?? [0, 0, 0]
      totals.set(item, [o + orders, q + quantity, r + revenue])
    }
  return [...totals].map(([item, sums]) => [item, ...sums])
}

/** Within the transaction that moves the positions. */
export async function addOrders(postgres: PostgresHook, { records }: StreamWindow<Order>): Promise<void> {
  const revision = await nextRevision(postgres, 'orders')
  const sums = sumOrders(await firstOnes(postgres, 'order_seen', records, ({ orderId }) => orderId))
  await addSums(postgres, ORDER_MINUTE, revision, minuteRows(sums))
  await addSums(postgres, ORDER_ITEM_HOUR, revision, itemHourRows(sums))
  await addSums(postgres, ORDER_ITEM_TOTAL, revision, itemRows(sums))
  await forgetOld(postgres, 'order_seen', records)
}

/** Within the transaction that moves the positions. */
export async function addShopEvents(postgres: PostgresHook, { records }: StreamWindow<ShopEvent>): Promise<void> {
  const revision = await nextRevision(postgres, 'events')
  const idOf = ({ sessionId, step }: ShopEvent) => `${sessionId}/${step}`
  const hours = sumFunnel(await firstOnes(postgres, 'shop_event_seen', records, idOf))
  const rows = [...hours].map(([hour, sessions]) => [iso(hour), ...sessions])
  await addSums(postgres, SHOP_FUNNEL, revision, rows)
  await forgetOld(postgres, 'shop_event_seen', records)
}
