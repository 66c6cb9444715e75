// Run control over the API: clear, set, backfill, delete, in Airflow's shapes and with its refusals.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { setVariable } from '../../engine/admin/variables.ts'
import { expectShape } from './openapi.ts'
import { makeDag, makeTask, seedRun, storeDag } from './seed.ts'
import { type Answer, startWeb, type TestWeb } from './start-web.ts'

const me = { name: 'me', via: 'cli' } as const

let web: TestWeb
beforeAll(async () => {
  web = await startWeb()
})
afterAll(() => web.stop())

const NIGHT = Date.parse('2026-01-05T00:00:00Z')
/** Seeded runs have the hour before as their interval, which begins at a logical date. */
const HOUR = 3_600_000
const DAY = 86_400_000
type Role = 'viewer' | 'user' | 'op' | 'admin' | null

async function api(
  method: string,
  path: string,
  values: Record<string, string>,
  body?: unknown,
  role: Role = 'user',
  query = '',
): Promise<Answer> {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
  const answer = await web.call(method.toUpperCase(), `/api/v2${url}${query}`, {
    role,
    ...(body === undefined ? {} : { body }),
  })
  // Airflow tells what a backfill cannot be as a bare text, whatever its document says.
  const isText = answer.status === 422 && typeof (answer.body as { detail?: unknown }).detail === 'string'
  if (!isText) expectShape(method, path, answer)
  return answer
}

const RUN = '/dags/{dag_id}/dagRuns/{dag_run_id}'
const TI = `${RUN}/taskInstances/{task_id}`

interface Told {
  readonly task_instances: readonly { readonly dag_run_id: string; readonly task_id: string; readonly state: string }[]
  readonly total_entries: number
}
const told = (answer: Answer): string[] =>
  (answer.body as Told).task_instances.map((ti) => `${ti.task_id}:${ti.state}`).sort()
const detail = (answer: Answer): unknown => (answer.body as { detail: unknown }).detail

let dagId: string
let runs: readonly string[]
let n = 0
beforeEach(async () => {
  dagId = `nightly_${n++}`
  await storeDag(web, makeDag(dagId, { tasks: [makeTask('a', { retries: 1 }), 'b', 'c'], cron: '0 0 * * *' }))
  const failed = { state: 'failed', tasks: { a: 'success', b: 'failed', c: 'upstream_failed' } } as const
  const made = [
    await seedRun(web, dagId, NIGHT + HOUR, failed),
    await seedRun(web, dagId, NIGHT + DAY + HOUR, { state: 'success', rest: 'success' }),
  ]
  runs = made.map((run) => run.runId)
})
const first = () => ({ dag_id: dagId, dag_run_id: runs[0] ?? '' })
const states = async (at = first()) => told(await api('get', `${RUN}/taskInstances`, at))
const audit = async () =>
  (
    await web.database.query<{ event: string; owner: string }>(
      'select event, owner from log where dag_id = $1 order by id',
      [dagId],
    )
  ).rows

