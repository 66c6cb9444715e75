// What is computed of orders: counts a minute, sums by item and hour, and the funnel. Pure, and the same for every engine: what the
// stream adds window by window, a batch over the lake and a Spark job find too.
//
// Whether a record counts is decided by the record alone: by its own time and the time at which the log took it. So it does not
// matter in which windows, and with which neighbours, it is read. An order counts once, however often it was sent.

import { type Order, type ShopEvent, STEPS, type Step } from './order.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000

/** A record that arrived later after its time is counted apart, and changes no window. */
export const MOST_LATE_MS = 60 * MINUTE_MS
/** After so long a record is late: its window had been told already, and is told again. */
export const LATE_MS = 60_000
/** Items told of an hour. */
export const TOP_ITEMS = 10

const startOf = (at: number, size: number): number => Math.floor(at / size) * size
export const minuteOf = (at: number): number => startOf(at, MINUTE_MS)
export const hourOf = (at: number): number => startOf(at, HOUR_MS)

interface Timed {
  readonly at: number
  readonly arrived: number
}

export const isTooLate = ({ at, arrived }: Timed): boolean => arrived - at > MOST_LATE_MS
export const isLate = ({ at, arrived }: Timed): boolean => arrived - at > LATE_MS

export interface MinuteCounts {
  orders: number
  quantity: number
  /** KRW. */
  revenue: number
  solo: number
  group: number
  /** Of the orders. */
  late: number
  /** Not of the orders: they came after the window was closed. */
  tooLate: number
}

export interface ItemSums {
  orders: number
  quantity: number
  /** KRW. */
  revenue: number
}

/** What some orders add, by the starts of minutes and hours, epoch ms. */
export interface OrderSums {
  readonly minutes: ReadonlyMap<number, MinuteCounts>
  /** Of each hour its items. */
  readonly hours: ReadonlyMap<number, ReadonlyMap<string, ItemSums>>
}

function valueIn<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const noCounts = (): MinuteCounts => ({ orders: 0, quantity: 0, revenue: 0, solo: 0, group: 0, late: 0, tooLate: 0 })
const noSums = (): ItemSums => ({ orders: 0, quantity: 0, revenue: 0 })

function addTo(sums: ItemSums, { quantity, price }: Order): void {
  sums.orders += 1
  sums.quantity += quantity
  sums.revenue += quantity * price
}

/** @param orders each once: who sent one twice is dealt with before */
export function sumOrders(orders: Iterable<Order>): OrderSums {
  const minutes = new Map<number, MinuteCounts>()
  const hours = new Map<number, Map<string, ItemSums>>()
  for (const order of orders) {
    const counts = valueIn(minutes, minuteOf(order.at), noCounts)
    if (isTooLate(order)) {
      counts.tooLate += 1
      continue
    }
    addTo(counts, order)
    counts[order.purchase] += 1
    if (isLate(order)) counts.late += 1
    const items = valueIn(hours, hourOf(order.at), () => new Map<string, ItemSums>())
    addTo(valueIn(items, order.itemCode, noSums), order)
  }
  return { minutes, hours }
}

/** Sessions that reached a step in an hour: by hour, in the order of `STEPS`. @param events each step of a session once */
export function sumFunnel(events: Iterable<ShopEvent>): ReadonlyMap<number, readonly number[]> {
  const hours = new Map<number, number[]>()
  for (const event of events) {
    if (isTooLate(event)) continue
    const counts = valueIn(hours, hourOf(event.at), () => STEPS.map(() => 0))
    const at = STEPS.indexOf(event.step)
    counts[at] = (counts[at] ?? 0) + 1
  }
  return hours
}

export interface FunnelStep {
  readonly step: Step
  readonly sessions: number
  /** Share of the step before that did not get here; null for the first and after a step without sessions. Below 0: more came, from an hour before. */
  readonly drop: number | null
  /** Of the funnel's steps the one with the largest drop; the first of equal ones. */
  readonly isSteepest: boolean
}

/** @param sessions in the order of `STEPS` */
export function funnelOf(sessions: readonly number[]): readonly FunnelStep[] {
  const drops = STEPS.map((_, i) => {
    const [before, here] = [sessions[i - 1] ?? 0, sessions[i] ?? 0]
    return before > 0 ? (before - here) / before : null
  })
  const largest = Math.max(...drops.map((drop) => drop ?? Number.NEGATIVE_INFINITY))
  const steepest = drops.indexOf(largest)
  return STEPS.map((step, i) => ({
    step,
    sessions: sessions[i] ?? 0,
    drop: drops[i] ?? null,
    isSteepest: i === steepest,
  }))
}
