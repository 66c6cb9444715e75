// Signing in and out: form, one-time link, session cookie.

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Request, type Response, Router } from 'express'
import { type Account, redeemSignInToken } from '../../../engine/admin/accounts.ts'
import { insertAudit } from '../../../store/postgres/audit.ts'
import { localPath } from '../../api/index.ts'
import { checkWrite, identify, isSameOrigin, readCookies, SESSION_COOKIE } from '../../auth/guard.ts'
import type { SignInLimit } from '../../auth/rate-limit.ts'
import { trySignIn } from '../../auth/token-routes.ts'
import type { Web } from '../../deps.ts'
import { ApiError } from '../../http/errors.ts'
import { formField } from '../forms/form-field.ts'
import { cookie } from '../frame/cookies.ts'
import type { Pages } from '../frame/frame.ts'

/** A page session ends after this, used or not. */
const SESSION_SECONDS = 12 * 3600
/** Ties the sign-in form to the browser it was given to: nobody is signed in to somebody else's account unasked. */
const FORM_COOKIE = 'baram_form'

/** Opens a page session of the account and sends the browser on. */
export async function enter(web: Web, res: Response, account: Account, next: string, isByLink = false): Promise<void> {
  const token = await web.tokens.make(account, 'baram/ui', SESSION_SECONDS, isByLink)
  res.append('Set-Cookie', cookie(SESSION_COOKIE, token, SESSION_SECONDS))
  res.append('Set-Cookie', cookie(FORM_COOKIE, '', 0))
  res.redirect(303, next)
}

export function signInRoutes(pages: Pages, limit: SignInLimit): Router {
  const { web } = pages
  const router = Router()

  const form = async (
    req: Request,
    res: Response,
    more: { fault: string | null; username: string; next: string; status?: number },
  ) => {
    const secret = randomBytes(18).toString('base64url')
    res.append('Set-Cookie', cookie(FORM_COOKIE, secret, 3600))
    await pages.bare(
      req,
      res,
      'sign-in/page',
      { ...more, secret, host: hostname(), title: 'Sign in' },
      more.status ?? 200,
    )
  }

  router.get('/sign-in', async (req, res) => {
    const token = req.query['token']
    const next = localPath(req.query['next'])
    if (typeof token === 'string' && token !== '') {
      const account = await redeemSignInToken(web.database, token)
      if (account !== null) {
        await insertAudit(web.database, { event: 'sign_in.link', owner: account.username })
        await enter(web, res, account, next, true)
        return
      }
      await form(req, res, { fault: 'That link was used already or is too old.', username: '', next, status: 401 })
      return
    }
    const who = await identify(web, req)
    if (who !== null && who.via !== 'bearer') res.redirect(303, next)
    else await form(req, res, { fault: null, username: '', next })
  })

  router.post('/sign-in', async (req, res) => {
    const secret = readCookies(req).get(FORM_COOKIE) ?? ''
    if (!isSameOrigin(req) || secret === '' || formField(req.body, 'secret') !== secret)
      throw new ApiError(403, 'Forbidden')
    const username = formField(req.body, 'username')
    const next = localPath(formField(req.body, 'next'))
    const { account, triesLeft, lockedUntil } = await trySignIn(
      web,
      limit,
      req,
      username,
      formField(req.body, 'password'),
    )
    if (account !== null) {
      await enter(web, res, account, next)
      return
    }
    const minutes = lockedUntil === null ? 0 : Math.max(1, Math.ceil((lockedUntil - Date.now()) / 60_000))
    const fault =
      lockedUntil === null
        ? `That name and password do not match. ${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left.`
        : `Too many failed tries. Try again in ${minutes} min, or use a one-time link.`
    await form(req, res, { fault, username, next, status: lockedUntil === null ? 401 : 429 })
  })

  const leave = async (req: Request, res: Response) => {
    const who = await identify(web, req)
    if (who !== null) {
      checkWrite(web, req, who)
      web.tokens.revoke(who.sessionId, SESSION_SECONDS)
    }
    res.append('Set-Cookie', cookie(SESSION_COOKIE, '', 0))
    res.redirect(303, '/sign-in')
  }
  router.post('/sign-out', leave)
  // Airflow's `/auth/logout` leads here by GET: a page with the button, since links must not change anything.
  router.get('/sign-out', async (req, res) => {
    const who = await identify(web, req)
    if (who === null || who.via !== 'cookie') res.redirect(303, '/sign-in')
    else
      await pages.bare(req, res, 'sign-in/sign-out', {
        csrf: web.tokens.csrf(who.sessionId),
        title: 'Sign out',
        host: hostname(),
        name: who.username,
      })
  })
  return router
}
