// The reference pipeline on the simulated exchange: midnight, re-runs, and kills between its tasks.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hdfsUpload } from '../../../operators/lake/hdfs-upload.ts'
import { hiveExternalTable } from '../../../operators/warehouse/hive-external-table.ts'
import { queryWarehouse } from '../../../operators/warehouse/open.ts'
import { CANDLE_COLUMNS } from '../../../pipelines/upbit/candle.ts'
import { type Exchange, startExchange } from '../../../services/simulated/upbit/exchange.ts'
import { FakeClock } from '../../support/clock.ts'
import {
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  runOf,
  temporaryFolder,
} from '../../support/operator-context.ts'
import { runSlot } from '../../support/upbit-pipeline.ts'

removeTemporaryFoldersAfterwards()
const run = (start: string, end: string) => runOf(new Date(start), new Date(end))
let embeddedRoot: string
let clock: FakeClock
let exchange: Exchange
beforeEach(async () => {
  embeddedRoot = await temporaryFolder()
  clock = new FakeClock(Date.parse('2024-03-18T06:00:00Z'))
  exchange = await startExchange({ now: clock.now })
})
afterEach(() => exchange.close())

const slot = (start: string, end: string, markets: readonly string[] = ['KRW-BTC']) =>
  runSlot({ embeddedRoot, exchangeUrl: exchange.url, run: run(start, end), collect: { clock, markets, parallel: 1 } })
const query = async (sql: string) => (await queryWarehouse(embeddedRoot, sql)).rows

test('two slots around midnight in Seoul land in their own days', async () => {
  await slot('2024-03-17T14:58:00Z', '2024-03-17T15:00:00Z')
  await slot('2024-03-17T15:00:00Z', '2024-03-17T15:02:00Z')
  expect(await query('select dt, candle_date_time_kst from upbit_lake.candle order by 2')).toEqual([
    { dt: '2024-03-17', candle_date_time_kst: '2024-03-17T23:58:00' },
    { dt: '2024-03-17', candle_date_time_kst: '2024-03-17T23:59:00' },
    { dt: '2024-03-18', candle_date_time_kst: '2024-03-18T00:00:00' },
    { dt: '2024-03-18', candle_date_time_kst: '2024-03-18T00:01:00' },
  ])
})

test('each day of Seoul has its view, with every row of the day as soon as it is loaded', async () => {
  const first = await slot('2024-03-17T14:58:00Z', '2024-03-17T15:00:00Z')
  expect(first.loaded.view).toBe('upbit_lake.candle_240317')
  const minutes = (view: string) => query(`select candle_date_time_kst as at from upbit_lake.${view} order by 1`)
  const [before, at] = ['2024-03-17T23:5', '2024-03-18T00:0']
  expect(await minutes('candle_240317')).toEqual([{ at: `${before}8:00` }, { at: `${before}9:00` }])
  await slot('2024-03-17T15:00:00Z', '2024-03-17T15:02:00Z')
  expect(await minutes('candle_240318')).toEqual([{ at: `${at}0:00` }, { at: `${at}1:00` }])
  await slot('2024-03-17T15:02:00Z', '2024-03-17T15:04:00Z')
  expect(await minutes('candle_240318')).toHaveLength(4)
  expect(await minutes('candle_240317')).toHaveLength(2)
  const [row = {}] = await query('select * from upbit_lake.candle_240318 limit 1')
  expect(Object.keys(row)).toEqual(Object.keys(CANDLE_COLUMNS))
})

test('a slot that is run three times is read once', async () => {
  const markets = ['KRW-BTC', 'KRW-ETH', 'KRW-SIM100']
  const once = await slot('2024-03-18T00:00:00Z', '2024-03-18T00:02:00Z', markets)
  await slot('2024-03-18T00:02:00Z', '2024-03-18T00:04:00Z', markets)
  const before = await query('select * from upbit_lake.candle order by market, candle_date_time_utc')
  for (let i = 0; i < 2; i += 1)
    expect(await slot('2024-03-18T00:00:00Z', '2024-03-18T00:02:00Z', markets)).toEqual(once)
  expect(await query('select * from upbit_lake.candle order by market, candle_date_time_utc')).toEqual(before)
  const doubled = 'select market, candle_date_time_utc, unit from upbit_lake.candle group by all having count(*) > 1'
  expect(await query(doubled)).toEqual([])
  expect(await readdir(join(embeddedRoot, 'lake/candle/dt=2024-03-18'))).toEqual([
    '20240318T090000.parquet',
    '20240318T090200.parquet',
  ])
})

