// What a schedule will make, told by the API and by the page of a paused DAG.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeDag, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('hourly', { tasks: ['a'], cron: '0 * * * *', zone: 'Asia/Seoul' }))
  await storeDag(web, makeDag('by_hand', { tasks: ['a'] }))
})
afterAll(() => web.stop())

const plan = (dagId: string, query = '') => web.call('GET', `/api/baram/v1/dags/${dagId}/plan${query}`)

describe('the plan of a DAG', () => {
  it('lists what is due and what comes, and says it in a sentence', async () => {
    const { status, body } = await plan('hourly', '?limit=3')
    expect(status).toBe(200)
    expect(body).toMatchObject({ dag_id: 'hourly', is_paused: true, timezone: 'Asia/Seoul', due_count: 1 })
    const { due, upcoming, sentence } = body as { due: unknown[]; upcoming: { run_after: string }[]; sentence: string }
    expect(due).toHaveLength(1)
    const times = upcoming.map((run) => Date.parse(run.run_after))
    expect(times.map((time) => time - (times[0] ?? 0))).toEqual([0, 3_600_000, 7_200_000])
    expect(sentence).toMatch(/^1 run is made at once, for .* to .*; the next one is due .* Times are Asia\/Seoul\.$/)
  })

  it('of a DAG without a schedule is empty; of an unknown one it is not found; a stranger is not told', async () => {
    expect((await plan('by_hand')).body).toMatchObject({ due: [], upcoming: [], due_count: 0 })
    expect((await plan('nobody')).status).toBe(404)
    expect((await plan('hourly', '?limit=0')).status).toBe(422)
    const stranger = await fetch(`${web.url}/api/baram/v1/dags/hourly/plan`)
    expect(stranger.status).toBe(401)
  })

  it('stands on the page while the DAG is paused', async () => {
    const { text } = await web.call('GET', '/dags/hourly')
    expect(text).toContain('Paused. Switched on: 1 run is made at once')
  })
})