describe('clearing over the API', () => {
  const path = '/dags/{dag_id}/clearTaskInstances'

  test('is a dry run of what has failed unless told otherwise, and touches nothing', async () => {
    const answer = await api('post', path, first(), { dag_run_id: runs[0] })
    expect(answer.status).toBe(200)
    expect(told(answer)).toEqual(['b:failed', 'c:upstream_failed'])
    expect(await states()).toEqual(['a:success', 'b:failed', 'c:upstream_failed'])
    expect(await audit()).toEqual([])
  })

  test('does what the dry run showed, queues the run, and leaves one line in the audit log', async () => {
    const body = { dag_run_id: runs[0], task_ids: ['b'], include_downstream: true, only_failed: false }
    const shown = await api('post', path, first(), body)
    expect(told(shown)).toEqual(['b:failed', 'c:upstream_failed'])
    const answer = await api('post', path, first(), { ...body, dry_run: false })
    expect(told(answer)).toEqual(['b:null', 'c:null'])
    expect((await api('get', RUN, first())).body).toMatchObject({ state: 'queued', start_date: null })
    expect(await audit()).toEqual([{ event: 'task_instance.clear', owner: 'user' }])
  })

  test('takes the fields that clients of Airflow 3.3 always send; a note is kept by what was cleared', async () => {
    const newer = { only_new: false, note: null }
    expect((await api('post', path, first(), { dag_run_id: runs[0], ...newer })).status).toBe(200)
    expect((await api('post', `${RUN}/clear`, first(), newer)).status).toBe(200)
    const noted = { dag_run_id: runs[0], task_ids: ['b'], dry_run: false, ...newer, note: '다시' }
    expect((await api('post', path, first(), noted)).body).toMatchObject({ task_instances: [{ note: '다시' }] })
    const run = await api('post', `${RUN}/clear`, first(), { ...newer, note: 'all of it', dry_run: false })
    expect(run.body).toMatchObject({ note: 'all of it', state: 'queued' })
    expect((await api('post', path, first(), { note: 'n'.repeat(1001) })).status).toBe(422)
  })

  test('reaches other runs by date, and one instance by its index', async () => {
    const all = await api('post', path, first(), { task_ids: ['a'], only_failed: false })
    expect((all.body as Told).task_instances.map((ti) => ti.dag_run_id)).toEqual(runs)
    const future = { dag_run_id: runs[0], include_future: true, only_failed: false, task_ids: [['a', -1]] }
    expect((await api('post', path, first(), future)).body).toMatchObject({ total_entries: 2 })
    const dates = { start_date: new Date(NIGHT + 1).toISOString(), only_failed: false }
    expect((await api('post', path, first(), dates)).body).toMatchObject({ total_entries: 3 })
  })

  test('refuses with Airflow’s words', async () => {
    const wrong = await api('post', path, first(), { only_failed: true, only_running: true })
    expect([wrong.status, JSON.stringify(detail(wrong))]).toEqual([
      422,
      expect.stringContaining('only_failed and only_running both are set to True'),
    ])
    expect((await api('post', path, first(), { task_ids: [] })).status).toBe(422)
    expect((await api('post', path, first(), { dag_run_id: runs[0], start_date: '2026-01-01T00:00:00Z' })).status).toBe(
      422,
    )
    const gone = await api('post', path, first(), { dag_run_id: 'nope' })
    expect([gone.status, detail(gone)]).toEqual([404, `Dag Run id nope not found in dag ${dagId}`])
    expect((await api('post', path, { dag_id: 'nope' }, {})).status).toBe(404)
    expect((await api('post', path, first(), { dag_run_id: runs[0] }, 'viewer')).status).toBe(403)
  })

  test('a running task is refused when the caller says so', async () => {
    const at = await seedRun(web, dagId, NIGHT + 2 * DAY, { state: 'running', tasks: { a: 'running' }, rest: null })
    const answer = await api('post', path, first(), {
      dag_run_id: at.runId,
      only_failed: false,
      prevent_running_task: true,
      dry_run: false,
    })
    expect([answer.status, String(detail(answer))]).toEqual([409, expect.stringContaining('prevent_running_task')])
  })

  test('a whole run answers with the instances when dry, with the run when done', async () => {
    const clear = `${RUN}/clear`
    expect(told(await api('post', clear, first(), {}))).toEqual(['a:success', 'b:failed', 'c:upstream_failed'])
    expect(told(await api('post', clear, first(), { only_failed: true }))).toEqual(['b:failed', 'c:upstream_failed'])
    const done = await api('post', clear, first(), { dry_run: false })
    expect(done.body).toMatchObject({ dag_run_id: runs[0], state: 'queued' })
    expect(await states()).toEqual(['a:null', 'b:null', 'c:null'])
  })
})

