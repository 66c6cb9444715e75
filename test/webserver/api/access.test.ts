// Who may call the API: tokens, roles, sign-in links, and the mode in which everybody is admin.

import { describe, expect, it } from 'vitest'
import { createAccount, makeSignInToken, resetPassword } from '../../../engine/admin/accounts.ts'
import { operations } from '../openapi.ts'
import { PASSWORD, ROOT, readAnswer, startWeb } from '../start-web.ts'
import { field, useApi } from './world.ts'

const world = useApi()

describe('who may do what', () => {
  it('refuses everything but the public operations without a token', async () => {
    for (const operation of operations) {
      const [method = '', path = ''] = operation.split(' ')
      if (/^\/(version|monitor\/health|auth\/)/.test(path)) continue
      const url = path.replaceAll(/\{\w+\}/g, 'x')
      const answer = await world.web.call(method.toUpperCase(), `/api/v2${url}`, {
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
        const answer = await world.web.call(method, `/api/v2${path}`, { role, ...(body === undefined ? {} : { body }) })
        const isAllowed = roles.indexOf(role) >= roles.indexOf(least)
        expect([method, path, role, answer.status === 403]).toEqual([method, path, role, !isAllowed])
        if (!isAllowed) expect(answer.body).toEqual({ detail: 'Forbidden' })
      }
  })

  it('refuses forged tokens', async () => {
    const good = await world.web.token('admin')
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
        (await world.web.call('GET', '/api/v2/dags', { role: null, headers: { authorization: `Bearer ${token}` } }))
          .status,
      ).toBe(401)
  })

  it('gives tokens for JSON and form, and none for a wrong password', async () => {
    const form = await readAnswer(
      await fetch(`${world.web.url}/auth/token/cli`, {
        method: 'POST',
        body: new URLSearchParams({ username: 'op', password: PASSWORD }),
      }),
    )
    expect(form.status).toBe(201)
    const wrong = await world.web.call('POST', '/auth/token', { role: null, body: { username: 'op', password: 'no' } })
    const unknown = await world.web.call('POST', '/auth/token', {
      role: null,
      body: { username: 'nobody', password: 'no' },
    })
    expect([wrong.status, wrong.body]).toEqual([401, { detail: 'Invalid credentials' }])
    expect(unknown.body).toEqual(wrong.body)
    expect((await world.web.call('POST', '/auth/token', { role: null, body: { username: 'op' } })).status).toBe(422)
    expect((await world.web.call('GET', '/auth/token', { role: null })).status).toBe(403)
  })

  it('ends tokens when the password is reset, and guesses after five', async () => {
    await createAccount(world.web, { username: 'short', password: PASSWORD, role: 'viewer' }, ROOT)
    const signIn = (password: string) =>
      world.web.call('POST', '/auth/token', { role: null, body: { username: 'short', password } })
    const token = field((await signIn(PASSWORD)).body, 'access_token')
    const look = () =>
      world.web.call('GET', '/api/v2/dags', { role: null, headers: { authorization: `Bearer ${String(token)}` } })
    expect((await look()).status).toBe(200)
    await resetPassword(world.web, { username: 'short', password: `${PASSWORD} 2` }, ROOT)
    expect((await look()).status).toBe(401)
    for (let i = 0; i < 5; i++) expect((await signIn('wrong')).status).toBe(i === 4 ? 429 : 401)
    expect((await signIn(`${PASSWORD} 2`)).status).toBe(429)
  })

  it('signs in once with a link', async () => {
    const token = await makeSignInToken(world.web.database, 'op', 60_000)
    expect(token.length).toBeGreaterThan(40)
    const { rows } = await world.web.database.query<{ token_hash: string }>('select token_hash from sign_in_token')
    expect(rows.some((row) => row.token_hash.includes(token))).toBe(false)
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
