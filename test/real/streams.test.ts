// The vehicles, the orders and the weather on Kafka, HDFS, Hive, Elasticsearch and Postgres: what the embedded backends were asked in
// test/services, with the same numbers, and with servers that are killed amid a window.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/index.ts'
import { deadLetterTopic, openEventLog } from '../../operators/event-log/index.ts'
import { openLake } from '../../operators/lake/open.ts'
import { CAR_TOPIC_OPTIONS, collectCars } from '../../pipelines/cars/consume.ts'
import { type CarPlan, countCars } from '../../pipelines/cars/generate.ts'
import { produceCars } from '../../pipelines/cars/produce.ts'
import { reconcileCars } from '../../pipelines/cars/reconcile.ts'
import { checkShop } from '../../pipelines/orders/check.ts'
import { collectOrders, collectShopEvents } from '../../pipelines/orders/consume.ts'
import { produceOrders } from '../../pipelines/orders/produce.ts'
import { publishShop } from '../../pipelines/orders/publish.ts'
import { runInScope } from '../../sdk/context.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { connectionOf } from '../services/postgres-connection.ts'
import { runSql } from '../support/launch-postgres.ts'
import { type MadeUp, madeUpContext, runOf, temporaryFolder } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { realLake } from '../support/real-lake.ts'
import { onRealServers, sized } from '../support/real-servers.ts'

let postgres: TestPostgres
let url: string
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  url = await postgres.createDatabase()
})

/** 00:00 in Seoul. */
const START = new Date('2024-03-17T15:00:00Z')
const until = { records: sized({ small: 1_000, full: 10_000 }), seconds: 0 }

