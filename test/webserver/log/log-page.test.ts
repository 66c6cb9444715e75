// What a log page and its script get over HTTP: the end at once, any part of it, counts, finds, and the whole as a download.

import { appendFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logLine, makeDag, type SeededRun, seedLog, seedRun, storeDag } from '../seed.ts'
import { startWeb, type TestWeb } from '../start-web.ts'

const STACK = 'TypeError: no rows\n    at async fetch (/srv/dags/hourly.ts:31:9)\n    at node:internal/x:1:2'

let web: TestWeb
let run: SeededRun
let path = ''
const TOTAL = 30_000

beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('hourly', { tasks: ['fetch'], zone: 'Asia/Seoul' }))
  run = await seedRun(web, 'hourly', Date.now() - 60_000, { state: 'failed', tasks: { fetch: 'failed' } })
  path = await seedLog(web, { dagId: 'hourly', runId: run.runId, taskId: 'fetch', tryNumber: 1 }, [])
  const lines = Array.from({ length: TOTAL - 1 }, (_, i) =>
    logLine({ event: `line ${i + 1} of <b>many</b>`, level: i + 1 === 31 ? 'error' : i % 2 === 0 ? 'info' : 'debug' }),
  )
  await appendFile(path, lines.join(''))
  const failed = {
    timestamp: new Date().toISOString(),
    level: 'error',
    logger: 'task',
    event: 'Task failed',
    exception: STACK,
  }
  await appendFile(path, `${JSON.stringify(failed)}\n`)
  // Counted: a page waits only a moment for it, and a busy machine may take longer.
  await ask('counts', '')
})

afterAll(() => web.stop())

const address = (tryNumber = 1) =>
  ['hourly', run.runId, 'fetch', -1, tryNumber].map((part) => encodeURIComponent(part)).join('/')
const page = (query: string) =>
  web.call('GET', `/dags/hourly/runs/${encodeURIComponent(run.runId)}/tasks/fetch${query}`)
const ask = (what: string, query: string, tryNumber = 1) =>
  web.call('GET', `/ui/log/${what}?log=${encodeURIComponent(address(tryNumber))}${query}`)
/** A request looks through the log for a while only: asks until there is nothing more. */
async function findAll(text: string, more = ''): Promise<number[]> {
  const hits: number[] = []
  for (let next: string | null = ''; next !== null; ) {
    const { body } = await ask('find', `&text=${encodeURIComponent(text)}${more}${next === '' ? '' : `&next=${next}`}`)
    const found = body as { hits: number[]; next: string | null }
    hits.push(...found.hits)
    next = found.next
  }
  return hits
}

const ids = (html: string) => [...html.matchAll(/ id="L(\d+)"/g)].map(([, n]) => Number(n))

describe('a log page', () => {
  it('opens with the end, with numbers and counts of the whole log and the stack of its failure', async () => {
    const { text } = await page('')
    expect(ids(text)).toEqual(Array.from({ length: 500 }, (_, i) => TOTAL - 499 + i))
    expect(text).toContain('29,500 earlier lines')
    expect(text).toMatch(/data-level="error" aria-pressed="true"><span class="strong">ERROR<\/span><b>2<\/b>/)
    expect(text).toContain('Jump to the first error, line 31</a>')
    expect(text).toContain('<div class="tr thrown">TypeError: no rows</div><div class="tr own">at async fetch')
    expect(text).toContain('<summary>Whole stack, 2 frames</summary>')
    expect(text).not.toContain('<b>many</b>')
  })

  it('opens around the line it is asked for, without script', async () => {
    const { text } = await page('?line=15000')
    expect(ids(text)).toEqual(Array.from({ length: 400 }, (_, i) => 14_800 + i))
    expect(text).toContain('14,799 earlier lines')
    expect(text).toContain('14,801 later lines')
    expect(ids((await page('?line=999999999')).text).at(-1)).toBe(TOTAL)
  })

  it('shows some levels of the whole log, not of its end', async () => {
    const { text } = await page('?levels=error')
    expect(ids(text)).toEqual([31, TOTAL])
    expect(text).toContain('data-level="info" aria-pressed="false"')
    expect((await page('?levels=warning')).text).toContain('No line of the levels shown.')
    // Names that are none show everything.
    expect(ids((await page('?levels=loud')).text).length).toBe(500)
  })
})

describe('the data of a log page', () => {
  it('gives counts, also of what stands before a byte', async () => {
    expect((await ask('counts', '')).body).toMatchObject({ total: TOTAL, levels: { error: 2 }, firstError: 31 })
    expect((await ask('counts', '&to=0')).body).toMatchObject({ total: 0, firstError: null })
  })

  it('gives lines with numbers, clocks of the DAG’s zone and the exception', async () => {
    const { body } = await ask('lines', `&line=${TOTAL}&from=1&before=1`)
    expect(body).toMatchObject({
      before: TOTAL - 2,
      after: 0,
      lines: [
        { n: TOTAL - 1, text: `line ${TOTAL - 1} of <b>many</b>` },
        { n: TOTAL, level: 'error', trace: STACK },
      ],
    })
    expect(JSON.stringify(body)).toMatch(/"clock":"\d\d:\d\d:\d\d\.\d{3}"/)
  })

  it('finds in the whole log, page by page', async () => {
    expect((await findAll('LINE 2')).length).toBe(11_111)
    expect(await findAll('no rows')).toEqual([TOTAL])
    expect(await findAll('line', '&levels=error')).toEqual([31])
  })

  it('downloads the whole log under its name', async () => {
    const answer = await ask('download', '')
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="hourly\.[\w.+-]+\.fetch\.try1\.log"$/,
    )
    expect(answer.text.split('\n').length).toBe(TOTAL + 1)
  })

  it('refuses what names no log, no place and no text, with what was expected', async () => {
    expect((await ask('counts', '', 9)).status).toBe(404)
    expect((await web.call('GET', '/ui/log/counts?log=a/b')).body).toEqual({
      detail: 'log must be dag/run/task/map index/try, each part URL-encoded',
    })
    expect((await ask('find', '')).body).toEqual({ detail: 'text must have 1 to 1000 characters, found 0' })
    expect((await ask('find', '&text=x&next=y')).status).toBe(400)
    expect((await ask('lines', '&line=x')).status).toBe(422)
    expect((await ask('counts', '&to=-1')).status).toBe(400)
    const outside = ['..', run.runId, '..', -1, 1].map((part) => encodeURIComponent(part)).join('/')
    expect((await web.call('GET', `/ui/log/download?log=${encodeURIComponent(outside)}`)).status).toBe(404)
    expect((await web.call('GET', `/ui/log/counts?log=${encodeURIComponent(address())}`, { role: null })).status).toBe(
      401,
    )
  })
})
