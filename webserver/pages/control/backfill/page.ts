// Backfills of a DAG: those there are, and a new one, date by date before it is made.

import type { Request, Response } from 'express'
import { MAX_BACKFILL_RUNS, REPROCESS_BEHAVIORS, type ReprocessBehavior } from '../../../../core/backfill.ts'
import { BaramError } from '../../../../core/errors.ts'
import { zoneName } from '../../../../core/times.ts'
import {
  type BackfillDate,
  type BackfillRequest,
  cancelBackfill,
  createBackfill,
  pauseBackfill,
  previewBackfill,
} from '../../../../engine/runs/backfill.ts'
import { type BackfillRow, listBackfills } from '../../../../store/postgres/backfills.ts'
import { actorOf } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
import { notFound } from '../../../http/api-error.ts'
import { type DagBasics, loadBasics } from '../../dag/head/basics.ts'
import { headView } from '../../dag/head/view.ts'
import { flash } from '../../frame/flash.ts'
import { dagCrumbs, dagPath } from '../../frame/links.ts'
import { type PageView, say } from '../../frame/page-view.ts'
import { fromForm, fromQuery } from '../view.ts'
import { commandOf, type Draft, readDraft, requestOf, shownRange } from './draft.ts'
import { backfillView, dateView } from './view.ts'

/** Dates that a page lists. */
const MOST = 200

/** The dates of a range; or why there are none: nothing is asked for yet, or it cannot be. */
interface Preview {
  readonly dates: readonly BackfillDate[] | null
  readonly fault: string | null
}

async function preview(web: Web, request: BackfillRequest | null, draft: Draft): Promise<Preview> {
  if (draft.from === '' && draft.to === '') return { dates: null, fault: null }
  if (request === null)
    return { dates: null, fault: 'Both ends must be dates, such as 2026-01-05 or 2026-01-05T09:00.' }
  try {
    return { dates: await previewBackfill(web, request), fault: null }
  } catch (error) {
    if (error instanceof BaramError && ['INPUT_INVALID', 'PARAMS_INVALID'].includes(error.code))
      return { dates: null, fault: error.message }
    throw error
  }
}

const REPROCESS_WORDS: Readonly<Record<ReprocessBehavior, string>> = {
  none: 'leave them',
  failed: 'again if failed',
  completed: 'again',
}

/** The form as it was written. */
function formView(draft: Draft, zone: string, now: number) {
  return {
    ...shownRange(draft, zone, now),
    max: draft.maxActiveRuns,
    isReverse: draft.isReverse,
    reprocess: REPROCESS_BEHAVIORS.map((value) => ({
      value,
      text: REPROCESS_WORDS[value],
      isOn: value === draft.reprocess,
    })),
    draft: { from: draft.from, to: draft.to, reprocess: draft.reprocess, backwards: draft.isReverse ? '1' : '' },
  }
}

/** The dates that would be run, and how many are left as they are. */
function datesView(all: readonly BackfillDate[], n: number, zone: string, dagId: string, now: number) {
  return {
    dates: all.slice(0, MOST).map((date) => dateView(date, zone, dagId, now)),
    more: Math.max(0, all.length - MOST),
    most: MAX_BACKFILL_RUNS,
    left: all.length - n,
    n,
  }
}

const activeNote = (active: BackfillRow | undefined): string | null =>
  active === undefined ? null : `Backfill ${active.id} is still running. Start another when it ends.`

const NEWEST = { limit: 50, offset: 0, order: [{ key: 'id', isDescending: true }] }

async function page(web: Web, basics: DagBasics, draft: Draft, refused: string | null): Promise<PageView> {
  const now = Date.now()
  const { dagId, timezone: zone } = basics.row
  const request = requestOf(dagId, draft, zone)
  const { dates, fault } = await preview(web, request, draft)
  const { rows } = await listBackfills(web.database, dagId, NEWEST)
  const n = dates?.filter((date) => date.exception === null).length ?? 0
  const active = rows.find((row) => row.completedAt === null)
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Backfills', href: '' }),
    sentence:
      dates === null
        ? say('Backfill {dag}', { dag: dagId }, 'dag')
        : say('Backfill {dag} with {n} {n#run#runs}?', { dag: dagId, n }, 'dag'),
    topics: `dag:${dagId}`,
    zone: zoneName(zone, now),
    view: {
      ...headView(basics, 'runs', null, now),
      ...formView(draft, zone, now),
      ...datesView(dates ?? [], n, zone, dagId, now),
      path: dagPath(dagId, '/backfills'),
      back: dagPath(dagId),
      zone,
      zoneName: zoneName(zone, now),
      isAsked: dates !== null,
      why: refused ?? fault ?? activeNote(active),
      canCreate: n > 0 && active === undefined,
      command: commandOf(dagId, draft, request),
      backfills: rows.map((row) => backfillView(row, zone, now)),
    },
  }
}

export async function backfillPage(web: Web, req: Request): Promise<PageView> {
  const basics = await loadBasics(web, String(req.params['dag_id'] ?? ''))
  return page(web, basics, readDraft(fromQuery(req)), null)
}

function refusal(error: unknown): string {
  const codes = ['CONFLICT', 'INPUT_INVALID', 'PARAMS_INVALID', 'REFUSED']
  if (error instanceof BaramError && codes.includes(error.code)) return error.message
  throw error
}

export async function postBackfill(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const basics = await loadBasics(web, String(req.params['dag_id'] ?? ''))
  const { dagId, timezone: zone } = basics.row
  const draft = readDraft(fromForm(req))
  const request = requestOf(dagId, draft, zone)
  if (request === null) return page(web, basics, draft, null)
  try {
    await createBackfill(web, request, actorOf(req))
  } catch (error) {
    return page(web, basics, draft, refusal(error))
  }
  flash(res, 'backfill-created', dagId)
  res.redirect(303, dagPath(dagId, '/backfills'))
  return null
}

const EMPTY_DRAFT = readDraft(() => '')

const VERBS = { pause: 'backfill-paused', unpause: 'backfill-unpaused', cancel: 'backfill-cancelled' } as const
const isVerb = (text: string): text is keyof typeof VERBS => Object.hasOwn(VERBS, text)

export async function postBackfillVerb(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const basics = await loadBasics(web, String(req.params['dag_id'] ?? ''))
  const id = Number(req.params['backfill_id'])
  const verb = String(req.params['verb'] ?? '')
  if (!isVerb(verb) || !Number.isInteger(id) || id < 1 || id > 2 ** 31 - 1)
    throw notFound(`There is no backfill ${String(req.params['backfill_id'])}.`)
  try {
    if (verb === 'cancel') await cancelBackfill(web, id, actorOf(req))
    else await pauseBackfill(web, { id, isPaused: verb === 'pause' }, actorOf(req))
  } catch (error) {
    return page(web, basics, EMPTY_DRAFT, refusal(error))
  }
  flash(res, VERBS[verb], basics.row.dagId)
  res.redirect(303, dagPath(basics.row.dagId, '/backfills'))
  return null
}
