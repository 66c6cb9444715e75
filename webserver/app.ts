// The Express application: order of middleware, static files, the API, the pages, and how errors end.

import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import { messageOf } from '../core/errors.ts'
import { randomText } from '../runtime/ids.ts'
import { pgCode } from '../store/answers.ts'
import { ownRoutes } from './api/baram-routes.ts'
import { apiRoutes } from './api/index.ts'
import { identify, requireRole } from './auth/guard.ts'
import { SignInLimit } from './auth/rate-limit.ts'
import { tokenRoutes } from './auth/token-routes.ts'
import type { Web } from './deps.ts'
import type { Streams } from './events/stream.ts'
import { airflowError } from './http/airflow-errors.ts'
import { RETRY_AFTER_SECONDS } from './http/database-errors.ts'
import { checkAddress, checkBody, checkFormBytes, checkJsonBytes, keepIntegers } from './http/door.ts'
import { ApiError, isWrite, notFound, toApiError } from './http/errors.ts'
import { securityHeaders } from './http/headers.ts'
import { sendJson } from './http/json.ts'
import { metricsRoute } from './metrics/route.ts'
import { answerPageError } from './pages/frame/failure.ts'
import { pageRoutes } from './pages/index.ts'
import { logDataRoutes } from './pages/task/log/routes.ts'

const BODY_LIMIT = '1mb'

const isApi = (req: Request) => req.path.startsWith('/api/') || req.path.startsWith('/auth/')
/** Answers as Airflow does, in its words. */
const isAirflows = (req: Request) => req.path.startsWith('/api/v2/')
/** Asked by scripts of pages: their errors are JSON. */
const isData = (req: Request) => req.path === '/metrics' || req.path === '/ui/events' || req.path.startsWith('/ui/log/')

function serveStatic(web: Web) {
  return (req: Request, res: Response): void => {
    const name = String(req.params['name'] ?? '')
    const file = web.assets.file(name)
    if (file === null) throw notFound(`There is no file ${name.slice(0, 80)}`)
    // The name holds the content's hash: it never changes.
    res.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
    res.setHeader('Content-Type', file.type)
    res.setHeader('Vary', 'Accept-Encoding')
    if (file.gzip !== null && /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? ''))) {
      res.setHeader('Content-Encoding', 'gzip')
      res.end(file.gzip)
    } else res.end(file.plain)
  }
}

/** Logs what is our fault, under an id that the answer names. */
function report(web: Web, req: Request, error: unknown, status: number): string | null {
  const code = pgCode(error)
  if (status < 500) {
    // The net caught it: the door or the engine should have.
    if (code !== null && !(error instanceof ApiError) && /^(22|23|54)/.test(code))
      web.log.warn(
        { code, method: req.method, path: req.path, err: messageOf(error) },
        'a value was refused by the database alone',
      )
    return null
  }
  const id = randomText(8)
  const stack = error instanceof Error ? error.stack : undefined
  const level = status === 503 ? 'warn' : 'error'
  web.log[level]({ id, method: req.method, path: req.path, err: messageOf(error), stack }, 'a request failed')
  return id
}

function answerApiError(web: Web) {
  return (error: unknown, req: Request, res: Response, next: NextFunction): void => {
    const told = (isAirflows(req) ? airflowError(error) : null) ?? toApiError(error, isWrite(req))
    report(web, req, error, told.status)
    if (res.headersSent) {
      next(error)
      return
    }
    if (told.status === 503) res.setHeader('Retry-After', RETRY_AFTER_SECONDS)
    if (told.status === 401) res.setHeader('WWW-Authenticate', 'Bearer')
    sendJson(res, told.status, { detail: told.detail })
  }
}

export function makeApp(web: Web, streams: Streams): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.use(securityHeaders)
  app.get('/static/:name', serveStatic(web))
  app.use(checkAddress)
  const json = ['application/json', 'application/csp-report']
  app.use(express.json({ limit: BODY_LIMIT, strict: false, type: json, verify: checkJsonBytes }))
  app.use(keepIntegers)
  app.use(express.urlencoded({ limit: BODY_LIMIT, extended: false, verify: checkFormBytes }))
  app.use(checkBody)
  const limit = new SignInLimit()
  app.post('/csp-report', (req, res) => {
    web.log.warn(
      { report: JSON.stringify(req.body ?? null).slice(0, 2000) },
      'a page broke its content security policy',
    )
    res.status(204).end()
  })
  app.use('/auth', tokenRoutes(web, limit))
  app.use('/api/v2', apiRoutes(web))
  app.use('/api/baram/v1', ownRoutes(web))
  app.get('/ui/events', requireRole(web, 'viewer'), (req, res) => streams.serve(req, res))
  app.use('/ui/log', logDataRoutes(web))
  app.use(metricsRoute(web))
  const { router, pages } = pageRoutes(web, limit)
  app.use(router)
  app.use(async (req, _res, next) => {
    if (isApi(req) && (await identify(web, req)) === null) throw new ApiError(401, 'Not authenticated')
    next(notFound('Not Found'))
  })
  const apiError = answerApiError(web)
  const pageError = answerPageError(pages, (error, req, status) => report(web, req, error, status))
  app.use((error: unknown, req: Request, res: Response, next: NextFunction) =>
    isApi(req) || isData(req) ? apiError(error, req, res, next) : pageError(error, req, res, next),
  )
  return app
}
