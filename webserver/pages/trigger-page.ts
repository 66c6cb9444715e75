// Triggering by hand: conf as JSON, checked, with the command and the call that do the same.

import type { Request, Response } from 'express'
import { BaramError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { triggerRun } from '../../engine/create-run.ts'
import { insertAudit } from '../../store/postgres/audit.ts'
import { whoIs } from '../auth/guard.ts'
import type { Web } from '../deps.ts'
import { Query } from '../http/query.ts'
import { dagCrumbs, dagPath, headView, loadBasics, withQuery } from './dag-view.ts'
import { flash, type PageView, say } from './frame.ts'

export interface TriggerDraft {
  readonly conf: string
  readonly runId: string
  readonly note: string
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The object that a text of JSON holds, or why it is none. */
export function readConf(text: string): { conf: JsonObject } | { fault: string } {
  if (text.trim() === '') return { conf: {} }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      // Proven an object that JSON.parse made.
      return { conf: value as JsonObject }
    return { fault: 'The configuration must be a JSON object, such as {"day": "2026-01-05"}.' }
  } catch (error) {
    return { fault: `This is no JSON yet: ${error instanceof Error ? error.message : 'it cannot be read'}.` }
  }
}

export async function triggerPage(
  web: Web,
  req: Request,
  draft: TriggerDraft | null,
  fault: string | null,
): Promise<PageView> {
  const now = Date.now()
  const dagId = String(req.params['dag_id'] ?? '')
  const basics = await loadBasics(web, dagId)
  const conf = draft?.conf ?? new Query(req).text('conf') ?? '{}'
  const oneLine = 'conf' in readConf(conf) ? JSON.stringify(JSON.parse(conf.trim() === '' ? '{}' : conf)) : '{}'
  const origin = `http://${req.headers.host ?? 'localhost'}`
  return {
    place: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Trigger', href: '' }),
    sentence: say('Trigger {dag}', { dag: dagId }, 'dag'),
    scripts: ['trigger.js'],
    view: {
      ...headView(basics, 'grid', null, now),
      conf,
      runId: draft?.runId ?? '',
      note: draft?.note ?? '',
      fault,
      command: `dagctl trigger ${dagId}${oneLine === '{}' ? '' : ` --conf ${quote(oneLine)}`}`,
      commandStart: `dagctl trigger ${dagId}`,
      curl: `curl -X POST ${origin}/api/v2/dags/${encodeURIComponent(dagId)}/dagRuns -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d ${quote(`{"conf": ${oneLine}}`)}`,
      curlStart: `curl -X POST ${origin}/api/v2/dags/${encodeURIComponent(dagId)}/dagRuns -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d `,
    },
  }
}

/** Null when the run was made and the browser sent to it; else the form again, with the fault. */
export async function postTrigger(
  web: Web,
  req: Request,
  res: Response,
  draft: TriggerDraft,
): Promise<PageView | null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const who = whoIs(req)
  const read = readConf(draft.conf)
  if ('fault' in read) return triggerPage(web, req, draft, read.fault)
  if (draft.note.length > 1000) return triggerPage(web, req, draft, 'The note has more than 1,000 characters.')
  try {
    const { runId } = await triggerRun(
      web.database,
      web.boards,
      {
        dagId,
        runId: draft.runId.trim() === '' ? null : draft.runId.trim(),
        conf: read.conf,
        note: draft.note.trim() === '' ? null : draft.note.trim(),
        triggeredBy: 'ui',
        user: who.username,
      },
      (tx, run) => insertAudit(tx, { event: 'dag_run.trigger', owner: who.username, dagId, runId: run.runId }),
    )
    flash(res, 'triggered', dagId)
    res.redirect(303, withQuery(dagPath(dagId), { run: runId }))
    return null
  } catch (error) {
    if (error instanceof BaramError && error.code !== 'DATABASE_UNAVAILABLE')
      return triggerPage(web, req, draft, error.message)
    throw error
  }
}
