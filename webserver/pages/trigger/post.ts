// Triggers the run that the form describes.

import type { Request, Response } from 'express'
import { triggerRun } from '../../../engine/runs/create.ts'
import { actorOf } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { dagOf, loadBasics } from '../dag/head/basics.ts'
import { emptyAsNull } from '../forms/form-field.ts'
import { flash } from '../frame/flash.ts'
import { dagPath, withQuery } from '../frame/links.ts'
import type { PageView } from '../frame/page-view.ts'
import { readConf, readDates, readDraft, type TriggerDraft } from './draft.ts'
import { faultsOf } from './faults.ts'
import { triggerPage } from './page.ts'

const trimmedOrNull = (text: string): string | null => emptyAsNull(text.trim())

/** What the draft asks for, or what is wrong with it. */
function readRequest(draft: TriggerDraft, zone: string) {
  const read = readConf(draft.conf)
  const { faults, logicalDate, dataInterval } = readDates(draft, zone)
  if ('fault' in read) faults.push({ field: 'conf', text: read.fault })
  if (faults.length > 0 || 'fault' in read) return { faults }
  return { logicalDate, dataInterval, conf: read.conf }
}

/** Null when the run was made and the browser sent to it; else the form again, with the faults. */
export async function postTrigger(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const dagId = dagOf(req)
  const draft = readDraft(req)
  const { graph } = await loadBasics(web, dagId)
  const read = readRequest(draft, graph.dag.timezone)
  if ('faults' in read) return triggerPage(web, req, draft, { fields: read.faults, params: [] })
  const request = {
    ...read,
    dagId,
    runId: trimmedOrNull(draft.run_id),
    note: trimmedOrNull(draft.note),
  }
  try {
    const { runId } = await triggerRun(web, request, actorOf(req))
    flash(res, 'triggered', dagId)
    res.redirect(303, withQuery(dagPath(dagId), { run: runId }))
    return null
  } catch (error) {
    return triggerPage(web, req, draft, faultsOf(error))
  }
}
