// Reports and row counts over HTTP: pages, JSON, CSV.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeDag, type SeededRun, seedEffect, seedReport, seedRun, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
let first: SeededRun
let second: SeededRun
const REPORT = {
  title: 'Best <b>100</b>',
  columns: [
    { name: 'item', type: 'text' as const },
    { name: 'price', type: 'number' as const, unit: 'KRW' },
  ],
  rows: [
    ['감자, "깐"', 13_000],
    ['=HYPERLINK("http://evil")', null],
  ],
  charts: [{ kind: 'bar' as const, x: 'item', y: ['price'] }],
}
const HOUR = 3_600_000

beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('shop', { tasks: ['crawl', 'to_lake'], zone: 'Asia/Seoul' }))
  await storeDag(web, makeDag('empty', { tasks: ['a'] }))
  const at = Math.floor(Date.now() / HOUR) * HOUR
  first = await seedRun(web, 'shop', at - HOUR, { state: 'success' })
  second = await seedRun(web, 'shop', at, { state: 'success' })
  await seedReport(web, first, 'crawl', 'best', { ...REPORT, rows: [['old', 1]] })
  await seedReport(web, second, 'crawl', 'best', REPORT)
  await seedReport(web, first, 'crawl', 'only_once', { columns: REPORT.columns, rows: [] })
  const lake = { kind: 'lake', target: '/shop/<x>.csv', rowsRead: 100, rowsWritten: 98, rowsRejected: 1 } as const
  await seedEffect(web, second, 'crawl', { kind: 'source', target: 'http://shop', rowsRead: 100, rowsWritten: 100 })
  const stream = { lag: 1_200, rowsPerSecond: 8_411.6, freshness: 75 }
  const topic = { kind: 'event_log', target: 'points (group sink)', rowsRead: 9, rowsWritten: 9, stream } as const
  await seedEffect(web, first, 'crawl', topic)
  await seedEffect(web, second, 'to_lake', { ...lake, bytes: 1_234_567, checksum: `sha256:${'ab'.repeat(32)}` })
})
afterAll(() => web.stop())

const own = '/api/baram/v1/dags/shop'

describe('reports', () => {
  it('are listed with the newest of each name', async () => {
    const { body } = await web.call('GET', `${own}/reports`)
    expect(body).toMatchObject({
      total_entries: 2,
      reports: [
        { name: 'best', dag_run_id: second.runId, row_count: 2, title: REPORT.title },
        { name: 'only_once', dag_run_id: first.runId, row_count: 0, title: null },
      ],
    })
  })

  it('are the newest unless a run is named', async () => {
    expect((await web.call('GET', `${own}/reports/best`)).body).toMatchObject(REPORT)
    const older = await web.call('GET', `${own}/reports/best?run_id=${encodeURIComponent(first.runId)}`)
    expect(older.body).toMatchObject({ rows: [['old', 1]] })
    expect((await web.call('GET', `${own}/reports/nobody`)).status).toBe(404)
    expect((await web.call('GET', `${own}/reports/best?format=xml`)).status).toBe(400)
    expect((await fetch(`${web.url}${own}/reports/best`)).status).toBe(401)
  })

  it('are exact as CSV, and harmless as CSV of a spreadsheet', async () => {
    const exact = await web.call('GET', `${own}/reports/best?format=csv`)
    expect(exact.text).toBe('item,price\r\n"감자, ""깐""",13000\r\n"=HYPERLINK(""http://evil"")",\r\n')
    const safe = await web.call('GET', `${own}/reports/best?format=spreadsheet`)
    // The byte-order mark is taken off by the reading of a text.
    expect(safe.text.replace('\ufeff', '')).toBe(exact.text.replace('"=HYPER', `"'=HYPER`))
  })

  it('have pages: a list, and one with its table, its chart and where it came from', async () => {
    expect((await web.call('GET', '/dags/shop/reports')).text).toContain('Best &lt;b&gt;100&lt;/b&gt;')
    expect((await web.call('GET', '/dags/empty/reports')).text).toContain('No reports yet')
    const { text } = await web.call('GET', '/dags/shop/reports/best')
    expect(text).toContain('감자, &quot;깐&quot;')
    expect(text).toContain('id="chart-0"')
    expect(text).toContain(encodeURIComponent(second.runId))
    expect((await web.call('GET', '/dags/shop/reports/nobody')).status).toBe(404)
  })
})

describe('row counts', () => {
  it('of a run are told by the API', async () => {
    const { body } = await web.call('GET', `${own}/dagRuns/${encodeURIComponent(second.runId)}/effects`)
    expect(body).toMatchObject({
      total_entries: 2,
      effects: [
        { task_id: 'crawl', kind: 'source', rows_read: 100, rows_written: 100, rows_rejected: 0, stream: null },
        { task_id: 'to_lake', rows_read: 100, rows_written: 98, rows_rejected: 1, bytes: 1_234_567, try_number: 1 },
      ],
    })
    expect((await web.call('GET', `${own}/dagRuns/nobody/effects`)).status).toBe(404)
  })

  it('of a stream tell how it stood: by the API, and on the page', async () => {
    const { body } = await web.call('GET', `${own}/dagRuns/${encodeURIComponent(first.runId)}/effects`)
    expect(body).toMatchObject({ effects: [{ stream: { lag: 1_200, rows_per_second: 8_411.6, freshness: 75 } }] })
    const { text } = await web.call('GET', '/dags/shop/data')
    expect(text.match(/lag [^<]*/g)).toEqual(['lag 1,200 · 8,412 rows/s · newest 1 m 15 s old'])
  })

  it('stand on the page of the data, escaped, those that do not add up marked', async () => {
    const { text } = await web.call('GET', '/dags/shop/data')
    expect(text).toContain('/shop/&lt;x&gt;.csv')
    expect(text).toContain('1.2 MB')
    expect(text.match(/does not add up/g)).toHaveLength(1)
    expect((await web.call('GET', '/dags/shop/data?run=nobody')).status).toBe(404)
    expect((await web.call('GET', '/dags/empty/data')).text).toContain('No data recorded yet')
  })

  it('stand in the panel of their run, with its reports', async () => {
    const { text } = await web.call('GET', `/dags/shop?run=${encodeURIComponent(second.runId)}`)
    expect(text).toContain('/shop/&lt;x&gt;.csv')
    expect(text).toContain('/dags/shop/reports/best?run&#x3D;')
  })
})
