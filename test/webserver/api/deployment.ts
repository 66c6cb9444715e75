// The deployment: what is public, pools, import errors, jobs and the audit log.

import { expect, it } from 'vitest'
import { type ApiWorld, CANARY, field } from './world.ts'

export function describeDeployment(world: ApiWorld): void {
  const { api } = world

  it('for what is public', async () => {
    expect((await api('get', '/version', {}, { role: null })).body).toEqual({ version: '3.2.1', git_version: null })
    const health = await api('get', '/monitor/health', {}, { role: null })
    expect(field(health.body, 'metadatabase', 'status')).toBe('healthy')
    expect(
      (await world.web.call('GET', '/api/v2/auth/login?next=//evil.example', { role: null })).headers.get('location'),
    ).toBe('/sign-in?next=%2Fdags')
    expect((await world.web.call('GET', '/api/v2/auth/logout', { role: null })).status).toBe(307)
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
}
