// One window of orders, and one of visits: into the lake as they came, and added to the running state.

import { type ConsumedWindow, consumeWindow, type TopicOptions } from '../../operators/event-log/index.ts'
import { lakeSink, postgresState } from '../../operators/window-sinks/index.ts'
import { connection, type StreamOptions, windowOptions } from '../stream-options.ts'
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
import { createShopTables } from './tables.ts'

export const ORDER_TOPIC = 'orders'
export const EVENT_TOPIC = 'shop_events'
/** Generated records have times of years ago, which a broker's retention would drop at once. */
export const SHOP_TOPIC_OPTIONS: TopicOptions = { partitions: 3, retentionMs: -1 }
/** Of the lake: days and hours below it are Seoul's. */
export const ORDER_FOLDER = '/shop/orders'
export const EVENT_FOLDER = '/shop/events'
export const SHOP_ZONE = 'Asia/Seoul'

/** Consumes one window of orders. Safe to repeat at any point. Call it inside a task of a `@continuous` DAG. */
export async function collectOrders(options: StreamOptions = {}): Promise<ConsumedWindow> {
  return consumeWindow({
    ...windowOptions(options, SHOP_TOPIC_OPTIONS),
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
        prepare: createShopTables,
        add: addOrders,
      }),
    ],
  })
}

/** Consumes one window of visits' steps. Safe to repeat at any point. Call it inside a task of a `@continuous` DAG. */
export async function collectShopEvents(options: StreamOptions = {}): Promise<ConsumedWindow> {
  return consumeWindow<ShopEvent>({
    ...windowOptions(options, SHOP_TOPIC_OPTIONS),
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
        prepare: createShopTables,
        add: addShopEvents,
      }),
    ],
  })
}
