// Generated orders and visits of a shop: seeded, and the same for the same numbers. Their ids begin with GEN.
//
// Every record is a function of its number alone, so a producer that was killed continues anywhere. Of a thousand orders five repeat one
// before, word by word; five are late by up to 40 minutes; one comes hours later, too late for its window; one is garbage.

import { chance } from '../chance.ts'
import { type Purchase, STEPS, type Step } from './order.ts'

export interface ShopPlan {
  readonly seed: number
  /** Orders, or visits, of a day. Evenings are busy, nights are quiet. */
  readonly perDay: number
  /** The first day's beginning, epoch ms. */
  readonly start: number
}

export interface GeneratedRecord {
  readonly kind: 'message' | 'repeat' | 'garbage'
  /** User or session: records of one stay in order. */
  readonly key: string
  readonly value: string
  /** When the log took it, epoch ms. */
  readonly timestamp: number
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const GARBAGE = 0.001
const REPEATED = 0.005
const LATE = 0.005
const TOO_LATE = 0.001
/** A repeat is of one of so many orders before it. */
const REACH = 200
const USERS = 5_000
const ITEMS = 120

/** Orders of each hour of a day, in parts of their sum. */
const BUSY = [3, 2, 1, 1, 1, 2, 4, 6, 8, 9, 10, 12, 14, 10, 8, 8, 9, 11, 14, 18, 22, 24, 16, 7] as const
const BUSY_SUM = BUSY.reduce<number>((sum, part) => sum + part, 0)

/** Where in a day its share falls: 0 to below 1, to ms of the day. */
function timeOfDay(share: number): number {
  let left = share * BUSY_SUM
  for (const [hour, part] of BUSY.entries()) {
    if (left < part) return Math.floor((hour + left / part) * HOUR_MS)
    left -= part
  }
  return DAY_MS - 1
}

function timeOf({ perDay, start }: ShopPlan, n: number): number {
  const day = Math.floor(n / perDay)
  return start + day * DAY_MS + timeOfDay((n - day * perDay) / perDay)
}

const idOf = (kind: string, { seed, start }: ShopPlan, n: number) =>
  `GEN-${kind}-${seed}-${Math.floor(start / 1_000).toString(36)}-${n}`
const padded = (prefix: string, n: number, digits: number) => `${prefix}${String(n).padStart(digits, '0')}`

/** Korean time with its offset, as a shop in Seoul writes it. */
const written = (at: number) => `${new Date(at + 9 * HOUR_MS).toISOString().slice(0, 23)}+09:00`

/** Few items sell often: a share of 0 to 1 leans to the first ones. */
const itemOf = ({ seed }: ShopPlan, n: number) => Math.floor(chance(seed, n, 3) ** 2.2 * ITEMS)
const priceOf = (item: number) => 1_000 + ((item * 7_919) % 490) * 100

/** How long it was on its way, ms. */
function delayOf({ seed }: ShopPlan, n: number): number {
  const drawn = chance(seed, n, 4)
  if (drawn < TOO_LATE) return Math.floor((2 + 3 * chance(seed, n, 5)) * HOUR_MS)
  if (drawn < TOO_LATE + LATE) return Math.floor((2 + 38 * chance(seed, n, 5)) * 60_000)
  return 100 + Math.floor(chance(seed, n, 5) * 900)
}

interface Fields {
  readonly orderId: string
  readonly userId: string
  readonly itemCode: string
  readonly quantity: number
  readonly price: number
  readonly purchase: Purchase
  readonly orderedAt: string
}

function orderOf(plan: ShopPlan, n: number): Fields {
  const { seed } = plan
  const item = itemOf(plan, n)
  const purchase: Purchase = chance(seed, n, 6) < 0.35 ? 'group' : 'solo'
  const price = priceOf(item)
  return {
    orderId: idOf('o', plan, n),
    userId: padded('U', Math.floor(chance(seed, n, 7) * USERS), 5),
    itemCode: padded('F', item, 3),
    quantity: 1 + Math.floor(chance(seed, n, 8) ** 2 * 5),
    price: purchase === 'group' ? Math.floor(price * 0.9) : price,
    purchase,
    orderedAt: written(timeOf(plan, n) - delayOf(plan, n)),
  }
}

/** What no sum may take, each in its own way. */
function garbageOf({ seed }: ShopPlan, n: number, { orderId, ...rest }: Fields): string {
  const fields = { orderId, ...rest }
  switch (Math.floor(chance(seed, n, 9) * 5)) {
    case 0:
      return JSON.stringify(fields).slice(0, 50)
    case 1:
      return JSON.stringify(rest)
    case 2:
      return JSON.stringify({ ...fields, quantity: 0 })
    case 3:
      return JSON.stringify({ ...fields, purchase: 'gift' })
    default:
      return JSON.stringify({ ...fields, orderedAt: rest.orderedAt.slice(0, 19) })
  }
}

function fateOf({ seed }: ShopPlan, n: number): GeneratedRecord['kind'] {
  const drawn = chance(seed, n, 0)
  if (drawn < GARBAGE) return 'garbage'
  return drawn < GARBAGE + REPEATED && n > 0 ? 'repeat' : 'message'
}

/** An order before that was sent for the first time. Looks back from `n`, at most a reach. */
function orderBefore(plan: ShopPlan, n: number): number | null {
  for (let at = n; at >= 0 && n - at < REACH; at -= 1) if (fateOf(plan, at) === 'message') return at
  return null
}

/** Order number `n`, from 0. */
export function generateOrder(plan: ShopPlan, n: number): GeneratedRecord {
  const timestamp = timeOf(plan, n)
  const fate = fateOf(plan, n)
  const from = n - 1 - Math.floor(chance(plan.seed, n, 2) * Math.min(n, REACH))
  const of = (fate === 'repeat' ? orderBefore(plan, from) : n) ?? n
  const fields = orderOf(plan, of)
  if (fate === 'garbage') return { kind: fate, key: fields.userId, value: garbageOf(plan, n, fields), timestamp }
  return { kind: of === n ? 'message' : 'repeat', key: fields.userId, value: JSON.stringify(fields), timestamp }
}

/** Of those who took the step before: few like what they view. */
const TAKEN: readonly number[] = [1, 0.68, 0.31, 0.47]
const STEP_MS = 45_000

/** How many steps a visit takes, 1 to 4. */
function stepsOf({ seed }: ShopPlan, visit: number): number {
  let steps = 1
  while (steps < STEPS.length && chance(seed, visit, 20 + steps) < (TAKEN[steps] ?? 0)) steps += 1
  return steps
}

/** A step that was taken, with its number among all steps that could be; null where the visit had ended before. */
function generateStep(plan: ShopPlan, visit: number, at: number, step: Step): GeneratedRecord | null {
  if (at >= stepsOf(plan, visit)) return null
  const happened = timeOf(plan, visit) + at * STEP_MS
  const sessionId = idOf('s', plan, visit)
  const value = JSON.stringify({ sessionId, step, happenedAt: written(happened) })
  return {
    kind: 'message',
    key: sessionId,
    value,
    timestamp: happened + 100 + Math.floor(chance(plan.seed, visit, 30 + at) * 900),
  }
}

/** The steps of visit number `n`, from 0: one to four records. */
export function generateVisit(plan: ShopPlan, n: number): readonly GeneratedRecord[] {
  return STEPS.map((step, at) => generateStep(plan, n, at, step)).filter((record) => record !== null)
}