describe('setting states over the API', () => {
  test('a run: what is open ends with it, a note alone changes no state', async () => {
    const at = await seedRun(web, dagId, NIGHT + 2 * DAY, { state: 'running', tasks: { a: 'running' }, rest: null })
    const place = { dag_id: dagId, dag_run_id: at.runId }
    expect((await api('patch', RUN, place, { note: 'look at it' })).body).toMatchObject({
      state: 'running',
      note: 'look at it',
    })
    expect((await api('patch', RUN, place, { state: 'failed' })).body).toMatchObject({ state: 'failed' })
    expect(await states(place)).toEqual(['a:failed', 'b:skipped', 'c:skipped'])
    expect(
      (await api('patch', RUN, place, { state: 'success', note: 'x' }, 'user', '?update_mask=note')).body,
    ).toMatchObject({ state: 'failed', note: 'x' })
    expect((await api('patch', RUN, place, { state: 'running' })).status).toBe(422)
    expect(await audit()).toEqual([
      { event: 'dag_run.patch', owner: 'user' },
      { event: 'dag_run.patch', owner: 'user' },
      { event: 'dag_run.patch', owner: 'user' },
    ])
  })

  test('a task: shown first, then done; what had failed behind it goes on', async () => {
    const place = { ...first(), task_id: 'b' }
    expect(told(await api('patch', `${TI}/dry_run`, place, { new_state: 'success' }))).toEqual(['b:failed'])
    expect(await states()).toContain('b:failed')
    expect(told(await api('patch', TI, place, { new_state: 'success', note: 'by hand' }))).toEqual(['b:success'])
    expect(await states()).toEqual(['a:success', 'b:success', 'c:null'])
    expect((await api('get', TI, place)).body).toMatchObject({ note: 'by hand' })
    const again = await api('patch', TI, place, { new_state: 'success' })
    expect([again.status, detail(again)]).toEqual([409, 'Task id b is already in success state'])
    expect((await api('patch', TI, place, { new_state: 'running' })).status).toBe(422)
    expect((await api('patch', TI, { ...place, task_id: 'z' }, { new_state: 'success' })).status).toBe(404)
  })

  test('several at once, each with its own answer', async () => {
    const entities = [
      { task_id: 'b', new_state: 'success' },
      { task_id: 'z', new_state: 'success' },
    ]
    const answer = await api('patch', `${RUN}/taskInstances`, first(), { actions: [{ action: 'update', entities }] })
    expect(answer.body).toMatchObject({
      update: { success: [`${dagId}.${runs[0]}.b[-1]`], errors: [{ status_code: 404 }] },
    })
  })
})

describe('backfills over the API', () => {
  const body = (more: object = {}) => ({
    dag_id: dagId,
    from_date: '2026-01-03T00:00:00Z',
    to_date: '2026-01-07T00:00:00Z',
    ...more,
  })
  const create = (more: object = {}) => api('post', '/backfills', {}, body(more))

  test('are shown first: the dates without a run, and with reprocessing those that are cleared', async () => {
    const dates = async (more: object) => {
      const answer = await api('post', '/backfills/dry_run', {}, body(more))
      return (answer.body as { backfills: { logical_date: string }[] }).backfills.map((one) =>
        one.logical_date.slice(8, 10),
      )
    }
    expect(await dates({})).toEqual(['03', '04', '07'])
    expect(await dates({ reprocess_behavior: 'failed', run_backwards: true })).toEqual(['07', '05', '04', '03'])
    expect(await dates({ reprocess_behavior: 'completed' })).toEqual(['03', '04', '05', '06', '07'])
    expect(await audit()).toEqual([])
  })

  test('are made, paused, resumed, listed and cancelled', async () => {
    const made = await create({ max_active_runs: 2, dag_run_conf: { why: 'gap' } })
    expect([made.status, made.body]).toEqual([200, expect.objectContaining({ max_active_runs: 2, is_paused: false })])
    const id = String((made.body as { id: number }).id)
    const twice = await create()
    expect([twice.status, detail(twice)]).toEqual([409, `There is already a running backfill for dag ${dagId}`])
    for (const [verb, isPaused] of [
      ['pause', true],
      ['unpause', false],
    ] as const) {
      const answer = await api('put', `/backfills/{backfill_id}/${verb}`, { backfill_id: id })
      expect(answer.body).toMatchObject({ is_paused: isPaused })
    }
    expect((await api('get', '/backfills', {}, undefined, 'viewer', `?dag_id=${dagId}`)).body).toMatchObject({
      total_entries: 1,
    })
    const ended = await api('put', '/backfills/{backfill_id}/cancel', { backfill_id: id })
    expect((ended.body as { completed_at: unknown }).completed_at).toBeTypeOf('string')
    const answer = await api('get', '/dags/{dag_id}/dagRuns', first(), undefined, 'viewer', '?run_type=backfill')
    const made3 = (answer.body as { dag_runs: { state: string; conf: unknown }[] }).dag_runs
    expect(made3.map((run) => [run.state, run.conf])).toEqual(Array(3).fill(['failed', { why: 'gap' }]))
    expect((await api('put', '/backfills/{backfill_id}/pause', { backfill_id: id })).status).toBe(409)
    expect((await audit()).map((row) => row.event)).toEqual([
      'backfill.create',
      'backfill.pause',
      'backfill.unpause',
      'backfill.cancel',
    ])
  })

  test('refuse with Airflow’s codes', async () => {
    const status = async (more: object) => (await create(more)).status
    expect(await status({ dag_id: 'nope' })).toBe(404)
    expect(await status({ to_date: '2026-01-01T00:00:00Z' })).toBe(422)
    expect(await status({ from_date: '2999-01-01T00:00:00Z', to_date: '2999-01-02T00:00:00Z' })).toBe(422)
    expect(await status({ from_date: '1900-01-01T00:00:00Z' })).toBe(422)
    expect(await status({ max_active_runs: 0 })).toBe(422)
    expect(await status({ reprocess_behavior: 'all' })).toBe(422)
    await storeDag(web, makeDag(`hand_${dagId}`, { tasks: ['a'] }))
    expect(await status({ dag_id: `hand_${dagId}` })).toBe(422)
    expect((await api('get', '/backfills/{backfill_id}', { backfill_id: '99999' })).status).toBe(404)
    expect((await api('get', '/backfills/{backfill_id}', { backfill_id: 'x' })).status).toBe(422)
    expect((await api('post', '/backfills', {}, body(), 'viewer')).status).toBe(403)
    expect((await web.database.query('select 1 from backfill where dag_id = $1', [dagId])).rows).toEqual([])
  })
})

