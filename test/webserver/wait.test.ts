// Waiting for a run over the API: a stream that ends with the run, or with the server.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDag, type SeededRun, seedRun, seedXCom, storeDag, unpause } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
let run: SeededRun
let isStopped = false
beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('hourly', { tasks: ['fetch', 'load'], cron: '0 * * * *' }))
  await unpause(web, 'hourly')
  const tasks = { fetch: 'success' } as const
  run = await seedRun(web, 'hourly', Date.UTC(2026, 0, 5, 4), { state: 'running', tasks, rest: 'running' })
  await seedXCom(web, run, 'fetch', 'return_value', { rows: 309 })
})
afterAll(async () => {
  if (!isStopped) await web.stop()
})

const at = () => `/api/v2/dags/hourly/dagRuns/${encodeURIComponent(run.runId)}`
const open = async (query: string, signal?: AbortSignal) =>
  fetch(`${web.url}${at()}/wait?${query}`, {
    headers: { authorization: `Bearer ${await web.token('viewer')}` },
    ...(signal && { signal }),
  })

async function readFirst(response: Response): Promise<{ first: string; rest: Promise<string> }> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (reader === undefined) throw new Error('the answer has no body')
  const first = (await reader.read()).value ?? ''
  const rest = async () => {
    let text = ''
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value
    return text
  }
  return { first, rest: rest() }
}

test('refuses what is no run and no interval', async () => {
  const call = async (path: string) => (await web.call('GET', path)).status
  expect(await call('/api/v2/dags/hourly/dagRuns/none/wait?interval=1')).toBe(404)
  for (const query of ['', '?interval=', '?interval=0', '?interval=-1', '?interval=soon', '?interval=Infinity'])
    expect([query, await call(`${at()}/wait${query}`)]).toEqual([query, 422])
  expect((await web.call('GET', `${at()}/wait?interval=1`, { role: null })).status).toBe(401)
})

test('says the state at once, and ends with the run and what its tasks returned', async () => {
  const left = new AbortController()
  const gone = await readFirst(await open('interval=60', left.signal))
  gone.rest.catch(() => undefined)
  const response = await open('interval=60&result=fetch&result=load')
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
  const { first, rest } = await readFirst(response)
  expect([gone.first, first]).toEqual(['{"state":"running"}\n', '{"state":"running"}\n'])
  left.abort()
  // A note is no news of the state: nothing is said of it.
  await web.call('PATCH', at(), { body: { note: 'soon' } })
  await web.call('PATCH', at(), { body: { state: 'success' } })
  expect(await rest).toBe('{"state":"success","results":{"fetch":{"rows":309}}}\n')
  const again = await open('interval=0.001')
  expect(await again.text()).toBe('{"state":"success"}\n')
})

test('lets go of clients when a run is deleted, and when the server stops', async () => {
  const waiting = async (hour: number) => {
    run = await seedRun(web, 'hourly', Date.UTC(2026, 0, 5, hour), { state: 'queued', rest: null })
    return readFirst(await open('interval=60'))
  }
  const deleted = await waiting(5)
  expect((await web.call('DELETE', at())).status).toBe(204)
  expect([deleted.first, await deleted.rest]).toEqual(['{"state":"queued"}\n', ''])
  const stopped = await waiting(6)
  isStopped = true
  await web.stop()
  expect([stopped.first, await stopped.rest]).toEqual(['{"state":"queued"}\n', ''])
})
