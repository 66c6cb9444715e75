// Clear, mark and delete as pages: what will be touched stands there first, its scope can be changed, and the button says
// the number. What has changed between the look and the click is shown again instead of done.

import { createHash } from 'node:crypto'
import type { Request, Response } from 'express'
import { BaramError } from '../../core/errors.ts'
import { MARKS, type Mark, type RunState } from '../../core/states.ts'
import { moment, zoneName } from '../../core/times.ts'
import { type ClearRequest, clear, previewClear } from '../../engine/clear.ts'
import { removeDag, removeRun } from '../../engine/delete.ts'
import { type MarkRequest, mark, markRun, previewMark, previewRunMark } from '../../engine/mark.ts'
import { getRun, type RunListRow } from '../../store/postgres/read-runs.ts'
import type { TouchedInstance } from '../../store/postgres/run-control.ts'
import { whoIs } from '../auth/guard.ts'
import type { Web } from '../deps.ts'
import { notFound } from '../http/errors.ts'
import type { Part } from '../text/text.ts'
import { dagCrumbs, dagPath, loadBasics, runLabel, taskPath, withQuery } from './dag-view.ts'
import { flash, type PageView, say } from './frame.ts'
import { formField } from './sign-in.ts'

/** What a page was asked for: the address' query, or the form's fields. */
type Asked = (name: string) => string

const fromQuery =
  (req: Request): Asked =>
  (name) => {
    const value = req.query[name]
    return typeof value === 'string' ? value : ''
  }
const fromForm =
  (req: Request): Asked =>
  (name) =>
    formField(req.body, name)

/** Instances a page lists unless asked for all. */
const FEW = 50

interface Scope {
  readonly name: string
  readonly text: string
  readonly isOn: boolean
}

/** One page of the kind, whatever the verb. */
interface Control {
  readonly verb: string
  readonly path: string
  readonly back: string
  readonly title: readonly Part[]
  readonly button: string
  readonly isDanger: boolean
  readonly scopes: readonly Scope[]
  readonly choices: readonly { readonly value: string; readonly isOn: boolean }[]
  readonly touched: readonly (TouchedInstance & { readonly becomes: string | null })[]
  readonly notes: readonly string[]
  readonly command: string
  /** Fields that come back with the form. */
  readonly keep: Readonly<Record<string, string>>
}

/** Changes when anything that would be touched does. */
const stampOf = (touched: readonly TouchedInstance[]): string =>
  createHash('sha256')
    .update(touched.map((row) => `${row.id}:${row.state ?? ''}`).join())
    .digest('hex')
    .slice(0, 16)

const shown = (dagId: string, zone: string, control: Control, asked: Asked, why: string | null): PageView => {
  const now = Date.now()
  const isAll = asked('all') === '1'
  const rows = isAll ? control.touched : control.touched.slice(0, FEW)
  const name = (at: number | null, runId: string) =>
    at === null ? runId : `${moment(at, zone, now)} ${zoneName(zone, at)}`
  const here: Record<string, string> = { ...control.keep }
  for (const { name: scope, isOn } of control.scopes) if (isOn) here[scope] = '1'
  for (const { value, isOn } of control.choices) if (isOn) here['to'] = value
  return {
    place: 'dags',
    crumbs: dagCrumbs(dagId, { text: control.verb, href: '' }),
    sentence: control.title,
    zone: zoneName(zone, now),
    view: {
      ...control,
      keep: Object.entries(control.keep).map(([key, value]) => ({ key, value })),
      here: Object.entries(here).map(([key, value]) => ({ key, value })),
      why,
      stamp: stampOf(control.touched),
      isEmpty: control.touched.length === 0,
      hasForm: control.scopes.length + control.choices.length > 0,
      hasBecomes: rows.some((row) => row.becomes !== null),
      rows: rows.map((row) => ({
        run: name(row.logical_date, row.run_id),
        runId: row.run_id,
        href: withQuery(dagPath(dagId), { run: row.run_id }),
        task: row.map_index < 0 ? row.task_id : `${row.task_id} [${row.map_index}]`,
        state: row.state,
        becomes: row.becomes,
      })),
      more: control.touched.length - rows.length,
      all: withQuery(control.path, { ...here, all: '1' }),
    },
  }
}

