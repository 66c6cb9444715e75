// The XComs of one instance on its page: the returned value first, every key reached.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDag, type SeededRun, seedRun, seedXCom, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
let run: SeededRun
beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('etl', { tasks: ['a', 'b'] }))
  run = await seedRun(web, 'etl', Date.parse('2026-01-05T12:00:00Z'), { state: 'success' })
  for (let i = 0; i < 120; i++) await seedXCom(web, run, 'a', `A_key_${String(i).padStart(3, '0')}`, i)
  await seedXCom(web, run, 'a', 'return_value', { zebra: 1, a: 2 })
})
afterAll(() => web.stop())

const page = async (path: string) => (await web.call('GET', path, { headers: { accept: 'text/html' } })).text
const keysOf = (html: string) => [...html.matchAll(/<header><b class="mono">([^<]+)<\/b>/g)].map((m) => m[1] ?? '')
const nextOf = (html: string) =>
  /<a class="btn" href="([^"]+)">Next/.exec(html)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=') ?? null

test('the page begins with the returned value, as it was written, and reaches every key once', async () => {
  const first = `/dags/etl/runs/${encodeURIComponent(run.runId)}/tasks/a/xcom`
  const keys: string[] = []
  for (let next: string | null = first; next !== null; ) {
    const html = await page(next)
    keys.push(...keysOf(html))
    expect(html).toContain('of 121')
    next = nextOf(html)
  }
  expect(keys[0]).toBe('return_value')
  expect(keys.slice(1)).toEqual([...keys.slice(1)].sort())
  expect([keys.length, new Set(keys).size]).toEqual([121, 121])
  expect((await page(first)).replaceAll('&quot;', '"')).toMatch(/"zebra": 1,\s+"a": 2/)
})

test('few of them need no pages; one of one character is told so', async () => {
  await seedXCom(web, run, 'b', 'n', 7)
  const html = await page(`/dags/etl/runs/${encodeURIComponent(run.runId)}/tasks/b/xcom`)
  expect(html).toContain('1 character ·')
  expect(html).not.toContain('of 1<')
})
