// `baram/pipelines/weather`: hourly observations of the Korea Meteorological Administration.

export { type CollectedWeather, type CollectWeather, collectWeather, WEATHER_INDEX } from './collect.ts'
export { MEASURES, type Observation, WEATHER_FIELDS } from './observation.ts'
export { type PublishWeather, publishWeather } from './reports.ts'
export { type Station, WEATHER_STATIONS } from './stations.ts'
