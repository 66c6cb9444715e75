import { readFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccount, makeSignInToken, resetPassword } from '../../engine/admin/accounts.ts'
import { recordImportError } from '../../engine/dags/sync.ts'
import { expectShape, operations } from './openapi.ts'
import {
  logLine,
  makeDag,
  makeTask,
  type SeededRun,
  seedEvent,
  seedLog,
  seedRun,
  seedXCom,
  storeDag,
  unpause,
} from './seed.ts'
import { type Answer, PASSWORD, readAnswer, startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
let run: SeededRun
const checked = new Set<string>()

/** Operations of run control and backfills, which control.test.ts calls. */
const CONTROLS = 17

const CANARY = 'canary-7f3a91-secret'

/** Calls an operation of the document and holds its answer against it. */
async function api(
  method: string,
  path: string,
  values: Record<string, string> = {},
  options: { query?: string; body?: unknown; role?: 'viewer' | 'user' | 'op' | 'admin' | null } = {},
): Promise<Answer> {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
  const answer = await web.call(method.toUpperCase(), `/api/v2${url}${options.query ?? ''}`, {
    ...(options.role === undefined ? {} : { role: options.role }),
    ...(options.body === undefined ? {} : { body: options.body }),
  })
  expectShape(method, path, answer)
  if (answer.status < 300) checked.add(`${method} ${path}`)
  return answer
}

const field = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined), value)

beforeAll(async () => {
  web = await startWeb()
  await storeDag(
    web,
    makeDag('hourly', {
      tasks: [makeTask('fetch', { retries: 2, executionTimeout: 90.5 }), 'clean', 'load'],
      groups: [{ groupId: 'land', members: ['clean', 'load'] }],
      cron: '0 * * * *',
      zone: 'Asia/Seoul',
      tags: ['lake', 'hourly'],
      description: 'Fetches each hour',
    }),
  )
  await storeDag(web, makeDag('by_hand', { tasks: ['only'] }))
  await unpause(web, 'hourly')
  await seedRun(web, 'hourly', Date.UTC(2026, 0, 5, 3), { state: 'success' })
  run = await seedRun(web, 'hourly', Date.UTC(2026, 0, 5, 4), {
    state: 'failed',
    tasks: { fetch: 'failed' },
    rest: 'upstream_failed',
  })
  await seedEvent(web, run, 'fetch', {
    from: 'running',
    to: 'failed',
    because: { code: 'failed', message: 'HTTP 503', triesLeft: 0 },
  })
  await seedXCom(web, run, 'fetch', 'return_value', { rows: 309, name: '생활/주방' })
  await seedLog(web, { dagId: 'hourly', runId: run.runId, taskId: 'fetch', tryNumber: 1 }, [
    { event: 'first' },
    { event: 'second', level: 'error' },
  ])
  await recordImportError(web.database, 'broken.ts', 'broken.ts:4:3 expected number', {
    file: 'broken.ts',
    line: 4,
    column: 3,
  })
  await web.database.query(
    "insert into dag_warning (dag_id, warning_type, message) values ('hourly', 'non-existent pool', 'no pool x')",
  )
  await web.vault.setVariable('lake_root', '/candle', 'where data lies', 'test')
  await web.vault.setVariable('slack_token', CANARY, null, 'test')
  await web.vault.setConnection(
    {
      connId: 'hdfs_default',
      connType: 'webhdfs',
      description: null,
      host: 'nn1',
      schema: null,
      login: 'hdfs',
      password: `${CANARY}-password`,
      port: 9870,
      extra: JSON.stringify({ token: `${CANARY}-extra`, region: 'kr' }),
    },
    'test',
  )
})

afterAll(async () => {
  await web.stop()
})

const at = () => ({
  dag_id: 'hourly',
  dag_run_id: run.runId,
  task_id: 'fetch',
  map_index: '-1',
  try_number: '1',
  task_try_number: '1',
  xcom_key: 'return_value',
})
const TI = '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances'

