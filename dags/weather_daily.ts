// The weather of five stations, a day at a time: data.go.kr → document index → tables and charts.
//
// As weather_hourly it reads the simulated weather service of this host unless the connection `open_data_kr_default` is there. The
// real service has a day by about ten the next morning: until then the run is rescheduled, holds no slot, and asks again.

import { cron, Dag, expand } from 'baram'
import {
  type CollectedWeather,
  collectDailyWeather,
  publishDailyWeather,
  type Station,
  WEATHER_STATIONS,
} from 'baram/pipelines/weather'

export const dag = new Dag('weather_daily', {
  description: 'Daily observations of five stations, into the document index',
  // Days are Seoul's: the run made at midnight is for the day before.
  schedule: cron('0 0 * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 4, // a day waits for the next morning, and may for three days
  tags: ['weather'],
  defaultArgs: { retries: 3, retryDelay: 60 }, // seconds
})

// One instance a station: if one fails or has to wait, it alone is asked for again. The id of a document is station and day.
const collect = dag.task('weather_daily', ({ station }: { station: Station }) => collectDailyWeather(station), {
  mapIndexTemplate: '{{args.station.name}}',
})
const collected = expand(collect, { station: WEATHER_STATIONS })

// Counts what is in the index, and publishes the tables `day` and `last_30_days`.
const publish = dag.task('publish', ({ collected }: { collected: readonly CollectedWeather[] }) =>
  publishDailyWeather(WEATHER_STATIONS, collected),
)
publish({ collected })
