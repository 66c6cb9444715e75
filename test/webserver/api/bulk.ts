// Pools, and bulk operations on pools, Variables and Connections: an action is done whole or not at all, and says why.

import { expect, it } from 'vitest'
import { type ApiWorld, CANARY, field } from './world.ts'

export function describeBulk(world: ApiWorld): void {
  const { api } = world
  const pool = '/pools/{pool_name}'
  const gpu = { pool_name: 'gpu/a' }
  const told = (answer: { status: number; body: unknown }) => [answer.status, field(answer.body, 'detail')]
  const bulk = async (path: string, ...actions: unknown[]) => (await api('patch', path, {}, { body: { actions } })).body

  it('for pools that are made, changed and deleted', async () => {
    const made = await api('post', '/pools', {}, { body: { name: 'gpu/a', slots: 2, description: '그래픽' } })
    expect([made.status, made.body]).toMatchObject([
      201,
      { name: 'gpu/a', slots: 2, open_slots: 2, occupied_slots: 0, include_deferred: false, description: '그래픽' },
    ])
    const again = await api('post', '/pools', {}, { body: { name: 'gpu/a', slots: 3 } })
    expect([again.status, field(again.body, 'detail', 'reason')]).toEqual([409, 'Unique constraint violation'])
    const patched = await api('patch', pool, gpu, { body: { pool: 'gpu/a', slots: -1, include_deferred: true } })
    expect(patched.body).toMatchObject({ slots: -1, open_slots: -1, include_deferred: true, description: '그래픽' })
    const masked = { body: { slots: 7, description: 'not meant' }, query: '?update_mask=slots' }
    expect((await api('patch', pool, gpu, masked)).body).toMatchObject({ slots: 7, description: '그래픽' })
    expect((await api('delete', pool, gpu)).status).toBe(204)
    expect((await api('delete', pool, gpu)).status).toBe(404)
  })

  it('for pools that cannot be as they are asked', async () => {
    const post = async (body: unknown) => (await api('post', '/pools', {}, { body })).status
    expect(await post({ name: '..', slots: 1 })).toBe(400)
    expect(await post({ name: 'x'.repeat(257), slots: 1 })).toBe(422)
    for (const slots of [-2, 1.5, '3', null]) expect(await post({ name: 'x', slots })).toBe(422)
    expect(await post({ name: 'x', slots: 2 ** 31 })).toBe(400)
    expect(told(await api('patch', pool, gpu, { body: { pool: 'other', slots: 1 } }))).toEqual([
      400,
      "Invalid body, pool name from request body doesn't match uri parameter",
    ])
    expect((await api('patch', pool, gpu, { body: { slots: 1 } })).status).toBe(404)
    const base = { pool_name: 'default_pool' }
    expect((await api('patch', pool, base, { body: { slots: null } })).status).toBe(422)
    expect((await api('patch', pool, base, { body: { slots: 1 }, query: '?update_mask=no' })).status).toBe(400)
    expect(told(await api('patch', pool, base, { body: { description: 'mine' } }))).toEqual([
      400,
      'Only slots and included_deferred can be modified on Default Pool',
    ])
    expect(told(await api('delete', pool, base))).toEqual([400, "Default Pool can't be deleted"])
    expect((await api('post', '/pools', {}, { body: { name: 'x', slots: 1 }, role: 'user' })).status).toBe(403)
    expect(field((await api('get', '/pools')).body, 'total_entries')).toBe(1)
  })

  it('for several pools at once', async () => {
    const entities = [
      { name: 'a', slots: 1 },
      { name: 'b', slots: 2, description: 'second' },
    ]
    expect(await bulk('/pools', { action: 'create', entities })).toEqual({
      create: { success: ['a', 'b'], errors: [] },
      update: null,
      delete: null,
    })
    const mixed = [{ name: 'c', slots: 1 }, entities[1]]
    expect(await bulk('/pools', { action: 'create', entities: mixed })).toMatchObject({
      create: {
        success: [],
        errors: [{ error: "The pools with these pool names: {'b'} already exist.", status_code: 409 }],
      },
    })
    expect(await bulk('/pools', { action: 'create', entities: mixed, action_on_existence: 'skip' })).toMatchObject({
      create: { success: ['c'], errors: [] },
    })
    const over = [{ name: 'b', slots: 9 }]
    await bulk('/pools', { action: 'create', entities: over, action_on_existence: 'overwrite' })
    expect((await api('get', pool, { pool_name: 'b' })).body).toMatchObject({ slots: 9, description: 'second' })
    expect(
      await bulk(
        '/pools',
        { action: 'update', entities: [{ name: 'none', slots: 1 }] },
        { action: 'update', entities: [{ name: 'a', slots: 5 }], update_mask: ['slots'] },
        { action: 'delete', entities: ['default_pool', 'b'] },
        { action: 'delete', entities: ['c', { name: 'a', slots: 1 }, 'gone'], action_on_non_existence: 'skip' },
      ),
    ).toEqual({
      create: null,
      update: {
        success: ['a'],
        errors: [{ error: "The pools with these pool names: {'none'} were not found.", status_code: 404 }],
      },
      delete: { success: ['c', 'a'], errors: [{ error: "Default Pool can't be deleted", status_code: 400 }] },
    })
    await bulk('/pools', { action: 'delete', entities: ['b'] })
    expect(field((await api('get', '/pools')).body, 'total_entries')).toBe(1)
  })

  it('for several Variables and Connections at once, whose secrets stay hidden', async () => {
    const variables = [
      { key: 'bulk_token', value: CANARY },
      { key: 'bulk/list', value: [1, 2], description: 'd' },
    ]
    expect(await bulk('/variables', { action: 'create', entities: variables })).toMatchObject({
      create: { success: ['bulk_token', 'bulk/list'], errors: [] },
    })
    const update = {
      action: 'update',
      entities: [{ key: 'bulk/list', value: 'x', description: 'no' }],
      update_mask: ['value'],
    }
    await bulk('/variables', update, { action: 'update', entities: [{ key: 'bulk_token', value: '***' }] })
    expect((await api('get', '/variables/{variable_key}', { variable_key: 'bulk/list' })).body).toMatchObject({
      value: 'x',
      description: 'd',
    })
    expect((await world.web.vault.findVariable('bulk_token'))?.value).toBe(CANARY)
    expect(await bulk('/variables', { action: 'delete', entities: ['bulk_token', 'bulk/list', 'gone'] })).toMatchObject(
      {
        delete: { success: [], errors: [{ error: "The variables with these keys: {'gone'} were not found." }] },
      },
    )
    await bulk('/variables', { action: 'delete', entities: ['bulk_token', 'bulk/list'] })

    const one = { connection_id: 'bulk', conn_type: 'http', host: 'h', password: CANARY }
    expect(await bulk('/connections', { action: 'create', entities: [one] })).toMatchObject({
      create: { success: ['bulk'] },
    })
    await bulk('/connections', { action: 'update', entities: [{ connection_id: 'bulk', conn_type: 'http', port: 1 }] })
    expect(await world.web.vault.findConnection('bulk')).toMatchObject({ host: 'h', port: 1, password: CANARY })
    expect(await bulk('/connections', { action: 'delete', entities: ['bulk'] })).toMatchObject({
      delete: { success: ['bulk'], errors: [] },
    })
  })

  it('for a bulk request with one value that cannot be stored: nothing of it is done', async () => {
    const refused = async (path: string, entities: readonly unknown[], role?: 'user') =>
      (await api('patch', path, {}, { body: { actions: [{ action: 'create', entities }] }, ...(role && { role }) }))
        .status
    expect(
      await refused('/variables', [
        { key: 'ok', value: 1 },
        { key: '..', value: 1 },
      ]),
    ).toBe(400)
    expect(
      await refused('/variables', [
        { key: 'ok', value: 1 },
        { key: 'half', value: '\ud800' },
      ]),
    ).toBe(422)
    expect(
      await refused('/pools', [
        { name: 'ok', slots: 1 },
        { name: 'big', slots: 2 ** 31 },
      ]),
    ).toBe(400)
    const wrong = { connection_id: 'bad', conn_type: 'http', extra: '[]' }
    expect(await refused('/connections', [{ connection_id: 'ok', conn_type: 'http' }, wrong])).toBe(422)
    expect(await refused('/variables', [{ key: 'ok', value: 1 }], 'user')).toBe(403)
    const many = Array.from({ length: 1001 }, (_, i) => ({ key: `k${i}`, value: i }))
    expect(await refused('/variables', many)).toBe(400)
    for (const path of ['/variables/ok', '/pools/ok', '/connections/ok', '/variables/k0'])
      expect((await world.web.call('GET', `/api/v2${path}`)).status).toBe(404)
  })

  it('for the default Connections: those that are not there are added, and none is changed', async () => {
    expect((await api('post', '/connections/defaults', {}, { role: 'op' })).status).toBe(204)
    const http = { connection_id: 'http_default' }
    await api('patch', '/connections/{connection_id}', http, { body: { ...http, conn_type: 'http', host: 'mine' } })
    expect((await api('post', '/connections/defaults')).status).toBe(204)
    expect((await api('get', '/connections/{connection_id}', http)).body).toMatchObject({ host: 'mine' })
    expect((await api('get', '/connections/{connection_id}', { connection_id: 'kafka_default' })).status).toBe(404)
    expect((await api('post', '/connections/defaults', {}, { role: 'user' })).status).toBe(403)
    const entities = ['fs_default', 'http_default', 'spark_default']
    expect(await bulk('/connections', { action: 'delete', entities })).toMatchObject({ delete: { success: entities } })
  })
}
