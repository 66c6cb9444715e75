// Signed tokens: API tokens (bearer) and page sessions (cookie) are both JWTs of one algorithm with different audiences,
// tied to the account's session epoch, so that a reset password ends them all.

import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { type Account, getAccount, type Role } from '../../engine/admin/accounts.ts'
import type { Database } from '../../store/database.ts'

export type Audience = 'baram/api' | 'baram/ui'

export interface Principal {
  readonly username: string
  readonly role: Role
  /** How they came in: `cookie` needs a CSRF token for writes; `local` is everybody-is-admin mode. */
  readonly via: 'bearer' | 'cookie' | 'local'
  /** Names the session for its CSRF token. */
  readonly sessionId: string
  /** Pages of such an account lead to the choice of a new password first. */
  readonly mustChangePassword: boolean
  /** A one-time link opened this session moments ago: whoever holds it may choose a password without the old one. */
  readonly isFreshByLink: boolean
}

/** Somebody without an account, so without a password to change. */
export const withoutAccount = (who: Pick<Principal, 'username' | 'role' | 'via' | 'sessionId'>): Principal => ({
  ...who,
  mustChangePassword: false,
  isFreshByLink: false,
})

/** Seconds by which clocks of machines may differ. */
const LEEWAY = 10
/** How long after a one-time link a new password needs no old one; as long as the link itself lives. */
const FRESH_SECONDS = 600
/** The user name of everybody-is-admin mode. */
export const LOCAL_ADMIN = 'anonymous'

export class Tokens {
  private readonly key
  private readonly csrfKey: Buffer
  private readonly database: Database
  private readonly allAdmins: boolean
  /** Sessions that were signed out here, until they would have ended anyway. */
  private readonly revoked = new Map<string, number>()

  constructor(secret: string | Buffer, database: Database, allAdmins: boolean) {
    const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret
    this.key = createSecretKey(bytes)
    this.csrfKey = createHmac('sha256', bytes).update('baram csrf').digest()
    this.database = database
    this.allAdmins = allAdmins
  }

  async make(
    account: Pick<Account, 'username' | 'sessionEpoch'>,
    audience: Audience,
    seconds: number,
    isByLink = false,
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ epoch: account.sessionEpoch, ...(isByLink ? { link: true } : {}) })
      .setProtectedHeader({ alg: 'HS512', typ: 'JWT' })
      .setSubject(account.username)
      .setAudience(audience)
      .setJti(randomBytes(16).toString('base64url'))
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + seconds)
      .sign(this.key)
  }

  /** Who a token speaks for, or null: forged, ended, disabled, or made before the last password reset. */
  async verify(token: string, audience: Audience): Promise<Principal | null> {
    let claims: {
      sub?: string | undefined
      jti?: string | undefined
      epoch?: unknown
      link?: unknown
      iat?: number | undefined
    }
    try {
      const { payload } = await jwtVerify(token, this.key, {
        algorithms: ['HS512'],
        audience,
        clockTolerance: LEEWAY,
        requiredClaims: ['sub', 'iat', 'nbf', 'exp', 'jti'],
      })
      claims = payload
    } catch {
      return null // Every fault of a token looks the same from outside.
    }
    const { sub = '', jti = '' } = claims
    if (this.revoked.has(jti)) return null
    const via = audience === 'baram/api' ? 'bearer' : 'cookie'
    if (sub === LOCAL_ADMIN && claims.epoch === -1)
      return this.allAdmins ? withoutAccount({ username: sub, role: 'admin', via, sessionId: jti }) : null
    const account = await getAccount(this.database, sub)
    if (account === null || !account.isActive || account.sessionEpoch !== claims.epoch) return null
    const { username, role, mustChangePassword } = account
    const isFreshByLink = claims.link === true && Date.now() / 1000 - (claims.iat ?? 0) < FRESH_SECONDS
    return { username, role, via, sessionId: jti, mustChangePassword, isFreshByLink }
  }

  /** Ends one session in this process. */
  revoke(sessionId: string, seconds: number): void {
    const now = Date.now()
    for (const [id, until] of this.revoked) if (until < now) this.revoked.delete(id)
    this.revoked.set(sessionId, now + seconds * 1000)
  }

  /** The token that a page of this session sends with its writes. */
  csrf(sessionId: string): string {
    return createHmac('sha256', this.csrfKey).update(sessionId).digest('base64url')
  }

  isCsrf(sessionId: string, token: string): boolean {
    const expected = Buffer.from(this.csrf(sessionId))
    const found = Buffer.from(token)
    return expected.length === found.length && timingSafeEqual(expected, found)
  }
}
