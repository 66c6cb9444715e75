// What concerns the whole deployment is said where people look: the API's health and the head of every page.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSignInToken } from '../../engine/admin/accounts.ts'
import { setClockHold } from '../../store/postgres/clock-holds.ts'
import { insertJob } from '../../store/postgres/jobs.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
const newer: string[] = []
beforeAll(async () => {
  web = await startWeb({}, { newer })
})
afterAll(() => web.stop())

const health = async () => (await web.call('GET', '/api/v2/monitor/health', { role: null })).body

it('a clock that is not believed and a newer schema are told, and no longer told when they are over', async () => {
  const jobId = await insertJob(web.database, {
    jobType: 'SchedulerJob',
    hostname: 'seoul-1',
    pid: 1,
    bootId: 'b',
    pidStarted: null,
    info: {},
  })
  expect(await health()).toMatchObject({ metadatabase: { status: 'healthy' }, scheduler: { status: 'healthy' } })
  await setClockHold(web.database, jobId, { movedMs: 5_400_000, trustedMs: 0 })
  newer.push('0099-later')
  const clock = "No runs are created: the database's clock jumped by +1 h 30 min."
  expect(await health()).toMatchObject({
    metadatabase: { status: 'healthy', detail: expect.stringContaining('newer Baram (0099-later)') as unknown },
    scheduler: { status: 'unhealthy', detail: expect.stringContaining(clock) as unknown },
  })
  const token = await makeSignInToken(web.database, 'viewer', 60_000)
  const signIn = await web.call('GET', `/sign-in?token=${token}`, { role: null })
  const cookie = signIn.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
  const page = async () => (await web.call('GET', '/dags', { role: null, headers: { cookie } })).text
  const told = (await page()).replaceAll(/<[^>]+>/g, '').replaceAll('&#x27;', "'")
  expect(told).toContain(clock)
  expect(told).toContain('dagctl db confirm-clock')
  expect(told).toContain('0099-later')
  await setClockHold(web.database, jobId, null)
  newer.pop()
  expect(await health()).toMatchObject({ scheduler: { status: 'healthy' } })
  expect(await page()).not.toContain('role="alert"')
})
