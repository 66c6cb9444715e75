// Price, volume and a baseline forecast of the next half hour, every ten minutes, from what the table holds.

import { cron, Dag } from 'baram'
import { forecastCandles } from 'baram/pipelines/upbit'

export const dag = new Dag('candle_forecast', {
  description: 'A damped trend for the next 30 minutes of three markets, with its error',
  schedule: cron('*/10 * * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['upbit'],
  defaultArgs: { retries: 1, retryDelay: 30 }, // seconds
})

// Skipped while the table holds fewer than 20 minutes of a market.
dag.task('forecast', async () => [...(await forecastCandles({ markets: ['KRW-BTC', 'KRW-ETH', 'KRW-XRP'] }))])()
