// The shop's streams on the embedded backends: counted once, told once, and the same as a batch over the lake.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/index.ts'
import { deadLetterTopic, type EventLog, openEventLog } from '../../operators/event-log/index.ts'
import { checkShop, ShopDiffersError } from '../../pipelines/orders/check.ts'
import { collectOrders, collectShopEvents, ORDER_TOPIC } from '../../pipelines/orders/consume.ts'
import { generateOrder, type ShopPlan } from '../../pipelines/orders/generate.ts'
import { produceOrders } from '../../pipelines/orders/produce.ts'
import { publishShop, RESULT_INDEX, RESULT_TOPIC } from '../../pipelines/orders/publish.ts'
import { runInScope } from '../../sdk/context.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { runSql } from '../support/launch-postgres.ts'
import {
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  runOf,
  temporaryFolder,
} from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { sized } from '../support/real-servers.ts'
import { connectionOf } from './postgres-connection.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
let url: string
let embedded: ConnectionResult
let embeddedRoot: string
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  url = await server.createDatabase()
  embedded = { ...connectionOf(url), id: 'embedded_postgres' }
  embeddedRoot = await temporaryFolder()
})

/** 00:00 in Seoul. */
const START = new Date('2024-03-17T15:00:00Z')
const ORDERS = sized({ small: 6_000, full: 500_000 })
const PLAN: ShopPlan = { seed: 1, perDay: ORDERS, start: START.getTime() }
const opOf = (more: Partial<MadeUp> = {}) => {
  const run = runOf(START, new Date(START.getTime() + 60_000))
  return madeUpContext({ embeddedRoot, connections: [embedded], run, ...more })
}
const until = { records: sized({ small: 1_000, full: 10_000 }), seconds: 0 }
const produce = (orders = ORDERS) => runInScope(opOf(), () => produceOrders({ orders, perDay: ORDERS }))

/** A run that is stopped when its log says so. */
function stoppedAt<T>(stage: string, act: () => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const op = opOf({ signal: abort.signal })
  const { info } = op.log
  op.log.info = (...line: [object | string, string?]) => {
    Reflect.apply(info, op.log, line)
    if (line.includes(stage)) abort.abort(new Error('stopped'))
  }
  return runInScope(op, act).then((result) => {
    abort.signal.throwIfAborted()
    return result
  })
}

/** The lake has the window, and the state not; both have it, and the log has not heard of it. */
const STAGES = [
  'window is in the lake',
  'an earlier try had begun this window: repeating it',
  'window added to the state',
]

type Collect = typeof collectOrders
async function drain(collect: Collect): Promise<number> {
  let records = 0
  for (;;) {
    const { rowsRead } = await runInScope(opOf(), () => collect({ until, idleSeconds: 0 }))
    if (rowsRead === 0) return records
    records += rowsRead
  }
}
const publish = () => runInScope(opOf(), () => publishShop())
async function check() {
  const op = opOf()
  return { op, result: await runInScope(op, () => checkShop({ days: 3 })) }
}
async function withLog<T>(use: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await openEventLog(opOf())
  try {
    return await use(log)
  } finally {
    await log.close()
  }
}
const recordsOf = (topic: string) =>
  withLog(async (log) => {
    const records: (readonly [key: string, value: string])[] = []
    for (const { partition } of await log.offsets(topic))
      for await (const batch of log.readRange(topic, partition, 0, Number.MAX_SAFE_INTEGER))
        records.push(...batch.map(({ key, value }) => [String(key), String(value)] as const))
    return records
  })

/** What the orders of the plan are, counted in the simplest way. */
function counted(plan: ShopPlan, orders: number) {
  const ids = new Set<string>()
  const expected = { orders: 0, late: 0, tooLate: 0, garbage: 0 }
  for (let n = 0; n < orders; n += 1) {
    const { kind, value, timestamp } = generateOrder(plan, n)
    if (kind === 'garbage') {
      expected.garbage += 1
      continue
    }
    const { orderId, orderedAt } = JSON.parse(value) as { orderId: string; orderedAt: string }
    const delay = timestamp - Date.parse(orderedAt)
    if (delay > 3_600_000) expected.tooLate += 1
    else if (!ids.has(orderId)) {
      ids.add(orderId)
      expected.orders += 1
      if (delay > 60_000) expected.late += 1
    }
  }
  return expected
}