describe('answers have the shape of the API document', () => {
  it('for what is public', async () => {
    expect((await api('get', '/version', {}, { role: null })).body).toEqual({ version: '3.2.1', git_version: null })
    const health = await api('get', '/monitor/health', {}, { role: null })
    expect(field(health.body, 'metadatabase', 'status')).toBe('healthy')
    expect(
      (await web.call('GET', '/api/v2/auth/login?next=//evil.example', { role: null })).headers.get('location'),
    ).toBe('/sign-in?next=%2Fdags')
    expect((await web.call('GET', '/api/v2/auth/logout', { role: null })).status).toBe(307)
  })

  it('for DAGs, their tasks, versions and sources', async () => {
    const list = await api('get', '/dags', {}, { query: '?order_by=-dag_id&limit=1' })
    expect(field(list.body, 'total_entries')).toBe(2)
    expect(field(list.body, 'dags', 0, 'dag_id')).toBe('hourly')
    expect(
      field(
        (await api('get', '/dags', {}, { query: '?tags=lake&tags=none&tags_match_mode=all' })).body,
        'total_entries',
      ),
    ).toBe(0)
    expect(
      field(
        (await api('get', '/dags', {}, { query: '?tags=lake&paused=false&dag_id_pattern=HOUR|zzz' })).body,
        'total_entries',
      ),
    ).toBe(1)
    expect(
      field((await api('get', '/dags', {}, { query: '?last_dag_run_state=failed&owners=data' })).body, 'total_entries'),
    ).toBe(1)
    await api('get', '/dags/{dag_id}', at())
    expect(field((await api('get', '/dags/{dag_id}/details', at())).body, 'latest_dag_version', 'version_number')).toBe(
      1,
    )
    const tasks = await api('get', '/dags/{dag_id}/tasks', at(), { query: '?order_by=-task_id' })
    expect(field(tasks.body, 'tasks', 0, 'task_id')).toBe('load')
    const task = await api('get', '/dags/{dag_id}/tasks/{task_id}', at())
    expect(field(task.body, 'execution_timeout')).toEqual({
      __type: 'TimeDelta',
      days: 0,
      seconds: 90,
      microseconds: 500_000,
    })
    await api('get', '/dags/{dag_id}/dagVersions', at())
    await api('get', '/dags/{dag_id}/dagVersions/{version_number}', { ...at(), version_number: '1' })
    await api('get', '/dagSources/{dag_id}', at())
    const text = await web.call('GET', '/api/v2/dagSources/hourly', { headers: { accept: 'text/plain' } })
    expect(text.text).toBe('// hourly\n')
    expect((await web.call('GET', '/api/v2/dagSources/hourly', { headers: { accept: 'image/png' } })).status).toBe(406)
    expect(field((await api('get', '/dagStats')).body, 'dags', 1, 'stats')).toEqual([
      { state: 'queued', count: 0 },
      { state: 'running', count: 0 },
      { state: 'success', count: 1 },
      { state: 'failed', count: 1 },
    ])
    expect(field((await api('get', '/dagTags')).body, 'tags')).toEqual(['hourly', 'lake'])
    await api('get', '/dagWarnings')
    expect((await api('get', '/dags/{dag_id}', { dag_id: 'nope' })).body).toEqual({
      detail: 'The Dag with ID: `nope` was not found',
    })
  })

  it('for a filter that is no state or run type: it is refused, not dropped', async () => {
    const refused = async (path: string, query: string) => {
      const answer = await web.call('GET', `/api/v2${path}?${query}`)
      return [answer.status, String(field(answer.body, 'detail')).slice(0, 60)]
    }
    const [runs, instances] = ['/dags/~/dagRuns', '/dags/~/dagRuns/~/taskInstances']
    const [states, types] = [
      'Invalid value for state. Valid values are ',
      'Invalid value for run type. Valid values are ',
    ]
    expect(await refused(runs, 'state=done')).toEqual([422, expect.stringContaining(states)])
    expect(await refused(runs, 'state=failed&state=')).toEqual([422, expect.stringContaining(states)])
    expect(await refused(runs, 'run_type=daily')).toEqual([422, expect.stringContaining(types)])
    expect(await refused(instances, 'state=none&state=Failed')).toEqual([422, expect.stringContaining(states)])
  })

  it('whose content type is application/json and nothing else, errors too', async () => {
    for (const path of ['/dags', '/dags/nope', '/version'])
      expect((await web.call('GET', `/api/v2${path}`)).headers.get('content-type')).toBe('application/json')
  })

  it('with whether a DAG has dates of its own', async () => {
    const { body } = await api('get', '/dags/{dag_id}', at())
    expect([field(body, 'timetable_periodic'), field(body, 'is_backfillable')]).toEqual([true, true])
  })

  it('for runs', async () => {
    const list = await api(
      'get',
      '/dags/{dag_id}/dagRuns',
      { dag_id: '~' },
      { query: '?state=failed&order_by=-run_after&run_after_gte=2026-01-01T00:00:00Z' },
    )
    expect(field(list.body, 'dag_runs', 0, 'dag_run_id')).toBe(run.runId)
    expect(
      field((await api('get', '/dags/{dag_id}/dagRuns', at(), { query: '?limit=1&offset=1' })).body, 'total_entries'),
    ).toBe(2)
    await api('get', '/dags/{dag_id}/dagRuns/{dag_run_id}', at())
    const batch = await api(
      'post',
      '/dags/{dag_id}/dagRuns/list',
      { dag_id: '~' },
      { body: { dag_ids: ['hourly'], states: ['success'], order_by: '-id' } },
    )
    expect(field(batch.body, 'total_entries')).toBe(1)
    expect(
      (await api('get', '/dags/{dag_id}/dagRuns/{dag_run_id}', { dag_id: 'hourly', dag_run_id: 'x' })).body,
    ).toEqual({
      detail: 'The DagRun with dag_id: `hourly` and run_id: `x` was not found',
    })
    expect((await api('get', '/dags/{dag_id}/dagRuns', at(), { query: '?order_by=nope' })).status).toBe(400)
    expect((await api('get', '/dags/{dag_id}/dagRuns', at(), { query: '?limit=-1' })).status).toBe(422)
    expect((await api('get', '/dags/{dag_id}/dagRuns', at(), { query: '?start_date_gte=yesterday' })).status).toBe(400)
  })

  it('for triggering', async () => {
    const path = '/dags/{dag_id}/dagRuns'
    const hand = { dag_id: 'by_hand' }
    const made = await api('post', path, hand, {
      body: { dag_run_id: 'mine', conf: { a: [1] }, note: 'n', logical_date: null },
    })
    expect(made.status).toBe(200)
    expect(made.body).toMatchObject({
      dag_run_id: 'mine',
      state: 'queued',
      conf: { a: [1] },
      triggered_by: 'rest_api',
      triggering_user_name: 'admin',
      data_interval_start: null,
    })
    const again = await api('post', path, hand, { body: { dag_run_id: 'mine' } })
    expect(again.status).toBe(409)
    expect(field(again.body, 'detail', 'reason')).toBe('Unique constraint violation')
    const extra = await api('post', path, hand, { body: { nonsense: 1 } })
    expect(extra.status).toBe(422)
    expect(field(extra.body, 'detail', 0)).toEqual({
      type: 'extra_forbidden',
      loc: ['body', 'nonsense'],
      msg: 'Extra inputs are not permitted',
      input: 1,
    })
    expect((await api('post', path, hand, { body: { data_interval_start: '2026-01-01T00:00:00Z' } })).status).toBe(422)
    expect((await api('post', path, hand, { body: { dag_run_id: 'a/b' } })).status).toBe(400)
    expect((await api('post', path, { dag_id: 'none' }, { body: {} })).status).toBe(404)
    const bad = await web.call('POST', '/api/v2/dags/by_hand/dagRuns', { body: '{"a":' })
    expect([bad.status, field(bad.body, 'detail', 0, 'type')]).toEqual([422, 'json_invalid'])
    const token = await web.token('admin')
    const long = await fetch(`${web.url}/api/v2/dags/by_hand/dagRuns`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"dag_run_id": "long", "logical_date": null, "conf": {"order": 9007199254740993, "text": "9007199254740993"}}',
    })
    expect(((await long.json()) as { conf: unknown }).conf, 'an integer is never rounded').toEqual({
      order: '9007199254740993',
      text: '9007199254740993',
    })
    expect((await web.call('DELETE', '/api/v2/dags/by_hand/dagRuns/long')).status).toBe(204)
    const big = await web.call('POST', '/api/v2/dags/by_hand/dagRuns', { body: { conf: { x: 'y'.repeat(1_100_000) } } })
    expect(big.status).toBe(413)
  })

  it('for task instances, tries and XComs', async () => {
    expect(field((await api('get', TI, at())).body, 'total_entries')).toBe(3)
    expect(
      field(
        (
          await api(
            'get',
            TI,
            { dag_id: '~', dag_run_id: '~' },
            { query: '?state=failed&state=none&operator=TypeScriptTask' },
          )
        ).body,
        'total_entries',
      ),
    ).toBe(2)
    expect(field((await api('get', TI, at(), { query: '?task_group_id=land' })).body, 'total_entries')).toBe(2)
    expect(field((await api('get', `${TI}/{task_id}`, at())).body, 'state')).toBe('failed')
    expect(field((await api('get', `${TI}/{task_id}/{map_index}`, at())).body, 'map_index')).toBe(-1)
    expect(field((await api('get', `${TI}/{task_id}/tries`, at())).body, 'total_entries')).toBe(1)
    await api('get', `${TI}/{task_id}/tries/{task_try_number}`, at())
    await api('get', `${TI}/{task_id}/{map_index}/tries`, at())
    await api('get', `${TI}/{task_id}/{map_index}/tries/{task_try_number}`, at())
    expect((await api('get', `${TI}/{task_id}/listMapped`, at())).body).toEqual({
      detail: 'Task id fetch is not mapped',
    })
    expect((await api('get', `${TI}/{task_id}`, { ...at(), task_id: 'nope' })).status).toBe(404)
    await api('get', `${TI}/{task_id}/xcomEntries`, at())
    const entry = await api('get', `${TI}/{task_id}/xcomEntries/{xcom_key}`, at())
    expect(field(entry.body, 'value')).toEqual({ rows: 309, name: '생활/주방' })
    const text = await web.call(
      'GET',
      `/api/v2/dags/hourly/dagRuns/${encodeURIComponent(run.runId)}/taskInstances/fetch/xcomEntries/return_value?stringify=true`,
    )
    expect(field(text.body, 'value')).toBe('{"rows": 309, "name": "생활/주방"}')
  })

  it('for logs, page by page and whole', async () => {
    const path = `${TI}/{task_id}/logs/{try_number}`
    const page = await api('get', path, at())
    expect(field(page.body, 'content')).toMatchObject([
      { event: 'first', level: 'info' },
      { event: 'second', level: 'error' },
    ])
    expect(field(page.body, 'continuation_token')).toBeNull()
    expect((await api('get', path, { ...at(), try_number: '9' })).status).toBe(404)
    expect((await api('get', path, at(), { query: '?token=zzz' })).status).toBe(400)
    const long = await seedLog(web, { dagId: 'hourly', runId: run.runId, taskId: 'fetch', tryNumber: 1 }, [])
    await appendFile(long, Array.from({ length: 20_000 }, (_, i) => logLine({ event: `line ${i}` })).join(''))
    const events: unknown[] = []
    let token = ''
    for (let pages = 0; pages < 50; pages++) {
      const next = await api('get', path, at(), { query: token === '' ? '' : `?token=${token}` })
      events.push(...(field(next.body, 'content') as unknown[]))
      const more = field(next.body, 'continuation_token')
      if (typeof more !== 'string') break
      token = more
    }
    expect(events.length).toBe(20_000)
    expect(field(events.at(-1), 'event')).toBe('line 19999')
    const whole = await api('get', path, at(), { query: '?full_content=true' })
    expect((field(whole.body, 'content') as unknown[]).length).toBe(20_000)
    const url = `/api/v2/dags/hourly/dagRuns/${encodeURIComponent(run.runId)}/taskInstances/fetch/logs/1`
    const lines = await web.call('GET', url, { headers: { accept: 'application/x-ndjson' } })
    expect(lines.headers.get('content-type')).toMatch(/^application\/x-ndjson/)
    expect(lines.text.trim().split('\n').length).toBe(20_000)
  })

  it('for variables and connections, without their secrets', async () => {
    const list = await api('get', '/variables')
    expect(field(list.body, 'total_entries')).toBe(2)
    const one = { variable_key: 'n/1' }
    expect(
      (await api('post', '/variables', {}, { body: { key: 'n/1', value: { a: 1 }, description: 'd' } })).status,
    ).toBe(201)
    expect((await api('post', '/variables', {}, { body: { key: 'n/1', value: 'x' } })).status).toBe(409)
    expect(field((await api('get', '/variables/{variable_key}', one)).body, 'value')).toBe('{"a":1}')
    const patched = await api('patch', '/variables/{variable_key}', one, {
      body: { key: 'n/1', value: 'two', description: 'ignored' },
      query: '?update_mask=value',
    })
    expect(patched.body).toMatchObject({ value: 'two', description: 'd' })
    expect(
      (
        await api('patch', '/variables/{variable_key}', one, {
          body: { key: 'n/1', value: 'two' },
          query: '?update_mask=nope',
        })
      ).status,
    ).toBe(400)
    expect((await api('delete', '/variables/{variable_key}', one)).status).toBe(204)
    expect((await api('get', '/variables/{variable_key}', one)).status).toBe(404)
    const secret = await api('get', '/variables/{variable_key}', { variable_key: 'slack_token' })
    expect(field(secret.body, 'value')).toBe('***')

    await api('get', '/connections')
    const hdfs = await api('get', '/connections/{connection_id}', { connection_id: 'hdfs_default' })
    expect(hdfs.body).toMatchObject({ password: '***', extra: '{"token":"***","region":"kr"}' })
    const id = { connection_id: 'pg' }
    expect(
      (
        await api(
          'post',
          '/connections',
          {},
          { body: { connection_id: 'pg', conn_type: 'postgres', port: 5432, password: CANARY } },
        )
      ).status,
    ).toBe(201)
    expect(
      (await api('post', '/connections', {}, { body: { connection_id: 'pg x', conn_type: 'postgres' } })).status,
    ).toBe(422)
    const before = await web.vault.findConnection('hdfs_default')
    await api(
      'patch',
      '/connections/{connection_id}',
      { connection_id: 'hdfs_default' },
      {
        body: {
          connection_id: 'hdfs_default',
          conn_type: 'webhdfs',
          host: 'nn2',
          password: '***',
          extra: '{"token":"***","region":"us"}',
        },
      },
    )
    const after = await web.vault.findConnection('hdfs_default')
    expect(after?.password).toBe(before?.password)
    expect(JSON.parse(after?.extra ?? '')).toEqual({ token: `${CANARY}-extra`, region: 'us' })
    expect(after).toMatchObject({ host: 'nn2', login: 'hdfs', port: 9870 })
    expect((await api('delete', '/connections/{connection_id}', id)).status).toBe(204)
  })

  it('for pools, import errors, jobs and the audit log', async () => {
    expect(field((await api('get', '/pools')).body, 'pools', 0, 'name')).toBe('default_pool')
    await api('get', '/pools/{pool_name}', { pool_name: 'default_pool' })
    const errors = await api('get', '/importErrors')
    await api('get', '/importErrors/{import_error_id}', {
      import_error_id: String(field(errors.body, 'import_errors', 0, 'import_error_id')),
    })
    const jobs = await api('get', '/jobs', {}, { query: '?is_alive=true&job_type=WebserverJob' })
    expect(field(jobs.body, 'total_entries')).toBe(1)
    const events = await api('get', '/eventLogs', {}, { query: '?order_by=-when&event_pattern=variable' })
    await api('get', '/eventLogs/{event_log_id}', {
      event_log_id: String(field(events.body, 'event_logs', 0, 'event_log_id')),
    })
    expect(events.text).not.toContain(CANARY)
  })

  it('for pausing', async () => {
    const paused = await api('patch', '/dags/{dag_id}', at(), {
      body: { is_paused: true },
      query: '?update_mask=is_paused',
    })
    expect(field(paused.body, 'is_paused')).toBe(true)
    expect(
      (await api('patch', '/dags/{dag_id}', at(), { body: { is_paused: true }, query: '?update_mask=tags' })).status,
    ).toBe(400)
    expect((await api('patch', '/dags/{dag_id}', at(), { body: { is_paused: 'maybe' } })).status).toBe(422)
    await api('patch', '/dags/{dag_id}', at(), { body: { is_paused: false } })
  })

  it('and operations that are not here say so, as docs/rest.md lists them', async () => {
    const text = readFileSync(new URL('../../docs/rest.md', import.meta.url), 'utf8')
    const [, absent = ''] = text.split('## Operations that are not here yet')
    const rows = [...absent.matchAll(/^\| `(\w+)` \| `([^`]+)` \| (\w+) \|$/gm)]
    for (const [, method = '', path = '', name = ''] of rows) {
      const url = `/api/v2${path.replaceAll(/\{\w+\}/g, 'x')}`
      const answer = await web.call(method, url, method === 'GET' ? {} : { body: {} })
      const detail = `${name} is not available in this version of Baram`
      expect([method, path, answer.status, answer.body]).toEqual([method, path, 404, { detail }])
    }
    expect(operations.length).toBe(110)
    // Two of those that are served are redirects, one is only ever 404 while no task is mapped; control.test.ts has more.
    expect([checked.size, rows.length]).toEqual([operations.length - rows.length - 3 - CONTROLS, 45])
  })
})

describe('who may do what', () => {
  it('refuses everything but the public operations without a token', async () => {
    for (const operation of operations) {
      const [method = '', path = ''] = operation.split(' ')
      if (/^\/(version|monitor\/health|auth\/)/.test(path)) continue
      const url = path.replaceAll(/\{\w+\}/g, 'x')
      const answer = await web.call(method.toUpperCase(), `/api/v2${url}`, {
        role: null,
        ...(method === 'get' ? {} : { body: {} }),
      })
      expect([operation, answer.status, answer.body]).toEqual([operation, 401, { detail: 'Not authenticated' }])
    }
  })

  it('holds each role to its own', async () => {
    const tries: [string, string, unknown, 'viewer' | 'user' | 'op' | 'admin'][] = [
      ['GET', '/dags', undefined, 'viewer'],
      ['PATCH', '/dags/hourly', { is_paused: false }, 'user'],
      ['POST', '/dags/by_hand/dagRuns', {}, 'user'],
      ['GET', '/variables', undefined, 'op'],
      ['GET', '/connections', undefined, 'op'],
      ['POST', '/variables', { key: '', value: 1, no: 1 }, 'op'],
      ['GET', '/eventLogs', undefined, 'admin'],
    ]
    const roles = ['viewer', 'user', 'op', 'admin'] as const
    for (const [method, path, body, least] of tries)
      for (const role of roles) {
        const answer = await web.call(method, `/api/v2${path}`, { role, ...(body === undefined ? {} : { body }) })
        const isAllowed = roles.indexOf(role) >= roles.indexOf(least)
        expect([method, path, role, answer.status === 403]).toEqual([method, path, role, !isAllowed])
        if (!isAllowed) expect(answer.body).toEqual({ detail: 'Forbidden' })
      }
  })

  it('refuses forged tokens', async () => {
    const good = await web.token('admin')
    const [head = '', body = '', signature = ''] = good.split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const hs256 = Buffer.from('{"alg":"HS256"}').toString('base64url')
    for (const token of [
      `${none}.${body}.`,
      `${hs256}.${body}.${signature}`,
      `${head}.${body}.${signature.slice(2)}AA`,
      'x',
      '',
    ])
      expect(
        (await web.call('GET', '/api/v2/dags', { role: null, headers: { authorization: `Bearer ${token}` } })).status,
      ).toBe(401)
  })

  it('gives tokens for JSON and form, and none for a wrong password', async () => {
    const form = await readAnswer(
      await fetch(`${web.url}/auth/token/cli`, {
        method: 'POST',
        body: new URLSearchParams({ username: 'op', password: PASSWORD }),
      }),
    )
    expect(form.status).toBe(201)
    const wrong = await web.call('POST', '/auth/token', { role: null, body: { username: 'op', password: 'no' } })
    const unknown = await web.call('POST', '/auth/token', { role: null, body: { username: 'nobody', password: 'no' } })
    expect([wrong.status, wrong.body]).toEqual([401, { detail: 'Invalid credentials' }])
    expect(unknown.body).toEqual(wrong.body)
    expect((await web.call('POST', '/auth/token', { role: null, body: { username: 'op' } })).status).toBe(422)
    expect((await web.call('GET', '/auth/token', { role: null })).status).toBe(403)
  })

  it('ends tokens when the password is reset, and guesses after five', async () => {
    await createAccount(web.database, { username: 'short', password: PASSWORD, role: 'viewer' })
    const signIn = (password: string) =>
      web.call('POST', '/auth/token', { role: null, body: { username: 'short', password } })
    const token = field((await signIn(PASSWORD)).body, 'access_token')
    const look = () =>
      web.call('GET', '/api/v2/dags', { role: null, headers: { authorization: `Bearer ${String(token)}` } })
    expect((await look()).status).toBe(200)
    await resetPassword(web.database, 'short', `${PASSWORD} 2`)
    expect((await look()).status).toBe(401)
    for (let i = 0; i < 5; i++) expect((await signIn('wrong')).status).toBe(i === 4 ? 429 : 401)
    expect((await signIn(`${PASSWORD} 2`)).status).toBe(429)
  })

  it('signs in once with a link', async () => {
    const token = await makeSignInToken(web.database, 'op', 60_000)
    expect(token.length).toBeGreaterThan(40)
    const { rows } = await web.database.query<{ token_hash: string }>('select token_hash from sign_in_token')
    expect(rows.some((row) => row.token_hash.includes(token))).toBe(false)
  })
})

describe('every answer', () => {
  it('carries the security headers, errors and static files too', async () => {
    for (const path of ['/api/v2/version', '/api/v2/dags', '/nope', '/static/nope.js', '/sign-in']) {
      const { headers } = await web.call('GET', path, { role: null })
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'nonce-[^']+'/)
      expect(headers.get('content-security-policy')).toMatch(
        /object-src 'none'; base-uri 'none'; frame-ancestors 'none'/,
      )
      expect([
        path,
        headers.get('x-content-type-options'),
        headers.get('referrer-policy'),
        headers.get('x-powered-by'),
      ]).toEqual([path, 'nosniff', 'same-origin', null])
    }
  })

  it('keeps secrets out of every list and of the log', async () => {
    for (const operation of operations.filter((name) => name.startsWith('get '))) {
      const path = operation
        .slice(4)
        .replaceAll(/\{(\w+)\}/g, (_, name: string) =>
          encodeURIComponent({ ...at(), connection_id: 'hdfs_default', variable_key: 'slack_token' }[name] ?? '1'),
        )
      const { text } = await web.call('GET', `/api/v2${path}`)
      expect([operation, text.includes(CANARY)]).toEqual([operation, false])
    }
    expect(web.logged.join('')).not.toContain(CANARY)
  })
})

describe('everybody-is-admin mode', () => {
  it('lets local tools in, and no other site or name', async () => {
    const open = await startWeb({ BARAM__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True' })
    try {
      expect((await open.call('GET', '/api/v2/eventLogs', { role: null })).status).toBe(200)
      expect(
        (await open.call('POST', '/api/v2/variables', { role: null, body: { key: 'a', value: 'b' } })).status,
      ).toBe(201)
      const foreign = await open.call('POST', '/api/v2/variables', {
        role: null,
        body: { key: 'c', value: 'd' },
        headers: { origin: 'https://evil.example' },
      })
      expect(foreign.status).toBe(403)
      const made = await open.call('GET', '/auth/token', { role: null })
      expect(made.status).toBe(201)
      const token = field(made.body, 'access_token')
      expect(
        (await open.call('GET', '/api/v2/dags', { role: null, headers: { authorization: `Bearer ${String(token)}` } }))
          .status,
      ).toBe(200)
    } finally {
      await open.stop()
    }
  })
})
