// The weather of five stations, every hour: data.go.kr → document index → tables and charts.
//
// Without connections it reads the simulated weather service of this host. With the connection `open_data_kr_default` (type http,
// the service key of data.go.kr as its password) it reads the real one, which has an hour only when its day is over: until then
// the run is rescheduled, holds no slot, and asks again.

import { cron, Dag, expand } from 'baram'
import {
  type CollectedWeather,
  collectWeather,
  publishWeather,
  type Station,
  WEATHER_STATIONS,
} from 'baram/pipelines/weather'

export const dag = new Dag('weather_hourly', {
  description: 'Hourly observations of five stations, into the document index',
  schedule: cron('0 * * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 48, // the runs of a day wait for the next one, when the service has their hours
  tags: ['weather'],
  defaultArgs: { retries: 3, retryDelay: 60 }, // seconds
})

// One instance a station: if one fails or has to wait, it alone is asked for again. The id of a document is station and hour.
const collect = dag.task('weather_hourly', ({ station }: { station: Station }) => collectWeather(station), {
  mapIndexTemplate: '{{args.station.name}}',
})
const collected = expand(collect, { station: WEATHER_STATIONS })

// Counts what is in the index, and publishes the tables `now`, `last_24_hours` and `stations`.
const publish = dag.task('publish', ({ collected }: { collected: readonly CollectedWeather[] }) =>
  publishWeather(WEATHER_STATIONS, collected),
)
publish({ collected })
