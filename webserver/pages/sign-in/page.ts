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

interface SignInForm {
  readonly fault: string | null
  readonly username: string
  readonly next: string
}

/** The form, tied to this browser by a cookie. */
async function sendForm(pages: Pages, req: Request, res: Response, form: SignInForm, status = 200): Promise<void> {
  const secret = randomBytes(18).toString('base64url')
  res.append('Set-Cookie', cookie(FORM_COOKIE, secret, 3600))
  await pages.bare(req, res, 'sign-in/page', { ...form, secret, host: hostname(), title: 'Sign in' }, status)
}

/** A one-time link signs in at once; one that was used, or is too old, leads to the form. */
async function enterByLink(pages: Pages, req: Request, res: Response, token: string, next: string): Promise<void> {
  const { web } = pages
  const account = await redeemSignInToken(web.database, token)
  if (account === null) {
    const fault = 'That link was used already or is too old.'
    await sendForm(pages, req, res, { fault, username: '', next }, 401)
    return
  }
  await insertAudit(web.database, { event: 'sign_in.link', owner: account.username })
  await enter(web, res, account, next, true)
}

async function showSignIn(pages: Pages, req: Request, res: Response): Promise<void> {
  const token = req.query['token']
  const next = localPath(req.query['next'])
  if (typeof token === 'string' && token !== '') {
    await enterByLink(pages, req, res, token, next)
    return
  }
  const who = await identify(pages.web, req)
  if (who !== null && who.via !== 'bearer') res.redirect(303, next)
  else await sendForm(pages, req, res, { fault: null, username: '', next })
}

function faultText(triesLeft: number, lockedUntil: number | null): string {
  if (lockedUntil === null)
    return `That name and password do not match. ${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left.`
  const minutes = Math.max(1, Math.ceil((lockedUntil - Date.now()) / 60_000))
  return `Too many failed tries. Try again in ${minutes} min, or use a one-time link.`
}

async function postSignIn(pages: Pages, limit: SignInLimit, req: Request, res: Response): Promise<void> {
  const secret = readCookies(req).get(FORM_COOKIE) ?? ''
  if (!isSameOrigin(req) || secret === '' || formField(req.body, 'secret') !== secret)
    throw new ApiError(403, 'Forbidden')
  const username = formField(req.body, 'username')
  const password = formField(req.body, 'password')
  const next = localPath(formField(req.body, 'next'))
  const { account, triesLeft, lockedUntil } = await trySignIn(pages.web, limit, req, username, password)
  if (account !== null) {
    await enter(pages.web, res, account, next)
    return
  }
  const fault = faultText(triesLeft, lockedUntil)
  await sendForm(pages, req, res, { fault, username, next }, lockedUntil === null ? 401 : 429)
}

async function postSignOut({ web }: Pages, req: Request, res: Response): Promise<void> {
  const who = await identify(web, req)
  if (who !== null) {
    checkWrite(web, req, who)
    web.tokens.revoke(who.sessionId, SESSION_SECONDS)
  }
  res.append('Set-Cookie', cookie(SESSION_COOKIE, '', 0))
  res.redirect(303, '/sign-in')
}

/** Airflow's `/auth/logout` leads here by GET: a page with the button, since links must not change anything. */
async function showSignOut(pages: Pages, req: Request, res: Response): Promise<void> {
  const who = await identify(pages.web, req)
  if (who === null || who.via !== 'cookie') {
    res.redirect(303, '/sign-in')
    return
  }
  const csrf = pages.web.tokens.csrf(who.sessionId)
  await pages.bare(req, res, 'sign-in/sign-out', { csrf, title: 'Sign out', host: hostname(), name: who.username })
}

export function signInRoutes(pages: Pages, limit: SignInLimit): Router {
  const router = Router()
  router.get('/sign-in', (req, res) => showSignIn(pages, req, res))
  router.post('/sign-in', (req, res) => postSignIn(pages, limit, req, res))
  router.get('/sign-out', (req, res) => showSignOut(pages, req, res))
  router.post('/sign-out', (req, res) => postSignOut(pages, req, res))
  return router
}
