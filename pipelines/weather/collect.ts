// A station's hours or days from the service into the document index, by station and time: asked again or killed, each is there once.

import { type Clock, systemClock } from '../../operators/clock.ts'
import {
  type DocumentIndex,
  type Fields,
  openDocumentIndex,
  type Source,
} from '../../operators/document-index/index.ts'
import { type OpenDataItem, taskEnding } from '../../operators/open-data-kr/index.ts'
import { FailTask, getOperatorContext, type OperatorContext, type RunInfo } from '../../sdk/index.ts'
import { daysOf, hoursOf, kstText, type Slot } from '../open-data/slot.ts'
import { secondsToNextLook } from '../open-data/waiting.ts'
import {
  DAILY_MEASURES,
  DAILY_WEATHER_FIELDS,
  type DailyObservation,
  dailyDocumentId,
  readDailyObservation,
} from './daily-observation.ts'
import { documentId, MEASURES, type Observation, readObservation, WEATHER_FIELDS } from './observation.ts'
import { openWeather, type WeatherSource } from './source.ts'
import type { Station } from './stations.ts'

export const WEATHER_INDEX = 'weather-hourly'
export const DAILY_WEATHER_INDEX = 'weather-daily'

export interface CollectWeather {
  /** Default `open_data_kr_default`; without it the simulated service is read. */
  readonly connId?: string
  /** Default `elasticsearch_default`; without it the embedded index in Postgres. */
  readonly indexConnId?: string
  /** Default `weather-hourly`, or `weather-daily`. */
  readonly index?: string
  /**
   * Hours or days that are missing so many days after their day are given up: none at all fails, a gap is told. Until then the task
   * is rescheduled and asks again. Default 3.
   */
  readonly giveUpAfterDays?: number
  /** For tests. */
  readonly clock?: Clock
}

/** What was collected (the task's XCom). */
export type CollectedWeather = {
  readonly station: string
  readonly index: string
  /** Observations of the run's hours or days, each now a document. */
  readonly documents: number
  /** Hours or days that the service does not have. */
  readonly missing: number
  /** Rows that are none of what was asked for. */
  readonly rejected: number
  /** Values that were dropped: flagged as wrong, or no numbers. */
  readonly wrongValues: number
}

/** What differs between hours and days. */
interface Kind<T extends Observed> {
  readonly by: 'hour' | 'day'
  readonly index: string
  readonly fields: Fields
  readonly measures: readonly string[]
  readonly slotOf: (run: RunInfo) => Slot
  readonly read: (item: OpenDataItem, station: Station, slot: Slot) => T | { readonly fault: string }
  readonly idOf: (observation: T) => string
}

type Observed = Source & { readonly tm: string; readonly wrong_values: number }

const HOURS: Kind<Observation> = {
  by: 'hour',
  index: WEATHER_INDEX,
  fields: WEATHER_FIELDS,
  measures: Object.keys(MEASURES),
  slotOf: hoursOf,
  read: readObservation,
  idOf: documentId,
}

const DAYS: Kind<DailyObservation> = {
  by: 'day',
  index: DAILY_WEATHER_INDEX,
  fields: DAILY_WEATHER_FIELDS,
  measures: Object.keys(DAILY_MEASURES),
  slotOf: daysOf,
  read: readDailyObservation,
  idOf: dailyDocumentId,
}

interface Work<T extends Observed> {
  readonly kind: Kind<T>
  readonly op: OperatorContext
  readonly station: Station
  readonly slot: Slot
  readonly source: WeatherSource
  readonly index: DocumentIndex
  readonly name: string
}

interface Counted {
  /** Rows that came. */
  rows: number
  /** Ids that were put. */
  readonly ids: Set<string>
  rejected: number
  /** Of those the index itself refused. */
  refused: number
  wrongValues: number
  /** Hours or days without this value, by its name. */
  readonly absent: Record<string, number>
}

/** Reasons told in the log; a service that went wrong altogether has thousands. */
const MOST_TOLD = 5

function reject<T extends Observed>({ op, station }: Work<T>, counted: Counted, reason: string): void {
  counted.rejected += 1
  if (counted.rejected <= MOST_TOLD) op.log.warn({ station: station.id, reason }, 'a row of the service is rejected')
}

function count<T extends Observed>({ kind }: Work<T>, counted: Counted, observation: T): void {
  counted.wrongValues += observation.wrong_values
  for (const name of kind.measures)
    if (observation[name] === undefined) counted.absent[name] = (counted.absent[name] ?? 0) + 1
}

