// The log page in a real browser: a stack, a find and a permalink in parts that are not loaded, groups and colours, levels,
// and lines that come while it is open, also before the log is counted.

import { existsSync, mkdirSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeSignInToken } from '../../engine/admin/accounts.ts'
import { IndexCache } from '../../webserver/logs/index-cache.ts'
import { makeDag, notify, type SeededRun, seedLog, seedRun, storeDag } from '../webserver/seed.ts'
import { startWeb, type TestWeb } from '../webserver/start-web.ts'

interface Found {
  readonly textContent: string | null
  getBoundingClientRect(): { readonly top: number; readonly bottom: number }
}
declare const document: {
  querySelector(selector: string): Found | null
  querySelectorAll(selector: string): { readonly length: number }
  readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number }
}

const CHROMIUM = process.env['BARAM_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
const isThere = existsSync(CHROMIUM)
const SHOTS = process.env['BARAM_TEST_SHOTS']
const TOTAL = 40_000

const EXCEPTION = [
  'TypeError: fetch failed',
  '    at node:internal/deps/undici/undici:14902:13',
  '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
  '    at async loadPage (/srv/baram/dags/helpers/gmarket.ts:48:20)',
  '    at async Object.collect (/srv/baram/dags/gmarket_hourly.ts:31:9)',
  '    at async execute (file:///srv/baram/node_modules/baram/dist/child/attempt.js:172:12)',
  'Caused by: Error: connect ECONNREFUSED 10.0.0.7:443',
  '    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)',
  ...Array.from({ length: 24 }, (_, i) => `    detail ${i + 1} of the refused connection`),
].join('\n')

let web: TestWeb
let run: SeededRun
let path = ''
let browser: Browser
let context: BrowserContext
const complaints: string[] = []

const line = (event: string, level = 'info', more: object = {}) =>
  `${JSON.stringify({ timestamp: new Date().toISOString(), ...more, level, logger: 'task', event })}\n`

const MIXED = [
  line('Started try 1 of 3 on seoul-1'),
  line('::group::Rendered fields'),
  line('connId=hdfs_default'),
  line('target=/gmarket/dt=2026-01-05/10.csv'),
  line('::endgroup::'),
  line('::group::Choose NameNode'),
  line('nn1.lake:9870 answered \u001b[31m503\u001b[0m, waiting 1.0 s', 'warning'),
  line('nn1.lake:9870 answered 503 three times', 'error'),
  line('::endgroup::'),
  line(
    '\u001b[1mUpload\u001b[22m \u001b[32mok\u001b[0m \u001b[33mslow\u001b[0m \u001b[34mblue\u001b[0m ' +
      '\u001b[35mmagenta\u001b[0m \u001b[36mcyan\u001b[0m \u001b[90mgray\u001b[0m \u001b[41;37m bad \u001b[0m ' +
      '\u001b[42m good \u001b[0m \u001b[7minverse\u001b[0m \u001b[4munder\u001b[24m',
  ),
  line('category food: 100 rows', 'debug', { fields: { rows: 100 } }),
  line('Task failed with exception', 'error', { exception: EXCEPTION }),
]

const logPath = (task: string, query = '') =>
  `${web.url}/dags/logs/runs/${encodeURIComponent(run.runId)}/tasks/${task}${query}`

async function open(url: string): Promise<Page> {
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  return page
}

const seesLine = (page: Page, n: number) =>
  page.waitForFunction((id) => {
    const [row, box] = [document.querySelector(id), document.querySelector('#log')]
    const [a, b] = [row?.getBoundingClientRect(), box?.getBoundingClientRect()]
    return a !== undefined && b !== undefined && a.bottom > b.top && a.top < b.bottom && a.bottom > a.top
  }, `#L${n}`)

describe.skipIf(!isThere)('the log page in a browser', () => {
  beforeAll(async () => {
    web = await startWeb()
    await storeDag(web, makeDag('logs', { tasks: ['long', 'mixed', 'grows'], zone: 'Asia/Seoul', edges: [] }))
    run = await seedRun(web, 'logs', Date.now() - 60_000, {
      state: 'running',
      tasks: { long: 'success', mixed: 'failed', grows: 'running' },
    })
    const at = (taskId: string) => ({ dagId: 'logs', runId: run.runId, taskId, tryNumber: 1 })
    const long = await seedLog(web, at('long'), [])
    const lines = Array.from({ length: TOTAL }, (_, i) => {
      const n = i + 1
      const event = n % 10_000 === 7 ? `line ${n}: answered \u001b[31m50\u001b[1m3\u001b[0m` : `line ${n}`
      return line(event, n === 31 ? 'error' : n % 5000 === 0 ? 'warning' : 'info')
    })
    await appendFile(long, lines.join(''))
    await appendFile(await seedLog(web, at('mixed'), []), MIXED.join(''))
    path = await seedLog(web, at('grows'), [])
    await appendFile(path, line('first'))
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--headless', '--no-sandbox', '--disable-gpu'] })
    context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
    const page = await context.newPage()
    await page.goto(`${web.url}/sign-in?token=${await makeSignInToken(web.database, 'admin', 60_000)}`)
    await page.close()
  })

  afterAll(async () => {
    await browser?.close()
    await web?.stop()
  })

  it("shows an exception with the author's frames, folds the rest, and opens the fold that holds what was found", async () => {
    const page = await open(logPath('mixed'))
    await page.waitForSelector('#L12 .tr.own')
    expect(await page.locator('#L12 .tr.own:visible').allTextContents()).toEqual([
      'at async loadPage (/srv/baram/dags/helpers/gmarket.ts:48:20)',
      'at async Object.collect (/srv/baram/dags/gmarket_hourly.ts:31:9)',
    ])
    expect(await page.locator('#L12 .more > summary').textContent()).toBe('Show 10 more lines')
    expect(await page.locator('#L12 >> text=undici:14902').isVisible()).toBe(false)
    await page.fill('#find', 'Detail 20 OF')
    await page.waitForFunction(() => document.querySelector('#hits')?.textContent === '1 / 1')
    await page.waitForSelector('#L12 .more[open] mark.now')
    await page.close()
  })

  it('folds groups, opens those with an error, and draws colours by classes alone', async () => {
    const page = await open(logPath('mixed'))
    expect(await page.isVisible('#L3')).toBe(false)
    expect(await page.isVisible('#L8')).toBe(true)
    expect(await page.textContent('#L2 > span')).toBe('Rendered fields  2 lines')
    await page.click('#L2 > span')
    expect(await page.isVisible('#L4')).toBe(true)
    expect(await page.textContent('#L10 .af2')).toBe('ok')
    expect(await page.locator('#log [style]').count()).toBe(0)
    // A permalink into a folded group opens it.
    await page.goto('about:blank')
    await page.goto(`${logPath('mixed')}#L4`)
    await seesLine(page, 4)
    await page.close()
  })

  it('finds in the whole log, and goes to hits that are not loaded, in both directions', async () => {
    const page = await open(logPath('long'))
    expect(await page.locator('#lines .l').count()).toBe(500)
    // The colours within it are no part of the text.
    await page.fill('#find', 'ANSWERED 503')
    await page.waitForFunction(() => document.querySelector('#hits')?.textContent === '4 / 4')
    await seesLine(page, 30_007)
    expect(await page.locator('#L30007 mark.now').first().textContent()).toBe('answered ')
    await page.press('#find', 'Enter')
    await page.waitForFunction(() => document.querySelector('#hits')?.textContent === '1 / 4')
    await seesLine(page, 7)
    await page.press('#find', 'Shift+Enter')
    await seesLine(page, 30_007)
    expect(new URL(page.url()).searchParams.get('find')).toBe('ANSWERED 503')
    await page.close()
  })

  it('says that the server did not answer a search, and looks again on Enter', async () => {
    const page = await open(logPath('long'))
    await page.route('**/ui/log/find*', (route) => route.abort())
    await page.fill('#find', 'answered 503')
    await page.waitForFunction(() => document.querySelector('#hits')?.textContent === 'no answer; Enter repeats')
    await page.unroute('**/ui/log/find*')
    await page.press('#find', 'Enter')
    await page.waitForFunction(() => document.querySelector('#hits')?.textContent === '4 / 4')
    await page.close()
  })

  it('opens a permalink and the first error where they are, and loads more at both ends', async () => {
    const page = await open(`${logPath('long')}#L20000-L20002`)
    await seesLine(page, 20_000)
    expect(await page.locator('.l.sel').count()).toBe(3)
    expect(await page.textContent('#log-before')).toMatch(/^19,\d{3} earlier lines$/)
    await page.keyboard.press('e')
    await seesLine(page, 31)
    expect(new URL(page.url()).hash).toBe('#L31')
    expect(await page.isVisible('#log-before')).toBe(false)
    const last = async () => Number(await page.locator('#lines > .l').last().locator('> a').textContent())
    for (let want = 400; want < 3_000; want = (await last()) + 1) {
      await page.locator('#log-after').scrollIntoViewIfNeeded()
      await page.waitForSelector(`#L${want}`, { state: 'attached' })
    }
    expect(await page.locator('#lines .l').count()).toBeLessThanOrEqual(2_000)
    expect(await page.isVisible('#log-before')).toBe(true)
    await page.keyboard.press('f')
    await seesLine(page, TOTAL)
    await page.close()
  })

  it('shows some levels of the whole log, and finds among them', async () => {
    const page = await open(logPath('long'))
    await page.click('.chip[data-level="info"]')
    await page.waitForFunction(() => document.querySelectorAll('#lines .l').length === 9)
    expect(await page.locator('#lines .l > a').allTextContents()).toContain('31')
    expect(new URL(page.url()).searchParams.get('levels')).toBe('error,warning,debug')
    expect(await page.textContent('.chip[data-level="info"] b')).toBe('39,991')
    await page.fill('#find', 'line 3')
    await page.waitForFunction(() => document.querySelector('#hits')?.textContent?.endsWith('/ 3') === true)
    await page.reload()
    expect(await page.locator('#lines .l').count()).toBe(9)
    await page.close()
  })

  it('numbers, groups and counts lines that come, and says how many came while the reader looked elsewhere', async () => {
    const counting = vi.spyOn(IndexCache.prototype, 'within')
    // The page opens before the count is there, and its script is told so once.
    counting.mockResolvedValueOnce({ progress: 0 }).mockResolvedValueOnce({ progress: 0.4 })
    const page = await open(logPath('grows'))
    await page.waitForSelector('#L1')
    expect(await page.textContent('.chip[data-level="info"] b')).toBe('1')
    await appendFile(
      path,
      line('::group::Load') +
        line('inside') +
        line('broke', 'error', { exception: EXCEPTION }) +
        line('::endgroup::') +
        line('after'),
    )
    await page.waitForSelector('#L6')
    expect(await page.textContent('#L6 > span')).toBe('after')
    expect(await page.isVisible('#L4 .tr.thrown')).toBe(true)
    expect(await page.textContent('.chip[data-level="error"] b')).toBe('1')
    expect(await page.textContent('#first-error a')).toBe('Jump to the first error, line 4')
    await appendFile(path, Array.from({ length: 100 }, (_, i) => line(`more ${i}`)).join(''))
    await page.waitForSelector('#L106')
    await page.goto(`${logPath('grows')}#L1`)
    await page.reload()
    await seesLine(page, 1)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    await appendFile(path, line('one') + line('two'))
    await page.waitForFunction(() => document.querySelector('#new-lines')?.textContent?.trim() === '2 new lines')
    await page.click('#new-lines')
    await seesLine(page, 108)
    counting.mockRestore()
    await notify(web, [run.id])
    await page.close()
  })

  it('fits desk and phone in light and dark, without overflow or complaint', async () => {
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true })
    const page = await open(logPath('mixed'))
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height })
        await page.emulateMedia({ colorScheme })
        for (const [name, url] of [
          ['log-stack', logPath('mixed')],
          ['log-groups', `${logPath('mixed', '?find=503')}#L4`],
          ['log-long', `${logPath('long')}#L20000`],
        ] as const) {
          await page.goto('about:blank')
          await page.goto(url)
          await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          )
          expect([name, width, overflow]).toEqual([name, width, 0])
          if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${name}-${width}-${colorScheme}.png` })
        }
      }
    await page.close()
    expect(complaints).toEqual([])
    expect(web.logged.filter((text) => text.includes('content security policy'))).toEqual([])
  })
})
