// Delete as a page: a run, or a DAG with all it has.

import type { Request, Response } from 'express'
import { removeDag, removeRun } from '../../../../engine/runs/delete.ts'
import { type Contents, countContents } from '../../../../store/postgres/contents.ts'
import { actorOf } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
import { loadBasics } from '../../dag/head/basics.ts'
import { flash } from '../../frame/flash.ts'
import { dagPath } from '../../frame/links.ts'
import { type PageView, say } from '../../frame/page-view.ts'
import { runLabel } from '../../run/view.ts'
import { type Asked, backTo, type Control, fromForm, fromQuery, keepOf, refusal, requireRun, shown } from '../view.ts'

const counted = (n: number, noun: string): string => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`

/** `12 runs, 96 task instances and 40 XComs`: what there is of each. */
function contentsText({ runs, instances, xcoms, reports, versions, backfills }: Contents): string {
  const parts = (
    [
      [runs, 'run'],
      [instances, 'task instance'],
      [xcoms, 'XCom'],
      [reports, 'report'],
      [versions, 'version'],
      [backfills, 'backfill'],
    ] as const
  ).flatMap(([n, noun]) => (n === 0 ? [] : [counted(n, noun)]))
  const last = parts.pop() ?? 'nothing that has run'
  return parts.length === 0 ? last : `${parts.join(', ')} and ${last}`
}

async function deleteControl(web: Web, dagId: string, asked: Asked) {
  const { row } = await loadBasics(web, dagId)
  const runId = asked('run')
  const run = runId === '' ? null : await requireRun(web, dagId, runId)
  const comesBack = run === null && !row.isStale
  const contents = await countContents(web.database, dagId, run?.id ?? null)
  const control: Control = {
    verb: 'Delete',
    path: dagPath(dagId, '/delete'),
    back: backTo(dagId, asked),
    title:
      run === null
        ? say(`Delete {dag} with ${counted(contents.runs, 'run')}?`, { dag: dagId }, 'dag')
        : say('Delete the run of {run}?', { run: runLabel(run, Date.now()) }),
    button: run === null ? 'Delete the DAG' : 'Delete the run',
    isDanger: true,
    scopes: [],
    choices: [],
    touched: [],
    notes: [
      `Deletes ${contentsText(contents)}. Log files stay.`,
      ...(comesBack ? [`It comes back, without runs, when ${row.relativeFileloc} is read again.`] : []),
    ],
    command: run === null ? `dagctl dags delete ${dagId}` : `dagctl dags delete-run ${dagId} ${run.runId}`,
    keep: keepOf(asked),
  }
  return { control, zone: row.timezone }
}

export async function deletePage(web: Web, req: Request): Promise<PageView> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromQuery(req)
  const { control, zone } = await deleteControl(web, dagId, asked)
  return shown(dagId, zone, control, asked, null)
}

export async function postDelete(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromForm(req)
  const runId = asked('run')
  try {
    if (runId === '') await removeDag(web, dagId, actorOf(req))
    else await removeRun(web, { dagId, runId }, actorOf(req))
  } catch (error) {
    const why = refusal(error)
    const { control, zone } = await deleteControl(web, dagId, asked)
    return shown(dagId, zone, control, asked, why)
  }
  flash(res, runId === '' ? 'dag-deleted' : 'run-deleted', dagId)
  res.redirect(303, runId === '' ? '/dags' : dagPath(dagId))
  return null
}
