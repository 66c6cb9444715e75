// Every hour: do Postgres and the lake hold the same vehicle points? Distinct ids of each hour, side by side in the report `hours`.

import { cron, Dag } from 'baram'
import { reconcileCars } from 'baram/pipelines/cars'

export const dag = new Dag('car_check', {
  description: 'Counts the ids of car_info in Postgres and in the lake, hour by hour; fails where they differ',
  schedule: cron('5 * * * *', { timezone: 'Asia/Seoul' }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['cars'],
  defaultArgs: { retries: 3, retryDelay: 60 }, // seconds; a window between the two sinks is settled by then
})

dag.task('reconcile', () => reconcileCars())()
