// Run control: clear, set states and notes, delete. The engine's verbs in Airflow's shapes.

import type { TaskPick } from '../../core/run-control.ts'
import { MARKS, type Mark, type RunState } from '../../core/states.ts'
import { addNewTasks, previewNewTasks } from '../../engine/control/add-new-tasks.ts'
import { type ClearRequest, clear, previewClear } from '../../engine/control/clear.ts'
import { type MarkRequest, mark, markRun, previewMark } from '../../engine/control/mark.ts'
import { setInstanceNote } from '../../engine/control/note.ts'
import { removeInstances } from '../../engine/control/remove.ts'
import type { Actor } from '../../engine/engine.ts'
import { removeDag, removeRun } from '../../engine/runs/delete.ts'
import { setRunNote } from '../../engine/runs/note.ts'
import { findVersions } from '../../store/postgres/read-dags.ts'
import {
  findInstances,
  findInstancesOf,
  getInstance,
  type InstanceListRow,
} from '../../store/postgres/read-task-instances.ts'
import type { TouchedInstance } from '../../store/postgres/run-control.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound, CLEAR, inWordsOf } from '../http/airflow-errors.ts'
import { readBody, readInstant, readMask } from '../http/bodies.ts'
import { invalid } from '../http/errors.ts'
import { type BulkBody, doOne, emptyAnswer, resultOf } from './bulk.ts'
import { requireDag } from './dags.ts'
import type { ApiRoutes, Call } from './router.ts'
import { requireRun } from './runs.ts'
import { instanceJson, runJson } from './shapes.ts'

async function collection(web: Web, rows: readonly InstanceListRow[]) {
  const versions = await findVersions(web.database, [...new Set(rows.flatMap((row) => row.versionId ?? []))])
  return { task_instances: rows.map((row) => instanceJson(row, versions)), total_entries: rows.length }
}

const instancesOf = async (web: Web, touched: readonly TouchedInstance[]) =>
  collection(
    web,
    await findInstances(
      web.database,
      touched.map((row) => row.id),
    ),
  )

interface ClearBody {
  readonly dag_run_id?: string | null
  readonly dry_run?: boolean
  readonly end_date?: string | null
  readonly start_date?: string | null
  readonly include_downstream?: boolean
  readonly include_future?: boolean
  readonly include_past?: boolean
  readonly include_upstream?: boolean
  readonly note?: string | null
  readonly only_failed?: boolean
  readonly only_new?: boolean
  readonly only_running?: boolean
  readonly prevent_running_task?: boolean
  readonly reset_dag_runs?: boolean
  readonly run_on_latest_version?: boolean
  readonly task_ids?: readonly (string | readonly [string, number])[] | null
}

const pickOf = (task: string | readonly [string, number]): TaskPick =>
  typeof task === 'string' ? { taskId: task } : { taskId: task[0], mapIndex: task[1] }

/** What Airflow's models check beyond their schema. */
function checkClear(body: ClearBody): void {
  const refuse = (msg: string) => invalid({ type: 'value_error', loc: ['body'], msg: `Value error, ${msg}` })
  if (body.only_new === true && body.task_ids !== undefined && body.task_ids !== null)
    throw refuse('only_new queues all new tasks and takes no task_ids')
  if (body.only_failed === true && body.only_running === true)
    throw refuse('only_failed and only_running both are set to True')
  const [start, end] = [readInstant('start_date', body.start_date), readInstant('end_date', body.end_date)]
  if (start !== null && end !== null && end < start) throw refuse('end_date is sooner than start_date')
  const given = [start === null ? '' : 'start_date', end === null ? '' : 'end_date'].filter((name) => name !== '')
  if (given.length > 0 && body.dag_run_id !== null && body.dag_run_id !== undefined) {
    const dates = given.length === 2 ? '(start_date and end_date)' : given[0]
    throw refuse(`Exactly one of dag_run_id or ${dates} must be provided`)
  }
  if (body.task_ids?.length === 0) throw refuse('task_ids list should have at least 1 element.')
}

