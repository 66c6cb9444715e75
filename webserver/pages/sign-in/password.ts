// Choosing a new password: asked of accounts whose password somebody else made, open to everybody who signed in.

import { type Request, type Response, Router } from 'express'
import { BaramError } from '../../../core/errors.ts'
import { getAccount, resetPassword, verifyPassword } from '../../../engine/admin/accounts.ts'
import { localPath } from '../../api/index.ts'
import { checkWrite, identify } from '../../auth/guard.ts'
import type { SignInLimit } from '../../auth/rate-limit.ts'
import { trySignIn } from '../../auth/token-routes.ts'
import type { Principal } from '../../auth/tokens.ts'
import type { Web } from '../../deps.ts'
import { ApiError } from '../../http/errors.ts'
import { formField } from '../forms/form-field.ts'
import { flash } from '../frame/flash.ts'
import type { Pages } from '../frame/frame.ts'
import { enter } from './page.ts'

interface Faults {
  readonly old?: string
  readonly new?: string
  readonly again?: string
}

/** What is wrong with the old password, or null. Guesses count as tries to sign in. */
async function oldFault(web: Web, limit: SignInLimit, req: Request, who: Principal): Promise<string | null> {
  if (who.isFreshByLink) return null
  const old = formField(req.body, 'old')
  const { account, triesLeft, lockedUntil } = await trySignIn(web, limit, req, who.username, old, 'old_password')
  if (account !== null) return null
  if (lockedUntil !== null) return 'Too many failed tries. Wait five minutes, or use a one-time link.'
  return `That is not the old password. ${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left.`
}

/** Sets the password, or says what keeps it from being set. */
async function change(web: Web, limit: SignInLimit, req: Request, who: Principal): Promise<Faults | null> {
  const chosen = formField(req.body, 'new')
  if (chosen !== formField(req.body, 'again')) return { again: 'The two differ.' }
  const old = await oldFault(web, limit, req, who)
  if (old !== null) return { old }
  if ((await verifyPassword(web.database, who.username, chosen)) !== null)
    return { new: 'This is the password you have. Choose another one.' }
  try {
    await resetPassword(web, { username: who.username, password: chosen }, { name: who.username, via: 'ui' })
    return null
  } catch (error) {
    if (error instanceof BaramError && error.code === 'INPUT_INVALID')
      return { new: 'A password has 12 to 1,024 characters.' }
    throw error
  }
}

export function passwordRoutes(pages: Pages, limit: SignInLimit): Router {
  const { web } = pages
  const router = Router()

  /** The person at the page; null when there is none with a password. */
  const person = async (req: Request): Promise<Principal | null> => {
    const who = await identify(web, req)
    return who?.via === 'cookie' && (await getAccount(web.database, who.username)) !== null ? who : null
  }
  const form = (req: Request, res: Response, who: Principal, next: string, faults: Faults) =>
    pages.bare(
      req,
      res,
      'sign-in/password',
      {
        title: 'Choose a new password',
        name: who.username,
        isNeeded: who.mustChangePassword,
        needsOld: !who.isFreshByLink,
        csrf: web.tokens.csrf(who.sessionId),
        next,
        faults: { old: null, new: null, again: null, ...faults },
      },
      Object.keys(faults).length === 0 ? 200 : 422,
    )

  router.get('/password', async (req, res) => {
    const who = await person(req)
    if (who === null) res.redirect(303, '/sign-in')
    else await form(req, res, who, localPath(req.query['next']), {})
  })

  router.post('/password', async (req, res) => {
    const who = await person(req)
    if (who === null) throw new ApiError(401, 'Not authenticated')
    checkWrite(web, req, who)
    const next = localPath(formField(req.body, 'next'))
    const faults = await change(web, limit, req, who)
    if (faults !== null) {
      await form(req, res, who, next, faults)
      return
    }
    const account = await getAccount(web.database, who.username)
    if (account === null) throw new ApiError(401, 'Not authenticated')
    flash(res, 'password-changed', '')
    await enter(web, res, account, next)
  })
  return router
}