describe('only_new', () => {
  const path = '/dags/{dag_id}/dagRuns/{dag_run_id}/clear'
  const tasksOf = (answer: Answer) =>
    (answer.body as { task_instances: { task_id: string }[] }).task_instances.map((ti) => ti.task_id)
  const states = async () =>
    (
      await web.database.query<{ task_id: string; state: string | null }>(
        'select task_id, state from task_instance where dag_id = $1 and run_id = $2 order by 1',
        [dagId, first().dag_run_id],
      )
    ).rows.map((row) => [row.task_id, row.state])

  test('queues the tasks that the latest version has and the run has not, and clears nothing', async () => {
    expect(tasksOf(await api('post', path, first(), { only_new: true })), 'nothing is new').toEqual([])
    const before = await states()
    await storeDag(
      web,
      makeDag(dagId, { tasks: [makeTask('a', { retries: 1 }), 'b', 'c', 'fresh'], cron: '0 0 * * *' }),
    )
    expect(tasksOf(await api('post', path, first(), { only_new: true }))).toEqual(['fresh'])
    expect(await states(), 'a dry run makes nothing').toEqual(before)
    const done = await api('post', path, first(), { only_new: true, dry_run: false })
    expect(done.body).toMatchObject({ state: 'queued' })
    expect(await states()).toEqual([...before, ['fresh', null]])
    expect(tasksOf(await api('post', path, first(), { only_new: true }))).toEqual([])
  })

  test('leaves a run as it is that has all tasks, and takes no task_ids', async () => {
    const ended = await api('post', path, first(), { only_new: true, dry_run: false })
    expect(ended.body).toMatchObject({ state: 'failed' })
    const clear = '/dags/{dag_id}/clearTaskInstances'
    expect((await api('post', clear, { dag_id: dagId }, { only_new: true, task_ids: ['a'] })).status).toBe(422)
  })
})

describe('notes', () => {
  test('hide the secrets that are stored, in the run and in the audit log; words that are also short passwords stay', async () => {
    await setVariable(web, { key: 'api_token', value: 'tok-8f3a9c77de-long', description: null }, me)
    await setVariable(web, { key: 'db_password', value: 'postgres', description: null }, me)
    const { runId } = await seedRun(web, dagId, NIGHT + 40 * HOUR, { state: 'success' })
    const note = 'postgres was down; used tok-8f3a9c77de-long'
    const at = { dag_id: dagId, dag_run_id: runId }
    const answer = await api('patch', '/dags/{dag_id}/dagRuns/{dag_run_id}', at, { note })
    expect(answer.body).toMatchObject({ note: 'postgres was down; used ***' })
    const rows = await web.database.query<{ text: string }>('select row_to_json(l)::text as text from log l')
    expect(rows.rows.filter((row) => row.text.includes('tok-8f3a9c77de'))).toEqual([])
  })
})

