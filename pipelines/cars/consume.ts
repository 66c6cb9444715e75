// One window of the feed into Postgres and the lake: both have it before the offset moves.

import {
  type ConsumedWindow,
  consumeWindow,
  type LogMessage,
  type TopicOptions,
  type Until,
} from '../../operators/event-log/index.ts'
import { lakeSink, postgresSink } from '../../operators/window-sinks/index.ts'
import { CAR_COLUMNS, CAR_TABLE, type CarPoint, carParquetRow, carTableRow, readCar } from './schema.ts'

export const CAR_TOPIC = 'car_info'
export const CAR_TOPIC_OPTIONS: TopicOptions = { partitions: 3 }
/** Of the lake: days and hours below it are Seoul's. */
export const CAR_FOLDER = '/car_info'
export const CAR_PG_TABLE = 'car_info_table'
export const CAR_ZONE = 'Asia/Seoul'

export interface CollectCars {
  /** Default 10,000 records or 10 seconds. */
  readonly until?: Until
  /** Default `car_info`. */
  readonly topic?: string
  /** Default `kafka_default`; without it the embedded event log. */
  readonly logConnId?: string
  /** Default `postgres_default`; without it the embedded Postgres. */
  readonly postgresConnId?: string
  /** Default `hdfs_default`; without it the embedded lake. */
  readonly lakeConnId?: string
  /** Seconds an idle stream is waited for before the run ends. Default 300. */
  readonly idleSeconds?: number
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The point of a record, or why it is for the dead letters. */
export function parseCar({
  value,
}: Pick<LogMessage, 'value'>): { readonly value: CarPoint } | { readonly fault: string } {
  if (value === null) return { fault: 'the record has no value' }
  let message: unknown
  try {
    message = JSON.parse(utf8.decode(value))
  } catch (error) {
    return { fault: error instanceof SyntaxError ? 'the value is not JSON' : 'the value is not UTF-8' }
  }
  return readCar(message)
}

const connection = (connId: string | undefined) => (connId === undefined ? {} : { connId })

/** Consumes one window. Safe to repeat at any point. Call it inside a task of a `@continuous` DAG. */
export async function collectCars(options: CollectCars = {}): Promise<ConsumedWindow> {
  const { until, topic = CAR_TOPIC, idleSeconds, logConnId, postgresConnId, lakeConnId } = options
  return consumeWindow({
    ...connection(logConnId),
    topic,
    group: 'car_info',
    create: CAR_TOPIC_OPTIONS,
    parse: parseCar,
    ...(until !== undefined && { until }),
    ...(idleSeconds !== undefined && { idleSeconds }),
    sinks: [
      postgresSink({
        ...connection(postgresConnId),
        table: CAR_PG_TABLE,
        columns: CAR_TABLE,
        key: ['data_id'],
        row: carTableRow,
      }),
      lakeSink({
        ...connection(lakeConnId),
        folder: CAR_FOLDER,
        columns: CAR_COLUMNS,
        row: carParquetRow,
        time: ({ gpsUtcTime }: CarPoint) => gpsUtcTime,
        timezone: CAR_ZONE,
      }),
    ],
  })
}