function clearRequest(dagId: string, body: ClearBody): ClearRequest {
  const { dag_run_id, task_ids } = body
  const [past, future] = [body.include_past === true, body.include_future === true]
  return {
    dagId,
    runs:
      dag_run_id === null || dag_run_id === undefined
        ? {
            kind: 'dates',
            from: past ? null : readInstant('start_date', body.start_date),
            to: future ? null : readInstant('end_date', body.end_date),
          }
        : { kind: 'run', runId: dag_run_id, past, future },
    tasks: {
      tasks: task_ids?.map(pickOf) ?? null,
      upstream: body.include_upstream === true,
      downstream: body.include_downstream === true,
    },
    filter: { onlyFailed: body.only_failed !== false, onlyRunning: body.only_running === true },
    resetsRuns: body.reset_dag_runs !== false,
    onLatestVersion: body.run_on_latest_version === true,
    refusesRunning: body.prevent_running_task === true,
    ...(body.note !== undefined && body.note !== null && { note: body.note }),
  }
}

async function clearInstances({ web, req, actor, param }: Call) {
  const body = readBody<ClearBody>(web.assets, 'ClearTaskInstancesBody', req.body)
  checkClear(body)
  const dagId = param('dag_id')
  await requireDag(web, dagId)
  const request = clearRequest(dagId, body)
  if (body.dry_run !== false)
    return body.only_new === true
      ? collection(web, await inWordsOf(CLEAR, previewNewTasks(web, request)))
      : instancesOf(web, await inWordsOf(CLEAR, previewClear(web, request)))
  if (body.only_new === true) return collection(web, await inWordsOf(CLEAR, addNewTasks(web, request, actor)))
  return instancesOf(web, await inWordsOf(CLEAR, clear(web, request, actor)))
}

export type RunClearBody = Pick<ClearBody, 'dry_run' | 'only_failed' | 'only_new' | 'note'> & {
  /** Null = as the DAG says, which is no. */
  readonly run_on_latest_version?: boolean | null
}

export interface RunKey {
  readonly dagId: string
  readonly runId: string
}

const runRequest = ({ dagId, runId }: RunKey, body: RunClearBody): ClearRequest =>
  clearRequest(dagId, {
    dag_run_id: runId,
    only_failed: body.only_failed === true,
    run_on_latest_version: body.run_on_latest_version === true,
  })

/** What clearing a whole run would touch. */
export async function previewOneRun(web: Web, key: RunKey, body: RunClearBody) {
  const request = runRequest(key, body)
  return body.only_new === true
    ? collection(web, await inWordsOf(CLEAR, previewNewTasks(web, request)))
    : instancesOf(web, await inWordsOf(CLEAR, previewClear(web, request)))
}

/** @returns the run as it is then */
export async function clearOneRun(web: Web, key: RunKey, body: RunClearBody, actor: Actor) {
  const request = runRequest(key, body)
  await inWordsOf<unknown>(
    CLEAR,
    body.only_new === true ? addNewTasks(web, request, actor) : clear(web, request, actor),
  )
  // Of the run, not of each of its instances.
  if (body.note !== undefined && body.note !== null) await setRunNote(web, { ...key, note: body.note }, actor)
  return runAnswer(web, key.dagId, key.runId)
}

async function clearRun({ web, req, actor, param }: Call) {
  const body = readBody<RunClearBody>(web.assets, 'DAGRunClearBody', req.body)
  const key = { dagId: param('dag_id'), runId: param('dag_run_id') }
  return body.dry_run === false ? clearOneRun(web, key, body, actor) : previewOneRun(web, key, body)
}

async function runAnswer(web: Web, dagId: string, runId: string) {
  const row = await requireRun(web, dagId, runId)
  return runJson(row, await findVersions(web.database, row.versionId === null ? [] : [row.versionId]))
}

