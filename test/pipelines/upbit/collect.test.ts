import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDuckDb, sqlText } from '../../../operators/duckdb/session.ts'
import { type CollectCandles, collectCandles, parseMarkets } from '../../../pipelines/upbit/collect.ts'
import { daysOf, fileNameOf, slotOf } from '../../../pipelines/upbit/slot.ts'
import { FailTask, runInScope } from '../../../sdk/index.ts'
import { type Exchange, startExchange } from '../../../services/simulated/upbit/exchange.ts'
import { FakeClock } from '../../support/clock.ts'
import {
  type MadeUp,
  type MadeUpContext,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  runOf,
  temporaryFolder,
} from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const slot = (start: string, end: string) => runOf(new Date(start), new Date(end))
const RUN = slot('2024-03-18T00:00:00Z', '2024-03-18T00:02:00Z')
let root: string
let clock: FakeClock
let exchange: Exchange
beforeEach(async () => {
  root = await temporaryFolder()
  clock = new FakeClock(Date.parse('2024-03-18T00:02:00.050Z'))
  exchange = await startExchange({ now: clock.now })
})
afterEach(() => exchange.close())

function attempt(given: Partial<MadeUp> = {}): MadeUpContext {
  const variables = new Map([['upbit_simulated_url', exchange.url], ...(given.variables ?? [])])
  return madeUpContext({ embeddedRoot: root, run: RUN, ...given, variables })
}

// One market at a time: a clock that jumps has no use for requests in flight.
const collect = (op: MadeUpContext, options: CollectCandles = {}) =>
  runInScope(op, () => collectCandles({ clock, parallel: 1, ...options }))

async function rows(path: string) {
  const session = await openDuckDb()
  const found = await session.query(`select * from read_parquet(${sqlText(path)})`)
  session.close()
  return found.rows
}

test('every KRW market and every minute of the slot, in one file of the slot’s name', async () => {
  const op = attempt()
  const file = await collect(op)
  expect(file.file_name).toBe('20240318T090000.parquet')
  expect(file.local_file_path).toMatch(
    /\/scratch\/min_candle\/scheduled__2024-03-18T00_00_00_00_00\.[0-9a-f]{8}\/20240318T090000\.parquet$/,
  )
  const found = await rows(file.local_file_path)
  expect(found).toHaveLength(file.rows)
  expect(new Set(found.map((row) => row['candle_date_time_utc']))).toEqual(
    new Set(['2024-03-18T00:00:00', '2024-03-18T00:01:00']),
  )
  const line = op.lines.find((one) => one.message.startsWith('candles collected'))
  expect(line?.fields).toMatchObject({ markets: 119, rows: file.rows, noTrade: 238 - file.rows })
  expect(op.lines.map((one) => one.message).join()).toContain('the data is simulated')
})

test('120 requests and no more: one for the list, one a market', async () => {
  await collect(attempt())
  // 119 turns of 105 ms in the group of candles, and none is spent on a second list.
  expect(clock.at - Date.parse('2024-03-18T00:02:02Z')).toBeLessThan(13_000)
})

test('twice the same slot is twice the same file', async () => {
  const first = await collect(attempt())
  const second = await collect(attempt({ tryNumber: 2 }))
  expect(second).toEqual(first)
})

test('the last minute is asked for only once it can no longer change', async () => {
  await collect(attempt(), { markets: ['KRW-BTC'] })
  expect(clock.slept[0]).toBe(1_950)
})

test('a slot that is ahead is refused', async () => {
  const run = slot('2024-03-19T00:00:00Z', '2024-03-19T00:02:00Z')
  await expect(collect(attempt({ run }))).rejects.toThrow(/2024-03-19T09:02:00 in Asia\/Seoul, which is ahead/)
})

test('a larger unit keeps only candles that ended inside the slot', async () => {
  clock.at += 3_600_000
  const run = slot('2024-03-18T00:00:00Z', '2024-03-18T00:10:00Z')
  const file = await collect(attempt({ run }), { unit: 3, markets: ['KRW-BTC'] })
  const times = (await rows(file.local_file_path)).map((row) => row['candle_date_time_utc'])
  expect(times).toEqual(['2024-03-18T00:00:00', '2024-03-18T00:03:00', '2024-03-18T00:06:00'])
})

