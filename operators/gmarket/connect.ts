// Which Gmarket a task reads: the one of its connection (live, opt-in), else the simulated one, said so in the log.

import { FailTask, type OperatorContext } from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type HttpAnswer, judgeStatus } from '../http/answer.ts'
import { HttpClient, openHttp } from '../http/client.ts'

/** Set by `dagctl standalone` to the address of its simulated shop. */
const SIMULATED_URL_VARIABLE = 'gmarket_simulated_url'

/** Told to every server we read. */
const USER_AGENT = 'Baram/0.1 (best-seller pipeline; one request a second)'

/** Ours, for the simulated shop alone: which hour its page is to be of. */
const SLOT_HEADER = 'x-baram-slot'

export interface Shop {
  /** Told in logs and row counts. */
  readonly name: string
  readonly isSimulated: boolean
  /** The best page of a category as it is now; the simulated shop's as it was in that hour. */
  bestPage(categoryCode: string, slotText: string): Promise<Uint8Array>
  close(): Promise<void>
}

/** Paths under `User-agent: *` (or our own name) that robots.txt closes. Longest match wins, as RFC 9309 has it. */
export function isAllowed(robots: string, path: string): boolean {
  const rules = groupFor(robots, 'baram') ?? groupFor(robots, '*') ?? []
  const matching = rules.filter((rule) => rule.path !== '' && path.startsWith(rule.path.replace(/\*.*$/, '')))
  const longest = Math.max(0, ...matching.map((rule) => rule.path.length))
  const best = matching.filter((rule) => rule.path.length === longest)
  return best.length === 0 || best.some((rule) => rule.allow)
}

interface Rule {
  readonly allow: boolean
  readonly path: string
}

function groupFor(robots: string, agent: string): readonly Rule[] | null {
  const rules: Rule[] = []
  let isOurs = false
  let hasRules = true
  let isFound = false
  for (const line of robots.split(/\r?\n/)) {
    const match = /^\s*(user-agent|allow|disallow)\s*:\s*([^#]*?)\s*(?:#.*)?$/i.exec(line)
    const [, field = '', value = ''] = match ?? []
    if (/^user-agent$/i.test(field)) {
      // Several names in a row share one group.
      if (hasRules) isOurs = false
      hasRules = false
      isOurs ||= value.toLowerCase() === agent
      isFound ||= isOurs
    } else if (field !== '') {
      hasRules = true
      if (isOurs) rules.push({ allow: /^allow$/i.test(field), path: value })
    }
  }
  return isFound ? rules : null
}

const judge = (answer: HttpAnswer, clock: Clock): void =>
  judgeStatus(answer, { expectStatus: '2xx', retryAfterLimit: 600, now: clock.now() })

const bestPath = (categoryCode: string): string => `/n/best?groupCode=${encodeURIComponent(categoryCode)}`

/** No robots.txt means that nothing is closed. */
async function checkRobots(client: HttpClient, path: string): Promise<void> {
  const answer = await client.request({ endpoint: '/robots.txt', headers: { 'user-agent': USER_AGENT } })
  if (answer.status >= 500) judge(answer, client.clock)
  if (answer.status < 400 && !isAllowed(answer.text, path))
    throw new FailTask(`robots.txt of the shop closes ${path} to crawlers: nothing was read`)
}

function shopOf(client: HttpClient, name: string, isSimulated: boolean): Shop {
  return {
    name,
    isSimulated,
    async bestPage(categoryCode, slotText) {
      const endpoint = bestPath(categoryCode)
      const headers = { 'user-agent': USER_AGENT, ...(isSimulated && { [SLOT_HEADER]: slotText }) }
      const answer = await client.request({ endpoint, headers })
      if (answer.status === 403 || answer.status === 404)
        throw new FailTask(`${name} answered ${answer.status} for ${endpoint}: a retry would not help`)
      judge(answer, client.clock)
      const type = answer.headers['content-type'] ?? 'none'
      if (!/^text\/html\b/i.test(type)) throw new FailTask(`${endpoint}: expected text/html, found ${type}`)
      return answer.body
    },
    close: () => client.close(),
  }
}

/** Close what you get. @throws FailTask when neither the connection nor a simulated shop is there */
export async function openShop(
  op: OperatorContext,
  { connId = 'gmarket_default', clock = systemClock }: { readonly connId?: string; readonly clock?: Clock } = {},
): Promise<Shop> {
  const limits = { timeout: 30, maxBytes: 16 * 1024 * 1024, clock }
  if ((await op.client.getConnection(connId)) !== null) {
    const client = await openHttp(op, connId, { ...limits, redirects: 'same-origin' })
    await checkRobots(client, bestPath('0'))
    op.log.info({ connId }, 'reading the shop of the connection, live')
    return shopOf(client, connId, false)
  }
  const url = await op.client.getVariable(SIMULATED_URL_VARIABLE)
  if (url === null)
    throw new FailTask(
      `there is no connection ${connId} and no simulated shop (Variable ${SIMULATED_URL_VARIABLE}): add the connection ` +
        `${connId} of type http with host www.gmarket.co.kr and schema https, or run dagctl standalone, which simulates one`,
    )
  op.log.info({ connId, url }, 'no such connection: the data is simulated, from the simulated shop of this host')
  const client = new HttpClient({ base: new URL(url), headers: {}, tls: {} }, op.signal, limits, clock)
  return shopOf(client, `simulated shop ${url}`, true)
}
