// A simulated Gmarket on this host: the best page of twelve categories, and a page for each of their goods. Every answer carries `X-Baram-Simulated: true`.

import type { RequestListener } from 'node:http'
import { type Listening, listen } from '../listen.ts'
import { bestGoods, goodsByCode } from './goods.ts'
import { bestPage, productPage } from './markup.ts'

interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
  /** Further ones. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface ShopOptions {
  /** Default 0: any free one. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 1. */
  readonly seed?: number
  /** Epoch ms: the hour of a page when the asker names none. */
  readonly now: () => number
  /** For tests: what is sent instead of the page of a category, of goods, or of `robots.txt`, by code or that name. */
  readonly broken?: ReadonlyMap<string, Page>
}

export type SimulatedShop = Listening

/** Where goods seem to be. Never this server's own address: its port changes with every start, and a row must not. */
const GOODS = 'http://item.gmarket.invalid'
const CATEGORY = /^1\d{8}$/
const GOODS_CODE = /^\d{10}$/
const ROBOTS = 'User-agent: *\nDisallow: /n/search\n'

const HTML = 'text/html; charset=utf-8'

const NO_PAGE: Page = { status: 404, type: HTML, body: '<!doctype html><p>simulated: no such page' }

/** What a path is the page of: a category or goods by code, `robots.txt`; null = nothing. */
function subjectOf({ pathname, searchParams }: URL): string | null {
  if (pathname === '/robots.txt') return 'robots.txt'
  const [category, goods] = [searchParams.get('groupCode') ?? '', searchParams.get('goodscode') ?? '']
  if (pathname === '/n/best' && CATEGORY.test(category)) return category
  return pathname === '/Item' && GOODS_CODE.test(goods) ? goods : null
}

/** Answers each path; the goods are counted once. */
function pagesOf(options: ShopOptions): (target: string, slot: string | undefined) => Page {
  const { seed = 1, broken } = options
  const note = `simulated shop, seed ${seed}`
  const findGood = goodsByCode(seed)
  return (target, slot) => {
    const subject = URL.canParse(target, GOODS) ? subjectOf(new URL(target, GOODS)) : null
    if (subject === null) return NO_PAGE
    const instead = broken?.get(subject)
    if (instead !== undefined) return instead
    if (subject === 'robots.txt') return { status: 200, type: 'text/plain', body: ROBOTS }
    const asked = Date.parse(slot ?? '')
    const at = Number.isNaN(asked) ? options.now() : asked
    if (CATEGORY.test(subject))
      return { status: 200, type: HTML, body: bestPage(bestGoods(seed, subject, at), note, GOODS) }
    const good = findGood(subject, at)
    return good === null ? NO_PAGE : { status: 200, type: HTML, body: productPage(good, note) }
  }
}

export async function startShop(options: ShopOptions): Promise<SimulatedShop> {
  const pageOf = pagesOf(options)
  const handle: RequestListener = (request, response) => {
    const slot = request.headers['x-baram-slot']
    const page = pageOf(request.method === 'GET' ? (request.url ?? '/') : '', [slot].flat()[0])
    response.writeHead(page.status, { 'content-type': page.type, 'x-baram-simulated': 'true', ...page.headers })
    response.end(page.body)
  }
  const { port = 0, host = '127.0.0.1' } = options
  return listen(handle, { port, host })
}
