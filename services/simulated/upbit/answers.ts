// What the exchange answers to a path and its parameters, as a value: Upbit's checks, in Upbit's order, with Upbit's bodies.

import { type CandleKind, type CandleSource, MINUTE_UNITS } from './candle.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** The budget the request counts for; routes that do not exist have none. */
  readonly group: 'market' | 'candles' | null
}

const MOST = 200

/** Most errors name themselves by their status; the gateway's by a word. */
function error(status: number, name: number | string, message: string, group: Answer['group']): Answer {
  return { status, body: { error: { name, message } }, group }
}

const NO_ROUTE = error(404, 'not_found', 'no Route matched with those values', null)
// The key order is the recorded one.
const NO_TOKEN: Answer = {
  status: 401,
  body: { error: { message: 'Please check Authorization Header', name: 'no_authorization_token' } },
  group: null,
}
const PRIVATE = new Set(['/v1/accounts', '/v1/orders', '/v1/order', '/v1/withdraws', '/v1/deposits', '/v1/api_keys'])

/** Epoch ms of the three accepted forms; `null` for any other. Without a zone it is UTC. */
function parseTo(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(Z|[+-]\d{2}:\d{2})?$/.exec(text)
  if (match === null) return null
  const at = Date.parse(`${match[1]}T${match[2]}${match[3] ?? 'Z'}`)
  return Number.isNaN(at) ? null : at
}

function kindOf(path: string): CandleKind | 'bad unit' | null {
  const minutes = /^\/v1\/candles\/minutes\/([^/]+)$/.exec(path)
  if (minutes !== null) {
    const unit = MINUTE_UNITS.find((known) => String(known) === minutes[1])
    return unit === undefined ? 'bad unit' : { kind: 'minutes', unit }
  }
  for (const kind of ['days', 'weeks', 'months'] as const) if (path === `/v1/candles/${kind}`) return { kind }
  return null
}

function candles(source: CandleSource, of: CandleKind | 'bad unit', query: URLSearchParams, now: number): Answer {
  const group = 'candles'
  const market = query.get('market')
  if (market === null || market === '') {
    return error(400, 400, 'Missing request parameter error. Check the required parameters!', group)
  }
  const countText = query.get('count') ?? ''
  const toText = query.get('to') ?? ''
  const to = toText === '' ? now : parseTo(toText)
  if ((countText !== '' && !/^\d{1,9}$/.test(countText)) || to === null) {
    return error(400, 400, 'Type mismatch error. Check the parameters type!', group)
  }
  if (of === 'bad unit') return error(400, 400, 'specified unit is not valid.', group)
  if (!source.markets().some((known) => known.market === market)) return error(404, 404, 'Code not found', group)
  // More than 200 are cut without a word: a client that does not page loses rows.
  const count = Math.min(countText === '' ? 1 : Math.max(1, Number(countText)), MOST)
  return { status: 200, body: source.candles({ market, of, to, count, now }), group }
}

export function answer(source: CandleSource, path: string, query: URLSearchParams, now: number): Answer {
  if (path === '/') {
    const body = {
      name: 'Baram simulated Upbit',
      simulated: true,
      source: source.name,
      notice: '가상 데이터입니다. These are not real prices.',
    }
    return { status: 200, body, group: null }
  }
  if (path === '/v1/market/all') return { status: 200, body: source.markets(), group: 'market' }
  if (PRIVATE.has(path)) return NO_TOKEN
  const of = kindOf(path)
  return of === null ? NO_ROUTE : candles(source, of, query, now)
}
