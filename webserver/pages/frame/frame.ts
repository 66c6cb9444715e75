// The frame of every page: rail, bar, theme, toast, scripts. Pages give their sentence and their template.

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { NextFunction, Request, Response } from 'express'
import { mayAct, type Role } from '../../../engine/admin/accounts.ts'
import { productVersion } from '../../../runtime/paths.ts'
import { readFrameFacts } from '../../../store/postgres/clock-holds.ts'
import { identify, mustChooseFirst, remember, requireRole } from '../../auth/guard.ts'
import type { Principal } from '../../auth/tokens.ts'
import { deploymentProblems } from '../../deployment-problems.ts'
import type { Web } from '../../deps.ts'
import { nonceOf } from '../../http/headers.ts'
import { takeFlash } from './flash.ts'
import { markup } from './markup.ts'
import { type PageView, say } from './page-view.ts'
import type { Renderer } from './renderer.ts'
import { plain } from './sentence.ts'
import { readTheme, THEMES } from './theme.ts'

const compress = promisify(gzip)

/** What page and frame both read. */
function sharedView(web: Web, who: Principal) {
  const can = (role: Role) => mayAct(who.role, role)
  return {
    csrf: web.tokens.csrf(who.sessionId),
    can: { user: can('user'), op: can('op'), admin: can('admin') },
    now: Date.now(),
  }
}

function themeView(req: Request) {
  const theme = readTheme(req)
  return { theme, themes: THEMES.map((name) => ({ name, isCurrent: name === theme })) }
}

/** What a page tells the frame of itself. */
function pageFacts(page: PageView) {
  return {
    title: plain(page.sentence),
    crumbs: page.crumbs.map((crumb, i) => ({
      ...crumb,
      isLast: i === page.crumbs.length - 1,
      isFar: i < page.crumbs.length - 2,
    })),
    section: page.section,
    topics: page.topics ?? '',
    zone: page.zone ?? null,
    scripts: ['frame.js', ...(page.scripts ?? [])],
    isFlush: page.isFlush ?? false,
  }
}

export class Pages {
  readonly web: Web
  private readonly render: Renderer

  constructor(web: Web, render: Renderer) {
    this.web = web
    this.render = render
  }

  /** Sends a template without the frame. */
  async bare(req: Request, res: Response, name: string, view: object, status = 200): Promise<void> {
    const html = this.render(name, {
      ...view,
      theme: readTheme(req),
      nonce: nonceOf(res),
      version: productVersion,
    })
    await this.send(req, res, html, status)
  }

  /** Sends a page in the frame. */
  async page(
    req: Request,
    res: Response,
    who: Principal,
    page: PageView,
    template: string,
    status = 200,
  ): Promise<void> {
    const shared = sharedView(this.web, who)
    const body = this.render(template, { ...shared, sentence: page.sentence, ...page.view })
    const html = this.render('frame/layout', {
      ...shared,
      ...pageFacts(page),
      ...(await this.deploymentFacts()),
      ...themeView(req),
      nonce: nonceOf(res),
      version: productVersion,
      who: { name: who.username, role: who.role, isLocal: who.via === 'local' },
      toast: takeFlash(req, res),
      here: req.originalUrl,
      // As the value of a parameter: its own `+` and `&` must stay what they are.
      hereEncoded: encodeURIComponent(req.originalUrl),
      body: markup(body),
    })
    await this.send(req, res, html, status)
  }

  /** What concerns every page of the deployment. */
  private async deploymentFacts() {
    const { importErrors, clockMovedMs } = await readFrameFacts(this.web.database)
    const problems = deploymentProblems(this.web, clockMovedMs)
    return {
      errors: importErrors,
      troubles: problems.map(({ text, values }) => say(text, values, 'command')),
    }
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
