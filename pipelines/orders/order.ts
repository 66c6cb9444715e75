// The two messages of the shop: an order, and a step of a visit. What is no such message is named for the dead letters.

import type { LogMessage } from '../../operators/event-log/index.ts'
import type { Columns, RowOf } from '../../operators/parquet/columns.ts'

/** Single purchase, or one at the group's price. */
export const PURCHASES = ['solo', 'group'] as const
export type Purchase = (typeof PURCHASES)[number]

/** Of a visit, in their order. */
export const STEPS = ['visit', 'view', 'like', 'buy'] as const
export type Step = (typeof STEPS)[number]

/** Every message has both times: windows are of the first, and lateness is the difference. Epoch ms. */
interface Timed {
  /** When it happened. */
  readonly at: number
  /** When the log took it: the record's timestamp. */
  readonly arrived: number
}

export interface Order extends Timed {
  readonly orderId: string
  readonly userId: string
  readonly itemCode: string
  readonly quantity: number
  /** KRW for one. */
  readonly price: number
  readonly purchase: Purchase
}

export interface ShopEvent extends Timed {
  readonly sessionId: string
  readonly step: Step
}

/** A clock that is ahead by more would open windows of the future. */
const MOST_AHEAD_MS = 60_000
const EARLIEST = Date.UTC(2000, 0, 1)
/** Together they keep the sum of a window of 90,000 orders exact in a JavaScript number. */
const MOST_QUANTITY = 1_000
const MOST_PRICE = 100_000_000

class Fault extends Error {}

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60)

type Message = Readonly<Record<string, unknown>>
const fieldOf = (message: Message, name: string): unknown => (Object.hasOwn(message, name) ? message[name] : undefined)

/** Ids sort and compare alike in Postgres, Parquet, JavaScript and Spark: printable ASCII alone. */
function readId(message: Message, name: string): string {
  const value = fieldOf(message, name)
  if (typeof value === 'string' && /^[!-~]{1,64}$/.test(value)) return value
  throw new Fault(`${name} must be 1 to 64 printable ASCII characters, found ${shown(value)}`)
}

function readWhole(message: Message, name: string, least: number, most: number): number {
  const value = fieldOf(message, name)
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new Fault(`${name} must be a whole number from ${least} to ${most}, found ${shown(value)}`)
}

function readOneOf<T extends string>(message: Message, name: string, known: readonly T[]): T {
  const value = fieldOf(message, name)
  const found = known.find((one) => one === value)
  if (found !== undefined) return found
  throw new Fault(`${name} must be ${known.join(', ')}, found ${shown(value)}`)
}

/** With its offset: a time without a zone is nobody's. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/

function readTimes(message: Message, name: string, arrived: number): Timed {
  const value = fieldOf(message, name)
  const at = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(at))
    throw new Fault(`${name} must be a time with its offset, such as 2024-03-18T09:00:00+09:00, found ${shown(value)}`)
  if (at < EARLIEST) throw new Fault(`${name} must be after the year 1999, found ${shown(value)}`)
  if (at > arrived + MOST_AHEAD_MS)
    throw new Fault(
      `${name} is ${Math.round((at - arrived) / 1_000)} s after the record arrived, found ${shown(value)}`,
    )
  return { at, arrived }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function readMessage({ value }: Pick<LogMessage, 'value'>): Message {
  if (value === null) throw new Fault('the record has no value')
  let text: string
  try {
    text = utf8.decode(value)
  } catch {
    throw new Fault('the value is not UTF-8')
  }
  try {
    const read: unknown = JSON.parse(text)
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as Message
  } catch {
    throw new Fault('the value is not JSON')
  }
  throw new Fault('the value is no JSON object')
}

type Given = Pick<LogMessage, 'value' | 'timestamp'>
type Parsed<T> = { readonly value: T } | { readonly fault: string }

/** @param read throws `Fault` */
const parser =
  <T>(read: (message: Message, arrived: number) => T) =>
  (record: Given): Parsed<T> => {
    try {
      return { value: read(readMessage(record), record.timestamp) }
    } catch (error) {
      if (error instanceof Fault) return { fault: error.message }
      throw error
    }
  }

/** The order of a record, or why it is for the dead letters. */
export const parseOrder = parser<Order>((message, arrived) => ({
  orderId: readId(message, 'orderId'),
  userId: readId(message, 'userId'),
  itemCode: readId(message, 'itemCode'),
  quantity: readWhole(message, 'quantity', 1, MOST_QUANTITY),
  price: readWhole(message, 'price', 0, MOST_PRICE),
  purchase: readOneOf(message, 'purchase', PURCHASES),
  ...readTimes(message, 'orderedAt', arrived),
}))

/** The step of a record, or why it is for the dead letters. */
export const parseShopEvent = parser<ShopEvent>((message, arrived) => ({
  sessionId: readId(message, 'sessionId'),
  step: readOneOf(message, 'step', STEPS),
  ...readTimes(message, 'happenedAt', arrived),
}))

/** In the lake, by the names of SQL. */
export const ORDER_COLUMNS = {
  order_id: 'STRING',
  user_id: 'STRING',
  item_code: 'STRING',
  quantity: 'BIGINT',
  price: 'BIGINT',
  purchase: 'STRING',
  ordered_at: 'BIGINT',
  arrived_at: 'BIGINT',
} as const satisfies Columns

export const orderRow = (order: Order): RowOf<typeof ORDER_COLUMNS> => ({
  order_id: order.orderId,
  user_id: order.userId,
  item_code: order.itemCode,
  quantity: BigInt(order.quantity),
  price: BigInt(order.price),
  purchase: order.purchase,
  ordered_at: BigInt(order.at),
  arrived_at: BigInt(order.arrived),
})

export const EVENT_COLUMNS = {
  session_id: 'STRING',
  step: 'STRING',
  happened_at: 'BIGINT',
  arrived_at: 'BIGINT',
} as const satisfies Columns

export const eventRow = (event: ShopEvent): RowOf<typeof EVENT_COLUMNS> => ({
  session_id: event.sessionId,
  step: event.step,
  happened_at: BigInt(event.at),
  arrived_at: BigInt(event.arrived),
})
