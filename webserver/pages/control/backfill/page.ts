// Backfills of a DAG: those there are, and a new one, date by date before it is made.

import type { Request, Response } from 'express'
import { MAX_BACKFILL_RUNS, REPROCESS_BEHAVIORS, type ReprocessBehavior } from '../../../../core/backfill.ts'
import { BaramError } from '../../../../core/errors.ts'
import { moment, zoneName } from '../../../../core/times.ts'
import {
  type BackfillDate,
  type BackfillRequest,
  cancelBackfill,
  createBackfill,
  pauseBackfill,
  previewBackfill,
} from '../../../../engine/runs/backfill.ts'
import { type BackfillRow, listBackfills } from '../../../../store/postgres/backfills.ts'
import { whoIs } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
import { notFound } from '../../../http/errors.ts'
import { parseDate } from '../../../http/query.ts'
import { type DagBasics, loadBasics } from '../../dag/head/basics.ts'
import { headView } from '../../dag/head/view.ts'
import { formField } from '../../forms/form-field.ts'
import { instantOf, localOf } from '../../forms/zoned.ts'
import { flash } from '../../frame/flash.ts'
import { dagCrumbs, dagPath, withQuery } from '../../frame/links.ts'
import { type PageView, say } from '../../frame/page-view.ts'

/** A new backfill as it is written. */
interface Draft {
  readonly from: string
  readonly to: string
  readonly reprocess: ReprocessBehavior
  readonly isReverse: boolean
  readonly maxActiveRuns: string
}

type Asked = (name: string) => string

function readDraft(asked: Asked): Draft {
  return {
    from: asked('from').trim(),
    to: asked('to').trim(),
    reprocess: REPROCESS_BEHAVIORS.find((known) => known === asked('reprocess')) ?? 'none',
    isReverse: asked('backwards') === '1',
    maxActiveRuns: asked('max').trim() === '' ? '10' : asked('max').trim(),
  }
}

