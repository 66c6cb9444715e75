// An observation of a day: which fields of the daily service are kept, under which name, and how the index holds them.

import type { Fields } from '../../operators/document-index/index.ts'
import type { OpenDataItem } from '../../operators/open-data-kr/index.ts'
import { dayOf, kstDay, kstText, type Slot } from '../open-data/slot.ts'
import { fieldsOf, isOf, type Measures, readMeasures } from './measures.ts'
import type { Station } from './stations.ts'

/** All that is kept, by its name in the index. The daily service has no quality flags. */
export const DAILY_MEASURES = {
  /** °C */
  mean_temperature: { api: 'avgTa' },
  min_temperature: { api: 'minTa' },
  max_temperature: { api: 'maxTa' },
  /** mm; absent on days without rain, 0 on days with less than 0.1 */
  precipitation: { api: 'sumRn' },
  /** hours */
  precipitation_duration: { api: 'sumRnDur' },
  /** mm, the wettest hour */
  max_hourly_precipitation: { api: 'hr1MaxRn' },
  /** m/s */
  mean_wind_speed: { api: 'avgWs' },
  max_wind_speed: { api: 'maxWs' },
  max_gust: { api: 'maxInsWs' },
  /** °C */
  mean_dew_point: { api: 'avgTd' },
  /** % */
  mean_humidity: { api: 'avgRhm' },
  min_humidity: { api: 'minRhm' },
  /** hPa */
  mean_vapour_pressure: { api: 'avgPv' },
  /** hPa, at the station */
  mean_station_pressure: { api: 'avgPa' },
  /** hPa, at sea level */
  mean_sea_level_pressure: { api: 'avgPs' },
  /** hours */
  sunshine: { api: 'sumSsHr' },
  /** hours from sunrise to sunset */
  possible_sunshine: { api: 'ssDur' },
  /** MJ/m² */
  solar_radiation: { api: 'sumGsr' },
  /** cm, deepest of the day */
  max_snow_depth: { api: 'ddMes' },
  /** tenths of the sky */
  mean_cloud_cover: { api: 'avgTca' },
  mean_low_mid_cloud_cover: { api: 'avgLmac' },
  /** °C */
  mean_ground_temperature: { api: 'avgTs' },
  min_grass_temperature: { api: 'minTg' },
  mean_soil_temperature_5cm: { api: 'avgCm5Te' },
  mean_soil_temperature_10cm: { api: 'avgCm10Te' },
  mean_soil_temperature_20cm: { api: 'avgCm20Te' },
  mean_soil_temperature_30cm: { api: 'avgCm30Te' },
} as const satisfies Measures

export type DailyMeasureName = keyof typeof DAILY_MEASURES

/** How the index holds a day. */
export const DAILY_WEATHER_FIELDS: Fields = { ...fieldsOf(DAILY_MEASURES), day: 'keyword' }

/** What was not measured has no key. */
export type DailyObservation = {
  readonly station: string
  readonly station_name: string
  /** `2026-01-05` */
  readonly day: string
  /** Its midnight in Seoul. */
  readonly tm: string
  readonly wrong_values: number
} & { readonly [name in DailyMeasureName]?: number }

/** A day again replaces the one that is there. */
export const dailyDocumentId = ({ station, day }: Pick<DailyObservation, 'station' | 'day'>): string =>
  `${station}:${day}`

/** The observation of a row, or why it is none of what was asked for. */
export function readDailyObservation(
  item: OpenDataItem,
  station: Station,
  days: Slot,
): DailyObservation | { readonly fault: string } {
  const at = dayOf(item['tm'])
  if (at === null) return { fault: `tm must be a day such as 2026-01-05, found ${JSON.stringify(item['tm'])}` }
  const day = kstDay(at)
  if (at < days.first || at > days.last) return { fault: `${day} was not asked for` }
  if (!isOf(item, station.id)) return { fault: `station ${JSON.stringify(item['stnId'])} was not asked for` }
  const { values, wrong } = readMeasures(item, DAILY_MEASURES)
  return { station: station.id, station_name: station.name, day, tm: kstText(at), ...values, wrong_values: wrong }
}