describe('the shop’s streams', () => {
  test('stopped between lake and state, and between index and topic, count and tell each order once, as the batch does', async () => {
    await produce()
    for (const stage of STAGES)
      await expect(stoppedAt(stage, () => collectOrders({ until, idleSeconds: 0 }))).rejects.toThrow('stopped')
    await drain(collectOrders)
    await drain(collectShopEvents)
    await publish()
    const expected = counted(PLAN, ORDERS)
    const [sums] = await runSql(
      url,
      'select sum(orders)::int as orders, sum(late)::int as late, sum(too_late)::int as "tooLate" from order_minute',
    )
    expect({ ...sums, garbage: (await recordsOf(deadLetterTopic(ORDER_TOPIC))).length }).toEqual(expected)
    const { op, result } = await check()
    expect(result).toMatchObject({ orders: expected.orders })
    expect(result.minutes).toBeGreaterThan(sized({ small: 800, full: 1_400 }))
    expect(op.reports.get('stream_and_batch')?.rows.map((row) => row[3])).toEqual([0, 0, 0, 0])
  })

  test('tell each change once: the newest of an id in the topic is what the index has, and the state', async () => {
    await produce(2_000)
    for (let window = 0; window < 2; window += 1) {
      await runInScope(opOf(), () => collectOrders({ until, idleSeconds: 0 }))
      await runInScope(opOf(), () => collectShopEvents({ until, idleSeconds: 0 }))
      await publish()
    }
    const before = await recordsOf(RESULT_TOPIC)
    expect(await publish()).toEqual({ results: 0 })
    expect(await recordsOf(RESULT_TOPIC)).toEqual(before)
    const told = new Set(before.map(([key, value]) => `${key} ${(JSON.parse(value) as { revision: number }).revision}`))
    expect(told.size).toBe(before.length)
    const documents = await openDocumentIndex(opOf())
    try {
      const indexed: (readonly [string, unknown])[] = []
      for await (const batch of documents.export(RESULT_INDEX))
        indexed.push(...batch.map(({ id, source }) => [id, source] as const))
      const newest = new Map(before.map(([key, value]) => [key, JSON.parse(value) as unknown]))
      expect(new Map(indexed)).toEqual(newest)
      expect(new Set(indexed.map(([id]) => id.split('/')[0]))).toEqual(new Set(['minute', 'top', 'total', 'funnel']))
    } finally {
      await documents.close()
    }
  })

  test('show busy hours, what sells, and the steepest step of the funnel', async () => {
    await produce()
    await drain(collectOrders)
    await drain(collectShopEvents)
    const op = opOf()
    await runInScope(op, () => publishShop())
    expect([...op.reports.keys()]).toEqual(['minutes', 'hours', 'top_items', 'items', 'funnel'])
    expect(op.reports.get('hours')?.title).toMatch(/^Hours of the day in Seoul: busiest 2[01]:00, quietest 0[234]:00$/)
    expect(op.reports.get('items')?.rows).toHaveLength(10)
    expect(op.reports.get('funnel')?.title).toMatch(/steepest drop view → like, (6|7)\d %$/)
  })

  test('are read by two tasks of a run at the same time', async () => {
    await produce(2_000)
    const both = [['orders', collectOrders] as const, ['visits', collectShopEvents] as const]
    const windows = await Promise.all(
      both.map(([taskId, collect]) => runInScope(opOf({ taskId }), () => collect({ until, idleSeconds: 0 }))),
    )
    expect(windows.map(({ rowsRead }) => rowsRead)).toEqual([until.records, expect.any(Number)])
    const left = await readdir(join(embeddedRoot, 'scratch'), { recursive: true })
    expect(left.filter((name) => name.includes('window'))).toEqual([])
  })

  test('of nothing show nothing, and tell nothing', async () => {
    const op = opOf()
    expect(await runInScope(op, () => publishShop())).toEqual({ results: 0 })
    expect(op.reports.get('minutes')?.rows).toEqual([])
    expect((await check()).result).toEqual({ minutes: 0, itemHours: 0, funnelHours: 0, orders: 0 })
  })
})

test('the comparison of stream and batch names the minute that differs', async () => {
  await produce(1_000)
  await drain(collectOrders)
  await runSql(url, 'update order_minute set orders = orders + 1 where minute = (select min(minute) from order_minute)')
  const checking = check()
  await expect(checking).rejects.toThrow(ShopDiffersError)
  await expect(checking).rejects.toThrow(/differ in 1 minutes \(first \d{13}\)/)
})
