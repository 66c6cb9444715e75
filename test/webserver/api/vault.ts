// Variables and connections: their secrets are masked, and a mask that is sent back changes nothing.

import { expect, it } from 'vitest'
import { type ApiWorld, CANARY, field } from './world.ts'

export function describeVault(world: ApiWorld): void {
  const { api } = world

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
    const before = await world.web.vault.findConnection('hdfs_default')
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
    const after = await world.web.vault.findConnection('hdfs_default')
    expect(after?.password).toBe(before?.password)
    expect(JSON.parse(after?.extra ?? '')).toEqual({ token: `${CANARY}-extra`, region: 'us' })
    expect(after).toMatchObject({ host: 'nn2', login: 'hdfs', port: 9870 })
    expect((await api('delete', '/connections/{connection_id}', id)).status).toBe(204)
  })
}
