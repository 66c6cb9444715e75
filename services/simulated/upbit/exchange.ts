// A simulated Upbit on this host: its paths, its answers, its request budget. Every answer carries `X-Baram-Simulated: true`.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Listening, listen } from '../listen.ts'
import { type Answer, answer } from './answers.ts'
import { type BudgetLimits, RequestBudget, UPBIT_LIMITS, type Verdict } from './budget.ts'
import type { CandleSource } from './candle.ts'
import { generatedSource } from './generated.ts'

export interface ExchangeOptions {
  /** Default 0: any free one. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Of the generated candles. Default 1. */
  readonly seed?: number
  /** Epoch ms. Nothing later exists yet. */
  readonly now: () => number
  /** Default: generated candles of the seed. */
  readonly source?: CandleSource
  /** Default: Upbit's own. */
  readonly limits?: Partial<BudgetLimits>
}

export type Exchange = Listening

/** A path with bad escapes has no route, as at a real gateway. */
function parse(request: IncomingMessage): URL | null {
  const text = request.url ?? '/'
  return URL.canParse(text, 'http://exchange') ? new URL(text, 'http://exchange') : null
}

/** Of 429 and 418 Upbit's bodies are not known word for word; these say what they are. */
function overBudget(verdict: Verdict): Answer | null {
  if (verdict.kind === 'refused') {
    return {
      status: 429,
      body: { error: { name: 'too_many_requests', message: 'simulated: too many requests' } },
      group: 'candles',
    }
  }
  if (verdict.kind === 'blocked') {
    const message = `simulated: blocked for ${verdict.seconds} seconds`
    return { status: 418, body: { error: { name: 'blocked', message } }, group: 'candles' }
  }
  return null
}

function send(response: ServerResponse, reply: Answer, headers: Readonly<Record<string, string>>): void {
  response.writeHead(reply.status, {
    'content-type': 'application/json;charset=UTF-8',
    'x-baram-simulated': 'true',
    ...headers,
  })
  response.end(JSON.stringify(reply.body))
}

function handler(source: CandleSource, budget: RequestBudget, now: () => number) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const url = parse(request)
    const at = now()
    const reply = answer(
      source,
      request.method === 'GET' && url !== null ? url.pathname : '',
      url?.searchParams ?? new URLSearchParams(),
      at,
    )
    if (reply.group === null) {
      send(response, reply, {})
      return
    }
    const verdict = budget.spend(`${reply.group} ${request.socket.remoteAddress ?? ''}`, at)
    const remaining = verdict.kind === 'blocked' ? 0 : verdict.remaining
    send(response, overBudget(verdict) ?? reply, { 'remaining-req': `group=${reply.group}; min=600; sec=${remaining}` })
  }
}

export async function startExchange(options: ExchangeOptions): Promise<Exchange> {
  const { port = 0, host = '127.0.0.1', seed = 1, now, source = generatedSource(seed) } = options
  const budget = new RequestBudget({ ...UPBIT_LIMITS, ...options.limits })
  return listen(handler(source, budget, now), { port, host })
}
