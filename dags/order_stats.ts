// Orders and visits of a shop, counted as they come: by minute, by item and hour, in all, and as a funnel.
//
// A run is one window of each topic; the next begins when it has ended. Counts are kept in Postgres and move with the streams'
// positions, so each order counts once whatever is killed. What changed goes to the topic order_stats and into the index.

import { Dag, deadlineAlert } from 'baram'
import { onCall } from 'baram/pipelines/alerts'
import { collectOrders, collectShopEvents, publishShop } from 'baram/pipelines/orders'

export const dag = new Dag('order_stats', {
  description: 'Unpaused, it counts orders and visits without end: by minute and item, busy hours, top items, funnel',
  schedule: '@continuous',
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  isPausedUponCreation: true, // it never ends: npm start stays light
  tags: ['orders', 'stream'],
  deadline: deadlineAlert({ reference: 'last_success', interval: 15 * 60, callback: onCall }), // seconds: it stalls
  defaultArgs: { retries: 3, retryDelay: 10 }, // seconds
})

// Orders set the pace: a run takes the visits that are there, and waits for nothing but an order.
const orders = dag.task('orders', () => collectOrders({ until: { records: 10_000, seconds: 5 }, idleSeconds: 30 }))
const visits = dag.task('visits', () => collectShopEvents({ until: { records: 30_000, seconds: 0 }, idleSeconds: 0 }))
const publish = dag.task('publish', () => publishShop())

publish().after(orders(), visits())