async function putPage<T extends Observed>(
  work: Work<T>,
  items: readonly OpenDataItem[],
  counted: Counted,
): Promise<void> {
  const { kind, station, slot, index, name } = work
  const documents = new Map<string, T>()
  counted.rows += items.length
  for (const item of items) {
    const observation = kind.read(item, station, slot)
    if ('fault' in observation) {
      reject(work, counted, String(observation.fault))
      continue
    }
    const id = kind.idOf(observation)
    if (counted.ids.has(id) || documents.has(id)) reject(work, counted, `${observation.tm} came twice`)
    else documents.set(id, observation)
  }
  const results = await index.bulk(
    name,
    [...documents].map(([id, source]) => ({ id, source })),
  )
  for (const result of results) {
    const observation = documents.get(result.id)
    if (result.outcome === 'rejected') {
      counted.refused += 1
      work.op.log.warn({ id: result.id, reason: result.reason }, 'the index rejected a document')
    } else if (observation !== undefined) {
      counted.ids.add(result.id)
      count(work, counted, observation)
    }
  }
}

async function putAll<T extends Observed>(work: Work<T>): Promise<Counted> {
  const counted: Counted = { rows: 0, ids: new Set(), rejected: 0, refused: 0, wrongValues: 0, absent: {} }
  await work.index.ensureIndex(work.name, { fields: work.kind.fields })
  const { source, station, slot } = work
  const pages = work.kind.by === 'hour' ? source.hourly(station.id, slot) : source.daily(station.id, slot)
  for await (const items of pages) await putPage(work, items, counted)
  return counted
}

/** Ends the attempt while hours or days may still come. @throws FailTask when none came and none will */
function awaitTheRest<T extends Observed>(
  { op, kind, station, slot, source }: Work<T>,
  documents: number,
  now: number,
  days: number,
): void {
  const { last: lastHour, count: wanted } = slot
  const seconds = secondsToNextLook({ lastHour, now, isSimulated: source.isSimulated, giveUpAfterDays: days })
  const which = { station: station.id, from: kstText(slot.first), to: kstText(lastHour), wanted, documents }
  if (seconds !== null) {
    op.log.info(
      { ...which, next: kstText(now + seconds * 1_000) },
      `the service does not have every ${kind.by} yet: rescheduled, and asked for again`,
    )
    op.reschedule(seconds)
  }
  if (documents === 0)
    throw new FailTask(
      `station ${station.id} (${station.name}) has no observation from ${which.from} to ${which.to}, ${days} days after: ` +
        'was the station closed, or its number changed? Its numbers are on data.kma.go.kr.',
    )
  op.log.warn(
    { ...which, missing: wanted - documents },
    `the service has a gap: what is missing by the ${kind.by} will not come any more`,
  )
}

async function tell<T extends Observed>(work: Work<T>, counted: Counted): Promise<void> {
  const { op, station, index, name } = work
  const { rows, ids, rejected, refused, wrongValues, absent } = counted
  const good = rows - rejected
  const source = `${work.source.name} station ${station.id}`
  await op.record({ kind: 'source', target: source, rowsRead: rows, rowsWritten: good, rowsRejected: rejected })
  const target = `${index.name} ${name}`
  await op.record({ kind: 'index', target, rowsRead: good, rowsWritten: ids.size, rowsRejected: refused })
  op.log.info({ station: station.id, documents: ids.size, rejected, refused, wrongValues, absent }, 'station collected')
}

async function collectKind<T extends Observed>(
  kind: Kind<T>,
  op: OperatorContext,
  station: Station,
  options: CollectWeather,
): Promise<CollectedWeather> {
  const { indexConnId, index: name = kind.index, giveUpAfterDays = 3, clock = systemClock, connId } = options
  const slot = kind.slotOf(op.run)
  if (!/^\d{1,5}$/.test(station.id))
    throw new FailTask(`${JSON.stringify(station.id)} is no station: a number such as 108`)
  const index = await openDocumentIndex(op, indexConnId)
  try {
    const source = await openWeather(op, kind.by, { clock, ...(connId !== undefined && { connId }) })
    try {
      const work: Work<T> = { kind, op, station, slot, source, index, name }
      const counted = await putAll(work)
      const documents = counted.ids.size
      // A rejected row stands for nothing: success without the hour would be an empty one.
      const missing = slot.count - documents - counted.refused
      if (missing > 0) awaitTheRest(work, documents, clock.now(), giveUpAfterDays)
      await tell(work, counted)
      const { rejected, wrongValues } = counted
      return { station: station.id, index: name, documents, missing, rejected, wrongValues }
    } finally {
      await source.close()
    }
  } catch (error) {
    throw taskEnding(error, clock.now())
  } finally {
    await index.close()
  }
}

/**
 * Collects the hours of the run's data interval at a station. Hours that the service does not have yet reschedule the task,
 * which then asks again; a refused key or parameter fails it without a retry; used-up calls retry it after midnight in Seoul.
 * Safe to repeat at any point. Call it inside a task.
 */
export const collectWeather = (station: Station, options: CollectWeather = {}): Promise<CollectedWeather> =>
  collectKind(HOURS, getOperatorContext('collectWeather'), station, options)

/** Collects the days of the run's data interval at a station, as `collectWeather` does hours. Call it inside a task. */
export const collectDailyWeather = (station: Station, options: CollectWeather = {}): Promise<CollectedWeather> =>
  collectKind(DAYS, getOperatorContext('collectDailyWeather'), station, options)
