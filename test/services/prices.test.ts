// The price pipeline on the embedded index: each price one document, whatever is asked again.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/index.ts'
import { collectPrices, PRICE_INDEX } from '../../pipelines/prices/collect.ts'
import { publishPrices } from '../../pipelines/prices/reports.ts'
import { runInScope } from '../../sdk/context.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { gatewayError, serviceError } from '../../services/simulated/open-data/answers.ts'
import { type PricesOptions, startPrices } from '../../services/simulated/prices/server.ts'
import { FakeClock } from '../support/clock.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, runOf, temporaryFolder } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { connectionOf } from './postgres-connection.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
let embedded: ConnectionResult
let embeddedRoot: string
const closing: (() => Promise<void>)[] = []
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  embedded = { ...connectionOf(await server.createDatabase()), id: 'embedded_postgres' }
  embeddedRoot = await temporaryFolder()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const dayRun = (day: string) => {
  const start = Date.parse(`${day}T00:00:00+09:00`)
  return runOf(new Date(start), new Date(start + 86_400_000))
}
const MONDAY = dayRun('2026-01-05')
const endOf = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error)

async function worldOf(options: Partial<PricesOptions> = {}, isLive = false) {
  const clock = new FakeClock(Date.parse('2026-01-06T00:10:00+09:00'))
  const prices = await startPrices({ now: clock.now, ...(isLive && { key: 'a/key==' }), ...options })
  closing.push(() => prices.close())
  const { hostname: host, port } = new URL(prices.url)
  const live = {
    id: 'open_data_kr_default',
    type: 'http',
    schema: 'http',
    host,
    port: Number(port),
    password: 'a/key==',
  }
  const connections = [embedded, ...(isLive ? [live] : [])]
  const variables = new Map([['prices_simulated_url', prices.url]])
  const op = (run = MONDAY) => madeUpContext({ embeddedRoot, connections, variables, run })
  const collect = (run = MONDAY) => runInScope(op(run), () => collectPrices('배추', { clock }))
  const documents = async () => {
    const index = await openDocumentIndex(op())
    const found: { readonly id: string; readonly source: Readonly<Record<string, unknown>> }[] = []
    for await (const batch of index.export(PRICE_INDEX)) found.push(...batch)
    await index.close()
    return found
  }
  return { clock, op, collect, documents }
}

test('a day is a document by item, grade and unit, and again changes none', async () => {
  const world = await worldOf()
  expect(await world.collect()).toEqual({ item: '배추', day: '2026-01-05', documents: 3, rejected: 0 })
  const documents = await world.documents()
  expect(documents.map(({ id }) => id).sort()).toEqual(
    ['상', '중', '특'].map((grade) => `2026-01-05:배추 봄배추:${grade}:10kg`),
  )
  for (const { source } of documents) {
    expect(source).toMatchObject({ day: '2026-01-05', item_class: '배추', trades: 2 })
    for (const name of ['average_price', 'min_price', 'max_price']) expect(Number.isInteger(source[name])).toBe(true)
  }
  await world.collect()
  expect(await world.documents()).toEqual(documents)
})

test.each([
  ['03', { fault: () => serviceError('03', 'NO_DATA') }],
  ['00 without rows', { now: () => 0 }],
])('a day with code %s is asked for hour by hour, and after a day it had no market', async (_name, options) => {
  const world = await worldOf(options, true)
  expect(await endOf(world.collect())).toMatchObject({ name: 'TaskRescheduled', after: 3_600 })
  world.clock.at = Date.parse('2026-01-07T00:00:00+09:00')
  expect(await world.collect()).toMatchObject({ documents: 0 })
})

test('a Sunday of the simulated market has no price, and nobody waits for one', async () => {
  expect(await (await worldOf()).collect(dayRun('2026-01-04'))).toMatchObject({ documents: 0 })
})

test.each([
  ['a parameter', serviceError('10', 'INVALID_REQUEST_PARAMETER_ERROR'), 'FailTask', 'OpenDataParameterError'],
  ['the key', gatewayError('30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR'), 'FailTask', 'OpenDataKeyError'],
  ['the calls of the day', gatewayError('22', 'LIMITED_NUMBER'), 'RetryTask', 'OpenDataQuotaError'],
])('an error of %s is typed', async (_name, fault, name, cause) => {
  const world = await worldOf({ fault: () => fault }, true)
  expect(await endOf(world.collect())).toMatchObject({ name, cause: { name: cause } })
})

test('a row without a price is rejected alone, and a day of nothing else fails', async () => {
  const some = await worldOf({ change: (row) => (row['grd_nm'] === '중' ? { ...row, lwprc: '-' } : row) })
  expect(await some.collect()).toMatchObject({ documents: 2, rejected: 2 })
  const none = await worldOf({ change: (row) => ({ ...row, totprc: '' }) })
  expect(await endOf(none.collect())).toMatchObject({ name: 'FailTask' })
})

test('the table has the prices of the day, with the difference to the market day before', async () => {
  const world = await worldOf()
  await world.collect(dayRun('2026-01-03'))
  const collected = await world.collect()
  const op = world.op()
  expect(await runInScope(op, () => publishPrices([collected]))).toEqual({ prices: 3 })
  const averages = new Map((await world.documents()).map(({ id, source }) => [id, Number(source['average_price'])]))
  const at = (day: string) => averages.get(`${day}:배추 봄배추:상:10kg`) ?? 0
  const row = op.reports.get('prices')?.rows.find(([, grade]) => grade === '상')
  expect(row?.slice(3, 5)).toEqual([at('2026-01-05'), at('2026-01-05') - at('2026-01-03')])
  const lost = runInScope(world.op(), () => publishPrices([{ ...collected, documents: 4 }]))
  await expect(lost).rejects.toThrow(/1 missing/)
})