describe('markets', () => {
  test('come from the Variable as a JSON list or with commas', async () => {
    const file = await collect(attempt({ variables: new Map([['upbit_markets', '["KRW-BTC","KRW-ETH"]']]) }))
    expect(new Set((await rows(file.local_file_path)).map((row) => row['market']))).toEqual(
      new Set(['KRW-BTC', 'KRW-ETH']),
    )
    expect(parseMarkets(' KRW-BTC, BTC-ETH,KRW-BTC ')).toEqual(['KRW-BTC', 'BTC-ETH'])
  })

  test.each(['[1', '[]', ',', '비트코인', '["KRW-BTC", 5]'])('%j is refused', (text) => {
    expect(() => parseMarkets(text)).toThrow(FailTask)
  })

  test('an unknown one ends the task without a retry', async () => {
    const variables = new Map([['upbit_markets', 'KRW-BTC,KRW-NOPE']])
    await expect(collect(attempt({ variables }))).rejects.toThrow(FailTask)
  })
})

describe('the exchange', () => {
  test('is the one of the connection, at the pace of its extra', async () => {
    const url = new URL(exchange.url)
    const connections = [
      {
        id: 'upbit_default',
        type: 'http',
        host: url.hostname,
        port: Number(url.port),
        schema: 'http',
        extra: '{"requests_per_second": 2}',
      },
    ]
    const op = attempt({ connections })
    const before = clock.at
    await collect(op, { markets: ['KRW-BTC', 'KRW-ETH', 'KRW-XRP'] })
    expect(clock.at - before).toBeGreaterThan(2_900)
    expect(op.lines.map((line) => line.message)).toContain('reading candles from the exchange of the connection')
  })

  test('is needed', async () => {
    await expect(collect(madeUpContext({ embeddedRoot: root, run: RUN }))).rejects.toThrow(
      /no connection upbit_default and no simulated exchange/,
    )
  })

  test.each([
    [{ id: 'upbit_default', type: 'postgres' }, /must be of type http/],
    [{ id: 'upbit_default', type: 'http' }, /needs a host/],
    [
      { id: 'upbit_default', type: 'http', host: 'x', extra: '{"requests_per_second":"10"}' },
      /requests_per_second must be a number/,
    ],
  ])('must be usable: %j', async (connection, reason) => {
    await expect(collect(attempt({ connections: [connection] }))).rejects.toThrow(reason)
  })
})

describe('the Variables to_date and y_date', () => {
  test('follow the slot in Seoul', async () => {
    const op = attempt()
    await collect(op, { markets: ['KRW-BTC'] })
    expect([op.variables.get('to_date'), op.variables.get('y_date')]).toEqual(['240318', '240317'])
  })

  test('are not turned back by a backfill', async () => {
    const variables = new Map([
      ['to_date', '240401'],
      ['y_date', '240331'],
    ])
    const op = attempt({ variables })
    await collect(op, { markets: ['KRW-BTC'] })
    expect([op.variables.get('to_date'), op.variables.get('y_date')]).toEqual(['240401', '240331'])
  })
})

describe('the slot', () => {
  test('gets its day and its file name in Seoul', () => {
    const last = slotOf(slot('2024-03-17T14:58:00Z', '2024-03-17T15:00:00Z'))
    const first = slotOf(slot('2024-03-17T15:00:00Z', '2024-03-17T15:02:00Z'))
    expect([fileNameOf(last), fileNameOf(first)]).toEqual(['20240317T235800.parquet', '20240318T000000.parquet'])
    expect([daysOf(last).today, daysOf(first).today]).toEqual(['240317', '240318'])
  })

  test('must lie in one day and hold whole minutes', () => {
    expect(() => slotOf(slot('2024-03-17T14:59:00Z', '2024-03-17T15:01:00Z'))).toThrow(/crosses midnight/)
    expect(() => slotOf(slot('2024-03-17T14:58:30Z', '2024-03-17T15:00:00Z'))).toThrow(/whole minutes/)
    expect(() => slotOf({ ...RUN, dataInterval: null })).toThrow(/no data interval/)
  })
})
