// Every hour: does a batch over the lake find what order_stats counted? The report `stream_and_batch` tells.

import { cron, Dag } from 'baram'
import { checkShop } from 'baram/pipelines/orders'

export const dag = new Dag('order_check', {
  description: 'Computes the numbers of order_stats again over the lake; fails where stream and batch differ',
  schedule: cron('10 * * * *', { timezone: 'Asia/Seoul' }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['orders'],
  defaultArgs: { retries: 3, retryDelay: 60 }, // seconds; a window between lake and state is settled by then
})

dag.task('compare', () => checkShop())()
