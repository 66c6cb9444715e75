// Task instances: their tries, XComs and logs.

import { appendFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { logLine, seedLog } from '../seed.ts'
import { type ApiWorld, field, TI } from './world.ts'

export function describeTaskInstances(world: ApiWorld): void {
  const { api, at } = world

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
    const text = await world.web.call(
      'GET',
      `/api/v2/dags/hourly/dagRuns/${encodeURIComponent(world.run.runId)}/taskInstances/fetch/xcomEntries/return_value?stringify=true`,
    )
    expect(field(text.body, 'value')).toBe('{"rows": 309, "name": "생활/주방"}')
  })

  it('for a list of task instances that is asked for in a body', async () => {
    const every = { dag_id: '~', dag_run_id: '~' }
    const list = async (body: unknown) => {
      const answer = await api('post', `${TI}/list`, every, { body })
      const found = field(answer.body, 'task_instances')
      return Array.isArray(found) ? found.map((ti: unknown) => field(ti, 'task_id')) : [answer.status]
    }
    const run = { dag_ids: ['hourly'], dag_run_ids: [world.run.runId] }
    expect((await list(run)).sort()).toEqual(['clean', 'fetch', 'load'])
    expect(await list({ ...run, state: ['failed', null] })).toEqual(['fetch'])
    expect(await list({ ...run, task_ids: ['load', 'none'], pool: ['default_pool'] })).toEqual(['load'])
    expect(await list({ ...run, page_limit: 1, page_offset: 2, order_by: '-id' })).toHaveLength(1)
    expect(await list({ ...run, start_date_gte: '2027-01-01T00:00:00Z', duration_lt: 1e9 })).toEqual([])
    expect(await list({ order_by: 'task_id' })).toEqual([400])
    const wrong = [
      ...[{ state: ['nope'] }, { nonsense: 1 }, { page_limit: -1 }, { page_offset: 1e19 }, { dag_ids: 'hourly' }],
      ...[{ start_date_gte: '2026-02-30T00:00:00Z' }, { task_ids: ['\ud800'] }, { duration_gt: '1' }],
    ]
    for (const body of wrong) expect([body, await list(body)]).toEqual([body, [422]])
    expect((await api('post', `${TI}/list`, { ...every, dag_id: 'hourly' }, { body: {} })).status).toBe(422)
    expect((await api('post', `${TI}/list`, every, { body: {}, role: null })).status).toBe(401)
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
    const long = await seedLog(
      world.web,
      { dagId: 'hourly', runId: world.run.runId, taskId: 'fetch', tryNumber: 1 },
      [],
    )
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
    const url = `/api/v2/dags/hourly/dagRuns/${encodeURIComponent(world.run.runId)}/taskInstances/fetch/logs/1`
    const lines = await world.web.call('GET', url, { headers: { accept: 'application/x-ndjson' } })
    expect(lines.headers.get('content-type')).toMatch(/^application\/x-ndjson/)
    expect(lines.text.trim().split('\n').length).toBe(20_000)
  })
}
