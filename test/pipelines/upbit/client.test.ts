import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { UpbitClient, type UpbitClientOptions } from '../../../pipelines/upbit/client.ts'
import {
  UpbitBlockedError,
  UpbitRateLimitedError,
  UpbitRequestError,
  UpbitShapeError,
  UpbitUnavailableError,
} from '../../../pipelines/upbit/errors.ts'
import { type ExchangeOptions, startExchange } from '../../../services/simulated/upbit/exchange.ts'
import { FakeClock } from '../../support/clock.ts'
import { describeRecorded, recordedJson } from '../../support/recorded.ts'

const NOW = Date.parse('2024-03-18T00:02:30Z')
const MINUTE = 60_000
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function clientOf(baseUrl: string, clock: FakeClock, options: Partial<UpbitClientOptions> = {}): UpbitClient {
  const client = new UpbitClient({ baseUrl, clock, ...options })
  closing.push(() => client.close())
  return client
}

async function simulated(options: Partial<ExchangeOptions> = {}, client: Partial<UpbitClientOptions> = {}) {
  const clock = new FakeClock(NOW)
  const exchange = await startExchange({ now: clock.now, ...options })
  closing.push(() => exchange.close())
  return { clock, exchange, upbit: clientOf(exchange.url, clock, client) }
}

type Reply = (request: IncomingMessage, response: ServerResponse) => void

/** A server that answers each request with the next reply, and the last one for ever. */
async function scripted(replies: readonly Reply[], options: Partial<UpbitClientOptions> = {}) {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    replies[Math.min(seen.length, replies.length) - 1]?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const clock = new FakeClock(NOW)
  return { seen, clock, upbit: clientOf(`http://127.0.0.1:${port}`, clock, options) }
}

function reply(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...headers })
    response.end(body)
  }
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const row of rows) found.push(row)
  return found
}

const range = (from: string, to: string) => ({ start: Date.parse(from), end: Date.parse(to) })
const slot = range('2024-03-18T00:00:00Z', '2024-03-18T00:02:00Z')
const goodMarkets = reply(200, '[{"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin"}]')

describe('against the simulated exchange', () => {
  test('reads the list of markets', async () => {
    const { upbit } = await simulated()
    expect(await upbit.markets()).toHaveLength(309)
  })

  test('gives the minutes of a range and no other', async () => {
    const { upbit } = await simulated()
    const rows = await all(upbit.minutes('KRW-BTC', 1, slot))
    expect(rows.map((row) => row.candle_date_time_utc)).toEqual(['2024-03-18T00:01:00', '2024-03-18T00:00:00'])
    const seldom = await all(upbit.minutes('BTC-SIM120', 1, slot))
    for (const row of seldom) expect(row.candle_date_time_utc >= '2024-03-18T00:00:00').toBe(true)
  })

  test('pages by 200 through a day of minutes, each exactly once', async () => {
    const { upbit, clock } = await simulated()
    const rows = await all(upbit.minutes('KRW-BTC', 1, range('2024-03-17T00:00:00Z', '2024-03-18T00:00:00Z')))
    expect(rows).toHaveLength(1_440)
    expect(new Set(rows.map((row) => row.candle_date_time_utc)).size).toBe(1_440)
    expect(clock.slept).toHaveLength(7) // eight pages of at most 200
  })

  test.each([1, 3, 5, 10, 15, 30, 60, 240] as const)('knows the unit %i', async (unit) => {
    const { upbit } = await simulated()
    const rows = await all(upbit.minutes('KRW-BTC', unit, range('2024-03-16T00:00:00Z', '2024-03-16T08:00:00Z')))
    expect(rows).toHaveLength(480 / unit)
    expect(rows.every((row) => row.unit === unit)).toBe(true)
  })

  test('knows days, weeks and months', async () => {
    const { upbit } = await simulated()
    const year = range('2023-01-01T00:00:00Z', '2024-01-01T00:00:00Z')
    expect(await all(upbit.days('KRW-BTC', year))).toHaveLength(365)
    expect(await all(upbit.weeks('KRW-BTC', year))).toHaveLength(52)
    expect((await all(upbit.months('KRW-BTC', year))).map((row) => row.first_day_of_period)).toContain('2023-12-01')
    expect(await all(upbit.months('KRW-BTC', year))).toHaveLength(12)
  })

  test('never goes over the request budget', async () => {
    const { upbit } = await simulated()
    for (let i = 0; i < 60; i += 1) await all(upbit.minutes('KRW-BTC', 1, slot)) // a 429 would be seen as a long sleep
    const { upbit: again, clock } = await simulated()
    for (let i = 0; i < 60; i += 1) await all(again.minutes('KRW-BTC', 1, slot))
    expect(Math.max(...clock.slept)).toBeLessThan(1_000)
  })

  test('waits after a 429 and goes on', async () => {
    const { upbit, clock } = await simulated({ limits: { requestsPerSecond: 5 } }, { requestsPerSecond: 100 })
    for (let i = 0; i < 12; i += 1) expect(await all(upbit.minutes('KRW-BTC', 1, slot))).toHaveLength(2)
    expect(clock.at - NOW).toBeGreaterThan(1_000)
  })

  test('an unknown market is a typed error with the body’s own words', async () => {
    const { upbit } = await simulated()
    const asking = all(upbit.minutes('KRW-NOPE', 1, slot))
    await expect(asking).rejects.toThrow(UpbitRequestError)
    await expect(asking).rejects.toMatchObject({ status: 404, errorName: 404 })
    await expect(asking).rejects.toThrow(/Code not found/)
  })
})

