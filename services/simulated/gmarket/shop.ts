// A simulated Gmarket on this host: the best page of twelve categories. Every answer carries `X-Baram-Simulated: true`.

import type { RequestListener } from 'node:http'
import { type Listening, listen } from '../listen.ts'
import { bestGoods } from './goods.ts'
import { bestPage } from './markup.ts'

export interface ShopOptions {
  /** Default 0: any free one. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 1. */
  readonly seed?: number
  /** Epoch ms: the hour of a page when the asker names none. */
  readonly now: () => number
  /** For tests: what is sent instead of the page of a category. */
  readonly broken?: ReadonlyMap<string, { readonly status: number; readonly type: string; readonly body: string }>
}

export type SimulatedShop = Listening

/** Where goods seem to be. Never this server's own address: its port changes with every start, and a row must not. */
const GOODS = 'http://item.gmarket.invalid'
const CATEGORY = /^1\d{8}$/
const ROBOTS = 'User-agent: *\nDisallow: /n/search\n'

interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

const HTML = 'text/html; charset=utf-8'

function pageOf(options: ShopOptions, target: string, slot: string | undefined): Page {
  const url = URL.canParse(target, GOODS) ? new URL(target, GOODS) : null
  if (url?.pathname === '/robots.txt') return { status: 200, type: 'text/plain', body: ROBOTS }
  const category = url?.searchParams.get('groupCode') ?? ''
  if (url?.pathname !== '/n/best' || !CATEGORY.test(category))
    return { status: 404, type: HTML, body: '<!doctype html><p>simulated: no such page' }
  const broken = options.broken?.get(category)
  if (broken !== undefined) return broken
  const { seed = 1 } = options
  const asked = Date.parse(slot ?? '')
  const goods = bestGoods(seed, category, Number.isNaN(asked) ? options.now() : asked)
  return { status: 200, type: HTML, body: bestPage(goods, `simulated shop, seed ${seed}`, GOODS) }
}

export async function startShop(options: ShopOptions): Promise<SimulatedShop> {
  const handle: RequestListener = (request, response) => {
    const slot = request.headers['x-baram-slot']
    const page = pageOf(options, request.method === 'GET' ? (request.url ?? '/') : '', [slot].flat()[0])
    response.writeHead(page.status, { 'content-type': page.type, 'x-baram-simulated': 'true' })
    response.end(page.body)
  }
  const { port = 0, host = '127.0.0.1' } = options
  return listen(handle, { port, host })
}
