// What the pages show of the daily index as the run's last day had it: temperatures and rain of the last 30 days.

import { openDocumentIndex, type Source } from '../../operators/document-index/index.ts'
import { getOperatorContext } from '../../sdk/index.ts'
import { DAY, daysOf, HOUR, kstDay, kstText } from '../open-data/slot.ts'
import { type CollectedWeather, DAILY_WEATHER_INDEX } from './collect.ts'
import { type DailyMeasureName, dailyDocumentId } from './daily-observation.ts'
import type { Station } from './stations.ts'
import { between, checkCount, numberOf, type PublishWeather, type View } from './view.ts'

const DAYS_SHOWN = 30

const round = (value: number): number => Math.round(value * 10) / 10

type Found = ReadonlyMap<string, Source>

/** Values of a day, of the stations that have one. */
const valuesOf = (found: Found, stations: readonly Station[], at: number, name: DailyMeasureName): readonly number[] =>
  stations.flatMap(({ id }) => {
    const value = numberOf(found.get(dailyDocumentId({ station: id, day: kstDay(at) })), name)
    return value === null ? [] : [value]
  })

/** The coldest and the warmest of all stations, their mean, and the rain of each. */
async function publishLastDays({ op, stations, last }: View, found: Found): Promise<void> {
  const days = Array.from({ length: DAYS_SHOWN }, (_, i) => last + HOUR - (DAYS_SHOWN - i) * DAY)
  const rain = stations.map(({ name }) => ({ name: `${name} rain`, type: 'number', unit: 'mm' }) as const)
  const rowOf = (at: number) => {
    const of = (name: DailyMeasureName) => valuesOf(found, stations, at, name)
    const [lows, means, highs] = [of('min_temperature'), of('mean_temperature'), of('max_temperature')]
    const rainAt = ({ id }: Station) =>
      numberOf(found.get(dailyDocumentId({ station: id, day: kstDay(at) })), 'precipitation')
    return [
      kstText(at),
      lows.length === 0 ? null : Math.min(...lows),
      means.length === 0 ? null : round(means.reduce((sum, value) => sum + value, 0) / means.length),
      highs.length === 0 ? null : Math.max(...highs),
      ...stations.map(rainAt),
    ]
  }
  await op.publish('last_30_days', {
    title: `${DAYS_SHOWN} days until ${kstDay(last)}, all stations`,
    columns: [
      { name: 'day', type: 'instant' },
      { name: 'min', type: 'number', unit: '°C' },
      { name: 'mean', type: 'number', unit: '°C' },
      { name: 'max', type: 'number', unit: '°C' },
      ...rain,
    ],
    rows: days.map(rowOf),
    charts: [
      { kind: 'line', x: 'day', y: ['min', 'mean', 'max'] },
      { kind: 'bar', x: 'day', y: rain.map(({ name }) => name) },
    ],
  })
}

async function publishDay({ op, stations, last }: View, found: Found): Promise<void> {
  const shown = [
    ['min', 'min_temperature', '°C'],
    ['mean', 'mean_temperature', '°C'],
    ['max', 'max_temperature', '°C'],
    ['rain', 'precipitation', 'mm'],
    ['wind', 'mean_wind_speed', 'm/s'],
    ['humidity', 'mean_humidity', '%'],
    ['sunshine', 'sunshine', 'hours'],
  ] as const
  await op.publish('day', {
    title: `The weather of ${kstDay(last)}`,
    columns: [
      { name: 'station', type: 'text' },
      ...shown.map(([name, , unit]) => ({ name, type: 'number', unit }) as const),
    ],
    rows: stations.map(({ id, name }) => {
      const source = found.get(dailyDocumentId({ station: id, day: kstDay(last) }))
      return [`${name} (${id})`, ...shown.map(([, measure]) => numberOf(source, measure))]
    }),
  })
}

/** Counts what the run has stored and publishes its tables. Call it inside a task, with what `collectDailyWeather` returned. */
export async function publishDailyWeather(
  stations: readonly Station[],
  collected: readonly CollectedWeather[],
  options: PublishWeather = {},
): Promise<{ readonly days: number }> {
  const op = getOperatorContext('publishDailyWeather')
  const { indexConnId, index: name = DAILY_WEATHER_INDEX } = options
  const { first, last } = daysOf(op.run)
  const index = await openDocumentIndex(op, indexConnId)
  try {
    const view: View = { op, index, name, stations, last }
    await index.refresh(name)
    await checkCount(view, collected, first)
    const ids = stations.map(({ id }) => id)
    const query = between(ids, last - DAYS_SHOWN * DAY, last)
    const { documents } = await index.search(name, { query, size: stations.length * (DAYS_SHOWN + 1) })
    const found = new Map(documents.map(({ id, source }) => [id, source]))
    await publishDay(view, found)
    await publishLastDays(view, found)
    return { days: await index.count(name, { range: { field: 'tm', lte: kstText(last) } }) }
  } finally {
    await index.close()
  }
}