/** Without an offset a time is the DAG's; a day alone is meant whole. */
const timeOf = (text: string, zone: string, clock: '00:00' | '23:59:59'): number | null => {
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T${clock}` : text
  return instantOf(full, zone) ?? parseDate(full)
}

function requestOf(dagId: string, draft: Draft, zone: string, by: string): BackfillRequest | null {
  const [from, to] = [timeOf(draft.from, zone, '00:00'), timeOf(draft.to, zone, '23:59:59')]
  if (from === null || to === null) return null
  return {
    dagId,
    from,
    to,
    isReverse: draft.isReverse,
    reprocess: draft.reprocess,
    conf: null,
    maxActiveRuns: Number(draft.maxActiveRuns),
    onLatestVersion: true,
    by,
  }
}

const STATES = { paused: 'queued', going: 'running', over: 'success', broken: 'failed' } as const

function backfillView(row: BackfillRow, zone: string, now: number) {
  const path = dagPath(row.dag_id, `/backfills/${row.id}`)
  const isOver = row.completed_at !== null
  const done = row.success + row.failed
  const runs = row.dates - row.without_run
  const state = isOver ? (row.failed > 0 ? STATES.broken : STATES.over) : row.is_paused ? STATES.paused : STATES.going
  return {
    id: row.id,
    state,
    range: `${moment(row.from_date, zone, now)} → ${moment(row.to_date, zone, now)} ${zoneName(zone, row.from_date)}`,
    progress: `${done} of ${runs}`,
    failed: row.failed === 0 ? null : row.failed,
    by: row.triggering_user_name,
    created: row.created_at,
    isOver,
    isPaused: row.is_paused,
    word: isOver ? 'over' : row.is_paused ? 'paused' : `${row.running} running, ${row.queued} waiting`,
    pause: `${path}/${row.is_paused ? 'unpause' : 'pause'}`,
    cancel: `${path}/cancel`,
  }
}

const WHAT: Readonly<Record<string, string>> = {
  'already exists': 'has a run, left as it is',
  'in flight': 'has a run that goes on',
  unknown: 'unknown',
}

const dateView = ({ run, existing, exception }: BackfillDate, zone: string, dagId: string, now: number) => ({
  date: `${moment(run.logicalDate, zone, now)} ${zoneName(zone, run.logicalDate)}`,
  interval:
    run.dataInterval.start === run.dataInterval.end
      ? null
      : `${moment(run.dataInterval.start, zone, now)} → ${moment(run.dataInterval.end, zone, now)}`,
  state: existing?.state ?? null,
  href: existing === null ? null : withQuery(dagPath(dagId), { run: existing.runId }),
  what: exception === null ? (existing === null ? 'new run' : 'cleared, and run again') : WHAT[exception],
  isLeft: exception !== null,
})

/** Dates that a page lists. */
const MOST = 200

async function preview(web: Web, request: BackfillRequest | null, draft: Draft) {
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

/** A day back from now, in the DAG's zone: where a range is likely to lie. */
const usual = (now: number, days: number, zone: string): string => localOf(now - days * 86_400_000, zone).slice(0, 10)

function commandOf(dagId: string, draft: Draft, request: BackfillRequest | null): string {
  const iso = (at: number) => new Date(at).toISOString()
  const range = request === null ? '' : ` --from-date ${iso(request.from)} --to-date ${iso(request.to)}`
  const reprocess = draft.reprocess === 'none' ? '' : ` --reprocess-behavior ${draft.reprocess}`
  return `dagctl backfill create --dag-id ${dagId}${range}${reprocess}${draft.isReverse ? ' --run-backwards' : ''} --max-active-runs ${draft.maxActiveRuns}`
}

async function page(web: Web, basics: DagBasics, draft: Draft, by: string, refused: string | null): Promise<PageView> {
  const now = Date.now()
  const { dag_id: dagId, timezone: zone } = basics.row
  const request = requestOf(dagId, draft, zone, by)
  const { dates, fault } = await preview(web, request, draft)
  const { rows } = await listBackfills(web.database, dagId, {
    limit: 50,
    offset: 0,
    order: [{ key: 'id', isDescending: true }],
  })
  const n = dates?.filter((date) => date.exception === null).length ?? 0
  const active = rows.find((row) => row.completed_at === null)
  return {
    place: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Backfills', href: '' }),
    sentence:
      dates === null
        ? say('Backfill {dag}', { dag: dagId }, 'dag')
        : say('Backfill {dag} with {n} {n#run#runs}?', { dag: dagId, n }, 'dag'),
    topics: `dag:${dagId}`,
    zone: zoneName(zone, now),
    view: {
      ...headView(basics, 'runs', null, now),
      path: dagPath(dagId, '/backfills'),
      back: dagPath(dagId),
      zone,
      zoneName: zoneName(zone, now),
      from: draft.from === '' && draft.to === '' ? usual(now, 7, zone) : draft.from,
      to: draft.from === '' && draft.to === '' ? usual(now, 1, zone) : draft.to,
      max: draft.maxActiveRuns,
      isReverse: draft.isReverse,
      reprocess: REPROCESS_BEHAVIORS.map((value) => ({
        value,
        text: { none: 'leave them', failed: 'again if failed', completed: 'again' }[value],
        isOn: value === draft.reprocess,
      })),
      isAsked: dates !== null,
      why:
        refused ??
        fault ??
        (active === undefined ? null : `Backfill ${active.id} goes on: another one can be made when it is over.`),
      dates: (dates ?? []).slice(0, MOST).map((date) => dateView(date, zone, dagId, now)),
      more: Math.max(0, (dates?.length ?? 0) - MOST),
      most: MAX_BACKFILL_RUNS,
      left: (dates?.length ?? 0) - n,
      n,
      canCreate: n > 0 && active === undefined,
      draft: { from: draft.from, to: draft.to, reprocess: draft.reprocess, backwards: draft.isReverse ? '1' : '' },
      command: commandOf(dagId, draft, request),
      backfills: rows.map((row) => backfillView(row, zone, now)),
    },
  }
}

export async function backfillPage(web: Web, req: Request): Promise<PageView> {
  const basics = await loadBasics(web, String(req.params['dag_id'] ?? ''))
  const draft = readDraft((name) => {
    const value = req.query[name]
    return typeof value === 'string' ? value : ''
  })
  return page(web, basics, draft, whoIs(req).username, null)
}

function refusal(error: unknown): string {
  const codes = ['CONFLICT', 'INPUT_INVALID', 'PARAMS_INVALID', 'REFUSED']
  if (error instanceof BaramError && codes.includes(error.code)) return error.message
  throw error
}

export async function postBackfill(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const basics = await loadBasics(web, String(req.params['dag_id'] ?? ''))
  const { username } = whoIs(req)
  const { dag_id: dagId, timezone: zone } = basics.row
  const draft = readDraft((name) => formField(req.body, name))
  const request = requestOf(dagId, draft, zone, username)
  if (request === null) return page(web, basics, draft, username, null)
  try {
    await createBackfill(web, request, { event: 'backfill.create', owner: username, dagId })
  } catch (error) {
    return page(web, basics, draft, username, refusal(error))
  }
  flash(res, 'backfill-created', dagId)
  res.redirect(303, dagPath(dagId, '/backfills'))
  return null
}

const VERBS = { pause: 'backfill-paused', unpause: 'backfill-unpaused', cancel: 'backfill-cancelled' } as const
const isVerb = (text: string): text is keyof typeof VERBS => Object.hasOwn(VERBS, text)

export async function postBackfillVerb(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const basics = await loadBasics(web, String(req.params['dag_id'] ?? ''))
  const { username } = whoIs(req)
  const [id, verb] = [Number(req.params['backfill_id']), String(req.params['verb'] ?? '')]
  if (!isVerb(verb) || !Number.isInteger(id) || id < 1 || id > 2 ** 31 - 1)
    throw notFound(`There is no backfill ${String(req.params['backfill_id'])}.`)
  const audit = (dagId: string) => ({
    event: `backfill.${verb}`,
    owner: username,
    dagId,
    extra: { backfill_id: id },
  })
  try {
    if (verb === 'cancel') await cancelBackfill(web, id, username, audit)
    else await pauseBackfill(web.database, id, verb === 'pause', audit)
  } catch (error) {
    return page(
      web,
      basics,
      readDraft(() => ''),
      username,
      refusal(error),
    )
  }
  flash(res, VERBS[verb], basics.row.dag_id)
  res.redirect(303, dagPath(basics.row.dag_id, '/backfills'))
  return null
}
