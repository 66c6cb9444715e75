// Mark as a page: a task's instances or a whole run, set to a state that is shown first.

import type { Request, Response } from 'express'
import { MARKS, type Mark, type RunState } from '../../../../core/states.ts'
import { type MarkRequest, mark, markRun, previewMark, previewRunMark } from '../../../../engine/control/mark.ts'
import type { Actor } from '../../../../engine/engine.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import { actorOf } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
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

const RUN_MARKS = ['success', 'failed', 'queued'] as const satisfies readonly RunState[]
const markOf = (asked: Asked): Mark => MARKS.find((known) => known === asked('to')) ?? 'success'
const runMarkOf = (asked: Asked) => RUN_MARKS.find((known) => known === asked('to')) ?? 'success'

const clearedNote = (taskId: string, n: number): string =>
  `${n} that failed behind ${taskId} ${n === 1 ? 'is' : 'are'} cleared, and go on.`

function markRequest(dagId: string, runId: string, asked: Asked, scopes: readonly Scope[], to: Mark): MarkRequest {
  const is = (name: string) => scopes.some((scope) => scope.name === name && scope.isOn)
  return {
    dagId,
    runId,
    taskId: asked('task'),
    mapIndex: mapIndexOf(asked),
    to,
    upstream: is('upstream'),
    downstream: is('downstream'),
    past: is('past'),
    future: is('future'),
  }
}

async function markTaskControl(web: Web, dagId: string, run: RunListRow, asked: Asked) {
  const to = markOf(asked)
  const scopes = scopesOf(asked, run.logicalDate === null ? SCOPES.slice(0, 2) : SCOPES)
  const request = markRequest(dagId, run.runId, asked, scopes, to)
  const { set, cleared } = await previewMark(web, request)
  const isDone = set.length === 0
  const control: Control = {
    verb: 'Mark',
    path: dagPath(dagId, '/mark'),
    back: backTo(dagId, asked),
    title: isDone
      ? say('{task} is {to} already.', { task: request.taskId, to }, 'task')
      : say('Set {n} task {n#instance#instances} to {to}?', { n: set.length, to }),
    button: `Set ${set.length} to ${to}`,
    isDanger: to === 'failed',
    scopes,
    choices: MARKS.map((value) => ({ value, isOn: value === to })),
    touched: isDone
      ? []
      : [
          ...set.map((row) => ({ ...row, becomes: to as string })),
          ...cleared.map((row) => ({ ...row, becomes: 'none' })),
        ],
    notes: [
      ...(set.some((row) => row.state === 'running') ? ['What runs is stopped.'] : []),
      ...(isDone || cleared.length === 0 ? [] : [clearedNote(request.taskId, cleared.length)]),
    ],
    command: [
      `dagctl tasks mark ${dagId} ${run.runId} ${request.taskId} ${to}`,
      `${withIndex(asked)}${flagsOf(scopes, CLEAR_FLAGS)}`,
    ].join(''),
    keep: keepOf(asked),
  }
  return { control, act: (actor: Actor) => mark(web, request, actor) }
}

function runNote(to: (typeof RUN_MARKS)[number], touched: number): string {
  if (to === 'queued') return 'The run starts again with what is left of it; tasks that have ended stay as they are.'
  if (touched === 0) return 'All its tasks have ended: only the run changes.'
  return 'What is at work ends as the run does; what has not begun is skipped.'
}

async function markRunControl(web: Web, dagId: string, run: RunListRow, asked: Asked) {
  const to = runMarkOf(asked)
  const touched = to === 'queued' ? [] : await previewRunMark(web, dagId, run.runId)
  const control: Control = {
    verb: 'Mark',
    path: dagPath(dagId, '/mark'),
    back: backTo(dagId, asked),
    title: say('Set the run of {run} to {to}?', { run: runLabel(run, Date.now()), to }),
    button: `Set run to ${to}`,
    isDanger: to === 'failed',
    scopes: [],
    choices: RUN_MARKS.map((value) => ({ value, isOn: value === to })),
    touched: touched.map((row) => ({ ...row, becomes: row.state === 'running' ? to : 'skipped' })),
    notes: [runNote(to, touched.length)],
    command: `dagctl dags mark ${dagId} ${run.runId} ${to}`,
    keep: keepOf(asked),
  }
  return {
    control,
    act: (actor: Actor) => markRun(web, { dagId, runId: run.runId, to }, actor),
  }
}

async function markControl(web: Web, dagId: string, asked: Asked) {
  const run = await requireRun(web, dagId, asked('run'))
  const made =
    asked('task') === '' ? await markRunControl(web, dagId, run, asked) : await markTaskControl(web, dagId, run, asked)
  return { ...made, zone: run.timezone }
}

export async function markPage(web: Web, req: Request): Promise<PageView> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromQuery(req)
  const { control, zone } = await markControl(web, dagId, asked)
  return shown(dagId, zone, control, asked, null)
}

export async function postMark(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromForm(req)
  const { control, zone, act } = await markControl(web, dagId, asked)
  if (stampOf(control.touched) !== asked('stamp')) return shown(dagId, zone, control, asked, CHANGED)
  try {
    await act(actorOf(req))
    flash(res, 'marked', asked('to'))
    res.redirect(303, control.back)
    return null
  } catch (error) {
    return shown(dagId, zone, control, asked, refusal(error))
  }
}
