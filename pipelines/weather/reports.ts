// What the pages show of the index as the run's last hour had it: each station now, the last 24 hours, and what is there in all.

import { openDocumentIndex, type Query, type Source } from '../../operators/document-index/index.ts'
import { getOperatorContext } from '../../sdk/index.ts'
import { HOUR, hoursOf, kstText } from '../open-data/slot.ts'
import { type CollectedWeather, WEATHER_INDEX } from './collect.ts'
import type { MeasureName } from './observation.ts'
import type { Station } from './stations.ts'
import { between, checkCount, numberOf, type PublishWeather, type View } from './view.ts'

export type { PublishWeather } from './view.ts'

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** `2026-01-05 13:00 KST` */
const shown = (at: number): string => `${kstText(at).slice(0, 16).replace('T', ' ')} KST`

const until = (last: number): Query => ({ range: { field: 'tm', lte: kstText(last) } })
const at = ({ id }: Station): Query => ({ term: { field: 'station', value: id } })

/** The first or the last observation of a station. */
async function edgeOf(
  { index, name, last }: View,
  station: Station,
  order: 'asc' | 'desc',
): Promise<Source | undefined> {
  const query: Query = { and: [at(station), until(last)] }
  const { documents } = await index.search(name, { query, sort: [{ field: 'tm', order }], size: 1 })
  return documents[0]?.source
}

async function publishNow(view: View): Promise<void> {
  const { op, stations, last } = view
  const newest = await Promise.all(stations.map((station) => edgeOf(view, station, 'desc')))
  await op.publish('now', {
    title: `The weather at ${shown(last)}`,
    columns: [
      { name: 'station', type: 'text' },
      { name: 'observed', type: 'instant' },
      { name: 'temperature', type: 'number', unit: '°C' },
      { name: 'humidity', type: 'number', unit: '%' },
      { name: 'wind', type: 'number', unit: 'm/s' },
      { name: 'precipitation', type: 'number', unit: 'mm' },
      { name: 'pressure', type: 'number', unit: 'hPa' },
    ],
    rows: stations.map(({ id, name }, i) => [
      `${name} (${id})`,
      textOf(newest[i]?.['tm']),
      numberOf(newest[i], 'temperature'),
      numberOf(newest[i], 'humidity'),
      numberOf(newest[i], 'wind_speed'),
      numberOf(newest[i], 'precipitation'),
      numberOf(newest[i], 'sea_level_pressure'),
    ]),
    charts: [{ kind: 'bar', x: 'station', y: ['temperature'] }],
  })
}

async function publishDay(view: View): Promise<void> {
  const { op, index, name, stations, last } = view
  const first = last - 23 * HOUR
  const query = between(
    stations.map(({ id }) => id),
    first,
    last,
  )
  const { documents } = await index.search(name, { query, size: stations.length * 24 })
  const found = new Map(documents.map(({ id, source }) => [id, source]))
  const hours = Array.from({ length: 24 }, (_, i) => kstText(first + i * HOUR))
  const measured = (hour: string, measure: MeasureName) =>
    stations.map(({ id }) => numberOf(found.get(`${id}:${hour}`), measure))
  const columnsOf = (what: string, unit: string) =>
    stations.map((station) => ({ name: `${station.name} ${what}`, type: 'number', unit }) as const)
  const temperatures = columnsOf('temperature', '°C')
  const rain = columnsOf('precipitation', 'mm')
  const namesOf = (columns: readonly { readonly name: string }[]) => columns.map((column) => column.name)
  await op.publish('last_24_hours', {
    title: `24 hours until ${shown(last)}`,
    columns: [{ name: 'observed', type: 'instant' }, ...temperatures, ...rain],
    rows: hours.map((hour) => [hour, ...measured(hour, 'temperature'), ...measured(hour, 'precipitation')]),
    charts: [
      { kind: 'line', x: 'observed', y: namesOf(temperatures) },
      { kind: 'bar', x: 'observed', y: namesOf(rain) },
    ],
  })
}

async function publishStations(view: View): Promise<void> {
  const { op, index, name, stations, last } = view
  const query = until(last)
  const size = 1_000
  const counts = await index.top(name, { query, field: 'station', size, metrics: { wrong: { sum: 'wrong_values' } } })
  const rainy: Query = { and: [query, { range: { field: 'precipitation', gte: 0 } }] }
  const rain = await index.top(name, { query: rainy, field: 'station', size })
  const rows = stations.map(async (station) => {
    const all = counts.find(({ key }) => key === station.id)
    const withRain = rain.find(({ key }) => key === station.id)?.count ?? 0
    const [oldest, newest] = [await edgeOf(view, station, 'asc'), await edgeOf(view, station, 'desc')]
    const documents = all?.count ?? 0
    return [
      station.id,
      station.name,
      documents,
      textOf(oldest?.['tm']),
      textOf(newest?.['tm']),
      documents - withRain,
      Math.round(all?.metrics['wrong'] ?? 0),
    ]
  })
  await op.publish('stations', {
    title: 'Stations in the index',
    columns: [
      { name: 'station', type: 'text' },
      { name: 'name', type: 'text' },
      { name: 'hours', type: 'number' },
      { name: 'first', type: 'instant' },
      { name: 'last', type: 'instant' },
      { name: 'without rain value', type: 'number', unit: 'hours' },
      { name: 'wrong values dropped', type: 'number' },
    ],
    rows: await Promise.all(rows),
  })
}

/** Counts what the run has stored and publishes its tables. Call it inside a task, with what `collectWeather` returned. */
export async function publishWeather(
  stations: readonly Station[],
  collected: readonly CollectedWeather[],
  options: PublishWeather = {},
): Promise<{ readonly hours: number }> {
  const op = getOperatorContext('publishWeather')
  const { indexConnId, index: name = WEATHER_INDEX } = options
  const { first, last } = hoursOf(op.run)
  const index = await openDocumentIndex(op, indexConnId)
  try {
    const view: View = { op, index, name, stations, last }
    await index.refresh(name)
    await checkCount(view, collected, first)
    await publishNow(view)
    await publishDay(view)
    await publishStations(view)
    return { hours: await index.count(name, until(last)) }
  } finally {
    await index.close()
  }
}
