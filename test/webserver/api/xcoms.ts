// XComs that people write: values keep their types, and what is not there is said in Airflow's words.

import { expect, it } from 'vitest'
import { XCOM_BYTES } from '../../../core/json.ts'
import { type ApiWorld, field, TI } from './world.ts'

export function describeXComs(world: ApiWorld): void {
  const { api, at } = world
  const entries = `${TI}/{task_id}/xcomEntries`
  const entry = `${entries}/{xcom_key}`
  const of = (key: string) => ({ ...at(), xcom_key: key })

  const said = (answer: { status: number; body: unknown }) => [answer.status, field(answer.body, 'detail')]

  it('for XComs that are made, changed and deleted, whose values keep their types', async () => {
    const values = [null, false, 0, 1.5, '1', '', [1, ['2']], { a: { b: null }, 한: '글' }]
    for (const [i, value] of values.entries()) {
      const made = await api('post', entries, at(), { body: { key: `n/${i}`, value } })
      expect([made.status, field(made.body, 'value')]).toEqual([201, value])
      expect(field((await api('get', entry, of(`n/${i}`))).body, 'value')).toEqual(value)
    }
    const changed = await api('patch', entry, of('n/0'), { body: { value: ['now'] } })
    expect([changed.status, field(changed.body, 'value')]).toEqual([200, ['now']])
    for (const i of values.keys()) expect((await api('delete', entry, of(`n/${i}`))).status).toBe(204)
    expect(said(await api('delete', entry, of('n/0')))).toEqual([
      404,
      "The XCom with key: `n/0` with mentioned task instance doesn't exist.",
    ])
    const { rows } = await world.web.database.query<{ event: string; extra: string }>(
      "select event, extra from log where event like 'xcom.%' and extra like '%n/0%' order by id",
    )
    expect(rows.map((row) => row.event)).toEqual(['xcom.create', 'xcom.update', 'xcom.delete'])
    expect(rows.map((row) => row.extra).join()).not.toContain('now')
  })

  it('for an XCom that cannot be made or changed: nothing is', async () => {
    const post = async (values: Record<string, string>, body: unknown) =>
      said(await api('post', entries, values, { body }))
    expect(await post(at(), { key: 'return_value', value: 1 })).toEqual([
      409,
      'The XCom with key: `return_value` with mentioned task instance already exists.',
    ])
    expect(await post({ ...at(), task_id: 'x' }, { key: 'k', value: 1 })).toEqual([
      404,
      'Task with ID: `x` not found in dag: `hourly`',
    ])
    expect(await post({ ...at(), dag_run_id: 'x' }, { key: 'k', value: 1 })).toEqual([
      404,
      'Dag Run with ID: `x` not found for dag: `hourly`',
    ])
    expect((await post(at(), { key: 'k', value: 1, map_index: 7 }))[0]).toBe(404)
    expect((await post(at(), { key: 'k', value: 1, map_index: 2 ** 31 }))[0]).toBe(404)
    expect((await post(at(), { key: 'k' }))[0]).toBe(422)
    for (const key of ['', '..', 'k'.repeat(513)]) expect((await post(at(), { key, value: 1 }))[0]).toBe(400)
    expect((await post(at(), { key: 'k', value: 'x'.repeat(XCOM_BYTES) }))[0]).toBe(413)
    const path = entries.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(at()[name] ?? ''))
    const infinite = await fetch(`${world.web.url}/api/v2${path}`, {
      method: 'POST',
      body: '{"key": "k", "value": 1e400}',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await world.web.token('admin')}` },
    })
    expect(infinite.status).toBe(400)
    expect((await api('patch', entry, of('none'), { body: { value: 1 } })).status).toBe(404)
    expect((await api('patch', entry, of('return_value'), { body: { value: 1, map_index: 3 } })).status).toBe(404)
    expect((await api('post', entries, at(), { body: { key: 'k', value: 1 }, role: 'viewer' })).status).toBe(403)
    expect(field((await api('get', entries, at())).body, 'total_entries')).toBe(1)
    expect(field((await api('get', entry, of('return_value'))).body, 'value')).toMatchObject({ rows: 309 })
  })
}
