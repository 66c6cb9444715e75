// The page of a run: the sentence with its cause, every failed instance, its tasks in time, its events page by page.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptLogPath } from '../../runtime/attempt-log.ts'
import { makeDag, mappedTask, type SeededRun, seedEvent, seedMapped, seedRun, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

const HOUR = 3_600_000
const NOON = Date.UTC(2026, 0, 5, 12)

let web: TestWeb
let failed: SeededRun
let open: SeededRun

const STACK = `TypeError: no price in row 17
    at parseRow (node:internal/x:1:1)
    at collectPage (/dags/shop.ts:41:10)
    at run (/app/dist/child/attempt.js:9:9)`

const pathOf = (run: SeededRun, query = '') => `/dags/shop/runs/${encodeURIComponent(run.runId)}${query}`
const failures = () => web.logged.filter((line) => line.includes('a request failed'))
const page = (path: string) => web.call('GET', path)

async function logError(run: SeededRun, taskId: string): Promise<void> {
  const key = { dagId: 'shop', runId: run.runId, taskId, mapIndex: -1, tryNumber: 1 }
  const path = attemptLogPath(web.logFolder, key)
  await mkdir(dirname(path), { recursive: true })
  const line = {
    timestamp: new Date(NOON).toISOString(),
    level: 'error',
    event: 'Task failed with exception',
    exception: STACK,
  }
  await writeFile(path, `${JSON.stringify(line)}\n`)
}

beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('shop', { tasks: ['list', 'collect', mappedTask('page', 'list'), 'report'] }))
  await seedRun(web, 'shop', NOON - HOUR, { state: 'success', seconds: 30 })
  failed = await seedRun(web, 'shop', NOON, {
    state: 'failed',
    seconds: 74,
    tasks: { list: 'success', collect: 'failed' },
    rest: 'upstream_failed',
  })
  await seedEvent(web, failed, 'collect', {
    from: 'running',
    to: 'failed',
    because: { code: 'failed', message: 'no price in row 17', triesLeft: 0 },
  })
  await logError(failed, 'collect')
  open = await seedRun(web, 'shop', NOON + HOUR, {
    state: 'running',
    seconds: 20,
    tasks: { list: 'success', collect: 'running' },
    rest: null,
  })
}, 60_000)
afterAll(() => web.stop())

describe('the page of a run', () => {
  it('says where it failed, why, and at which line of the author', async () => {
    const { status, text } = await page(pathOf(failed))
    expect([status, failures()]).toEqual([200, []])
    expect(text).toContain('<title>Failed after 1 m 14 s at collect.')
    expect(text).toContain('no price in row 17')
    expect(text).toContain('at collectPage (/dags/shop.ts:41:10)')
  })

  it('offers to retry what failed, first', async () => {
    const { text } = await page(pathOf(failed))
    expect(/class="btn pri" href="([^"]+)"/.exec(text)?.[1]).toMatch(/only_failed&#x3D;1/)
    const viewer = await web.call('GET', pathOf(failed), { role: 'viewer' })
    expect(viewer.text).not.toContain('Retry failed')
  })

  it('shows what runs until now, and filters events by a task', async () => {
    const { status, text } = await page(pathOf(open, '?task=collect'))
    expect([status, failures()]).toEqual([200, []])
    expect(text).toContain('data-open')
  })

  it('leads to the runs beside it', async () => {
    const { text } = await page(pathOf(failed))
    expect(text).toMatch(/id="earlier" href="[^"]+2026-01-05T11/)
    expect(text).toMatch(/id="later" href="[^"]+2026-01-05T13/)
  })

  it('lists the failed instances of a mapped task, and says how many it leaves out', async () => {
    const many = await seedRun(web, 'shop', NOON + 2 * HOUR, { state: 'failed', seconds: 9, rest: 'success' })
    await seedMapped(web, many, 'page', 60, { rest: 'failed' })
    const { text } = await page(pathOf(many))
    const [, list = ''] = /id="failures"([\s\S]*?)id="gantt"/.exec(text) ?? []
    expect(list.match(/page \[\d+\]/g)).toHaveLength(50)
    expect(list).toContain('and 10 more')
    expect(text).toContain('page ×60')
  })

  it('tells its events newest first, a hundred a page, to the last', async () => {
    await Promise.all(
      Array.from({ length: 130 }, (_, i) =>
        seedEvent(web, open, 'list', {
          from: null,
          to: 'queued',
          because: { code: 'started', worker: `w${i}` },
          at: NOON + i,
        }),
      ),
    )
    const seen: string[] = []
    let path: string | undefined = pathOf(open, '?task=list')
    for (let pages = 0; path !== undefined && pages < 5; pages++) {
      const { text } = await page(path)
      seen.push(...(text.match(/Started on w\d+/g) ?? []))
      path = /href="([^"]+)">Older events/.exec(text)?.[1]?.replaceAll('&#x3D;', '=').replaceAll('&amp;', '&')
    }
    expect([seen.length, new Set(seen).size]).toEqual([130, 130])
  })

  it.each(['x', '1', '-1_2', '99999999999999999999_1', "1_1'"])(
    'with %s as its place begins at the newest event',
    async (at) => {
      const { status, text } = await page(pathOf(failed, `?before=${encodeURIComponent(at)}`))
      expect([status, text.includes('Newest events')]).toEqual([200, false])
    },
  )

  it('of nobody is a 404 with its name', async () => {
    expect((await page('/dags/shop/runs/nobody')).status).toBe(404)
  })
})