await onRealServers(['kafka3', 'hdfs', 'hive', 'elasticsearch'], ({ kafka3, hdfs, hive, elasticsearch }) => {
  const lake = realLake({ hdfs, hive })
  const index = new URL(elasticsearch.endpoints['elasticsearch'] ?? '')
  const connections = (): readonly ConnectionResult[] => [
    ...lake.connections.map(({ extra, ...rest }) => ({ ...rest, extra: JSON.stringify(extra ?? {}) })),
    { ...connectionOf(url), id: 'postgres_default' },
    { id: 'kafka_default', type: 'kafka', extra: JSON.stringify({ 'bootstrap.servers': kafka3.endpoints['kafka'] }) },
    { id: 'elasticsearch_default', type: 'elasticsearch', host: index.hostname, port: Number(index.port) },
  ]
  let scratch: string
  beforeEach(async () => {
    scratch = await temporaryFolder()
    await lake.clean(['cars', 'shop'], ['/car_info', '/shop'])
  })
  const opOf = (more: Partial<MadeUp> = {}) => {
    const run = runOf(START, new Date(START.getTime() + 60_000))
    return madeUpContext({ embeddedRoot: scratch, connections: connections(), run, ...more })
  }
  const inTask = <T>(act: () => Promise<T>, more: Partial<MadeUp> = {}) => runInScope(opOf(more), act)

  /** A run that is stopped when its log says so. */
  async function stoppedAt<T>(stage: string, act: () => Promise<T>): Promise<void> {
    const abort = new AbortController()
    const op = opOf({ signal: abort.signal })
    const { info } = op.log
    op.log.info = (...line: [object | string, string?]) => {
      Reflect.apply(info, op.log, line)
      if (line.includes(stage)) abort.abort(new Error('stopped'))
    }
    const acting = runInScope(op, act).then(() => abort.signal.throwIfAborted())
    await expect(acting).rejects.toThrow('stopped')
  }

  async function drain(collect: () => Promise<{ readonly rowsRead: number }>): Promise<number> {
    for (let records = 0; ; ) {
      const { rowsRead } = await inTask(collect)
      if (rowsRead === 0) return records
      records += rowsRead
    }
  }

  async function deadLetters(topic: string): Promise<number> {
    const log = await openEventLog(opOf())
    try {
      let count = 0
      for await (const batch of log.readRange(deadLetterTopic(topic), 0, 0, Number.MAX_SAFE_INTEGER))
        count += batch.length
      return count
    } finally {
      await log.close()
    }
  }

  describe('the vehicles’ stream', () => {
    const points = sized({ small: 4_000, full: 1_000_000 })
    const plan: CarPlan = { seed: 1, cars: 50, perSecond: sized({ small: 1, full: 100 }), start: START.getTime() }

    test('stopped three times, and with a broker killed, has the same ids in Postgres and HDFS, and the garbage in the dead letters', async () => {
      const topic = `car_info-${randomUUID()}`
      const { perSecond } = plan
      await inTask(() => produceCars({ topic, points, perSecond }))
      const collect = () => collectCars({ topic, until, idleSeconds: 0 })
      for (const stage of [
        'window upserted',
        'window is in the lake',
        'an earlier try had begun this window: repeating it',
      ])
        await stoppedAt(stage, collect)
      await kafka3.kill('broker-2')
      const first = await inTask(collect)
      expect(first).toMatchObject({ rowsRead: until.records, repeated: true })
      await kafka3.restart('broker-2')
      await drain(collect)
      const { distinctIds, garbage } = countCars(plan, points)
      const { postgres: inTable, lake: inLake, different } = await inTask(() => reconcileCars({ days: 3 }))
      expect({ inTable, inLake, different, garbage: await deadLetters(topic) }).toEqual({
        ...{ inTable: distinctIds, inLake: distinctIds, different: [], garbage },
      })
      const windows = Math.ceil(points / until.records)
      const hours = Math.ceil(points / perSecond / 3_600) + 3
      expect((await lake.files('/car_info')).length).toBeLessThanOrEqual(windows * hours)
    }, 300_000)
  })

  test('the orders of a day are the same numbers as a stream, stopped twice, and as a batch in Hive; each is told once', async () => {
    const suffix = randomUUID()
    const [topic, eventTopic, told] = [`orders-${suffix}`, `shop_events-${suffix}`, `order_stats-${suffix}`]
    const orders = sized({ small: 3_000, full: 500_000 })
    // Small: the first hours of a day, since each hour of each window is a file of HDFS.
    const perDay = sized({ small: 60_000, full: 500_000 })
    await inTask(() => produceOrders({ topic, eventTopic, orders, perDay }))
    const collect = () => collectOrders({ topic, until, idleSeconds: 0 })
    for (const stage of ['window is in the lake', 'window added to the state']) await stoppedAt(stage, collect)
    expect(await drain(collect)).toBeGreaterThanOrEqual(orders - until.records)
    await drain(() => collectShopEvents({ topic: eventTopic, until, idleSeconds: 0 }))
    const checked = await inTask(() => checkShop({ days: 3 }))
    const [sum] = await runSql(url, 'select sum(orders)::int as orders from order_minute')
    expect(checked.orders).toBe(sum?.['orders'])
    const name = `order-stats-${suffix}`
    const { results } = await inTask(() => publishShop({ topic: told, index: name }))
    expect(await inTask(() => publishShop({ topic: told, index: name }))).toEqual({ results: 0 })
    const documents = await openDocumentIndex(opOf())
    try {
      await documents.refresh(name)
      expect(await documents.count(name)).toBeLessThanOrEqual(results)
      expect(await documents.count(name, { term: { field: 'kind', value: 'minute' } })).toBe(checked.minutes)
    } finally {
      await documents.close()
    }
  }, 300_000)

  test('a NameNode that is away fails the try, and the next one repeats the same window', async () => {
    const topic = `car_info-${randomUUID()}`
    await inTask(() => produceCars({ topic, points: 500 }))
    await (await openLake(opOf(), 'hdfs_default')).mkdirs('/car_info')
    await hdfs.kill('namenode')
    const slow = connections().map((one) =>
      one.id === 'hdfs_default' ? { ...one, extra: JSON.stringify({ timeout: 2, failover_timeout: 2 }) } : one,
    )
    const failing = inTask(() => collectCars({ topic, until, idleSeconds: 0 }), { connections: slow })
    await expect(failing).rejects.toThrow()
    await hdfs.restart('namenode')
    const log = await openEventLog(opOf())
    expect(await log.storedOffsets('car_info', topic)).toEqual(Array(CAR_TOPIC_OPTIONS.partitions ?? 0).fill(null))
    await log.close()
    await expect
      .poll(() => inTask(() => collectCars({ topic, until, idleSeconds: 0 })).catch(String), { timeout: 60_000 })
      .toMatchObject({ rowsRead: 500, repeated: true })
  })
})
