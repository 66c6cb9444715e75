// A typed client of Upbit's quotation API: paces, pages, retries what may be retried, and accepts nothing it has not checked.

import { Agent, type Dispatcher, request } from 'undici'
import type { Clock } from '../../operators/clock.ts'
import { RequestBudget } from './budget.ts'
import {
  type Candle,
  type DayCandle,
  type Market,
  MINUTE_UNITS,
  type MinuteCandle,
  type MinuteUnit,
  type PeriodCandle,
  parseDayCandle,
  parseList,
  parseMarket,
  parseMinuteCandle,
  parsePeriodCandle,
  startOfCandle,
} from './candle.ts'
import {
  UpbitBlockedError,
  UpbitRateLimitedError,
  UpbitRequestError,
  UpbitShapeError,
  UpbitUnavailableError,
} from './errors.ts'

/** The API cuts a larger count silently. */
const PAGE = 200
const TRIES = 4
/** A page of 200 candles is 70 KB; more than this is no answer of Upbit's. */
const MOST_BYTES = 8 * 1024 * 1024
const LONGEST_WAIT_MS = 60_000

type Group = 'market' | 'candles'

export interface UpbitClientOptions {
  /** `https://api.upbit.com` */
  readonly baseUrl: string
  /** Of each group. Default 10, Upbit's limit for one address. */
  readonly requestsPerSecond?: number
  /** For a proxy in front of it; Upbit's quotation API needs none. */
  readonly authorization?: string
  /** Ends every request and wait when it aborts. Default: nothing does. */
  readonly signal?: AbortSignal
  /** Paces the requests. */
  readonly clock: Clock
  /** To connect, to the first byte, between two bytes. Default 10. */
  readonly timeoutSeconds?: number
}

export interface CandleRange {
  /** Epoch ms, inclusive. */
  readonly start: number
  /** Epoch ms, exclusive. */
  readonly end: number
}

type Kind<C extends Candle> = {
  readonly path: string
  readonly approxMs: number
  readonly parse: (value: unknown, market: string) => C
}

interface Raw {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly text: string
}

function header(raw: Raw, name: string): string | undefined {
  const value = raw.headers[name]
  return Array.isArray(value) ? value[0] : value
}

async function bodyText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  // undici's body yields Buffers; its type says `any`.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MOST_BYTES) throw new UpbitShapeError(`the answer is longer than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `{"error":{"name":404,"message":"Code not found"}}`; anything else (HTML, nothing) is quoted shortly. */
function parseError(raw: Raw): { name: string | number | null; message: string } {
  const fallback = { name: null, message: raw.text.trim().slice(0, 120).replaceAll(/\s+/g, ' ') || 'no body' }
  try {
    const body = JSON.parse(raw.text) as { error?: { name?: unknown; message?: unknown } } | null // every field is checked below
    const { name, message } = body?.error ?? {}
    if (typeof message !== 'string') return fallback
    return { name: typeof name === 'string' || typeof name === 'number' ? name : null, message }
  } catch {
    return fallback
  }
}

/** Retry-After as seconds or as a date; `null` when there is none. */
function retryAfterMs(raw: Raw, now: number): number | null {
  const value = header(raw, 'retry-after')
  if (value === undefined) return null
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS)
}

function isoZ(at: number): string {
  return `${new Date(Math.ceil(at / 1_000) * 1_000).toISOString().slice(0, 19)}Z`
}

export class UpbitClient {
  readonly #options: UpbitClientOptions
  readonly #agent: Agent
  /** Ends whatever is under way: the task's signal, `close()`, or a block, after which nothing more may be asked. */
  readonly #signal: AbortSignal
  readonly #stop = new AbortController()
  readonly #budgets: Readonly<Record<Group, RequestBudget>>

  /** What it talks to: `https://api.upbit.com`. */
  get origin(): string {
    return this.#options.baseUrl
  }

  constructor(options: UpbitClientOptions) {
    this.#options = options
    this.#signal =
      options.signal === undefined ? this.#stop.signal : AbortSignal.any([options.signal, this.#stop.signal])
    const timeout = (options.timeoutSeconds ?? 10) * 1_000
    this.#agent = new Agent({ connections: 8, connect: { timeout }, headersTimeout: timeout, bodyTimeout: timeout })
    const perSecond = options.requestsPerSecond ?? 10
    this.#budgets = {
      market: new RequestBudget(options.clock, perSecond),
      candles: new RequestBudget(options.clock, perSecond),
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the Upbit client was closed'))
    await this.#agent.destroy()
  }

