// One window of the feed into Postgres and the lake: both have it before the offset moves.

import {
  type ConsumedWindow,
  consumeWindow,
  type LogMessage,
  type TopicOptions,
} from '../../operators/event-log/index.ts'
import { lakeSink, postgresSink } from '../../operators/window-sinks/index.ts'
import { connection, type StreamOptions, windowOptions } from '../stream-options.ts'
import { CAR_COLUMNS, CAR_TABLE, type CarPoint, carParquetRow, carTableRow, readCar } from './schema.ts'

export const CAR_TOPIC = 'car_info'
export const CAR_TOPIC_OPTIONS: TopicOptions = { partitions: 3 }
/** Of the lake: days and hours below it are Seoul's. */
export const CAR_FOLDER = '/car_info'
export const CAR_PG_TABLE = 'car_info_table'
export const CAR_ZONE = 'Asia/Seoul'

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

/** Consumes one window. Safe to repeat at any point. Call it inside a task of a `@continuous` DAG. */
export async function collectCars(options: StreamOptions = {}): Promise<ConsumedWindow> {
  const { topic = CAR_TOPIC, postgresConnId, lakeConnId } = options
  return consumeWindow({
    ...windowOptions(options, CAR_TOPIC_OPTIONS),
    topic,
    group: 'car_info',
    parse: parseCar,
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
