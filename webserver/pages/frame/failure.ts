// Errors of pages: what, why, what now; in the frame when the reader is known.

import type { NextFunction, Request, Response } from 'express'
import { BaramError } from '../../../core/errors.ts'
import { identify, mustChooseFirst } from '../../auth/guard.ts'
import type { ApiError } from '../../http/api-error.ts'
import { RETRY_AFTER_SECONDS } from '../../http/database-errors.ts'
import { isWrite, toApiError } from '../../http/errors.ts'
import type { Pages } from './frame.ts'
import { say } from './page-view.ts'
import { asSentence } from './sentence.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'This request cannot be understood.',
  403: 'You are not allowed to do this.',
  404: 'This page does not exist.',
  413: 'Request too large.',
  503: 'The database does not answer.',
}

/** Words of a status alone: they tell a reader nothing more. */
const BARE = ['Not Found', 'Forbidden', 'Internal Server Error']

const wordsOf = (status: number): string =>
  TITLES[status] ?? (status >= 500 ? 'This page failed.' : 'This cannot be done.')

function detailOf(error: unknown, told: ApiError): string | null {
  if (error instanceof BaramError && told.status < 500) return asSentence(error.message)
  return typeof told.detail === 'string' && !BARE.includes(told.detail) ? told.detail : null
}

async function sendFailure(
  pages: Pages,
  req: Request,
  res: Response,
  { status, detail, id }: { readonly status: number; readonly detail: string | null; readonly id: string | null },
): Promise<void> {
  const who = await identify(pages.web, req).catch(() => null)
  const words = wordsOf(status)
  const view = { status, detail, id, isDenied: status === 403, isOurs: status >= 500, role: who?.role ?? null }
  if (who === null || mustChooseFirst(who)) {
    await pages.bare(req, res, 'frame/failed-bare', { ...view, words, title: words }, status)
    return
  }
  const crumbs = [{ text: String(status), href: '' }]
  await pages.page(req, res, who, { section: 'none', crumbs, sentence: say(words), view }, 'frame/failed', status)
}

/** @param reportId logs what is our fault, and gives the id under which the log has it */
export function answerPageError(
  pages: Pages,
  reportId: (error: unknown, req: Request, status: number) => string | null,
) {
  return async (error: unknown, req: Request, res: Response, next: NextFunction): Promise<void> => {
    if (res.headersSent) {
      next(error)
      return
    }
    const told = toApiError(error, isWrite(req))
    const { status } = told
    if (status === 503) res.setHeader('Retry-After', RETRY_AFTER_SECONDS)
    const id = reportId(error, req, status)
    try {
      await sendFailure(pages, req, res, { status, detail: detailOf(error, told), id })
    } catch {
      // The page of the error failed too: the plainest answer is left.
      if (!res.headersSent) res.status(status).type('text/plain').send(wordsOf(status))
    }
  }
}