test('slots of one day that load at once are all in the table', async () => {
  const minutes = Array.from(
    { length: 8 },
    (_, i) => [`2024-03-18T01:0${i}:00Z`, `2024-03-18T01:0${i + 1}:00Z`] as const,
  )
  await Promise.all(minutes.map(([start, end]) => slot(start, end)))
  expect(await query('select count(*) as n, count(distinct candle_date_time_utc) as d from upbit_lake.candle')).toEqual(
    [{ n: '8', d: '8' }],
  )
})

test('a file that was replaced between upload and load is not counted as the one that was pushed', async () => {
  await slot('2024-03-18T00:00:00Z', '2024-03-18T00:02:00Z')
  const load = hiveExternalTable({
    database: 'upbit_lake',
    table: 'candle',
    columns: CANDLE_COLUMNS,
    partitionedBy: ['dt'],
  })
  const location = { path: '/candle/dt=2024-03-18/20240318T090000.parquet', bytes: 1, sha256: 'x', rows: 7 }
  await expect(load.execute(madeUpContext({ embeddedRoot }), { location })).rejects.toThrow(
    /shows 2 rows .* but 7 were written/,
  )
})

test('a file outside the partition’s folders cannot be loaded', async () => {
  const load = hiveExternalTable({
    database: 'upbit_lake',
    table: 'candle',
    columns: CANDLE_COLUMNS,
    partitionedBy: ['dt'],
  })
  const location = { path: '/candle/240318/x.parquet', bytes: 1, sha256: 'x', rows: 1 }
  await expect(load.execute(madeUpContext({ embeddedRoot }), { location })).rejects.toThrow(/folder dt=…/)
})

test('database, table, partitions and view are templates: the rendered ones are loaded into', async () => {
  await slot('2024-03-18T00:00:00Z', '2024-03-18T00:02:00Z')
  const load = hiveExternalTable({
    database: '{{params.lake}}',
    table: '{{params.table}}',
    columns: CANDLE_COLUMNS,
    partitionedBy: ['{{params.partition}}'],
    view: 'of_{{local.ds_nodash}}',
  })
  expect(load.templateFields).toEqual(['database', 'table', 'partitionedBy', 'view'])
  const rendered = { ...load.options, database: 'test_lake', table: 'copy', partitionedBy: ['dt'], view: 'of_20240318' }
  const location = { path: '/candle/dt=2024-03-18/20240318T090000.parquet', bytes: 1, sha256: 'x', rows: 2 }
  const loaded = await load.execute(madeUpContext({ embeddedRoot }), { location }, rendered)
  expect(loaded).toMatchObject({ table: 'test_lake.copy', partition: { dt: '2024-03-18' }, rows: 2 })
  expect(await query('select count(*) as n from test_lake.of_20240318')).toEqual([{ n: '2' }])
})

test('a partition that pointed elsewhere is moved to the file’s folder, and the log warns', async () => {
  await slot('2024-03-18T00:00:00Z', '2024-03-18T00:02:00Z')
  const put = hdfsUpload({ target: '/moved/dt=2024-03-18/x.parquet' })
  const load = hiveExternalTable({
    database: 'upbit_lake',
    table: 'candle',
    columns: CANDLE_COLUMNS,
    partitionedBy: ['dt'],
  })
  const { collectCandles } = await import('../../../pipelines/upbit/collect.ts')
  const { runInScope } = await import('../../../sdk/context.ts')
  const variables = new Map([['upbit_simulated_url', exchange.url]])
  const op = madeUpContext({ embeddedRoot, variables, run: run('2024-03-18T02:00:00Z', '2024-03-18T02:01:00Z') })
  const source = await runInScope(op, () => collectCandles({ clock, markets: ['KRW-BTC'], parallel: 1 }))
  await load.execute(op, { location: await put.execute(op, { source }) })
  expect(op.lines.some((line) => line.level === 'warn' && line.message.includes('moved'))).toBe(true)
  expect(await query('select candle_date_time_utc from upbit_lake.candle')).toEqual([
    { candle_date_time_utc: '2024-03-18T02:00:00' },
  ])
})
