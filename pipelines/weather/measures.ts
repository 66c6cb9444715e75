// Measures of a service: which fields of the API are kept, under which name, and what a row has of them.

import type { OpenDataItem } from '../../operators/open-data-kr/index.ts'
import { readValue } from './values.ts'

export interface Measure {
  /** Of the API. */
  readonly api: string
  /** Of the API; most measures have no flag. */
  readonly flag?: string
}

export type Measures = Readonly<Record<string, Measure>>

/** How the index holds an observation with these measures. */
export function fieldsOf<T extends Measures>(measures: T) {
  const values = Object.fromEntries(Object.keys(measures).map((name) => [name, 'double' as const]))
  return {
    station: 'keyword',
    station_name: 'keyword',
    /** On the hour, or midnight of the day; in Seoul, with its offset. */
    tm: 'date',
    ...values,
    /** Values that were dropped: flagged as wrong, or no numbers. */
    wrong_values: 'long',
  } as const
}

/** What was measured; the rest has no key. */
export function readMeasures<T extends Measures>(
  item: OpenDataItem,
  measures: T,
): { readonly values: { readonly [name in keyof T]?: number }; readonly wrong: number } {
  const values: { [name in keyof T]?: number } = {}
  let wrong = 0
  for (const name of Object.keys(measures) as (keyof T & string)[]) {
    const { api, flag } = measures[name] as Measure
    const reading = readValue(item[api], flag === undefined ? '' : item[flag])
    if (typeof reading === 'number') values[name] = reading
    else if (reading === 'wrong') wrong += 1
  }
  return { values, wrong }
}

/** Whether the row is of the station: XML and JSON differ in it, a text or a number. */
export function isOf(item: OpenDataItem, station: string): boolean {
  const id = item['stnId']
  return (typeof id === 'string' || typeof id === 'number') && String(id).trim() === station
}
