// What Airflow is extended by, the configuration, and what a task instance waits for.

import { expect, it } from 'vitest'
import { SETTINGS } from '../../../runtime/settings.ts'
import { SHOWN } from '../../../webserver/api/configuration.ts'
import { makeDag, seedRun, storeDag, unpause } from '../seed.ts'
import { startWeb } from '../start-web.ts'
import { type ApiWorld, field, TI } from './world.ts'

export function describeExtensions(world: ApiWorld): void {
  const { api, at } = world
  const told = (answer: { status: number; body: unknown }) => [answer.status, field(answer.body, 'detail')]

  it('for plugins, providers, links and upstream assets, of which there are none or one', async () => {
    expect((await api('get', '/plugins')).body).toEqual({ plugins: [], total_entries: 0 })
    expect((await api('get', '/plugins/importErrors')).body).toEqual({ import_errors: [], total_entries: 0 })
    expect(field((await api('get', '/providers')).body, 'providers', 0, 'package_name')).toBe('baram')
    expect((await api('get', '/providers', {}, { query: '?offset=1' })).body).toEqual({
      providers: [],
      total_entries: 1,
    })
    expect((await api('get', `${TI}/{task_id}/links`, at())).body).toEqual({ extra_links: {}, total_entries: 0 })
    const events = '/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents'
    expect((await api('get', events, at())).body).toEqual({ asset_events: [], total_entries: 0 })
  })

  it('for those that are asked for wrongly', async () => {
    for (const path of ['/plugins', '/providers'])
      expect((await api('get', path, {}, { query: '?limit=-1' })).status).toBe(422)
    expect((await api('get', '/plugins/importErrors', {}, { role: null })).status).toBe(401)
    const links = `${TI}/{task_id}/links`
    expect(told(await api('get', links, { ...at(), task_id: 'x' }))).toEqual([404, 'Task with ID = x not found'])
    expect(told(await api('get', links, { ...at(), dag_run_id: 'x' }))).toEqual([404, 'TaskInstance not found'])
    expect(told(await api('get', `${TI}/{task_id}/externalLogUrl/{try_number}`, at()))).toEqual([
      400,
      'Task log handler does not support external logs.',
    ])
    const events = '/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents'
    expect((await api('get', events, { ...at(), dag_run_id: 'x' })).status).toBe(404)
  })

  it('for the configuration, as JSON and as text, without a secret', async () => {
    const all = await api('get', '/config')
    expect(field(all.body, 'sections', 0, 'name')).toBe('core')
    const secrets = Object.entries(SETTINGS).filter(([, setting]) => 'isSecret' in setting && setting.isSecret === true)
    expect(secrets.length).toBeGreaterThan(2)
    expect(SHOWN.filter((shown) => secrets.some(([name]) => name === shown))).toEqual([])
    for (const [, { key }] of secrets) expect(all.text).not.toContain(`"${key}"`)
    const option = '/config/section/{section}/option/{option}'
    const heartbeat = { section: 'scheduler', option: 'job_heartbeat_sec' }
    expect((await api('get', option, heartbeat)).body).toEqual({
      sections: [{ name: 'scheduler', options: [{ key: 'job_heartbeat_sec', value: '1' }] }],
    })
    const text = (path: string, accept: string) => world.web.call('GET', `/api/v2${path}`, { headers: { accept } })
    expect((await text('/config?section=workers', 'text/plain')).text).toMatch(/^\[workers\]\nconcurrency = \d+\n/)
    expect((await text('/config', 'image/png')).status).toBe(406)
    expect(told(await api('get', '/config', {}, { query: '?section=none' }))).toEqual([404, 'Section none not found.'])
    for (const hidden of [
      { section: 'api_auth', option: 'jwt_secret' },
      { section: 'database', option: 'sql_alchemy_conn' },
      { section: '__proto__', option: 'constructor' },
    ])
      expect(told(await api('get', option, hidden))).toEqual([
        404,
        `Option [${hidden.section}/${hidden.option}] not found.`,
      ])
  })

  it('for the configuration of a deployment that does not show it: 403', async () => {
    const web = await startWeb()
    try {
      for (const path of ['/config', '/config/section/core/option/parallelism']) {
        const answer = await web.call('GET', `/api/v2${path}`)
        expect(told(answer)).toEqual([403, expect.stringMatching(/^Your Airflow administrator chose not to expose/)])
      }
    } finally {
      await web.stop()
    }
  })

  it('for what a task instance waits for', async () => {
    await storeDag(world.web, makeDag('waits', { tasks: ['first', 'second'], cron: '0 * * * *' }))
    await unpause(world.web, 'waits')
    const tasks = { first: 'running' } as const
    const run = await seedRun(world.web, 'waits', Date.UTC(2026, 0, 5, 3), { state: 'running', tasks, rest: null })
    const of = (task_id: string) => ({ ...at(), dag_id: 'waits', dag_run_id: run.runId, task_id })
    for (const path of [`${TI}/{task_id}/dependencies`, `${TI}/{task_id}/{map_index}/dependencies`]) {
      const [found] = field((await api('get', path, of('second'))).body, 'dependencies') as unknown[]
      expect([field(found, 'name'), field(found, 'reason')]).toEqual([
        'Trigger Rule',
        expect.stringContaining('Waits for first'),
      ])
      expect((await api('get', path, of('first'))).body).toEqual({ dependencies: [] })
      expect((await api('get', path, of('none'))).status).toBe(404)
      expect(
        (await api('get', path, { ...of('first'), map_index: '4294967296' }, { query: '?map_index=4' })).status,
      ).toBe(404)
    }
    const queued = await seedRun(world.web, 'waits', Date.UTC(2026, 0, 5, 4), { state: 'queued', rest: null })
    const waiting = { ...of('first'), dag_run_id: queued.runId }
    expect(field((await api('get', `${TI}/{task_id}/dependencies`, waiting)).body, 'dependencies', 0, 'name')).toBe(
      'Dagrun Running',
    )
  })
}
