import { request } from 'undici'
import { afterEach, describe, expect, test } from 'vitest'
import type { UpbitCandle, UpbitMarket } from '../../services/simulated/upbit/candle.ts'
import { type Exchange, type ExchangeOptions, startExchange } from '../../services/simulated/upbit/exchange.ts'
import { replaySource } from '../../services/simulated/upbit/replay.ts'
import { FakeClock } from '../support/clock.ts'
import { describeRecorded, recordedJson } from '../support/recorded.ts'
import { recordedMinutes2018, recordedPages } from '../support/recorded-candles.ts'

const NOW = Date.parse('2024-03-18T00:02:30Z')
const open: Exchange[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((exchange) => exchange.close()))
})

/** With a budget so large that it is no matter, unless a test makes it one. */
async function start(
  options: Partial<ExchangeOptions> = {},
): Promise<{ get: typeof get; clock: FakeClock; exchange: Exchange }> {
  const clock = new FakeClock(NOW)
  const exchange = await startExchange({ now: clock.now, limits: { requestsPerSecond: 1_000 }, ...options })
  open.push(exchange)
  async function get<T>(
    path: string,
  ): Promise<{ status: number; body: T; remaining: string | undefined; simulated: unknown }> {
    const { statusCode, headers, body } = await request(`${exchange.url}${path}`)
    const remaining = headers['remaining-req']
    return {
      status: statusCode,
      body: (await body.json()) as T, // what a test expects of the path it asks
      remaining: Array.isArray(remaining) ? remaining[0] : remaining,
      simulated: headers['x-baram-simulated'],
    }
  }
  return { get, clock, exchange }
}

const minute = '/v1/candles/minutes/1?market=KRW-BTC'

describe('the simulated exchange', () => {
  test('says on every answer that it is simulated', async () => {
    const { get } = await start()
    const root = await get<{ simulated: boolean; name: string }>('/')
    expect(root.body).toMatchObject({ simulated: true, name: 'Baram simulated Upbit' })
    for (const path of ['/', '/v1/market/all', minute, '/nowhere']) expect((await get(path)).simulated).toBe('true')
  })

  test('lists 309 markets: 119 KRW, 174 BTC, 16 USDT', async () => {
    const { get } = await start()
    const { body } = await get<UpbitMarket[]>('/v1/market/all?isDetails=false')
    const count = (quote: string) => body.filter((one) => one.market.startsWith(`${quote}-`)).length
    expect([body.length, count('KRW'), count('BTC'), count('USDT')]).toEqual([309, 119, 174, 16])
    expect(new Set(body.map((one) => one.market)).size).toBe(309)
    expect(body[0]).toEqual({ market: 'KRW-BTC', korean_name: '비트코인', english_name: 'Bitcoin' })
  })

  test('count is 1 by default and cut at 200 without a word', async () => {
    const { get } = await start()
    expect((await get<UpbitCandle[]>(minute)).body).toHaveLength(1)
    expect((await get<UpbitCandle[]>(`${minute}&count=1000`)).body).toHaveLength(200)
  })

  test('`to` is exclusive in all three forms, newest first', async () => {
    const { get } = await start()
    const forms = ['2024-03-17T15:00:00Z', '2024-03-17 15:00:00', '2024-03-18T00:00:00+09:00']
    const pages = await Promise.all(
      forms.map((to) => get<UpbitCandle[]>(`${minute}&count=3&to=${encodeURIComponent(to)}`)),
    )
    for (const { body } of pages) {
      expect(body.map((one) => one.candle_date_time_utc)).toEqual([
        '2024-03-17T14:59:00',
        '2024-03-17T14:58:00',
        '2024-03-17T14:57:00',
      ])
      expect(body[0]?.candle_date_time_kst).toBe('2024-03-17T23:59:00')
    }
  })

  test('serves nothing of the future, and the candle in progress in part', async () => {
    const { get, clock } = await start()
    const ahead = await get<UpbitCandle[]>(`${minute}&count=2&to=2030-01-01T00:00:00Z`)
    expect(ahead.body[0]?.candle_date_time_utc).toBe('2024-03-18T00:02:00')
    expect(ahead.body[0]?.timestamp).toBeLessThanOrEqual(NOW)
    clock.at += 60_000
    const later = await get<UpbitCandle[]>(`${minute}&to=2024-03-18T00:03:00Z`)
    expect(later.body[0]?.candle_acc_trade_volume).toBeGreaterThan(ahead.body[0]?.candle_acc_trade_volume ?? 0)
  })

  test('the same seed gives the same candles, another seed others', async () => {
    const path = '/v1/candles/minutes/3?market=KRW-ETH&count=50&to=2024-03-01T00:00:00Z'
    const [a, b, c] = await Promise.all([start(), start(), start({ seed: 2 })])
    const [one, two, three] = await Promise.all([a.get(path), b.get(path), c.get(path)])
    expect(one.body).toEqual(two.body)
    expect(one.body).not.toEqual(three.body)
  })

  test('minutes without trades are absent, and seldom traded markets have many of them', async () => {
    const { get } = await start()
    const { body } = await get<UpbitCandle[]>('/v1/candles/minutes/1?market=BTC-SIM120&count=200')
    const times = body.map((one) => Date.parse(`${one.candle_date_time_utc}Z`))
    expect(new Set(times).size).toBe(200)
    expect(times[0]! - times[199]!).toBeGreaterThan(1_000 * 60_000)
    for (const one of body) expect(one.low_price <= one.opening_price && one.high_price >= one.trade_price).toBe(true)
  })

  test('a larger unit holds exactly the trades of its minutes', async () => {
    const { get } = await start()
    const ones = (await get<UpbitCandle[]>('/v1/candles/minutes/1?market=KRW-BTC&count=5&to=2024-03-18T00:00:00Z')).body
    const [five] = (await get<UpbitCandle[]>('/v1/candles/minutes/5?market=KRW-BTC&count=1&to=2024-03-18T00:00:00Z'))
      .body
    expect(five?.opening_price).toBe(ones.at(-1)?.opening_price)
    expect(five?.trade_price).toBe(ones[0]?.trade_price)
    expect(five?.high_price).toBe(Math.max(...ones.map((one) => one.high_price)))
    expect(five?.candle_acc_trade_volume).toBeCloseTo(
      ones.reduce((sum, one) => sum + one.candle_acc_trade_volume, 0),
      6,
    )
  })

  test('days, weeks and months have their own fields and starts', async () => {
    const { get } = await start()
    const first = async (kind: string) => (await get<UpbitCandle[]>(`/v1/candles/${kind}?market=KRW-BTC&count=2`)).body
    expect((await first('days')).map((one) => one.candle_date_time_utc)).toEqual([
      '2024-03-18T00:00:00',
      '2024-03-17T00:00:00',
    ])
    expect((await first('days'))[1]?.change_rate).toBeTypeOf('number')
    expect((await first('weeks')).map((one) => one.first_day_of_period)).toEqual(['2024-03-18', '2024-03-11'])
    expect((await first('months')).map((one) => one.first_day_of_period)).toEqual(['2024-03-01', '2024-02-01'])
  })

  test('ten requests a second each group, then 429, and 418 for who goes on', async () => {
    const { get, clock } = await start({ limits: {} })
    const statuses: number[] = []
    const remaining: (string | undefined)[] = []
    for (let i = 0; i < 11; i += 1) {
      const reply = await get(minute)
      statuses.push(reply.status)
      remaining.push(reply.remaining)
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429])
    expect(remaining[0]).toBe('group=candles; min=600; sec=9')
    expect(remaining[9]).toBe('group=candles; min=600; sec=0')
    expect((await get('/v1/market/all')).status).toBe(200)
    for (let i = 0; i < 19; i += 1) expect((await get(minute)).status).toBe(429)
    expect((await get(minute)).status).toBe(418)
    clock.at += 5_000
    expect((await get(minute)).status).toBe(418)
    clock.at += 60_000
    expect((await get(minute)).status).toBe(200)
  })
})

