// Clear as a page: what will be touched stands there first.

import type { Request, Response } from 'express'
import { type ClearRequest, clear, previewClear } from '../../../../engine/control/clear.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { TouchedInstance } from '../../../../store/postgres/run-control.ts'
import { actorOf } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
import { loadBasics } from '../../dag/head/basics.ts'
import { flash } from '../../frame/flash.ts'
import { dagPath } from '../../frame/links.ts'
import { type PageView, say } from '../../frame/page-view.ts'
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
  refusal,
  requireRun,
  SCOPES,
  type Scope,
  scopesOf,
  shown,
  stampOf,
  withIndex,
} from '../view.ts'

function clearRequest(dagId: string, asked: Asked, scopes: readonly Scope[]): ClearRequest {
  const is = (name: string) => scopes.some((scope) => scope.name === name && scope.isOn)
  const taskId = asked('task')
  const mapIndex = mapIndexOf(asked)
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
  }
}

/** Without a logical date there is neither earlier nor later. */
const scopeNames = (run: RunListRow, taskId: string) =>
  [...(taskId === '' ? SCOPES.slice(2) : SCOPES), ...FILTERS].filter(
    ([name]) => run.logicalDate !== null || (name !== 'past' && name !== 'future'),
  )

function notesOf(touched: readonly TouchedInstance[]): string[] {
  if (touched.length === 0) return ['Nothing here can be cleared: change the scope.']
  const running = touched.filter((row) => row.state === 'running').length
  if (running === 0) return []
  return running === 1
    ? ['One of them runs now: it is stopped, then begins again.']
    : [`${running} of them run now: they are stopped, then begin again.`]
}

function commandOf(run: RunListRow, asked: Asked, scopes: readonly Scope[]): string {
  const task = asked('task') === '' ? '' : ` --task-id ${asked('task')}`
  const flags = `${withIndex(asked)}${flagsOf(scopes, CLEAR_FLAGS)}`
  return `dagctl tasks clear ${run.dagId} --run-id ${run.runId}${task}${flags}`
}

async function clearControl(web: Web, dagId: string, asked: Asked) {
  const run = await requireRun(web, dagId, asked('run'))
  const scopes = scopesOf(asked, scopeNames(run, asked('task')))
  const request = clearRequest(dagId, asked, scopes)
  const touched = await previewClear(web, request)
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
    notes: notesOf(touched),
    command: commandOf(run, asked, scopes),
    keep: keepOf(asked),
  }
  return { request, control, zone: run.timezone }
}

export async function clearPage(web: Web, req: Request): Promise<PageView> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromQuery(req)
  await loadBasics(web, dagId)
  const { control, zone } = await clearControl(web, dagId, asked)
  return shown(dagId, zone, control, asked, null)
}

export async function postClear(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromForm(req)
  const { request, control, zone } = await clearControl(web, dagId, asked)
  if (stampOf(control.touched) !== asked('stamp')) return shown(dagId, zone, control, asked, CHANGED)
  try {
    const done = await clear(web, request, actorOf(req))
    flash(res, 'cleared', done.length === 1 ? '1 task instance' : `${done.length} task instances`)
    res.redirect(303, control.back)
    return null
  } catch (error) {
    return shown(dagId, zone, control, asked, refusal(error))
  }
}
