// Generated orders and visits into their topics, each once however often the task is killed.

import { type NewRecord, openEventLog } from '../../operators/event-log/index.ts'
import { getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { checkCount, produceGenerated } from '../produce-generated.ts'
import { EVENT_TOPIC, ORDER_TOPIC, SHOP_TOPIC_OPTIONS } from './consume.ts'
import { type GeneratedRecord, generateOrder, generateVisit, type ShopPlan } from './generate.ts'

export interface ProduceOrders {
  /** Default 20,000: a day. */
  readonly orders?: number
  /** Visits of the shop, of one to four steps. Default: a fifth of the orders. */
  readonly visits?: number
  /** Default 1. Another seed makes other orders. */
  readonly seed?: number
  /** Orders of a day of event time. Default 20,000. */
  readonly perDay?: number
  /** Orders a second by the wall clock; 0 (default) = as fast as the log takes them. */
  readonly pace?: number
  /** Default `orders`. */
  readonly topic?: string
  /** Of the visits' steps. Default `shop_events`. */
  readonly eventTopic?: string
  /** Default `kafka_default`; without it the embedded event log. */
  readonly connId?: string
}

export type ProducedOrders = {
  /** Records that are in the topics now, of this plan. */
  readonly orders: number
  readonly steps: number
}

/** As a record of the log: what kind it is stays here. */
const sent = ({ key, value, timestamp }: GeneratedRecord): NewRecord => ({ key, value, timestamp })

/** Event time begins on the day of the run's date in Seoul: never at the clock's. */
function dayOf(op: OperatorContext): number {
  const at = (op.run.logicalDate ?? op.run.runAfter).getTime()
  const offset = 9 * 3_600_000
  return Math.floor((at + offset) / 86_400_000) * 86_400_000 - offset
}

const idOf = (topic: string, { seed, start, perDay }: ShopPlan) => `shop_orders/${topic}/${seed}-${start}-${perDay}`

/** Puts generated orders and visits into their topics. The same run again appends nothing. Call it inside a task. */
export async function produceOrders(options: ProduceOrders = {}): Promise<ProducedOrders> {
  const op = getOperatorContext('produceOrders')
  const { seed = 1, topic = ORDER_TOPIC, eventTopic = EVENT_TOPIC } = options
  const orders = Math.floor(checkCount('orders', options.orders ?? 20_000, 0))
  const visits = Math.floor(checkCount('visits', options.visits ?? orders / 5, 0))
  const perDay = Math.floor(checkCount('per_day', options.perDay ?? 20_000, 1))
  const pace = checkCount('pace', options.pace ?? 0, 0)
  const plan: ShopPlan = { seed, perDay, start: dayOf(op) }
  // Both tell the same days.
  const visitPlan: ShopPlan = { ...plan, perDay: Math.max(1, Math.round((visits / Math.max(1, orders)) * perDay)) }
  const log = await openEventLog(op, options.connId)
  let steps = 0
  try {
    for (const name of [topic, eventTopic]) await log.ensureTopic(name, SHOP_TOPIC_OPTIONS)
    const common = { op, log, pace }
    await produceGenerated({
      ...common,
      topic,
      id: idOf(topic, plan),
      count: orders,
      records: (n) => [sent(generateOrder(plan, n))],
    })
    await produceGenerated({
      ...common,
      topic: eventTopic,
      id: idOf(eventTopic, visitPlan),
      count: visits,
      records: (n) => generateVisit(visitPlan, n).map(sent),
    })
    for (let n = 0; n < visits; n += 1) steps += generateVisit(visitPlan, n).length
  } finally {
    await log.close()
  }
  for (const [target, rows] of [
    [topic, orders],
    [eventTopic, steps],
  ] as const)
    await op.record({ kind: 'event_log', target: `${target} (generated)`, rowsRead: rows, rowsWritten: rows })
  op.log.info({ orders, visits, steps, ...plan }, 'generated orders and visits are in the topics')
  return { orders, steps }
}