interface RecordedError {
  readonly endpoint: string
  readonly status: number
  readonly body: unknown
}

/** The request each recorded error is an answer to. */
const REQUESTS: Readonly<Record<string, string>> = {
  'GET /v1/candles/minutes/1?market=KRW-NOPE': '/v1/candles/minutes/1?market=KRW-NOPE',
  'GET /v1/candles/days?count=1 (market missing)': '/v1/candles/days?count=1',
  'any quotation call with a wrongly typed parameter, e.g. count=abc': `${minute}&count=abc`,
  'GET /v1/candles/minutes/120': '/v1/candles/minutes/120?market=KRW-BTC',
  'unknown route': '/v1/nothing',
  'private call without a token': '/v1/accounts',
  'a market listed now but not yet at `to`': `${minute}&to=2015-01-01T00:00:00Z`,
}

describeRecorded('upbit', 'the recorded errors of the API', () => {
  test('are answered word for word', async () => {
    const { get } = await start()
    const errors = recordedJson('upbit', 'api_errors.json') as RecordedError[] // its README describes it
    const walked: string[] = []
    for (const { endpoint, status, body } of errors) {
      if (status === 429 || status === 418) continue // no body is known; the budget's own test has them
      const path = REQUESTS[endpoint]
      expect(path, `a request for: ${endpoint}`).toBeDefined()
      const reply = await get(path ?? '')
      expect([endpoint, reply.status, JSON.stringify(reply.body)]).toEqual([endpoint, status, JSON.stringify(body)])
      if (endpoint === 'unknown route') expect(reply.remaining).toBeUndefined()
      walked.push(endpoint)
    }
    expect(walked).toHaveLength(7)
  })

  test('two recorded pages come back as they were recorded', async () => {
    const source = replaySource(recordedPages('page_1m_KRW-BTC_2020-02-20'))
    const { get } = await start({ source })
    const first = await get<UpbitCandle[]>(`${minute}&count=40&to=2020-02-20T12:00:00Z`)
    expect(first.body).toEqual(recordedJson('upbit', 'page_1m_KRW-BTC_2020-02-20_p1.json'))
    const to = first.body.at(-1)?.candle_date_time_utc
    const second = await get<UpbitCandle[]>(`${minute}&count=200&to=${to}Z`)
    expect(second.body).toEqual(recordedJson('upbit', 'page_1m_KRW-BTC_2020-02-20_p2.json'))
  })

  test('a row that was recorded twice is served twice', async () => {
    const { get } = await start({ source: replaySource(recordedMinutes2018()) })
    const { body } = await get<UpbitCandle[]>(`${minute}&count=3&to=2018-02-01T02:02:00Z`)
    expect(body.map((one) => one.candle_date_time_utc)).toEqual([
      '2018-02-01T02:01:00',
      '2018-02-01T02:01:00',
      '2018-02-01T02:00:00',
    ])
  })
})