describe('against a server that misbehaves', () => {
  test('an HTML 500 is retried, then told', async () => {
    const html = reply(500, '<html><body>Internal  Error</body></html>', { 'content-type': 'text/html' })
    const mended = await scripted([html, html, goodMarkets])
    expect(await mended.upbit.markets()).toHaveLength(1)
    expect(mended.clock.slept.filter((ms) => ms >= 500)).toEqual([500, 1_000])
    const broken = await scripted([html])
    const asking = broken.upbit.markets()
    await expect(asking).rejects.toThrow(UpbitUnavailableError)
    await expect(asking).rejects.toThrow(/answered 500 .*Internal Error/)
    expect(broken.seen).toHaveLength(4)
  })

  test('Retry-After is honoured, as seconds', async () => {
    const { upbit, clock } = await scripted([reply(503, 'busy', { 'retry-after': '7' }), goodMarkets])
    await upbit.markets()
    expect(clock.slept).toContain(7_000)
  })

  test('429 for ever ends in a sentence in Korean and English', async () => {
    const { upbit, seen } = await scripted([reply(429, '')])
    const asking = upbit.markets()
    await expect(asking).rejects.toThrow(UpbitRateLimitedError)
    await expect(asking).rejects.toThrow(/초당 요청 한도.*requests_per_second/)
    expect(seen).toHaveLength(4)
  })

  test('418 stops at once, for every request of the client', async () => {
    const { upbit, seen } = await scripted([reply(418, '{"error":{"name":"x","message":"blocked for 60 seconds"}}')])
    const asking = upbit.markets()
    await expect(asking).rejects.toThrow(UpbitBlockedError)
    await expect(asking).rejects.toThrow(/blocked for 60 seconds.*차단되었습니다.*stop other collectors/)
    await expect(upbit.markets()).rejects.toThrow(UpbitBlockedError)
    expect(seen).toHaveLength(1)
  })

  test.each([
    ['another content type', reply(200, '[]', { 'content-type': 'text/html' }), /content type text\/html/],
    ['no JSON', reply(200, '<html>'), /not JSON/],
    ['no list', reply(200, '{"error":{"name":404,"message":"Code not found"}}'), /should be a list/],
    ['a row without a field', reply(200, '[{"market":"KRW-BTC"}]'), /korean_name should be text/],
  ])('a 200 with %s is not accepted', async (_, answer, reason) => {
    const { upbit, seen } = await scripted([answer])
    await expect(upbit.markets()).rejects.toThrow(UpbitShapeError)
    await expect(upbit.markets()).rejects.toThrow(reason)
    expect(seen).toHaveLength(2)
  })

  const good = {
    market: 'KRW-BTC',
    candle_date_time_utc: '2024-03-18T00:01:00',
    candle_date_time_kst: '2024-03-18T09:01:00',
    opening_price: 1,
    high_price: 1,
    low_price: 1,
    trade_price: 1,
    timestamp: 1712218367797,
    candle_acc_trade_price: 1,
    candle_acc_trade_volume: 5.033e-2,
    unit: 1,
  }

  test.each([
    ['another market', { market: 'KRW-ETH' }, /market should be KRW-BTC/],
    ['another unit', { unit: 3 }, /unit should be 1/],
    ['a price as text', { trade_price: '1' }, /trade_price should be a number/],
    ['a broken timestamp', { timestamp: 1.5 }, /timestamp should be a whole number/],
    ['a time with a zone', { candle_date_time_utc: '2024-03-18T00:01:00Z' }, /without a zone/],
    ['a candle after `to`', { candle_date_time_utc: '2024-03-18T00:09:00' }, /not in order/],
  ])('a candle of %s is not accepted', async (_, change, reason) => {
    const { upbit } = await scripted([reply(200, JSON.stringify([{ ...good, ...change }]))])
    await expect(all(upbit.minutes('KRW-BTC', 1, slot))).rejects.toThrow(reason)
  })

  test('small numbers in scientific notation keep their value', async () => {
    const { upbit } = await scripted([
      reply(200, JSON.stringify([good]).replace('0.05033', '5.033e-02')),
      reply(200, '[]'),
    ])
    const [row] = await all(upbit.minutes('KRW-BTC', 1, slot))
    expect(row).toMatchObject({ candle_acc_trade_volume: 0.05033, timestamp: 1712218367797 })
  })

  test('no request carries an Origin header; a login becomes basic authorization', async () => {
    const { upbit, seen } = await scripted([goodMarkets], { authorization: 'Basic eA==' })
    await upbit.markets()
    expect(seen[0]?.headers.origin).toBeUndefined()
    expect(seen[0]?.headers.authorization).toBe('Basic eA==')
  })

  test('a connection that breaks is tried again', async () => {
    const { upbit, seen } = await scripted([(request) => request.socket.destroy(), goodMarkets])
    expect(await upbit.markets()).toHaveLength(1)
    expect(seen).toHaveLength(2)
  })

  test('a silent server is given up', async () => {
    const { upbit } = await scripted([() => undefined], { timeoutSeconds: 0.2 })
    await expect(upbit.markets()).rejects.toThrow(UpbitUnavailableError)
  }, 20_000)

  test('the task’s signal ends a request under way', async () => {
    const controller = new AbortController()
    const hang: Reply = () => controller.abort(new Error('the attempt was cleared'))
    const { upbit } = await scripted([hang], { signal: controller.signal })
    await expect(upbit.markets()).rejects.toThrow('the attempt was cleared')
  })

  test('an empty page ends the search', async () => {
    const { upbit, seen } = await scripted([reply(200, '[]')])
    expect(await all(upbit.minutes('KRW-BTC', 1, { start: slot.start - 10_000 * MINUTE, end: slot.end }))).toEqual([])
    expect(seen).toHaveLength(1)
  })
})

describeRecorded('upbit', 'the recorded errors of the API, as the client sees them', () => {
  test('each 4xx becomes a typed error that keeps the name, be it a number or a word', async () => {
    const errors = recordedJson('upbit', 'api_errors.json') as {
      status: number
      body: { error: { name: unknown } } | null
    }[]
    let walked = 0
    for (const { status, body } of errors) {
      if (body === null || Array.isArray(body)) continue
      const { upbit } = await scripted([reply(status, JSON.stringify(body))])
      await expect(upbit.markets()).rejects.toMatchObject({
        name: 'UpbitRequestError',
        status,
        errorName: body.error.name,
      })
      walked += 1
    }
    expect(walked).toBe(6)
  })
})