export interface RunPatch {
  readonly state?: Exclude<RunState, 'running'> | null
  readonly note?: string | null
}

/** Sets state and note of a run; a field that is absent, or outside the mask, stays as it is. */
export async function changeRun(web: Web, key: RunKey, body: RunPatch, mask: ReadonlySet<string> | null, actor: Actor) {
  const isMeant = (field: keyof RunPatch) => Object.hasOwn(body, field) && (mask === null || mask.has(field))
  await requireRun(web, key.dagId, key.runId)
  if (isMeant('note')) await setRunNote(web, { ...key, note: body.note ?? null }, actor)
  if (isMeant('state') && body.state !== null && body.state !== undefined)
    await markRun(web, { ...key, to: body.state }, actor)
}

async function patchRun({ web, req, query, actor, param }: Call) {
  const body = readBody<RunPatch>(web.assets, 'DAGRunPatchBody', req.body)
  const mask = readMask(query.texts('update_mask'), ['state', 'note'])
  query.done()
  const key = { dagId: param('dag_id'), runId: param('dag_run_id') }
  await changeRun(web, key, body, mask, actor)
  return runAnswer(web, key.dagId, key.runId)
}

interface InstancePatch {
  readonly new_state?: string | null
  readonly note?: string | null
  readonly include_upstream?: boolean
  readonly include_downstream?: boolean
  readonly include_future?: boolean
  readonly include_past?: boolean
}

interface InstanceTarget {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  /** Null = all instances of the task. */
  readonly mapIndex: number | null
}

const isMark = (state: string): state is Mark => MARKS.some((known) => known === state)

function markRequest(target: InstanceTarget, patch: InstancePatch): MarkRequest {
  const to = patch.new_state?.toLowerCase() ?? ''
  if (!isMark(to))
    throw invalid({
      type: 'value_error',
      loc: ['body', 'new_state'],
      msg: `Value error, ${to === '' ? "'new_state' should not be empty" : `'${to}' is not one of ['success', 'failed', 'skipped']`}`,
      input: to,
    })
  return {
    ...target,
    to,
    upstream: patch.include_upstream === true,
    downstream: patch.include_downstream === true,
    past: patch.include_past === true,
    future: patch.include_future === true,
  }
}

function targetOf({ query, param }: Call, isMapped: boolean): InstanceTarget {
  const text = param('map_index')
  const mapIndex = isMapped ? (/^-?\d{1,9}$/.test(text) ? Number(text) : -2) : (query.int('map_index', -1) ?? null)
  return { dagId: param('dag_id'), runId: param('dag_run_id'), taskId: param('task_id'), mapIndex }
}

async function meant(web: Web, target: InstanceTarget): Promise<readonly InstanceListRow[]> {
  const one =
    target.mapIndex === null ? null : await getInstance(web.database, { ...target, mapIndex: target.mapIndex })
  const rows = target.mapIndex === null ? await findInstancesOf(web.database, target) : one === null ? [] : [one]
  if (rows.length === 0) throw airflowNotFound('task_instance', target)
  return rows
}

/** Sets state and note of instances; an absent field stays as it is. */
async function patchInstances(
  web: Web,
  target: InstanceTarget,
  patch: InstancePatch,
  actor: Actor,
  fields: ReadonlySet<string> | null,
) {
  const rows = await meant(web, target)
  const isMeant = (field: keyof InstancePatch) => Object.hasOwn(patch, field) && (fields === null || fields.has(field))
  const request = isMeant('new_state') ? markRequest(target, patch) : null
  if (isMeant('note')) {
    const ids = rows.map((row) => row.id)
    await setInstanceNote(web, { ...target, ids, note: patch.note ?? null }, actor)
  }
  if (request !== null) await mark(web, request, actor)
}

const patchInstance = (isMapped: boolean) => async (call: Call) => {
  const { web, req, query, actor } = call
  const patch = readBody<InstancePatch>(web.assets, 'PatchTaskInstanceBody', req.body)
  const target = targetOf(call, isMapped)
  const fields = readMask(query.texts('update_mask'), ['new_state', 'note'])
  query.done()
  await patchInstances(web, target, patch, actor, fields)
  return collection(web, await meant(web, target))
}

