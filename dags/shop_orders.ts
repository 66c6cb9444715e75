// Generated orders and visits of a shop for order_stats: seeded, with repeats, late ones and garbage.
//
// A day's 20,000 once; trigger it with params for more. Event time begins on the day of the run's date.

import { Dag, defineParams, getParams, param } from 'baram'
import { produceOrders } from 'baram/pipelines/orders'

const params = defineParams({
  orders: param(20_000, { type: 'integer', minimum: 0, maximum: 10_000_000, title: 'Orders' }),
  perDay: param(20_000, { type: 'integer', minimum: 1, title: 'Orders a day', description: 'Of event time.' }),
  seed: param(1, { type: 'integer', title: 'Seed', description: 'The same seed and date make the same orders.' }),
  pace: param(0, {
    type: 'number',
    minimum: 0,
    title: 'Orders a second',
    description: 'By the wall clock; 0: as fast as the log takes them.',
  }),
})

export const dag = new Dag('shop_orders', {
  description: 'Generated orders and visits into the topics orders and shop_events, each once',
  schedule: '@once',
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['orders'],
  params,
  defaultArgs: { retries: 3, retryDelay: 10 }, // seconds
})

dag.task('produce', () => produceOrders(getParams(params)))()