describe('deleting over the API', () => {
  test('a run that is over goes; one that runs does not', async () => {
    const at = await seedRun(web, dagId, NIGHT + 2 * DAY, { state: 'running', tasks: { a: 'running' }, rest: null })
    const refused = await api('delete', RUN, { dag_id: dagId, dag_run_id: at.runId })
    expect([refused.status, String(detail(refused))]).toEqual([
      409,
      expect.stringContaining('cannot be deleted in running state'),
    ])
    expect((await api('delete', RUN, first())).status).toBe(204)
    expect((await api('get', RUN, first())).status).toBe(404)
    expect((await api('delete', RUN, first())).status).toBe(404)
  })

  test('its page says how many runs a DAG takes along', async () => {
    const rows = await web.database.query('select 1 from dag_run where dag_id = $1', [dagId])
    expect(rows.rows.length).toBeGreaterThan(1)
    expect((await web.call('GET', `/dags/${dagId}/delete`)).text).toContain(`with ${rows.rows.length} runs?`)
    expect((await web.call('GET', `/dags/${dagId}/delete`)).text).toMatch(
      /Deletes \d+ runs, \d+ task instances.* and \d+ \w+\. Log files stay\./,
    )
  })

  test('a DAG goes with everything of it', async () => {
    expect((await api('delete', '/dags/{dag_id}', first(), undefined, 'viewer')).status).toBe(403)
    expect((await api('delete', '/dags/{dag_id}', first())).status).toBe(200)
    expect((await api('get', '/dags/{dag_id}', first())).status).toBe(404)
    expect((await api('delete', '/dags/{dag_id}', first())).status).toBe(404)
    expect(await audit()).toEqual([{ event: 'dag.delete', owner: 'user' }])
  })
})

describe('deleting task instances over the API', () => {
  const entries = `${TI}/xcomEntries`

  test('takes an instance out of its run with its values; another try of it is not there either', async () => {
    const at = { ...first(), task_id: 'b' }
    await api('post', entries, at, { key: 'k', value: 1 })
    const answer = await api('delete', TI, at)
    expect([answer.status, answer.body]).toEqual([200, null])
    expect(await states()).toEqual(['a:success', 'c:upstream_failed'])
    expect((await api('delete', TI, at)).status).toBe(404)
    expect((await api('get', `${entries}/{xcom_key}`, { ...at, xcom_key: 'k' })).status).toBe(404)
    expect((await api('get', `${RUN}/taskInstances`, { dag_id: dagId, dag_run_id: runs[1] ?? '' })).body).toMatchObject(
      {
        total_entries: 3,
      },
    )
    expect(await audit()).toMatchObject([{ event: 'xcom.create' }, { event: 'task_instance.delete', owner: 'user' }])
    // What is left can be cleared and shown.
    const cleared = await api('post', `${RUN}/clear`, first(), { dry_run: false })
    expect([cleared.status, await states()]).toEqual([200, ['a:null', 'c:null']])
  })

  test('refuses one whose process runs, and who may not', async () => {
    const run = await seedRun(web, dagId, NIGHT + 3 * DAY, { state: 'running', tasks: { a: 'running' }, rest: null })
    const at = { dag_id: dagId, dag_run_id: run.runId, task_id: 'a' }
    expect((await api('delete', TI, at)).status).toBe(409)
    expect((await api('delete', TI, { ...at, task_id: 'b' }, undefined, 'viewer')).status).toBe(403)
    for (const query of ['?map_index=0', '?map_index=2147483647'])
      expect((await api('delete', TI, { ...at, task_id: 'b' }, undefined, 'user', query)).status).toBe(404)
    expect((await api('delete', TI, { ...at, task_id: 'b' }, undefined, 'user', '?map_index=x')).status).toBe(422)
    expect(await states(at)).toEqual(['a:running', 'b:null', 'c:null'])
  })

  test('deletes several, and says of each that it is not there', async () => {
    const entities = ['a', { task_id: 'b', map_index: -1 }, { task_id: 'c', map_index: 5 }, { task_id: 'none' }]
    const remove = (more: object = {}) =>
      api('patch', `${RUN}/taskInstances`, first(), { actions: [{ action: 'delete', entities, ...more }] })
    const name = (task: string) => `${dagId}.${runs[0]}.${task}[-1]`
    const answer = (await remove()).body as { delete: { success: string[]; errors: { status_code: number }[] } }
    expect(answer.delete.success).toEqual([name('a'), name('b')])
    expect(answer.delete.errors.map((error) => error.status_code)).toEqual([404, 404])
    expect((await remove({ action_on_non_existence: 'skip' })).body).toMatchObject({
      delete: { success: [], errors: [] },
    })
    expect(await states()).toEqual(['c:upstream_failed'])
  })
})

