// `/auth/token`: a name and password for an API token, as Airflow's simple auth manager answers.

import { type Request, type Response, Router } from 'express'
import { verifyPassword } from '../../engine/admin/accounts.ts'
import { insertAudit } from '../../store/postgres/audit.ts'
import type { Web } from '../deps.ts'
import { readBody } from '../http/bodies.ts'
import { ApiError } from '../http/errors.ts'
import { sendJson } from '../http/json.ts'
import { isSameOrigin } from './guard.ts'
import type { SignInLimit } from './rate-limit.ts'
import { LOCAL_ADMIN } from './tokens.ts'

/** Airflow's `[api_auth] jwt_cli_expiration_time`. */
const CLI_SECONDS = 3600

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/

/** A try at a password with its limit and its audit row; the account, or how many tries are left. */
export async function trySignIn(
  web: Web,
  limit: SignInLimit,
  req: Request,
  username: string,
  password: string,
  what: 'sign_in' | 'old_password' = 'sign_in',
) {
  const address = req.socket.remoteAddress ?? ''
  const lockedUntil = limit.lockedUntil(username, address)
  if (lockedUntil !== null) return { account: null, triesLeft: 0, lockedUntil }
  const account = await verifyPassword(web.database, username, password)
  const event = account === null ? `${what}.failed` : what
  await insertAudit(web.database, { event, owner: username.slice(0, 250).replaceAll('\u0000', ''), extra: { address } })
  if (account !== null) {
    limit.succeed(username, address)
    return { account, triesLeft: 0, lockedUntil: null }
  }
  const triesLeft = limit.fail(username, address)
  return { account: null, triesLeft, lockedUntil: limit.lockedUntil(username, address) }
}

export function tokenRoutes(web: Web, limit: SignInLimit): Router {
  const router = Router()

  const answer = (seconds: number) => async (req: Request, res: Response) => {
    if (req.is(['application/json', 'application/x-www-form-urlencoded']) === false && req.body !== undefined)
      throw new ApiError(415, 'Send the name and password as JSON or as a form')
    const { username, password } = readBody<{ username: string; password: string }>(web.assets, 'LoginBody', req.body)
    const { account, lockedUntil } = await trySignIn(web, limit, req, username, password)
    if (account === null && lockedUntil !== null) throw new ApiError(429, 'Too many failed sign-ins; wait five minutes')
    if (account === null) throw new ApiError(401, 'Invalid credentials')
    sendJson(res, 201, { access_token: await web.tokens.make(account, 'baram/api', seconds) })
  }

  router.post('/token', answer(web.config.jwtSeconds))
  router.post('/token/cli', answer(CLI_SECONDS))

  const everybody = async (req: Request): Promise<string> => {
    if (!web.config.allAdmins || !LOOPBACK.test(req.socket.remoteAddress ?? '') || !isSameOrigin(req))
      throw new ApiError(403, 'This is only allowed if `[core] simple_auth_manager_all_admins` is True')
    return web.tokens.make({ username: LOCAL_ADMIN, sessionEpoch: -1 }, 'baram/api', web.config.jwtSeconds)
  }
  router.get('/token', async (req, res) => {
    sendJson(res, 201, { access_token: await everybody(req) })
  })
  router.get('/token/login', async (req, res) => {
    await everybody(req)
    res.redirect(307, '/dags')
  })
  return router
}