  async markets(): Promise<readonly Market[]> {
    return parseList(await this.#get('market', '/v1/market/all?isDetails=false')).map(parseMarket)
  }

  /** Minute candles of the range, newest first, each once. A minute without trades has no candle. */
  minutes(market: string, unit: MinuteUnit, range: CandleRange): AsyncGenerator<MinuteCandle> {
    if (!MINUTE_UNITS.includes(unit))
      throw new RangeError(`unit must be one of ${MINUTE_UNITS.join(', ')}, found ${String(unit)}`)
    return this.#pages(market, range, {
      path: `/v1/candles/minutes/${unit}`,
      approxMs: unit * 60_000,
      parse: (value) => parseMinuteCandle(value, market, unit),
    })
  }

  /** A day starts at 00:00 UTC, 09:00 in Seoul. */
  days(market: string, range: CandleRange): AsyncGenerator<DayCandle> {
    return this.#pages(market, range, { path: '/v1/candles/days', approxMs: 86_400_000, parse: parseDayCandle })
  }

  weeks(market: string, range: CandleRange): AsyncGenerator<PeriodCandle> {
    return this.#pages(market, range, { path: '/v1/candles/weeks', approxMs: 7 * 86_400_000, parse: parsePeriodCandle })
  }

  months(market: string, range: CandleRange): AsyncGenerator<PeriodCandle> {
    return this.#pages(market, range, {
      path: '/v1/candles/months',
      approxMs: 28 * 86_400_000,
      parse: parsePeriodCandle,
    })
  }

  /** Pages backwards by an exclusive `to`. A row at a page's border may come twice (it does in recorded data): it is given once. */
  async *#pages<C extends Candle>(market: string, { start, end }: CandleRange, kind: Kind<C>): AsyncGenerator<C> {
    let to = end
    while (to > start) {
      const count = Math.min(PAGE, Math.ceil((to - start) / kind.approxMs) + (kind.approxMs > 60_000 ? 1 : 0))
      const query = new URLSearchParams({ market, to: isoZ(to), count: String(count) })
      const page = parseList(await this.#get('candles', `${kind.path}?${query.toString()}`)).map((value) =>
        kind.parse(value, market),
      )
      let oldest = to
      for (const candle of page) {
        const at = startOfCandle(candle)
        if (at > oldest)
          throw new UpbitShapeError(`${kind.path}: candles are not in order, newest first, before ${isoZ(to)}`)
        if (at === oldest) continue
        oldest = at
        if (at >= start && at < end) yield candle
      }
      if (page.length < count || oldest === to) return
      to = oldest
    }
  }

  async #get(group: Group, path: string): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#budgets[group].turn(this.#signal)
      const raw = await this.#ask(path, attempt)
      if (raw === null) continue
      this.#budgets[group].observe(header(raw, 'remaining-req'))
      const wait = this.#judge(path, raw, attempt)
      if (wait === null) return this.#json(path, raw)
      // All requests of the group wait: the limit is the address's, not the request's.
      if (raw.status === 429) this.#budgets[group].pause(wait)
      else await this.#options.clock.sleep(wait, this.#signal)
    }
  }

  /** `null` when the server was not reached and a retry is due. */
  async #ask(path: string, attempt: number): Promise<Raw | null> {
    const { baseUrl, authorization, clock } = this.#options
    try {
      const { statusCode, headers, body } = await request(new URL(path, baseUrl), {
        dispatcher: this.#agent,
        // No Origin header, ever: with one Upbit allows a single request in ten seconds.
        headers: { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
        signal: this.#signal,
      })
      return { status: statusCode, headers, text: await bodyText(body) }
    } catch (cause) {
      this.#signal.throwIfAborted()
      if (cause instanceof UpbitShapeError) throw cause
      const message = cause instanceof Error ? cause.message : String(cause)
      if (attempt >= TRIES) throw new UpbitUnavailableError(path, null, message, { cause })
      await clock.sleep(500 * 2 ** (attempt - 1), this.#signal)
      return null
    }
  }

  /** `null` for an answer to read, else the ms to wait before the next attempt. @throws when there is none */
  #judge(path: string, raw: Raw, attempt: number): number | null {
    if (raw.status === 200) return null
    const { name, message } = parseError(raw)
    if (raw.status === 418) throw this.#blocked(new UpbitBlockedError(path, message))
    if (raw.status === 429) {
      if (attempt >= TRIES) throw new UpbitRateLimitedError(path, attempt)
      return retryAfterMs(raw, this.#options.clock.now()) ?? 1_000 * attempt
    }
    if (raw.status < 500) throw new UpbitRequestError(path, raw.status, name, message)
    if (attempt >= TRIES) throw new UpbitUnavailableError(path, raw.status, message)
    return retryAfterMs(raw, this.#options.clock.now()) ?? 500 * 2 ** (attempt - 1)
  }

  #blocked(error: UpbitBlockedError): UpbitBlockedError {
    this.#stop.abort(error)
    return error
  }

  #json(path: string, raw: Raw): unknown {
    const type = header(raw, 'content-type') ?? 'none'
    if (!/^application\/json\b/i.test(type))
      throw new UpbitShapeError(`${path}: expected application/json, found content type ${type}`)
    try {
      const value: unknown = JSON.parse(raw.text)
      return value
    } catch (cause) {
      throw new UpbitShapeError(`${path}: the answer is not JSON, it begins ${JSON.stringify(raw.text.slice(0, 40))}`, {
        cause,
      })
    }
  }
}
