// The windows of order_stats by Spark: where the job is told to read, write and keep its checkpoint, and whether it finds the same.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type EventLog, openEventLog } from '../../operators/event-log/index.ts'
import { kafkaConfigOf } from '../../operators/event-log/kafka-connection.ts'
import { openPostgres } from '../../operators/postgres/index.ts'
import { FailTask, getOperatorContext } from '../../sdk/index.ts'
import { ORDER_TOPIC } from './consume.ts'
import { orderResults } from './results.ts'
import { createShopTables } from './tables.ts'

/** The job itself: a file for `sparkSubmit`. It must be at this path on the worker; executors need none of it. */
export const ORDER_WINDOWS_JOB = join(import.meta.dirname, 'order_windows.py')
const SPARK_RESULT_TOPIC = 'order_stats_spark'

export interface PlanSpark {
  /**
   * Where Spark keeps how far it has read, and its state: an address that driver and executors can write, such as
   * `hdfs://nn1:8020/shop/_checkpoint`. Default, and empty: a folder of the embedded lake, for a Spark of this host.
   */
  readonly checkpoint?: string
  /** Default `orders`. */
  readonly topic?: string
  /** Default `order_stats_spark`. */
  readonly results?: string
  /** Default `kafka_default`. */
  readonly logConnId?: string
}

export type SparkPlan = {
  readonly bootstrap: string
  readonly topic: string
  readonly results: string
  readonly checkpoint: string
}

/** What the job is told. Makes the topic of the results. Call it inside a task. @throws FailTask without a Kafka */
export async function planSpark(options: PlanSpark = {}): Promise<SparkPlan> {
  const op = getOperatorContext('planSpark')
  const { checkpoint = '', topic = ORDER_TOPIC, results = SPARK_RESULT_TOPIC, logConnId = 'kafka_default' } = options
  const connection = await op.client.getConnection(logConnId)
  if (connection?.type !== 'kafka')
    throw new FailTask(
      `Spark reads Kafka, and there is no connection ${logConnId} of type kafka: the embedded event log is of this host's processes alone`,
    )
  const bootstrap = (await kafkaConfigOf(connection)).brokers.join(',')
  const log = await openEventLog(op, logConnId)
  try {
    await log.ensureTopic(results)
  } finally {
    await log.close()
  }
  const own = pathToFileURL(join(op.embeddedRoot, 'lake', 'shop', '_spark_checkpoint')).href
  return { bootstrap, topic, results, checkpoint: checkpoint === '' ? own : checkpoint }
}

export type ComparedSpark = {
  /** Minutes and places of hours that both have. */
  readonly results: number
}

/** Spark and the stream do not have the same. Where one has read further than the other, a later run finds them equal. */
export class SparkDiffersError extends Error {
  override readonly name = 'SparkDiffersError'
}

type Results = ReadonlyMap<string, string>

/** Names in one order, so that equal results are equal texts. */
const textOf = (result: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(
    Object.entries(result)
      .filter(([name]) => name !== 'revision')
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

/** The newest of each key. */
async function resultsIn(log: EventLog, topic: string): Promise<Results> {
  const found = new Map<string, string>()
  for (const { partition, earliest, end } of await log.offsets(topic))
    for await (const batch of log.readRange(topic, partition, earliest, end))
      for (const { key, value } of batch)
        found.set(String(key), textOf(JSON.parse(String(value)) as Readonly<Record<string, unknown>>))
  return found
}

/** Compares what Spark wrote with the state of the stream, result by result. Call it inside a task. @throws SparkDiffersError */
export async function compareSpark(
  { results }: Pick<SparkPlan, 'results'>,
  options: { readonly logConnId?: string; readonly postgresConnId?: string } = {},
): Promise<ComparedSpark> {
  const op = getOperatorContext('compareSpark')
  const log = await openEventLog(op, options.logConnId)
  const spark = await resultsIn(log, results).finally(() => log.close())
  const postgres = await openPostgres(op, options.postgresConnId)
  try {
    await createShopTables(postgres)
    const told = await orderResults(postgres, { from: 0, to: Number.MAX_SAFE_INTEGER })
    const stream: Results = new Map(
      told.filter(({ source }) => source['kind'] !== 'total').map(({ id, source }) => [id, textOf(source)]),
    )
    const keys = [...new Set([...spark.keys(), ...stream.keys()])].sort()
    const different = keys.filter((key) => spark.get(key) !== stream.get(key))
    op.log.info({ spark: spark.size, stream: stream.size, different: different.length }, 'Spark and stream compared')
    const [first] = different
    if (first !== undefined)
      throw new SparkDiffersError(
        `Spark and the stream differ in ${different.length} of ${keys.length} results, first ${first}: ` +
          `Spark ${spark.get(first) ?? 'has none'}, the stream ${stream.get(first) ?? 'has none'}`,
      )
    return { results: keys.length }
  } finally {
    await postgres.close()
  }
}
