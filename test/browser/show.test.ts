// The product as a person uses it: its own processes, its pages in a real browser, the first pipeline on an exchange; and
// nothing that was typed as a secret anywhere to be read afterwards.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queryWarehouse } from '../../operators/warehouse/index.ts'
import { type Exchange, startExchange } from '../../services/simulated/upbit/exchange.ts'
import { replaySource } from '../../services/simulated/upbit/replay.ts'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'
import { recordedNames } from '../support/recorded.ts'
import { recordedMinutes2018 } from '../support/recorded-candles.ts'

/** What the functions that run in the page use of it. */
declare const document: {
  querySelector(selector: string): { readonly textContent: string | null } | null
  querySelectorAll(selector: string): { readonly length: number }
}

const CHROMIUM = process.env['BARAM_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
const isThere = existsSync(CHROMIUM)
if (!isThere && process.env['CI'] === 'true') throw new Error(`browser tests need a Chromium at ${CHROMIUM}`)
if (!isThere) process.stderr.write(`\n*** browser tests are SKIPPED: no Chromium at ${CHROMIUM} ***\n\n`)

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking']
const PASSWORD = 'a password for this show'
const OLD_SECRET = 'canary-old-2f81c07e'
const NEW_SECRET = 'canary-new-94d3ab16'
const OLD_PASSWORD = 'canary-password-old-5be1'
const NEW_PASSWORD = 'canary-password-new-c7a0'
const CANARIES = [OLD_SECRET, NEW_SECRET, OLD_PASSWORD, NEW_PASSWORD, PASSWORD]

/** Two slots of an hour of 2018, both recorded. */
const FIRST = { start: '2018-01-30T12:00:00Z', end: '2018-01-30T13:00:00Z' }
const SECOND = { start: '2018-01-30T13:00:00Z', end: '2018-01-30T14:00:00Z' }

const extraWith = (secret: string) => JSON.stringify({ requests_per_second: 500, api_secret: secret })

function readAll(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
}

const expectNone = (where: string, texts: readonly string[]) =>
  expect([where, CANARIES.filter((canary) => texts.some((text) => text.includes(canary)))]).toEqual([where, []])

describe.skipIf(!isThere)('the product in a browser', () => {
  let baram: TestBaram
  let generated: Exchange
  let second: Exchange
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let url = ''
  let bearer = ''
  const complaints: string[] = []
  const runs: string[] = []
  const recorded = recordedNames('upbit').length > 0 ? recordedMinutes2018() : []

  beforeAll(async () => {
    const limits = { requestsPerSecond: 1000 }
    generated = await startExchange({ now: () => Date.now(), limits })
    second = await startExchange({
      now: () => Date.now(),
      limits,
      // Without the recording other generated candles take its place.
      ...(recorded.length > 0 ? { source: replaySource(recorded) } : { seed: 2 }),
    })
    baram = await startBaram({ BARAM__API__PORT: '0' })
    const source = readFileSync(new URL('../../dags/min_candle.ts', import.meta.url), 'utf8')
    baram.writeDag(
      'min_candle.ts',
      source.replace('retryDelay: 30', 'retryDelay: 0.1').replace(/^ {2}schedule: .*$/m, "  timezone: 'Asia/Seoul',"),
    )
    await baram.dagctl('users', 'create', '-u', 'miso', '-r', 'admin', '-p', PASSWORD)
    await baram.start('scheduler')
    await baram.start('worker')
    await baram.start('webserver')
    const [job] = await baram.query<{ port: number }>(
      "select (info ->> 'port')::int as port from job where job_type = 'WebserverJob'",
    )
    url = `http://127.0.0.1:${job?.port}`
    await eventually(
      'the DAG',
      async () => (await baram.query("select 1 from dag where dag_id = 'min_candle'")).length === 1,
    )
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
    context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`)
    })
  })

  afterAll(async () => {
    await browser?.close()
    await baram?.stop()
    await generated?.close()
    await second?.close()
  })

  async function api(path: string, body?: unknown): Promise<string> {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    expect([path, response.ok, response.ok ? '' : text]).toEqual([path, true, ''])
    return text
  }

  /** With an interval, which the page of triggering has no field for. */
  async function trigger(slot: { start: string; end: string }): Promise<string> {
    const text = await api('/api/v2/dags/min_candle/dagRuns', {
      logical_date: null,
      data_interval_start: slot.start,
      data_interval_end: slot.end,
    })
    const run = JSON.parse(text) as { dag_run_id: string } // the API's own answer, whose shape webserver/api/shapes.test.ts holds
    runs.push(run.dag_run_id)
    return run.dag_run_id
  }

  async function candles(slot: { start: string; end: string }) {
    const { rows } = await queryWarehouse(
      baram.home,
      `select * from upbit_lake.candle where candle_date_time_utc >= '${slot.start.slice(0, 19)}' and
         candle_date_time_utc < '${slot.end.slice(0, 19)}' order by market, candle_date_time_utc`,
    )
    return rows
  }

  const taskPath = (runId: string, taskId: string) =>
    `${url}/dags/min_candle/runs/${encodeURIComponent(runId)}/tasks/${taskId}`

  /** Opens the grid, triggers, and waits for the page to show the end by itself. */
  async function watchRun(slot: { start: string; end: string }): Promise<string> {
    await page.goto(`${url}/dags/min_candle`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    let loads = 0
    const count = () => {
      loads += 1
    }
    page.on('load', count)
    const runId = await trigger(slot)
    const column = runs.length
    await page.waitForFunction((n) => document.querySelectorAll('#grid-head rect.b.f-success').length === n, column, {
      timeout: 50_000,
    })
    // The bar follows the event itself, the sentence the look at the page after it.
    await page.waitForFunction(() => document.querySelector('h1')?.textContent?.includes('succeeded') === true)
    page.off('load', count)
    expect(loads).toBe(0)
    return runId
  }

  it('an account made in the terminal signs in', async () => {
    await page.goto(url)
    await page.fill('#u', 'miso')
    await page.fill('#p', PASSWORD)
    await page.click('button.pri')
    expect(new URL(page.url()).pathname).toBe('/')
    await page.click('nav a[href="/dags"]')
    await page.waitForSelector('text=min_candle')
    const answer = await fetch(`${url}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'miso', password: PASSWORD }),
    })
    bearer = ((await answer.json()) as { access_token: string }).access_token // the API's own answer
    expect(bearer).not.toBe('')
  })

  it('a run follows the Variable and the Connection made on the pages, and turns green by itself', async () => {
    await page.goto(`${url}/variables/new`)
    await page.fill('#key', 'upbit_markets')
    await page.fill('#value', '["KRW-BTC", "KRW-ETH"]')
    await page.click('text=Save')
    await page.waitForSelector('#toast .toast')
    await page.goto(`${url}/connections/new?id=upbit_default&kind=http`)
    await page.fill('#host', generated.url)
    await page.fill('#login', 'trader')
    await page.fill('#password', OLD_PASSWORD)
    await page.fill('#extra', extraWith(OLD_SECRET))
    await page.click('text=Save')
    await page.waitForSelector('#toast .toast')
    await watchRun(FIRST)
    const markets = new Set((await candles(FIRST)).map((row) => row['market']))
    expect([...markets]).toEqual(['KRW-BTC', 'KRW-ETH'])
  })

  it('the next run follows the edited Variable, host and secret', async () => {
    await page.goto(`${url}/variables/edit?key=upbit_markets`)
    await page.fill('#value', '["KRW-BTC"]')
    await page.click('text=Save')
    await page.waitForSelector('#toast .toast')
    await page.goto(`${url}/connections/edit?id=upbit_default`)
    expect(await page.inputValue('#extra')).toContain('***')
    await page.fill('#host', second.url)
    await page.click('.secret-box summary')
    await page.fill('#password', NEW_PASSWORD)
    await page.fill('#extra', extraWith(NEW_SECRET))
    await page.click('text=Save')
    await page.waitForSelector('#toast .toast')
    const runId = await watchRun(SECOND)
    const rows = await candles(SECOND)
    expect(rows.length).toBeGreaterThan(0)
    expect(new Set(rows.map((row) => row['market']))).toEqual(new Set(['KRW-BTC']))
    if (recorded.length > 0) {
      const inSlot = recorded.filter(
        ({ candle_date_time_utc: at }) => at >= SECOND.start.slice(0, 19) && at < SECOND.end.slice(0, 19),
      )
      const prices = new Map(inSlot.map((candle) => [candle.candle_date_time_utc, candle.trade_price]))
      expect(rows.map((row) => [row['candle_date_time_utc'], Number(row['trade_price'])])).toEqual([...prices].sort())
    }
    await page.goto(taskPath(runId, 'min_candle'))
    await page.waitForSelector('#log .l')
    const log = (await page.textContent('#log')) ?? ''
    expect(log).toContain(
      `reading candles from the exchange of the connection  connId=upbit_default baseUrl=${second.url}`,
    )
    expect(log).toContain('Ended: success')
  })

  it('no page that a link leads to holds a secret', async () => {
    const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
    const waiting = ['/dags', '/runs', '/errors', '/variables', '/connections', '/password']
    for (const runId of runs)
      for (const task of ['min_candle', 'to_hdfs', 'load_to_hive'])
        waiting.push(taskPath(runId, task).slice(url.length))
    const seen = new Set(waiting)
    const texts: string[] = []
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const response = await fetch(`${url}${path}`, { headers: { cookie: cookies } })
      expect([path, response.status]).toEqual([path, 200])
      const text = await response.text()
      texts.push(text)
      for (const [, href = ''] of text.matchAll(/href="(\/[^"]*)"/g)) {
        const next = (href.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=').split('#')[0] ?? '').trim()
        if (!seen.has(next) && !next.startsWith('/static/')) waiting.push(next)
        seen.add(next)
      }
    }
    expect(texts.length).toBeGreaterThan(30)
    expect(texts.some((text) => text.includes('trader'))).toBe(true)
    expectNone('pages', texts)
    expect(complaints).toEqual([])
  })

  it('no answer of the API holds a secret', async () => {
    const dag = '/api/v2/dags/min_candle'
    const paths = [
      ...['variables', 'variables/upbit_markets', 'connections', 'connections/upbit_default', 'pools', 'importErrors'],
      ...['eventLogs', 'jobs', 'dags', 'dagSources/min_candle', 'dagStats', 'dagTags', 'dagWarnings', 'monitor/health'],
      ...['dags/~/dagRuns', 'dags/~/dagRuns/~/taskInstances'],
    ].map((path) => `/api/v2/${path}`)
    paths.push(`${dag}/details`, `${dag}/tasks`, `${dag}/dagVersions`)
    for (const runId of runs) {
      for (const task of ['min_candle', 'to_hdfs', 'load_to_hive']) {
        const base = `${dag}/dagRuns/${encodeURIComponent(runId)}/taskInstances/${task}`
        paths.push(base, `${base}/tries`, `${base}/xcomEntries`, `${base}/logs/1`)
        paths.push(`${base}/xcomEntries/return_value`)
      }
    }
    const texts: string[] = []
    for (const path of paths) texts.push(await api(path))
    expect(texts.some((text) => text.includes('trader'))).toBe(true)
    expectNone('answers', texts)
  })

  it('no log and no row of the database holds a secret', async () => {
    const logs = readAll(join(baram.home, 'logs'))
    expect(logs.some((text) => text.includes('reading candles'))).toBe(true)
    expectNone('task logs', logs)
    const outside = dirname(baram.home)
    expectNone(
      'process logs',
      ['scheduler', 'worker', 'webserver'].map((name) => readFileSync(join(outside, `${name}.log`), 'utf8')),
    )
    const tables = await baram.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'baram' order by 1",
    )
    expect(tables.map(({ name }) => name)).toContain('log')
    for (const { name } of tables) {
      const rows = await baram.query<{ row: string }>(`select t::text as row from baram."${name}" t`)
      expectNone(
        name,
        rows.map(({ row }) => row),
      )
    }
  })
})
