// The frame of every page: rail, bar, theme, toast, scripts. Pages give their sentence and their template.

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { NextFunction, Request, Response } from 'express'
import { mayAct, type Role } from '../../../engine/admin/accounts.ts'
import { productVersion } from '../../../runtime/paths.ts'
import { readFrameFacts } from '../../../store/postgres/clock-holds.ts'
import { identify, mustChooseFirst, readCookies, remember, requireRole } from '../../auth/guard.ts'
import type { Principal } from '../../auth/tokens.ts'
import type { Web } from '../../deps.ts'
import { nonceOf } from '../../http/headers.ts'
import { troublesOf } from '../../troubles.ts'
import { markup, type Renderer } from './renderer.ts'
import { english, type Part, plain, sentence, type Values } from './sentence.ts'

const compress = promisify(gzip)

export type Place = 'dags' | 'runs' | 'variables' | 'connections' | 'errors' | 'none'

export interface Crumb {
  readonly text: string
  readonly href: string
}

export interface PageView {
  readonly place: Place
  readonly crumbs: readonly Crumb[]
  readonly sentence: readonly Part[]
  /** Comma-separated topics the page hears of. */
  readonly topics?: string
  readonly scripts?: readonly string[]
  readonly zone?: string
  readonly isFlush?: boolean
  readonly view: object
}

/** A sentence in the reader's language; `code` names the values shown as code. */
export const say = (text: string, values: Values = {}, ...code: string[]): Part[] =>
  sentence(english, text, values, code)

export const THEMES = ['system', 'light', 'dark'] as const
const THEME_COOKIE = 'baram_theme'
export const FLASH_COOKIE = 'baram_flash'

