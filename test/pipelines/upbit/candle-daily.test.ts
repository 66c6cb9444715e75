// candle_daily and candle_forecast by hand, on the simulated exchange and embedded backends.

import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { queryWarehouse } from '../../../operators/warehouse/open.ts'
import { compactDay, isDayReady } from '../../../pipelines/upbit/daily.ts'
import { forecastCandles } from '../../../pipelines/upbit/forecast.ts'
import { runInScope } from '../../../sdk/context.ts'
import { type RunApi, type RunInfo, SkipTask } from '../../../sdk/index.ts'
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
/** 2024-03-18 in Seoul. */
const DAY = run('2024-03-17T15:00:00Z', '2024-03-18T15:00:00Z')
let embeddedRoot: string
let clock: FakeClock
let exchange: Exchange
beforeEach(async () => {
  embeddedRoot = await temporaryFolder()
  clock = new FakeClock(Date.parse('2024-03-19T06:00:00Z'))
  exchange = await startExchange({ now: clock.now })
})
afterEach(() => exchange.close())

const slot = (start: string, end: string, markets: readonly string[] = ['KRW-BTC', 'KRW-ETH']) =>
  runSlot({ embeddedRoot, exchangeUrl: exchange.url, run: run(start, end), collect: { clock, markets, parallel: 1 } })
const query = async (sql: string) => (await queryWarehouse(embeddedRoot, sql)).rows
const all = () => query('select * from upbit_lake.candle order by market, candle_date_time_utc')
async function compact(of: RunInfo = DAY) {
  const op = madeUpContext({ embeddedRoot, run: of, taskId: 'compact' })
  return { op, file: await runInScope(op, () => compactDay()) }
}

describe('a day', () => {
  test('becomes one file with the same rows, and a second time the same bytes', async () => {
    await slot('2024-03-17T15:00:00Z', '2024-03-17T15:02:00Z')
    await slot('2024-03-18T10:00:00Z', '2024-03-18T11:00:00Z')
    await slot('2024-03-18T14:58:00Z', '2024-03-18T15:00:00Z')
    await slot('2024-03-18T15:00:00Z', '2024-03-18T15:02:00Z') // the next day's
    const before = await all()
    const view = () => query('select * from upbit_lake.candle_240318 order by all')
    const day = await view()
    const { op, file } = await compact()
    expect(file).toMatchObject({ dt: '2024-03-18', files: 3, doubled: 0 })
    expect(await all()).toEqual(before)
    expect([day.length, await view()]).toEqual([file.rows, day])
    expect(op.effects.map((effect) => [effect.kind, effect.rowsRead, effect.rowsWritten])).toEqual([
      ['source', file.rows, file.rows],
      ['lake', file.rows, file.rows],
      ['warehouse', file.rows, file.rows],
    ])
    expect((await compact()).file).toEqual(file)
    expect(await readdir(join(embeddedRoot, 'lake/candle_daily/dt=2024-03-18'))).toEqual(['candle.parquet'])
  })

  test('has each minute of a market once, however often its slots overlap', async () => {
    await slot('2024-03-18T10:00:00Z', '2024-03-18T10:30:00Z')
    const folder = join(embeddedRoot, 'lake/candle/dt=2024-03-18')
    const [name] = await readdir(folder)
    const distinct = await all()
    await copyFile(join(folder, name ?? ''), join(folder, 'copy.parquet'))
    const { op, file } = await compact()
    expect([file.files, file.doubled, file.rows]).toEqual([2, distinct.length, distinct.length])
    expect(op.effects[0]).toMatchObject({ rowsRead: 2 * distinct.length, rowsRejected: distinct.length })
    expect(await all()).toEqual(distinct)
  })

  test('whose slot is run again afterwards loses nothing, and is one file again after the next compaction', async () => {
    await slot('2024-03-18T10:00:00Z', '2024-03-18T10:10:00Z')
    await slot('2024-03-18T10:10:00Z', '2024-03-18T10:20:00Z')
    await compact()
    const before = await all()
    await slot('2024-03-18T10:00:00Z', '2024-03-18T10:10:00Z')
    expect(await all()).toEqual(before)
    await compact()
    expect(await all()).toEqual(before)
  })

  test('without candles is skipped; an interval that is no day in Seoul is refused', async () => {
    await expect(compact()).rejects.toThrow(SkipTask)
    await expect(compact(run('2024-03-18T00:00:00Z', '2024-03-19T00:00:00Z'))).rejects.toThrow(/one day in Asia\/Seoul/)
  })
})

describe('the wait for the slots of a day', () => {
  const asked: (string | number)[] = []
  const runs = (state: 'queued' | 'running' | 'success' | 'failed' | null): RunApi => ({
    trigger: () => Promise.reject(new Error('not asked')),
    taskStates: () => Promise.resolve(null),
    previousSuccess: () => Promise.resolve(null),
    state: (dagId, by) => {
      asked.push(dagId, 'logicalDate' in by ? by.logicalDate.toISOString() : by.runId)
      return Promise.resolve(state === null ? null : { dagId, runId: 'r', state, logicalDate: null })
    },
  })
  const ready = (state: Parameters<typeof runs>[0], of = DAY) =>
    runInScope(madeUpContext({ embeddedRoot, run: of, runs: runs(state) }), () => isDayReady())

  test.each([
    ['success', true],
    ['failed', true],
    ['running', false],
    ['queued', false],
  ] as const)('ends when the last slot is %s: %s', async (state, expected) => {
    asked.length = 0
    expect(await ready(state)).toBe(expected)
    expect(asked).toEqual(['min_candle', '2024-03-18T14:58:00.000Z'])
  })

  test('goes on without a last slot that nobody made, once the day is over for a while', async () => {
    expect(await ready(null)).toBe(true)
    const today = Math.floor((Date.now() + 9 * 3_600_000) / 86_400_000) * 86_400_000 - 9 * 3_600_000
    expect(await ready(null, runOf(new Date(today), new Date(today + 86_400_000)))).toBe(false)
  })
})

describe('the forecast', () => {
  const at = run('2024-03-18T12:50:00Z', '2024-03-18T13:00:00Z')
  const tell = async () => {
    const op = madeUpContext({ embeddedRoot, run: at, taskId: 'forecast' })
    return {
      op,
      found: await runInScope(op, () => forecastCandles({ markets: ['KRW-BTC', 'KRW-SIM100'], horizon: 10 })),
    }
  }

  test('publishes price, volume, the minutes ahead, and its error beside the naive one', async () => {
    await slot('2024-03-18T10:00:00Z', '2024-03-18T13:00:00Z', ['KRW-BTC'])
    const { op, found } = await tell()
    expect(found).toMatchObject([{ market: 'KRW-BTC', minutes: 180 }])
    const report = op.reports.get('forecast_KRW-BTC')
    expect(report?.rows).toHaveLength(190)
    expect(report?.rows.at(-1)).toEqual([Date.parse('2024-03-18T13:09:00Z'), null, expect.any(Number), null])
    expect(report?.title).toMatch(/mean error \d+\.\d\d % \(naive \d+\.\d\d %\)/)
    expect(op.reports.get('forecast_error')?.rows).toHaveLength(1)
  })

  test('is skipped before there is a table, and before a market has enough minutes', async () => {
    await expect(tell()).rejects.toThrow(/there is no table of candles yet/)
    await slot('2024-03-18T12:50:00Z', '2024-03-18T13:00:00Z', ['KRW-BTC'])
    await expect(tell()).rejects.toThrow(SkipTask)
  })
})
