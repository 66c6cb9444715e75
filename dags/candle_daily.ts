// A day of candles into one file: waits for the day's slots, compacts them, and turns the table's partition to the file.

import { cron, Dag, sensor } from 'baram'
import { compactDay, isDayReady } from 'baram/pipelines/upbit'

export const dag = new Dag('candle_daily', {
  description: 'One file a day instead of 720, each minute of a market once',
  // Days are Seoul's: the run made at midnight is for the day before.
  schedule: cron('0 0 * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['upbit'],
  defaultArgs: { retries: 3, retryDelay: 60 }, // seconds
})

const ready = dag.task(
  'wait_for_slots',
  sensor({ poke: () => isDayReady(), mode: 'reschedule', pokeInterval: 60, timeout: 3600 }),
)()

dag
  .task('compact', () => compactDay())()
  .after(ready)
