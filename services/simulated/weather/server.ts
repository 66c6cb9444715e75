// A simulated weather service on this host, as apis.data.go.kr has it: its path, its answers, its errors, its calls a day. Every
// answer carries `X-Baram-Simulated: true`.

import type { RequestListener } from 'node:http'
import { type Listening, listen } from '../listen.ts'
import { type Answer, CallCount, gatewayError } from '../open-data/answers.ts'
import { answer, MOST_ROWS } from './answers.ts'
import { generatedSource } from './generated.ts'
import type { ObservationSource } from './observation.ts'

export interface WeatherOptions {
  /** Default 0: any free one. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Of the generated weather. Default 1. */
  readonly seed?: number
  /** Epoch ms. */
  readonly now: () => number
  /** Default: generated weather of the seed. */
  readonly source?: ObservationSource
  /** Default `now`; the real service has nothing of today. */
  readonly until?: 'now' | 'yesterday'
  /** The key that is accepted, decoded. Default: the one that needs no connection. */
  readonly key?: string
  /** Default 10,000. */
  readonly callsPerDay?: number
  /** Of a page. Default 999, the real service's. */
  readonly mostRows?: number
  /** For tests: what is sent instead, of each request; null = the answer. */
  readonly fault?: (query: URLSearchParams) => Answer | null
}

export type SimulatedWeather = Listening

/** What a client without a connection sends. */
const KEY = 'baram-simulated-key'

export async function startWeather(options: WeatherOptions): Promise<SimulatedWeather> {
  const { port = 0, host = '127.0.0.1', seed = 1, now, fault, callsPerDay = 10_000 } = options
  const { source = generatedSource(seed), until = 'now', key = KEY, mostRows = MOST_ROWS } = options
  const calls = new CallCount(callsPerDay)
  const reply = (url: URL): Answer => {
    const instead = fault?.(url.searchParams) ?? null
    if (instead !== null) return instead
    if (url.pathname !== '/' && !calls.spend(now()))
      return gatewayError('22', 'LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR')
    return answer({ source, key, until, mostRows }, url.pathname, url.searchParams, now())
  }
  const handle: RequestListener = (request, response) => {
    const text =
      request.method === 'GET' && URL.canParse(request.url ?? '', 'http://weather') ? request.url : '/nowhere'
    const { status, type, body } = reply(new URL(text ?? '/', 'http://weather'))
    response.writeHead(status, { 'content-type': type, 'x-baram-simulated': 'true' })
    response.end(body)
  }
  return listen(handle, { port, host })
}