const SCOPES = [
  ['upstream', 'tasks before it'],
  ['downstream', 'tasks behind it'],
  ['past', 'earlier runs'],
  ['future', 'later runs'],
] as const
const FILTERS = [
  ['only_failed', 'only what failed'],
  ['only_running', 'only what runs'],
  ['latest', 'with the latest version'],
] as const

const scopesOf = (asked: Asked, names: readonly (readonly [string, string])[]): Scope[] =>
  names.map(([name, text]) => ({ name, text, isOn: asked(name) === '1' }))

const flagsOf = (scopes: readonly Scope[], of: Readonly<Record<string, string>>): string =>
  scopes.flatMap(({ name, isOn }) => (isOn && of[name] !== undefined ? [` ${of[name]}`] : [])).join('')

const CLEAR_FLAGS: Readonly<Record<string, string>> = {
  upstream: '--upstream',
  downstream: '--downstream',
  past: '--past',
  future: '--future',
  only_failed: '--only-failed',
  only_running: '--only-running',
  latest: '--run-on-latest-version',
}

async function needRun(web: Web, dagId: string, runId: string): Promise<RunListRow> {
  const run = await getRun(web.database, dagId, runId)
  if (run === null) throw notFound(`There is no run ${runId} of ${dagId}.`)
  return run
}

const mapIndexOf = (asked: Asked): number | null =>
  /^\d{1,9}$/.test(asked('map_index')) ? Number(asked('map_index')) : null

function backTo(dagId: string, asked: Asked): string {
  const [runId, taskId] = [asked('run'), asked('task')]
  return withQuery(dagPath(dagId), { run: runId, task: taskId })
}

const keepOf = (asked: Asked): Record<string, string> => {
  const kept: Record<string, string> = {}
  for (const name of ['run', 'task', 'map_index']) if (asked(name) !== '') kept[name] = asked(name)
  return kept
}

const withIndex = (asked: Asked): string => (mapIndexOf(asked) === null ? '' : ` --map-index ${mapIndexOf(asked)}`)

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

/** Told when what was looked at is no longer what would be done. */
const CHANGED = 'This has changed since you looked. This is how it is now.'

/** The engine's refusal as a sentence on the page. */
function refusal(error: unknown): string {
  if (error instanceof BaramError && ['CONFLICT', 'REFUSED', 'INPUT_INVALID'].includes(error.code)) return error.message
  throw error
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

const RUN_MARKS = ['success', 'failed', 'queued'] as const satisfies readonly RunState[]
const markOf = (asked: Asked): Mark => MARKS.find((known) => known === asked('to')) ?? 'success'
const runMarkOf = (asked: Asked) => RUN_MARKS.find((known) => known === asked('to')) ?? 'success'

async function markTaskControl(web: Web, dagId: string, run: RunListRow, asked: Asked, by: string) {
  const to = markOf(asked)
  const scopes = scopesOf(asked, run.logical_date === null ? SCOPES.slice(0, 2) : SCOPES)
  const is = (name: string) => scopes.some((scope) => scope.name === name && scope.isOn)
  const request: MarkRequest = {
    dagId,
    runId: run.run_id,
    taskId: asked('task'),
    mapIndex: mapIndexOf(asked),
    to,
    upstream: is('upstream'),
    downstream: is('downstream'),
    past: is('past'),
    future: is('future'),
    by,
  }
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
      ...(isDone || cleared.length === 0
        ? []
        : [
            `${cleared.length} that failed behind ${request.taskId} ${cleared.length === 1 ? 'is' : 'are'} cleared, and go on.`,
          ]),
    ],
    command: `dagctl tasks mark ${dagId} ${run.run_id} ${request.taskId} ${to}${withIndex(asked)}${flagsOf(scopes, CLEAR_FLAGS)}`,
    keep: keepOf(asked),
  }
  return { control, act: (audit: object) => mark(web, request, { event: 'task_instance.patch', owner: by, ...audit }) }
}

