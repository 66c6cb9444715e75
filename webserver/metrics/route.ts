// GET /metrics, and who may read it: whoever is on this host, has the token of the settings, or is signed in. Names of DAGs,
// pools and topics stand in it: it is not for everybody.

import { createHash, timingSafeEqual } from 'node:crypto'
import { type Request, type Response, Router } from 'express'
import { identify, isLocal } from '../auth/guard.ts'
import type { Web } from '../deps.ts'
import { ApiError } from '../http/errors.ts'
import { Scrape } from './scrape.ts'

const PROXIES = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/** From this host itself; a proxy on it speaks for others. */
const isOnThisHost = (req: Request): boolean =>
  isLocal(req) && PROXIES.every((header) => req.headers[header] === undefined)

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function hasToken({ config }: Web, req: Request): boolean {
  const given = /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1]
  if (config.metricsToken === null || given === undefined) return false
  return timingSafeEqual(digest(given), digest(config.metricsToken))
}

/** @throws ApiError 401 */
async function check(web: Web, req: Request): Promise<void> {
  if (web.config.metricsOpen || isOnThisHost(req) || hasToken(web, req)) return
  if ((await identify(web, req)) !== null) return
  throw new ApiError(
    401,
    'Not authenticated: /metrics is open on this host alone. Elsewhere send the bearer token of BARAM__METRICS__TOKEN, or set BARAM__METRICS__ALLOW_ANONYMOUS',
  )
}

export function metricsRoute(web: Web): Router {
  const { database, log, config } = web
  const scrape = new Scrape({ database, log, parallelism: config.parallelism })
  const router = Router()
  router.get('/metrics', async (req: Request, res: Response) => {
    await check(web, req)
    res.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
    res.setHeader('Cache-Control', 'no-store')
    res.end(await scrape.text())
  })
  return router
}
