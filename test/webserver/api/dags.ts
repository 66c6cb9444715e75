// DAGs: their list, tasks, versions and sources, and pausing.

import { expect, it } from 'vitest'
import { type ApiWorld, field } from './world.ts'

export function describeDags(world: ApiWorld): void {
  const { api, at } = world

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
    const text = await world.web.call('GET', '/api/v2/dagSources/hourly', { headers: { accept: 'text/plain' } })
    expect(text.text).toBe('// hourly\n')
    expect(
      (await world.web.call('GET', '/api/v2/dagSources/hourly', { headers: { accept: 'image/png' } })).status,
    ).toBe(406)
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

  it('with whether a DAG has dates of its own', async () => {
    const { body } = await api('get', '/dags/{dag_id}', at())
    expect([field(body, 'timetable_periodic'), field(body, 'is_backfillable')]).toEqual([true, true])
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

  it('for pausing several by a pattern; without one, none is meant', async () => {
    const paused = async (query: string, is_paused: boolean) => {
      const { body } = await api('patch', '/dags', {}, { body: { is_paused }, query })
      const list = field(body, 'dags') as unknown[]
      return [list.map((dag) => [field(dag, 'dag_id'), field(dag, 'is_paused')]), field(body, 'total_entries')]
    }
    expect(await paused('', true)).toEqual([[], 0])
    expect(await paused('?dag_id_pattern=none', true)).toEqual([[], 0])
    const all = [
      ['by_hand', true],
      ['hourly', true],
    ]
    expect(await paused('?dag_id_pattern=~', true)).toEqual([all, 2])
    expect(await paused('?dag_id_pattern=~&limit=1&offset=1&paused=true', false)).toEqual([[['hourly', false]], 2])
    expect(field((await api('get', '/dags/{dag_id}', { dag_id: 'by_hand' })).body, 'is_paused')).toBe(true)
    const rows = await world.web.database.query<{ event: string; dag_id: string }>(
      "select event, dag_id from log where event like 'dag.%pause' order by id desc limit 1",
    )
    expect(rows.rows).toEqual([{ event: 'dag.unpause', dag_id: 'hourly' }])
    const refused = async (query: string, body: unknown, role: 'admin' | 'viewer' = 'admin') =>
      (await api('patch', '/dags', {}, { body, query, role })).status
    expect(await refused('?dag_id_pattern=~&update_mask=tags', { is_paused: true })).toBe(400)
    expect(await refused('?dag_id_pattern=~&limit=-1', { is_paused: true })).toBe(422)
    expect(await refused('?dag_id_pattern=~', {})).toBe(422)
    expect(await refused('?dag_id_pattern=~', { is_paused: true }, 'viewer')).toBe(403)
  })

  it('for favourites, each user’s own', async () => {
    const [mark, unmark] = ['/dags/{dag_id}/favorite', '/dags/{dag_id}/unfavorite']
    const told = (answer: { status: number; body: unknown }) => [answer.status, field(answer.body, 'detail')]
    expect((await api('post', mark, at(), { role: 'viewer' })).status).toBe(204)
    expect((await api('post', mark, at(), { role: 'viewer' })).status).toBe(409)
    const isFavourite = async (role: 'viewer' | 'admin') =>
      field((await api('get', '/dags/{dag_id}/details', at(), { role })).body, 'is_favorite')
    expect([await isFavourite('viewer'), await isFavourite('admin')]).toEqual([true, false])
    const listed = async (query: string) =>
      (field((await api('get', '/dags', {}, { role: 'viewer', query })).body, 'dags') as unknown[]).map((dag) =>
        field(dag, 'dag_id'),
      )
    expect([await listed('?is_favorite=true'), await listed('?is_favorite=false')]).toEqual([['hourly'], ['by_hand']])
    expect((await api('post', unmark, at(), { role: 'viewer' })).status).toBe(204)
    expect(told(await api('post', unmark, at(), { role: 'viewer' }))).toEqual([409, 'DAG is not marked as favorite'])
    expect(told(await api('post', mark, { dag_id: 'x' }))).toEqual([404, "DAG with id 'x' not found"])
    expect((await api('post', mark, at(), { role: null })).status).toBe(401)
  })
}