const dryRun = (isMapped: boolean) => async (call: Call) => {
  const { web, req, query } = call
  const patch = readBody<InstancePatch>(web.assets, 'PatchTaskInstanceBody', req.body)
  const target = targetOf(call, isMapped)
  readMask(query.texts('update_mask'), ['new_state', 'note'])
  query.done()
  const rows = await meant(web, target)
  if (patch.new_state === null || patch.new_state === undefined) return collection(web, rows)
  return instancesOf(web, (await previewMark(web, markRequest(target, patch))).set)
}

interface BulkEntity extends InstancePatch {
  readonly task_id: string
  readonly map_index?: number | null
  readonly dag_id?: string | null
  readonly dag_run_id?: string | null
}

const nameOf = ({ dagId, runId, taskId }: InstanceTarget, mapIndex: number): string =>
  `${dagId}.${runId}.${taskId}[${mapIndex}]`

async function bulk({ web, req, actor, param }: Call) {
  const body = readBody<BulkBody<BulkEntity>>(web.assets, 'BulkBody_BulkTaskInstanceBody_', req.body)
  const answer = emptyAnswer()
  for (const { action, entities, action_on_non_existence, update_mask } of body.actions) {
    const done = resultOf(answer, action)
    if (action === 'create') {
      done.errors.push({ error: 'Task instances bulk create is not supported', status_code: 405 })
      continue
    }
    const mask = update_mask === null || update_mask === undefined ? null : new Set(update_mask)
    for (const given of entities) {
      // A bare id is a task of this run.
      const entity: BulkEntity = typeof given === 'string' ? { task_id: given } : given
      const target = {
        dagId: entity.dag_id ?? param('dag_id'),
        runId: entity.dag_run_id ?? param('dag_run_id'),
        taskId: entity.task_id,
        mapIndex: entity.map_index ?? null,
      }
      await doOne(done, action_on_non_existence === 'skip', async () => {
        if (action === 'delete')
          return (await removeInstances(web, target, actor)).map((mapIndex) => nameOf(target, mapIndex))
        await patchInstances(web, target, entity, actor, mask)
        return [nameOf(target, target.mapIndex ?? -1)]
      })
    }
  }
  return answer
}

async function deleteRun({ web, actor, param }: Call) {
  const [dagId, runId] = [param('dag_id'), param('dag_run_id')]
  await removeRun(web, { dagId, runId }, actor)
}

async function deleteDag({ web, actor, param }: Call) {
  const dagId = param('dag_id')
  await removeDag(web, dagId, actor)
  return null
}

const RUN = '/dags/{dag_id}/dagRuns/{dag_run_id}'

export function controlRoutes(api: ApiRoutes): void {
  api.on('post', '/dags/{dag_id}/clearTaskInstances', 'user', 200, clearInstances)
  api.on('post', `${RUN}/clear`, 'user', 200, clearRun)
  api.on('patch', RUN, 'user', 200, patchRun)
  api.on('delete', RUN, 'user', 204, deleteRun)
  api.on('delete', '/dags/{dag_id}', 'user', 200, deleteDag)
  api.on('patch', `${RUN}/taskInstances`, 'user', 200, bulk)
  api.on('patch', `${RUN}/taskInstances/{task_id}`, 'user', 200, patchInstance(false))
  api.on('patch', `${RUN}/taskInstances/{task_id}/dry_run`, 'user', 200, dryRun(false))
}

/** Last: `{map_index}` would take the place of words. */
export function mappedControlRoutes(api: ApiRoutes): void {
  const base = `${RUN}/taskInstances/{task_id}/{map_index}`
  api.on('patch', base, 'user', 200, patchInstance(true))
  api.on('patch', `${base}/dry_run`, 'user', 200, dryRun(true))
}
