// An hourly observation: which fields of the API are kept, under which name, and how the index holds them.

import type { Fields } from '../../operators/document-index/index.ts'
import type { OpenDataItem } from '../../operators/open-data-kr/index.ts'
import { HOUR, kstText, type Slot } from '../open-data/slot.ts'
import { fieldsOf, isOf, type Measures, readMeasures } from './measures.ts'
import type { Station } from './stations.ts'

/** All that is kept, by its name in the index. */
export const MEASURES = {
  /** °C */
  temperature: { api: 'ta', flag: 'taQcflg' },
  /** mm in the hour; absent in hours without rain */
  precipitation: { api: 'rn', flag: 'rnQcflg' },
  /** m/s */
  wind_speed: { api: 'ws', flag: 'wsQcflg' },
  /** degrees, of 16 points */
  wind_direction: { api: 'wd', flag: 'wdQcflg' },
  /** % */
  humidity: { api: 'hm', flag: 'hmQcflg' },
  /** hPa */
  vapour_pressure: { api: 'pv' },
  /** °C */
  dew_point: { api: 'td' },
  /** hPa, at the station */
  station_pressure: { api: 'pa', flag: 'paQcflg' },
  /** hPa, at sea level */
  sea_level_pressure: { api: 'ps', flag: 'psQcflg' },
  /** hours in the hour; absent at night */
  sunshine: { api: 'ss', flag: 'ssQcflg' },
  /** MJ/m² in the hour */
  solar_radiation: { api: 'icsr' },
  /** cm */
  snow_depth: { api: 'dsnw' },
  /** cm of the last three hours */
  snowfall_3h: { api: 'hr3Fhsc' },
  /** tenths of the sky */
  cloud_cover: { api: 'dc10Tca' },
  /** tenths of the sky */
  low_mid_cloud_cover: { api: 'dc10LmcsCa' },
  /** 100 m */
  cloud_base: { api: 'lcsCh' },
  /** 10 m */
  visibility: { api: 'vs' },
  /** °C */
  ground_temperature: { api: 'ts', flag: 'tsQcflg' },
  /** °C */
  soil_temperature_5cm: { api: 'm005Te' },
  /** °C */
  soil_temperature_10cm: { api: 'm01Te' },
  /** °C */
  soil_temperature_20cm: { api: 'm02Te' },
  /** °C */
  soil_temperature_30cm: { api: 'm03Te' },
} as const satisfies Measures

export type MeasureName = keyof typeof MEASURES
// Each name is a key of it.
export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[]

/** How the index holds an observation. */
export const WEATHER_FIELDS: Fields = fieldsOf(MEASURES)

/** What was not measured has no key. */
export type Observation = {
  readonly station: string
  readonly station_name: string
  readonly tm: string
  readonly wrong_values: number
} & { readonly [name in MeasureName]?: number }

/** Epoch ms of `2019-01-20 01:00` (the API) or `2021-01-01 0:00` (its CSV files), both in Seoul; null when it is no hour. */
export function hourOf(tm: unknown): number | null {
  const [, day, hour = ''] = /^(\d{4}-\d\d-\d\d)[ T](\d{1,2}):00$/.exec(typeof tm === 'string' ? tm.trim() : '') ?? []
  if (day === undefined || Number(hour) > 23) return null
  const at = Date.parse(`${day}T${hour.padStart(2, '0')}:00:00+09:00`)
  // A Date takes 30 February for 1 March.
  return Number.isNaN(at) || kstText(at).slice(0, 10) !== day ? null : at
}

/** An observation again replaces the one that is there. */
export const documentId = ({ station, tm }: Pick<Observation, 'station' | 'tm'>): string => `${station}:${tm}`

/** The observation of a row, or why it is none of what was asked for. */
export function readObservation(
  item: OpenDataItem,
  station: Station,
  hours: Slot,
): Observation | { readonly fault: string } {
  const at = hourOf(item['tm'])
  if (at === null) return { fault: `tm must be an hour such as 2021-01-01 13:00, found ${JSON.stringify(item['tm'])}` }
  if (at < hours.first || at > hours.last || at % HOUR !== 0) return { fault: `${kstText(at)} was not asked for` }
  if (!isOf(item, station.id)) return { fault: `station ${JSON.stringify(item['stnId'])} was not asked for` }
  const { values, wrong } = readMeasures(item, MEASURES)
  return { station: station.id, station_name: station.name, tm: kstText(at), ...values, wrong_values: wrong }
}
