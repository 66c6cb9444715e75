// DAG runs: their list and its filters, and triggering.

import { expect, it } from 'vitest'
import { type ApiWorld, field } from './world.ts'

export function describeRuns(world: ApiWorld): void {
  const { api, at } = world

  it('for a filter that is no state or run type: it is refused, not dropped', async () => {
    const refused = async (path: string, query: string) => {
      const answer = await world.web.call('GET', `/api/v2${path}?${query}`)
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

  it('for runs', async () => {
    const list = await api(
      'get',
      '/dags/{dag_id}/dagRuns',
      { dag_id: '~' },
      { query: '?state=failed&order_by=-run_after&run_after_gte=2026-01-01T00:00:00Z' },
    )
    expect(field(list.body, 'dag_runs', 0, 'dag_run_id')).toBe(world.run.runId)
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
    const bad = await world.web.call('POST', '/api/v2/dags/by_hand/dagRuns', { body: '{"a":' })
    expect([bad.status, field(bad.body, 'detail', 0, 'type')]).toEqual([422, 'json_invalid'])
    const token = await world.web.token('admin')
    const long = await fetch(`${world.web.url}/api/v2/dags/by_hand/dagRuns`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"dag_run_id": "long", "logical_date": null, "conf": {"order": 9007199254740993, "text": "9007199254740993"}}',
    })
    expect(((await long.json()) as { conf: unknown }).conf, 'an integer is never rounded').toEqual({
      order: '9007199254740993',
      text: '9007199254740993',
    })
    expect((await world.web.call('DELETE', '/api/v2/dags/by_hand/dagRuns/long')).status).toBe(204)
    const big = await world.web.call('POST', '/api/v2/dags/by_hand/dagRuns', {
      body: { conf: { x: 'y'.repeat(1_100_000) } },
    })
    expect(big.status).toBe(413)
  })
}