async function markRunControl(web: Web, dagId: string, run: RunListRow, asked: Asked, by: string) {
  const to = runMarkOf(asked)
  const touched = to === 'queued' ? [] : await previewRunMark(web, dagId, run.run_id)
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
    notes: [
      to === 'queued'
        ? 'The run starts again with what is left of it; tasks that have ended stay as they are.'
        : touched.length === 0
          ? 'All its tasks have ended: only the run changes.'
          : 'What is at work ends as the run does; what has not begun is skipped.',
    ],
    command: `dagctl dags mark ${dagId} ${run.run_id} ${to}`,
    keep: keepOf(asked),
  }
  return {
    control,
    act: (audit: object) =>
      markRun(web, { dagId, runId: run.run_id, to, by }, { event: 'dag_run.patch', owner: by, ...audit }),
  }
}

async function markControl(web: Web, dagId: string, asked: Asked, by: string) {
  const run = await needRun(web, dagId, asked('run'))
  const made =
    asked('task') === ''
      ? await markRunControl(web, dagId, run, asked, by)
      : await markTaskControl(web, dagId, run, asked, by)
  return { ...made, zone: run.timezone }
}

export async function markPage(web: Web, req: Request): Promise<PageView> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromQuery(req)
  const { control, zone } = await markControl(web, dagId, asked, whoIs(req).username)
  return shown(dagId, zone, control, asked, null)
}

export async function postMark(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const asked = fromForm(req)
  const { username } = whoIs(req)
  const { control, zone, act } = await markControl(web, dagId, asked, username)
  if (stampOf(control.touched) !== asked('stamp')) return shown(dagId, zone, control, asked, CHANGED)
  try {
    await act({ dagId, runId: asked('run'), taskId: asked('task') || null, extra: { new_state: asked('to') } })
    flash(res, 'marked', asked('to'))
    res.redirect(303, control.back)
    return null
  } catch (error) {
    return shown(dagId, zone, control, asked, refusal(error))
  }
}

async function deleteControl(web: Web, dagId: string, asked: Asked) {
  const { row } = await loadBasics(web, dagId)
  const runId = asked('run')
  const run = runId === '' ? null : await needRun(web, dagId, runId)
  const control: Control = {
    verb: 'Delete',
    path: dagPath(dagId, '/delete'),
    back: backTo(dagId, asked),
    title:
      run === null
        ? say('Delete {dag} with all its runs?', { dag: dagId }, 'dag')
        : say('Delete the run of {run}?', { run: runLabel(run, Date.now()) }),
    button: run === null ? 'Delete the DAG' : 'Delete the run',
    isDanger: true,
    scopes: [],
    choices: [],
    touched: [],
    notes: [
      run === null
        ? 'Its runs, task instances, XComs, versions and backfills go. Log files stay.'
        : 'Its task instances, XComs and history go. Log files stay.',
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

/** Where the verbs of a run, a task or an instance are. */
export function controlLinks(
  run: Pick<RunListRow, 'dag_id' | 'run_id'>,
  taskId: string | null,
  mapIndex: number | null,
) {
  const at = { run: run.run_id, task: taskId, map_index: mapIndex === null || mapIndex < 0 ? null : mapIndex }
  const link = (verb: string, more: Record<string, string> = {}) =>
    withQuery(dagPath(run.dag_id, verb), { ...at, ...more })
  return {
    clear: link('/clear', taskId === null ? {} : { downstream: '1' }),
    clearFailed: link('/clear', { only_failed: '1' }),
    markSuccess: link('/mark', { to: 'success' }),
    markFailed: link('/mark', { to: 'failed' }),
    remove: withQuery(dagPath(run.dag_id, '/delete'), { run: run.run_id }),
    log: taskId === null ? null : taskPath(run.dag_id, run.run_id, taskId),
  }
}