export function cookie(name: string, value: string, seconds: number, isHttpOnly = true): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${isHttpOnly ? '; HttpOnly' : ''}`
}

export const themeCookie = (theme: string): string => cookie(THEME_COOKIE, theme, 31_536_000)

/** What a toast can tell: a closed list, so that a cookie cannot put words on the page. */
const FLASHES: Readonly<Record<string, { text: string; undo?: (what: string) => { action: string; value: string } }>> =
  {
    paused: {
      text: '{what} is paused.',
      undo: (what) => ({ action: `/ui/dags/${encodeURIComponent(what)}/pause`, value: 'false' }),
    },
    unpaused: {
      text: '{what} runs by its schedule.',
      undo: (what) => ({ action: `/ui/dags/${encodeURIComponent(what)}/pause`, value: 'true' }),
    },
    triggered: { text: 'Triggered {what}.' },
    cleared: { text: 'Cleared {what}.' },
    marked: { text: 'Set to {what}.' },
    'run-deleted': { text: 'A run of {what} is deleted.' },
    'dag-deleted': { text: '{what} is deleted.' },
    'backfill-created': { text: 'Backfill of {what} begins.' },
    'backfill-paused': { text: 'The backfill of {what} starts no more runs.' },
    'backfill-unpaused': { text: 'The backfill of {what} goes on.' },
    'backfill-cancelled': { text: 'The backfill of {what} is cancelled.' },
    'password-changed': { text: 'Your new password counts from now on; other sessions have ended.' },
    'variable-saved': { text: 'Variable {what} is saved.' },
    'variable-deleted': { text: 'Variable {what} is deleted.' },
    'connection-saved': { text: 'Connection {what} is saved.' },
    'connection-deleted': { text: 'Connection {what} is deleted.' },
  }

export function flash(res: Response, kind: string, what: string): void {
  const value = Buffer.from(JSON.stringify([kind, what])).toString('base64url')
  res.append('Set-Cookie', cookie(FLASH_COOKIE, value, 60))
}

function readFlash(text: string | undefined) {
  if (text === undefined || text === '') return null
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (!Array.isArray(value)) return null
    // Proven an array; what its members are is looked at below.
    const [kind, what] = value as unknown[]
    if (typeof kind !== 'string' || typeof what !== 'string' || !Object.hasOwn(FLASHES, kind)) return null
    const told = FLASHES[kind]
    if (told === undefined) return null
    return { parts: say(told.text, { what }, 'what'), undo: told.undo?.(what) ?? null }
  } catch {
    return null // A cookie of somebody else's making says nothing.
  }
}

export type PageHandler = (req: Request, res: Response) => Promise<PageView | null>

export class Pages {
  readonly web: Web
  private readonly render: Renderer

  constructor(web: Web, render: Renderer) {
    this.web = web
    this.render = render
  }

  /** Sends a template without the frame. */
  async bare(req: Request, res: Response, name: string, view: object, status = 200): Promise<void> {
    const theme = this.theme(req)
    const html = this.render(name, { ...view, theme, nonce: nonceOf(res), version: productVersion })
    await this.send(req, res, html, status)
  }

  theme(req: Request): string {
    const theme = readCookies(req).get(THEME_COOKIE) ?? 'system'
    return THEMES.some((known) => known === theme) ? theme : 'system'
  }

  async page(
    req: Request,
    res: Response,
    who: Principal,
    page: PageView,
    template: string,
    status = 200,
  ): Promise<void> {
    const cookies = readCookies(req)
    const can = (role: Role) => mayAct(who.role, role)
    const csrf = this.web.tokens.csrf(who.sessionId)
    const shared = { csrf, can: { user: can('user'), op: can('op'), admin: can('admin') }, now: Date.now() }
    const body = this.render(template, { ...shared, sentence: page.sentence, ...page.view })
    const told = readFlash(cookies.get(FLASH_COOKIE))
    if (told !== null) res.append('Set-Cookie', cookie(FLASH_COOKIE, '', 0))
    const { importErrors, clockMovedMs } = await readFrameFacts(this.web.database)
    const troubles = troublesOf(this.web, clockMovedMs)
    const html = this.render('frame/layout', {
      ...shared,
      nonce: nonceOf(res),
      version: productVersion,
      title: plain(page.sentence),
      theme: this.theme(req),
      themes: THEMES.map((name) => ({ name, isCurrent: name === this.theme(req) })),
      crumbs: page.crumbs.map((crumb, i) => ({
        ...crumb,
        isLast: i === page.crumbs.length - 1,
        isFar: i < page.crumbs.length - 2,
      })),
      place: page.place,
      who: { name: who.username, role: who.role, isLocal: who.via === 'local' },
      errors: importErrors,
      troubles: troubles.map(({ text, values }) => say(text, values, 'command')),
      topics: page.topics ?? '',
      zone: page.zone ?? null,
      scripts: ['frame.js', ...(page.scripts ?? [])],
      toast: told,
      isFlush: page.isFlush ?? false,
      here: req.originalUrl,
      // As the value of a parameter: its own `+` and `&` must stay what they are.
      hereEncoded: encodeURIComponent(req.originalUrl),
      body: markup(body),
    })
    await this.send(req, res, html, status)
  }

  private async send(req: Request, res: Response, html: string, status: number): Promise<void> {
    res.status(status).setHeader('Content-Type', 'text/html; charset=utf-8')
    res.setHeader('Vary', 'Accept-Encoding')
    if (/\bgzip\b/.test(String(req.headers['accept-encoding'] ?? ''))) {
      res.setHeader('Content-Encoding', 'gzip')
      res.end(await compress(html))
    } else res.end(html)
  }

  /** Middleware of pages: without sign-in to the sign-in page and back; below the role, a page that says so. */
  needs(role: Role) {
    const guard = requireRole(this.web, role)
    return async (req: Request, res: Response, next: NextFunction): Promise<void> => {
      const who = await identify(this.web, req)
      if (who === null && req.method === 'GET') {
        res.redirect(303, `/sign-in?next=${encodeURIComponent(req.originalUrl)}`)
        return
      }
      if (who !== null && mustChooseFirst(who)) {
        // Back to a page only: a form's address has none.
        const next = req.method === 'GET' ? `?next=${encodeURIComponent(req.originalUrl)}` : ''
        res.redirect(303, `/password${next}`)
        return
      }
      if (who !== null) remember(req, who)
      await guard(req, res, next)
    }
  }
}
