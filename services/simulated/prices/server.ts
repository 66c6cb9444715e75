// A simulated price service of the wholesale markets on this host, as apis.data.go.kr has it. Every answer carries
// `X-Baram-Simulated: true`.

import { type Listening, listen } from '../listen.ts'
import { type Answer, gatewayError, json, page, serviceError } from '../open-data/answers.ts'
import { type TradeRow, tradesOf } from './generated.ts'

export interface PricesOptions {
  /** Of the generated trades. Default 1. */
  readonly seed?: number
  /** Epoch ms. */
  readonly now: () => number
  /** The key that is accepted, decoded. Default: the one that needs no connection. */
  readonly key?: string
  /** For tests: what is sent instead. */
  readonly fault?: () => Answer | null
  /** For tests: other rows than the generated ones. */
  readonly change?: (row: TradeRow) => object
}

const PATH = '/B552845/katSale/trades'
const MOST_ROWS = 1_000

function answer(options: PricesOptions, url: URL): Answer {
  const { seed = 1, now, key = 'baram-simulated-key', change = (row) => row } = options
  const query = url.searchParams
  if (url.pathname === '/')
    return json({
      name: 'Baram simulated price service',
      simulated: true,
      notice: '가상 데이터입니다. No real prices.',
    })
  if (url.pathname !== PATH) return gatewayError('12', 'NO_OPENAPI_SERVICE_ERROR')
  if (query.get('serviceKey') !== key) return gatewayError('30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR')
  const format = query.get('returnType')?.toUpperCase() === 'JSON' ? 'JSON' : 'XML'
  const day = query.get('cond[trd_clcln_ymd::EQ]') ?? ''
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || !query.has('cond[whsl_mrkt_cd::EQ]'))
    return serviceError('10', 'INVALID_REQUEST_PARAMETER_ERROR', format)
  // A day is there once it is over; before that there are no rows, and no error either.
  const isOver = now() >= Date.parse(`${day}T24:00:00+09:00`)
  const rows = isOver ? tradesOf(seed, day, query.get('cond[gds_mclsf_nm::EQ]') ?? '') : []
  return page(rows.map(change), query, format, MOST_ROWS)
}

export function startPrices(options: PricesOptions): Promise<Listening> {
  return listen((request, response) => {
    const target = URL.canParse(request.url ?? '', 'http://prices') ? (request.url ?? '/') : '/nowhere'
    const { status, type, body } = options.fault?.() ?? answer(options, new URL(target, 'http://prices'))
    response.writeHead(status, { 'content-type': type, 'x-baram-simulated': 'true' })
    response.end(body)
  })
}
