// The windows of the orders on a real Spark from a real Kafka, killed in the middle: the same results as the stream, one by one.

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sparkSubmitWith } from '../../operators/spark/spark-submit.ts'
import { collectOrders } from '../../pipelines/orders/consume.ts'
import { produceOrders } from '../../pipelines/orders/produce.ts'
import { compareSpark, ORDER_WINDOWS_JOB, planSpark, type SparkPlan } from '../../pipelines/orders/spark.ts'
import { runInScope } from '../../sdk/context.ts'
import { connectionOf } from '../services/postgres-connection.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, runOf, temporaryFolder } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { onRealServers, sized } from '../support/real-servers.ts'

removeTemporaryFoldersAfterwards()
let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())

/** 00:00 in Seoul. */
const START = new Date('2024-03-17T15:00:00Z')
const ORDERS = sized({ small: 6_000, full: 500_000 })
const QUICK = '-XX:+UseSerialGC -XX:TieredStopAtLevel=1'

await onRealServers(['kafka', 'spark'], ({ kafka, spark }) => {
  test('Spark finds the minutes and the ten items of each hour that the stream finds, killed in the middle', async () => {
    const [, host = '', port = ''] = /^(spark:\/\/[^:]+):(\d+)$/.exec(spark.endpoints['spark'] ?? '') ?? []
    const sparkExtra = JSON.stringify({ 'spark-home': spark.endpoints['home'], 'web-ui': spark.endpoints['web'] })
    const connections = [
      { id: 'kafka_default', type: 'kafka', extra: JSON.stringify({ 'bootstrap.servers': kafka.endpoints['kafka'] }) },
      { id: 'spark_default', type: 'spark', host, port: Number(port), extra: sparkExtra },
      { ...connectionOf(await postgres.createDatabase()), id: 'postgres_default' },
    ]
    const embeddedRoot = await temporaryFolder()
    const opOf = (signal?: AbortSignal) => {
      const run = runOf(START, new Date(START.getTime() + 60_000))
      return madeUpContext({ embeddedRoot, connections, run, ...(signal !== undefined && { signal }) })
    }
    const suffix = randomUUID()
    const [topic, eventTopic] = [`orders-${suffix}`, `shop_events-${suffix}`]
    const asked = {
      topic,
      results: `order_stats_spark-${suffix}`,
      checkpoint: pathToFileURL(join(embeddedRoot, 'checkpoint')).href,
    }

    await runInScope(opOf(), () => produceOrders({ topic, eventTopic, orders: ORDERS, visits: 0, perDay: ORDERS }))
    const until = { records: 10_000, seconds: 0 }
    for (let left = true; left; )
      left = (await runInScope(opOf(), () => collectOrders({ topic, until, idleSeconds: 0 }))).rowsRead > 0

    const plan = await runInScope(opOf(), () => planSpark(asked))
    const submit = async ({ bootstrap, results, checkpoint }: SparkPlan, mostRecords: number, signal?: AbortSignal) => {
      const op = opOf(signal)
      const task = sparkSubmitWith(
        { environment: { SPARK_LOCAL_IP: '127.0.0.1' } },
        {
          application: ORDER_WINDOWS_JOB,
          applicationArgs: [
            ...['--bootstrap', bootstrap, '--topic', topic, '--results', results, '--checkpoint', checkpoint],
            ...['--most-records', String(mostRecords)],
          ],
          jars: `${spark.endpoints['kafkaJars']}/*`,
          driverMemory: '1g',
          executorMemory: '1g',
          totalExecutorCores: 2,
          conf: {
            'spark.driver.extraJavaOptions': QUICK,
            'spark.executor.extraJavaOptions': QUICK,
            'spark.sql.shuffle.partitions': 2,
          },
        },
      )
      return { op, running: Promise.resolve(task.execute(op, {})) }
    }
    const abort = new AbortController()
    const first = await submit(plan, Math.floor(ORDERS / 3), abort.signal)
    const { info } = first.op.log
    let stages = 0
    first.op.log.info = (...line: [object | string, string?]) => {
      Reflect.apply(info, first.op.log, line)
      // A few stages in: some batches are told, others are not.
      if (line.some((part) => typeof part === 'string' && part.includes('stages'))) stages += 1
      if (stages === 3) abort.abort(new Error('killed'))
    }
    await expect(first.running).rejects.toThrow('killed')
    await expect(runInScope(opOf(), () => compareSpark(plan))).rejects.toThrow(/Spark and the stream differ in \d+/)
    const { running } = await submit(plan, ORDERS)
    await running
    const { results } = await runInScope(opOf(), () => compareSpark(plan))
    expect(results).toBeGreaterThan(sized({ small: 1_000, full: 1_600 }))
  }, 400_000)
})
