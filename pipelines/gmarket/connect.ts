// Which Gmarket a task reads: the one of its connection (live, opt-in), else the simulated one, said so in the log.

import { type Clock, systemClock } from '../../operators/clock.ts'
import { type HttpAnswer, judgeStatus } from '../../operators/http/answer.ts'
import { HttpClient, openHttp } from '../../operators/http/client.ts'
import { FailTask, type OperatorContext } from '../../sdk/index.ts'
import { checkRobots } from './robots.ts'

/** Set by `dagctl standalone` to the address of its simulated shop. */
const SIMULATED_URL_VARIABLE = 'gmarket_simulated_url'

/** Told to every server we read. */
const USER_AGENT = 'Baram/0.1 (best-seller pipeline; one request a second)'

/** Ours, for the simulated shop alone: which hour its page is to be of. */
const SLOT_HEADER = 'x-baram-slot'

interface Source {
  /** Told in logs and row counts. */
  readonly name: string
  readonly isSimulated: boolean
  close(): Promise<void>
}

export interface Shop extends Source {
  /** The best page of a category as it is now; the simulated shop's as it was in that hour. */
  bestPage(categoryCode: string, slotText: string): Promise<string>
}

export interface ProductPages extends Source {
  /** Whatever it answers; the simulated shop's as it was in that hour. */
  productPage(goodsCode: string, slotText: string): Promise<HttpAnswer>
}

export const judge = (answer: HttpAnswer, clock: Clock): void =>
  judgeStatus(answer, { expectStatus: '2xx', retryAfterLimit: 600, now: clock.now() })

export const isHtml = (answer: HttpAnswer): boolean => /^text\/html\b/i.test(answer.headers['content-type'] ?? '')

const bestPath = (categoryCode: string): string => `/n/best?groupCode=${encodeURIComponent(categoryCode)}`
const productPath = (goodsCode: string): string => `/Item?goodscode=${encodeURIComponent(goodsCode)}`

/** A server that was found, and how to ask it. */
interface Opened extends Source {
  readonly client: HttpClient
  ask(endpoint: string, slotText: string): Promise<HttpAnswer>
  /** @throws FailTask when its robots.txt closes the path */
  mayRead(path: string): Promise<void>
}

function opened(client: HttpClient, name: string, isSimulated: boolean): Opened {
  return {
    client,
    name,
    isSimulated,
    ask: (endpoint, slotText) =>
      client.request({
        endpoint,
        headers: { 'user-agent': USER_AGENT, ...(isSimulated && { [SLOT_HEADER]: slotText }) },
      }),
    mayRead: (path) => checkRobots(client, path, USER_AGENT, (answer) => judge(answer, client.clock)),
    close: () => client.close(),
  }
}

async function openSource(op: OperatorContext, connId: string, host: string, clock: Clock): Promise<Opened> {
  const limits = { timeout: 30, maxBytes: 16 * 1024 * 1024, clock }
  if ((await op.client.getConnection(connId)) !== null) {
    const client = await openHttp(op, connId, { ...limits, redirects: 'same-origin' })
    op.log.info({ connId }, 'reading the shop of the connection, live')
    return opened(client, connId, false)
  }
  const url = await op.client.getVariable(SIMULATED_URL_VARIABLE)
  if (url === null)
    throw new FailTask(
      `there is no connection ${connId} and no simulated shop (Variable ${SIMULATED_URL_VARIABLE}): add the connection ` +
        `${connId} of type http with host ${host} and schema https, or run dagctl standalone, which simulates one`,
    )
  op.log.info({ connId, url }, 'no such connection: the data is simulated, from the simulated shop of this host')
  const client = new HttpClient({ base: new URL(url), headers: {}, tls: {} }, op.signal, limits, clock)
  return opened(client, `simulated shop ${url}`, true)
}

/** Closes what was opened when the rest of the opening fails. */
async function checked<T extends Source>(source: Opened, path: string, make: () => T): Promise<T> {
  try {
    await source.mayRead(path)
    return make()
  } catch (error) {
    await source.close()
    throw error
  }
}

/** Close what you get. @throws FailTask when neither the connection nor a simulated shop is there */
export async function openShop(
  op: OperatorContext,
  { connId = 'gmarket_default', clock = systemClock }: { readonly connId?: string; readonly clock?: Clock } = {},
): Promise<Shop> {
  const source = await openSource(op, connId, 'www.gmarket.co.kr', clock)
  const { name, client } = source
  return checked(source, bestPath('0'), () => ({
    ...source,
    async bestPage(categoryCode, slotText) {
      const endpoint = bestPath(categoryCode)
      const answer = await source.ask(endpoint, slotText)
      if (answer.status === 403 || answer.status === 404)
        throw new FailTask(`${name} answered ${answer.status} for ${endpoint}: a retry would not help`)
      judge(answer, client.clock)
      if (!isHtml(answer))
        throw new FailTask(`${endpoint}: expected text/html, found ${answer.headers['content-type'] ?? 'none'}`)
      return answer.text
    },
  }))
}

export interface OpenProductPages {
  /** Default `gmarket_items_default`: product pages are on a server of their own, item.gmarket.co.kr. */
  readonly connId?: string
  /** The connection of the lists. Default `gmarket_default`. */
  readonly listConnId?: string
  readonly clock?: Clock
}

/** Close what you get. @throws FailTask when they are closed by robots.txt, or the lists are live and the pages would be simulated */
export async function openProductPages(op: OperatorContext, options: OpenProductPages = {}): Promise<ProductPages> {
  const { connId = 'gmarket_items_default', listConnId = 'gmarket_default', clock = systemClock } = options
  const host = 'item.gmarket.co.kr'
  const isLive = (await op.client.getConnection(listConnId)) !== null
  if (isLive && (await op.client.getConnection(connId)) === null)
    throw new FailTask(
      `the lists are read live (${listConnId}), but there is no connection ${connId}: add it, of type http with host ${host} and schema https`,
    )
  const source = await openSource(op, connId, host, clock)
  return checked(source, productPath('0'), () => ({
    ...source,
    productPage: (goodsCode, slotText) => source.ask(productPath(goodsCode), slotText),
  }))
}
