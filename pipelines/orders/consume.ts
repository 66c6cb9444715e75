// One window of orders, and one of visits: into the lake as they came, and added to the running state.

import { type ConsumedWindow, consumeWindow, type TopicOptions, type Until } from '../../operators/event-log/index.ts'
import { lakeSink, postgresState } from '../../operators/window-sinks/index.ts'
import {
  EVENT_COLUMNS,
  eventRow,
  ORDER_COLUMNS,
  type Order,
  orderRow,
  parseOrder,
  parseShopEvent,
  type ShopEvent,
} from './order.ts'
import { addOrders, addShopEvents } from './state.ts'
import { makeShopTables } from './tables.ts'

export const ORDER_TOPIC = 'orders'
export const EVENT_TOPIC = 'shop_events'
/** Generated records have times of years ago, which a broker's retention would drop at once. */
export const SHOP_TOPIC_OPTIONS: TopicOptions = { partitions: 3, retentionMs: -1 }
/** Of the lake: days and hours below it are Seoul's. */
export const ORDER_FOLDER = '/shop/orders'
export const EVENT_FOLDER = '/shop/events'
export const SHOP_ZONE = 'Asia/Seoul'

export interface CollectShop {
  /** Default 10,000 records or 10 seconds. */
  readonly until?: Until
  /** Default `orders`, and `shop_events` for visits. */
  readonly topic?: string
  /** Default `kafka_default`; without it the embedded event log. */
  readonly logConnId?: string
  /** Default `postgres_default`; without it the embedded Postgres. */
  readonly postgresConnId?: string
  /** Default `hdfs_default`; without it the embedded lake. */
  readonly lakeConnId?: string
  /** Seconds an idle stream is waited for before the run ends. Default 300. */
  readonly idleSeconds?: number
}

const connection = (connId: string | undefined) => (connId === undefined ? {} : { connId })

const common = ({ until, idleSeconds, logConnId }: CollectShop) => ({
  ...connection(logConnId),
  create: SHOP_TOPIC_OPTIONS,
  ...(until !== undefined && { until }),
  ...(idleSeconds !== undefined && { idleSeconds }),
})

/** Consumes one window of orders. Safe to repeat at any point. Call it inside a task of a `@continuous` DAG. */
export async function collectOrders(options: CollectShop = {}): Promise<ConsumedWindow> {
  return consumeWindow({
    ...common(options),
    topic: options.topic ?? ORDER_TOPIC,
    group: 'order_stats',
    parse: parseOrder,
    sinks: [
      lakeSink({
        ...connection(options.lakeConnId),
        folder: ORDER_FOLDER,
        columns: ORDER_COLUMNS,
        row: orderRow,
        time: ({ at }: Order) => at,
        timezone: SHOP_ZONE,
      }),
      postgresState({
        ...connection(options.postgresConnId),
        name: 'order counts',
        prepare: makeShopTables,
        add: addOrders,
      }),
    ],
  })
}

/** Consumes one window of visits' steps. Safe to repeat at any point. Call it inside a task of a `@continuous` DAG. */
export async function collectShopEvents(options: CollectShop = {}): Promise<ConsumedWindow> {
  return consumeWindow<ShopEvent>({
    ...common(options),
    topic: options.topic ?? EVENT_TOPIC,
    group: 'shop_funnel',
    parse: parseShopEvent,
    sinks: [
      lakeSink({
        ...connection(options.lakeConnId),
        folder: EVENT_FOLDER,
        columns: EVENT_COLUMNS,
        row: eventRow,
        time: ({ at }: ShopEvent) => at,
        timezone: SHOP_ZONE,
      }),
      postgresState({
        ...connection(options.postgresConnId),
        name: 'shop funnel',
        prepare: makeShopTables,
        add: addShopEvents,
      }),
    ],
  })
}
