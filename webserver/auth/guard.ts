// Who a request comes from, and whether it may write: bearer token, session cookie, or (loopback only, when the
// deployment says so) nobody in particular.

import type { NextFunction, Request, Response } from 'express'
import { mayAct, type Role } from '../../engine/admin/accounts.ts'
import type { Actor } from '../../engine/engine.ts'
import type { Web } from '../deps.ts'
import { ApiError } from '../http/errors.ts'
import { LOCAL_ADMIN, type Principal, withoutAccount } from './tokens.ts'

export const SESSION_COOKIE = 'baram_session'

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i
const LOOPBACK_ADDRESS = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/

export function readCookies(req: Request): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at > 0) found.set(part.slice(0, at).trim(), part.slice(at + 1).trim())
  }
  return found
}

/** The name in the Host header must be loopback too: else another site's name could be made to point here. */
export const isLocal = (req: Request): boolean =>
  LOOPBACK_ADDRESS.test(req.socket.remoteAddress ?? '') && LOOPBACK_HOST.test(req.headers.host ?? '')

const LOCAL = withoutAccount({ username: LOCAL_ADMIN, role: 'admin', via: 'local', sessionId: 'local' })

/** The person or program behind a request, or null. A bearer token that is no good is not helped by a cookie. */
export async function identify(web: Web, req: Request): Promise<Principal | null> {
  const header = req.headers.authorization
  if (header !== undefined) {
    const token = /^Bearer +(\S+)$/i.exec(header)?.[1]
    return token === undefined ? null : web.tokens.verify(token, 'baram/api')
  }
  const session = readCookies(req).get(SESSION_COOKIE)
  const principal = session === undefined ? null : await web.tokens.verify(session, 'baram/ui')
  return principal ?? (web.config.allAdmins && isLocal(req) ? LOCAL : null)
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Browsers say where a request comes from; another origin's writes are refused whoever is signed in. */
export function isSameOrigin(req: Request): boolean {
  const site = req.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const { origin } = req.headers
  if (origin === undefined) return true
  try {
    return new URL(origin).host === req.headers.host
  } catch {
    return false // `null` and the like.
  }
}

function csrfOf(req: Request): string {
  const header = req.headers['x-csrf-token']
  if (typeof header === 'string') return header
  const body: unknown = req.body
  const field = typeof body === 'object' && body !== null && 'csrf' in body ? body.csrf : ''
  return typeof field === 'string' ? field : ''
}

/** @throws ApiError 403 when a write with a cookie does not come from a page of ours */
export function checkWrite(web: Web, req: Request, who: Principal): void {
  if (SAFE.has(req.method) || who.via === 'bearer') return
  if (!isSameOrigin(req)) throw new ApiError(403, 'Forbidden')
  // Local tools have no page to take a token from; a browser is told by its Origin or Sec-Fetch-Site above.
  const isTool = who.via === 'local' && req.headers.origin === undefined && req.headers['sec-fetch-site'] === undefined
  if (!isTool && !web.tokens.isCsrf(who.sessionId, csrfOf(req))) throw new ApiError(403, 'Forbidden')
}

/** Programs with a token work on, as with Airflow's simple auth; a person at a page chooses a password first. */
export const mustChooseFirst = (who: Principal): boolean => who.via === 'cookie' && who.mustChangePassword

const principals = new WeakMap<Request, Principal>()

/** Who was let in; only behind `requireRole`. */
export function whoIs(req: Request): Principal {
  const who = principals.get(req)
  if (who === undefined) throw new ApiError(401, 'Not authenticated')
  return who
}

/** The person at a page, as the engine's verbs know them. */
export const actorOf = (req: Request): Actor => ({ name: whoIs(req).username, via: 'ui' })

export function remember(req: Request, who: Principal): void {
  principals.set(req, who)
}

/** Middleware: 401 without a valid sign-in, 403 below the role or for a forged write. */
export function requireRole(web: Web, role: Role) {
  return async (req: Request, _res: Response, next: NextFunction): Promise<void> => {
    const who = await identify(web, req)
    if (who === null) throw new ApiError(401, 'Not authenticated')
    if (mustChooseFirst(who)) throw new ApiError(403, 'Choose a new password first, at /password')
    if (!mayAct(who.role, role)) throw new ApiError(403, 'Forbidden')
    checkWrite(web, req, who)
    remember(req, who)
    next()
  }
}
