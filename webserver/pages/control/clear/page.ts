// Clear and delete as pages: what will be touched stands there first. mark-page.ts is their sibling.

import type { Request, Response } from 'express'
import { type ClearRequest, clear, previewClear } from '../../../../engine/control/clear.ts'
import { removeDag, removeRun } from '../../../../engine/runs/delete.ts'
import { type Contents, countContents } from '../../../../store/postgres/contents.ts'
import { whoIs } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
import { loadBasics } from '../../dag/head/basics.ts'
import { flash } from '../../frame/flash.ts'
import { dagPath } from '../../frame/links.ts'
import { type PageView, say } from '../../frame/page-view.ts'
import { runLabel } from '../../run/view.ts'
import {
  type Asked,
  backTo,
  CHANGED,
  CLEAR_FLAGS,
  type Control,
  FILTERS,
  flagsOf,
  fromForm,
  fromQuery,
  keepOf,
  mapIndexOf,
  needRun,
  refusal,
  SCOPES,
  type Scope,
  scopesOf,
  shown,
  stampOf,
  withIndex,
} from '../view.ts'

function clearRequest(dagId: string, asked: Asked, scopes: readonly Scope[], by: string): ClearRequest {
  const is = (name: string) => scopes.some((scope) => scope.name === name && scope.isOn)
  const [taskId, mapIndex] = [asked('task'), mapIndexOf(asked)]
  return {
    dagId,
    runs: { kind: 'run', runId: asked('run'), past: is('past'), future: is('future') },
    tasks: {
      tasks: taskId === '' ? null : [mapIndex === null ? { taskId } : { taskId, mapIndex }],
      upstream: is('upstream'),
      downstream: is('downstream'),
    },
    filter: { onlyFailed: is('only_failed'), onlyRunning: is('only_running') },
    resetsRuns: true,
    onLatestVersion: is('latest'),
    refusesRunning: false,
    by,
  }
}

async function clearControl(web: Web, dagId: string, asked: Asked, by: string) {
  const run = await needRun(web, dagId, asked('run'))
  const taskId = asked('task')
  const names = [...(taskId === '' ? SCOPES.slice(2) : SCOPES), ...FILTERS].filter(
    // Without a logical date there is neither earlier nor later.
    ([name]) => run.logical_date !== null || (name !== 'past' && name !== 'future'),
  )
  const scopes = scopesOf(asked, names)
  const request = clearRequest(dagId, asked, scopes, by)
  const touched = await previewClear(web, request)
  const running = touched.filter((row) => row.state === 'running').length
  const control: Control = {
    verb: 'Clear',
    path: dagPath(dagId, '/clear'),
    back: backTo(dagId, asked),
    title: say('Clear {n} task {n#instance#instances}?', { n: touched.length }),
    button: `Clear ${touched.length}`,
    isDanger: false,
    scopes,
    choices: [],
    touched: touched.map((row) => ({ ...row, becomes: null })),
    notes: [
      ...(running === 0
        ? []
        : [
            running === 1
              ? 'One of them runs now: it is stopped, then begins again.'
              : `${running} of them run now: they are stopped, then begin again.`,
          ]),
      ...(touched.length === 0 ? ['Nothing here can be cleared: change the scope.'] : []),
    ],
    command: `dagctl tasks clear ${dagId} --run-id ${run.run_id}${taskId === '' ? '' : ` --task-id ${taskId}`}${withIndex(asked)}${flagsOf(scopes, CLEAR_FLAGS)}`,
    keep: keepOf(asked),
  }
  return { request, control, zone: run.timezone }
}

export async function clearPage(web: Web, req: Request): Promise<PageView> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromQuery(req)
  await loadBasics(web, dagId)
  const { control, zone } = await clearControl(web, dagId, asked, whoIs(req).username)
  return shown(dagId, zone, control, asked, null)
}

export async function postClear(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromForm(req)
  const { username } = whoIs(req)
  const { request, control, zone } = await clearControl(web, dagId, asked, username)
  if (stampOf(control.touched) !== asked('stamp')) return shown(dagId, zone, control, asked, CHANGED)
  const runId = asked('run')
  const audit = { event: 'task_instance.clear', owner: username, dagId, runId, taskId: asked('task') || null }
  try {
    const done = await clear(web, request, { ...audit, extra: { count: control.touched.length } })
    flash(res, 'cleared', done.length === 1 ? '1 task instance' : `${done.length} task instances`)
    res.redirect(303, control.back)
    return null
  } catch (error) {
    return shown(dagId, zone, control, asked, refusal(error))
  }
}

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
  const run = runId === '' ? null : await needRun(web, dagId, runId)
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
      ...(run === null && !row.is_stale
        ? [`It comes back, without runs, when ${row.relative_fileloc} is read again.`]
        : []),
    ],
    command: run === null ? `dagctl dags delete ${dagId}` : `dagctl dags delete-run ${dagId} ${run.run_id}`,
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
  const { username } = whoIs(req)
  const runId = asked('run')
  try {
    if (runId === '') await removeDag(web.database, dagId, { event: 'dag.delete', owner: username, dagId })
    else await removeRun(web.database, dagId, runId, { event: 'dag_run.delete', owner: username, dagId, runId })
  } catch (error) {
    const why = refusal(error)
    const { control, zone } = await deleteControl(web, dagId, asked)
    return shown(dagId, zone, control, asked, why)
  }
  flash(res, runId === '' ? 'dag-deleted' : 'run-deleted', dagId)
  res.redirect(303, runId === '' ? '/dags' : dagPath(dagId))
  return null
}