describe('several runs in one request', () => {
  const list = '/dags/{dag_id}/dagRuns'
  const [clearRuns, partitions] = ['/dags/{dag_id}/clearDagRuns', '/dags/{dag_id}/clearPartitions']
  const named = () => runs.map((dag_run_id) => ({ dag_run_id }))
  const bulk = async (...actions: unknown[]) => (await api('patch', list, first(), { actions })).body
  const stateOf = async (at: Record<string, string>) => ((await api('get', RUN, at)).body as { state: string }).state

  test('sets states and notes, and deletes; each that cannot be is told', async () => {
    const [one = '', two = ''] = runs
    const entities = [
      { dag_run_id: one, state: 'success', note: 'by hand' },
      { dag_run_id: 'none', note: 'n' },
    ]
    expect(await bulk({ action: 'update', entities }, { action: 'create', entities: [] })).toMatchObject({
      update: { success: [`${dagId}.${one}`], errors: [{ status_code: 404 }] },
      create: { errors: [{ status_code: 405 }] },
      delete: null,
    })
    expect((await api('get', RUN, first())).body).toMatchObject({ state: 'success', note: 'by hand' })
    const masked = {
      action: 'update',
      entities: [{ dag_run_id: one, state: 'failed', note: 'x' }],
      update_mask: ['note'],
    }
    await bulk(masked)
    expect((await api('get', RUN, first())).body).toMatchObject({ state: 'success', note: 'x' })
    const running = await seedRun(web, dagId, NIGHT + 4 * DAY, { state: 'running', tasks: {}, rest: 'running' })
    expect(await bulk({ action: 'delete', entities: [two, { dag_run_id: running.runId }, 'none'] })).toMatchObject({
      delete: { success: [`${dagId}.${two}`], errors: [{ status_code: 409 }, { status_code: 404 }] },
    })
    expect(await bulk({ action: 'delete', entities: ['none'], action_on_non_existence: 'skip' })).toMatchObject({
      delete: { success: [], errors: [] },
    })
    const every = { actions: [{ action: 'delete', entities: [one] }] }
    expect((await api('patch', list, { dag_id: '~' }, every)).body).toMatchObject({
      delete: { success: [], errors: [{ status_code: 400 }] },
    })
    expect((await api('patch', list, first(), every, 'viewer')).status).toBe(403)
    expect((await api('patch', list, first(), { actions: [{ action: 'delete', entities: [1] }] })).status).toBe(422)
  })

  test('clears runs: a dry run first, then each of them, or none when one is not there', async () => {
    const body = { dag_runs: named(), only_failed: true }
    expect(told(await api('post', clearRuns, first(), body))).toEqual(['b:failed', 'c:upstream_failed'])
    const missing = { dag_runs: [...named(), { dag_run_id: 'none' }], dry_run: false }
    expect((await api('post', clearRuns, first(), missing)).status).toBe(404)
    expect(await stateOf(first())).toBe('failed')
    const done = await api('post', clearRuns, first(), { dag_runs: named(), dry_run: false, note: 'again' })
    expect(done.body).toMatchObject({
      dag_runs: runs.map((dag_run_id) => ({ dag_run_id, state: 'queued', note: 'again' })),
      total_entries: 2,
    })
    const other = { dag_runs: [{ dag_run_id: 'r', dag_id: 'other' }] }
    for (const [at, wrong] of [
      [first(), other],
      [{ dag_id: '~' }, { dag_runs: named() }],
      [{ dag_id: '~' }, { partition_key: 'k' }],
    ] as const)
      expect((await api('post', clearRuns, at, wrong)).status).toBe(400)
    for (const wrong of [{}, { dag_runs: [] }, { dag_runs: named(), partition_key: 'k' }, { note: 'n'.repeat(1001) }])
      expect((await api('post', clearRuns, first(), wrong)).status).toBe(422)
  })

  test('finds no run by a partition, and clears none', async () => {
    expect((await api('post', clearRuns, first(), { partition_key: 'k', dry_run: false })).body).toMatchObject({
      dag_runs: [],
    })
    const none = { dag_runs_cleared: 0, task_instances_cleared: 0 }
    expect((await api('post', partitions, first(), { partition_key: 'k' })).body).toEqual({ ...none, dry_run: true })
    const run_id = runs[0]
    expect((await api('post', partitions, first(), { run_id, dry_run: false })).body).toEqual({
      ...none,
      dry_run: false,
    })
    expect((await api('post', partitions, first(), { run_id, clear_task_instances: true })).status).toBe(400)
    expect((await api('post', partitions, { dag_id: 'none' }, { run_id })).status).toBe(404)
    const reversed = { partition_date_start: '2026-01-02T00:00:00Z', partition_date_end: '2026-01-01T00:00:00Z' }
    for (const wrong of [{}, { run_id, partition_key: 'k' }, reversed])
      expect((await api('post', partitions, first(), wrong)).status).toBe(422)
    expect(await stateOf(first())).toBe('failed')
  })
})
