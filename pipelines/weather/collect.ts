// A station's hours from the service into the document index, by station and hour: asked again or killed, each is there once.

import { type Clock, systemClock } from '../../operators/clock.ts'
import { type DocumentIndex, openDocumentIndex } from '../../operators/document-index/index.ts'
import { type OpenDataItem, taskEnding } from '../../operators/open-data-kr/index.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { type Hours, hoursOf, kstText } from './hours.ts'
import { documentId, MEASURE_NAMES, type Observation, readObservation, WEATHER_FIELDS } from './observation.ts'
import { openWeather, type WeatherSource } from './source.ts'
import type { Station } from './stations.ts'
import { secondsToNextLook } from './waiting.ts'

export const WEATHER_INDEX = 'weather-hourly'

export interface CollectWeather {
  /** Default `open_data_kr_default`; without it the simulated service is read. */
  readonly connId?: string
  /** Default `elasticsearch_default`; without it the embedded index in Postgres. */
  readonly indexConnId?: string
  /** Default `weather-hourly`. */
  readonly index?: string
  /**
   * Hours that are missing so many days after their day are given up: none at all fails, a gap is told. Until then the task
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
  /** Observations of the run's hours, each now a document. */
  readonly documents: number
  /** Hours that the service does not have. */
  readonly missing: number
  /** Rows that are none of what was asked for. */
  readonly rejected: number
  /** Values that were dropped: flagged as wrong, or no numbers. */
  readonly wrongValues: number
}

interface Work {
  readonly op: OperatorContext
  readonly station: Station
  readonly hours: Hours
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
  /** Hours without this value, by its name. */
  readonly absent: Record<string, number>
}

/** Reasons told in the log; a service that went wrong altogether has thousands. */
const MOST_TOLD = 5

function reject({ op, station }: Work, counted: Counted, reason: string): void {
  counted.rejected += 1
  if (counted.rejected <= MOST_TOLD) op.log.warn({ station: station.id, reason }, 'a row of the service is rejected')
}

function count(counted: Counted, observation: Observation): void {
  counted.wrongValues += observation.wrong_values
  for (const name of MEASURE_NAMES)
    if (observation[name] === undefined) counted.absent[name] = (counted.absent[name] ?? 0) + 1
}

async function putPage(work: Work, items: readonly OpenDataItem[], counted: Counted): Promise<void> {
  const { station, hours, index, name } = work
  const documents = new Map<string, Observation>()
  counted.rows += items.length
  for (const item of items) {
    const observation = readObservation(item, station, hours)
    if ('fault' in observation) {
      reject(work, counted, observation.fault)
      continue
    }
    const id = documentId(observation)
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
      count(counted, observation)
    }
  }
}

async function putAll(work: Work): Promise<Counted> {
  const counted: Counted = { rows: 0, ids: new Set(), rejected: 0, refused: 0, wrongValues: 0, absent: {} }
  await work.index.ensureIndex(work.name, { fields: WEATHER_FIELDS })
  for await (const items of work.source.hourly(work.station.id, work.hours)) await putPage(work, items, counted)
  return counted
}

/** Ends the attempt while hours may still come. @throws FailTask when none came and none will */
function awaitTheRest({ op, station, hours, source }: Work, documents: number, now: number, days: number): void {
  const { last: lastHour, count: wanted } = hours
  const seconds = secondsToNextLook({ lastHour, now, isSimulated: source.isSimulated, giveUpAfterDays: days })
  const which = { station: station.id, from: kstText(hours.first), to: kstText(lastHour), wanted, documents }
  if (seconds !== null) {
    op.log.info(
      { ...which, next: kstText(now + seconds * 1_000) },
      'the service does not have all hours yet: rescheduled, and asked for again',
    )
    op.reschedule(seconds)
  }
  if (documents === 0)
    throw new FailTask(
      `station ${station.id} (${station.name}) has no observation from ${which.from} to ${which.to}, ${days} days after: ` +
        'was the station closed, or its number changed? Its numbers are on data.kma.go.kr.',
    )
  op.log.warn({ ...which, missing: wanted - documents }, 'the service has a gap: these hours will not come any more')
}

async function tell(work: Work, counted: Counted): Promise<void> {
  const { op, station, index, name } = work
  const { rows, ids, rejected, refused, wrongValues, absent } = counted
  const good = rows - rejected
  const source = `${work.source.name} station ${station.id}`
  await op.record({ kind: 'source', target: source, rowsRead: rows, rowsWritten: good, rowsRejected: rejected })
  const target = `${index.name} ${name}`
  await op.record({ kind: 'index', target, rowsRead: good, rowsWritten: ids.size, rowsRejected: refused })
  op.log.info({ station: station.id, documents: ids.size, rejected, refused, wrongValues, absent }, 'station collected')
}

/**
 * Collects the hours of the run's data interval at a station. Hours that the service does not have yet reschedule the task,
 * which then asks again; a refused key or parameter fails it without a retry; used-up calls retry it after midnight in Seoul.
 * Safe to repeat at any point. Call it inside a task.
 */
export async function collectWeather(station: Station, options: CollectWeather = {}): Promise<CollectedWeather> {
  const op = getOperatorContext('collectWeather')
  const { indexConnId, index: name = WEATHER_INDEX, giveUpAfterDays = 3, clock = systemClock, connId } = options
  const hours = hoursOf(op.run)
  if (!/^\d{1,5}$/.test(station.id))
    throw new FailTask(`${JSON.stringify(station.id)} is no station: a number such as 108`)
  const index = await openDocumentIndex(op, indexConnId)
  try {
    const source = await openWeather(op, { clock, ...(connId !== undefined && { connId }) })
    try {
      const work: Work = { op, station, hours, source, index, name }
      const counted = await putAll(work)
      const documents = counted.ids.size
      // A rejected row stands for no hour: success without the hour would be an empty one.
      const missing = hours.count - documents - counted.refused
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
