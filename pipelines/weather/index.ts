// `baram/pipelines/weather`: hourly and daily observations of the Korea Meteorological Administration.

export {
  type CollectedWeather,
  type CollectWeather,
  collectDailyWeather,
  collectWeather,
  DAILY_WEATHER_INDEX,
  WEATHER_INDEX,
} from './collect.ts'
export { DAILY_MEASURES, DAILY_WEATHER_FIELDS, type DailyObservation } from './daily-observation.ts'
export { publishDailyWeather } from './daily-reports.ts'
export { MEASURES, type Observation, WEATHER_FIELDS } from './observation.ts'
export { type PublishWeather, publishWeather } from './reports.ts'
export { type Station, WEATHER_STATIONS } from './stations.ts'
