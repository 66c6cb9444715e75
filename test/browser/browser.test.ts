// The pages in a real browser: signing in, live changes, the log's tail, forms; and no page that overflows a phone, breaks
// its own security policy, or writes an error to the console.

import { existsSync, mkdirSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSignInToken } from '../../engine/admin/accounts.ts'
import { recordImportError } from '../../engine/dags/sync.ts'
import { deleteImportError } from '../../store/postgres/dags.ts'
import { logLine, notify } from '../webserver/seed.ts'
import { PASSWORD, startWeb, type TestWeb } from '../webserver/start-web.ts'
import { type Demo, pagePaths, seedDemo } from './demo.ts'

/** What the functions that run in the page use of it. */
interface Found {
  readonly textContent: string | null
  getAttribute(name: string): string | null
  getBoundingClientRect(): { readonly top: number }
}
interface Scroller {
  readonly scrollTop: number
  scrollTo(left: number, top: number): void
  readonly style: { setProperty(name: string, value: string): void }
}
declare const location: { readonly href: string }
declare const document: {
  querySelector(selector: string): Found | null
  readonly activeElement: { readonly id: string } | null
  querySelectorAll(selector: string): { readonly length: number }
  readonly fonts: { readonly ready: Promise<unknown> }
  readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number }
}

const CHROMIUM = process.env['BARAM_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
const isThere = existsSync(CHROMIUM)
if (!isThere && process.env['CI'] === 'true') throw new Error(`browser tests need a Chromium at ${CHROMIUM}`)
if (!isThere) process.stderr.write(`\n*** browser tests are SKIPPED: no Chromium at ${CHROMIUM} ***\n\n`)

/** Folder for pictures of every page, when somebody wants to look at them. */
const SHOTS = process.env['BARAM_TEST_SHOTS']

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

let web: TestWeb
let demo: Demo
let browser: Browser
let context: BrowserContext
const complaints: string[] = []

function watch(page: Page): Page {
  page.on('console', (message) => {
    // A status of 4xx is part of some tests; the browser notes it by itself.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      complaints.push(`${page.url()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`))
  return page
}

async function signedIn(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
  const made = await browser.newContext(options)
  const page = await made.newPage()
  await page.goto(`${web.url}/sign-in?token=${await makeSignInToken(web.database, 'admin', 60_000)}`)
  await page.close()
  return made
}

describe.skipIf(!isThere)('the pages in a browser', () => {
  beforeAll(async () => {
    web = await startWeb()
    demo = await seedDemo(web)
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
    context = await signedIn({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
  })

  afterAll(async () => {
    await browser?.close()
    await web?.stop()
  })

  it('sign in with a password, come back to the page asked for, and sign out', async () => {
    const own = await browser.newContext()
    const page = watch(await own.newPage())
    await page.goto(`${web.url}/dags/gmarket_hourly`)
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await page.fill('#u', 'viewer')
    await page.fill('#p', 'not the password')
    await page.click('button.pri')
    expect(await page.textContent('#fault')).toContain('4 tries left')
    await page.fill('#p', PASSWORD)
    await page.click('button.pri')
    expect(new URL(page.url()).pathname).toBe('/dags/gmarket_hourly')
    expect(await page.locator('a[href="/variables"]').count()).toBe(0)
    const cookies = await own.cookies()
    expect(cookies.find(({ name }) => name === 'baram_session')).toMatchObject({ httpOnly: true, sameSite: 'Lax' })
    await page.goto(`${web.url}/variables`)
    expect(await page.textContent('h1')).toBe('You are not allowed to do this.')
    await page.click('details.account summary')
    await page.click('text=Sign out')
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await own.addCookies(cookies)
    await page.goto(`${web.url}/dags`)
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await own.close()
  })

  it('draw a changed cell at once', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/gmarket_hourly`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    const row = page.locator('#grid-svg g[data-row]').nth(3)
    expect(await row.locator('.f-running').count()).toBe(1)
    const start = Date.now()
    await web.database.query(
      "update task_instance set state = 'failed', end_date = now(), duration = 30 where dag_run_id = $1 and task_id = 'merge_csv'",
      [demo.running.id],
    )
    await notify(web, [demo.running.id])
    await page.waitForFunction(() => document.querySelectorAll('#grid-svg g[data-row="3"] .m-failed').length === 1)
    expect(Date.now() - start).toBeLessThan(2000)
    await web.database.query(
      "update task_instance set state = 'running', end_date = null, duration = null where dag_run_id = $1 and task_id = 'merge_csv'",
      [demo.running.id],
    )
    await notify(web, [demo.running.id])
    await page.waitForFunction(() => document.querySelectorAll('#grid-svg g[data-row="3"] .m-running').length === 1)
    await page.close()
  })

  it('select a cell by a click and by arrows, with the selection in the URL', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/gmarket_hourly`)
    const box = await page.locator('#grid-svg').boundingBox()
    if (box === null) throw new Error('the grid has no box')
    // Second column from the right, third row.
    const x = box.x + box.width - 6 - 18 - 9
    const y = box.y + 26 * 2 + 13
    await page.mouse.move(x, y)
    await page.waitForSelector('#card:not([hidden])')
    expect(await page.textContent('#card')).toContain('Failed')
    await page.mouse.click(x, y)
    await page.waitForSelector('#panel')
    expect(new URL(page.url()).searchParams.get('task')).toBe('collect_page')
    expect(await page.textContent('#panel h2')).toBe('collect_page failed.')
    expect(await page.textContent('#panel .why')).toContain('HTTP 403')
    await page.focus('#grid')
    await page.keyboard.press('ArrowDown')
    await page.waitForURL(/task=merge_csv/)
    await page.waitForFunction(() => /did not start/.test(document.querySelector('#panel h2')?.textContent ?? ''))
    await page.goBack()
    await page.waitForFunction(() => document.querySelector('#panel h2')?.textContent === 'collect_page failed.')
    await page.close()
  })

  it('follow a growing log and find in it', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}${pagePaths(demo)['log'] ?? ''}`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    await appendFile(
      demo.logPath,
      logLine({ event: '100 %  45.6 kB of <b>45.6</b> kB' }) + logLine({ event: 'length equal', level: 'warning' }),
    )
    await page.waitForFunction(() => document.querySelectorAll('#log .l').length === 13)
    expect(await page.textContent('#log .l:last-child span')).toBe('length equal')
    expect(await page.textContent('#L12 span')).toBe('100 %  45.6 kB of <b>45.6</b> kB')
    await page.fill('#find', '45.6 kb')
    await page.waitForFunction(() => document.querySelector('#hits')?.textContent === '1 / 4')
    await page.click('.lev .chip[data-level="info"]')
    expect(await page.locator('#L1').isVisible()).toBe(false)
    await page.goto(`${page.url()}#L7`)
    await page.close()
  })

  it('pause with undo, edit a variable, replace a secret, and trigger with a configuration', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags`)
    await page.click('[id="switch-min_candle"]')
    await page.waitForSelector('#toast .toast')
    expect(await page.getAttribute('[id="switch-min_candle"]', 'aria-checked')).toBe('false')
    await page.click('#toast .undo')
    await page.waitForFunction(
      () => document.querySelector('[id="switch-min_candle"]')?.getAttribute('aria-checked') === 'true',
    )

    await page.goto(`${web.url}/variables`)
    await page.fill('main .search input', 'pace')
    expect(await page.locator('.variables .item:visible').count()).toBe(1)
    await page.click('text=gmarket_pace_ms')
    await page.fill('#value', '800')
    await page.click('text=Save')
    await page.waitForSelector('#toast .toast')
    expect((await web.vault.findVariable('gmarket_pace_ms'))?.value).toBe('800')
    await page.click('text=slack_token')
    await page.click('text=Save')
    expect((await web.vault.findVariable('slack_token'))?.value).toBe('never-on-a-page-2')
    await page.goto(`${web.url}/variables/new`)
    await page.fill('#key', 'my_api_key')
    expect(await page.getAttribute('#secret', 'aria-checked')).toBe('true')
    await page.fill('#key', 'asos_stations')
    await page.fill('#value', '1')
    await page.click('text=Save')
    expect(await page.textContent('.field .err')).toContain('already exists')

    await page.goto(`${web.url}/dags/gmarket_mart/trigger`)
    await page.fill('#conf', '{"day": ')
    expect(await page.isVisible('#conf-fault')).toBe(true)
    await page.fill('#conf', '{"day": "2026-01-05"}')
    expect(await page.textContent('#command')).toBe(`dagctl trigger gmarket_mart --conf '{"day":"2026-01-05"}'`)
    await page.click('footer .pri')
    await page.waitForURL(/run=manual__/)
    expect(await page.textContent('#panel')).toContain('2026-01-05')
    const { rows } = await web.database.query<{ conf: unknown }>(
      "select conf from dag_run where dag_id = 'gmarket_mart'",
    )
    expect(rows).toEqual([{ conf: { day: '2026-01-05' } }])
    await page.close()
  })

  it('fill a form from the schema of params, keep it and the JSON one value, and show faults at their fields', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/catalog/trigger`)
    expect(await page.isVisible('#json-view')).toBe(false)
    const field = (name: string, rest: string) => `[data-param="${name}"] ${rest}`
    expect(await page.isChecked(field('categories', 'input[value*="식품"]'))).toBe(true)
    await page.fill(field('table', 'input'), 'dm_gmarket-v2')
    await page.fill(field('limit', 'input'), '50')
    await page.check(field('dry_run', 'input'))
    await page.fill(field('urls', 'textarea'), 'https://a.example\n\nhttps://b.example')
    await page.click(field('target', 'label:has-text("CSV file")'))
    await page.click('#to-json')
    const conf = JSON.parse(await page.inputValue('#conf')) as Record<string, unknown>
    expect(conf).toMatchObject({ table: 'dm_gmarket-v2', limit: 50, dry_run: true, target: 'CSV file' })
    expect(conf['urls']).toEqual(['https://a.example', 'https://b.example'])
    expect(Object.hasOwn(conf, 'from')).toBe(false)
    await page.fill('#conf', JSON.stringify({ ...conf, more: 1 }))
    await page.click('#to-form')
    await page.click('footer .pri')
    await page.waitForSelector(field('from', '.err:not([hidden])'))
    expect(await page.textContent(field('from', '.err span'))).toBe('This run must bring a value.')
    expect(await page.textContent(field('table', '.err span'))).toContain('Found "dm_gmarket-v2"')
    if (SHOTS !== undefined) {
      mkdirSync(SHOTS, { recursive: true })
      await page.screenshot({ path: `${SHOTS}/params-faults-1440-light.png`, fullPage: true })
    }
    await page.fill(field('table', 'input'), 'dm_gmarket_new')
    await page.fill(field('from', 'input'), '2026-01-05T09:00')
    await page.click('details.dates summary')
    await page.fill('#interval_start', '2026-01-05T09:00')
    await page.click('footer .pri')
    await page.waitForSelector('details.dates .err')
    expect(await page.textContent('details.dates .err span')).toBe('A data interval needs both ends, or neither.')
    await page.fill('#interval_end', '2026-01-05T10:00')
    await page.click('footer .pri')
    await page.waitForURL(/run=manual__/)
    const { rows } = await web.database.query<{ conf: unknown; start: number; end: number }>(
      "select conf, data_interval_start as start, data_interval_end as end from dag_run where dag_id = 'catalog' and run_type = 'manual'",
    )
    expect(rows).toMatchObject([
      {
        conf: { from: '2026-01-05T09:00:00+09:00', table: 'dm_gmarket_new', limit: 50, more: 1 },
        start: Date.UTC(2026, 0, 5, 0),
        end: Date.UTC(2026, 0, 5, 1),
      },
    ])
    await web.database.query("delete from dag_run where dag_id = 'catalog' and run_type = 'manual'")
    await page.close()
  })

  it('trigger without script by the JSON field, which holds the defaults', async () => {
    const plain = await signedIn({ javaScriptEnabled: false })
    const page = watch(await plain.newPage())
    await page.goto(`${web.url}/dags/catalog/trigger`)
    expect(await page.isVisible('#form-view')).toBe(false)
    expect(JSON.parse(await page.inputValue('#conf'))).toMatchObject({ limit: 0, table: 'dm_gmarket' })
    await page.click('footer .pri')
    expect(await page.textContent('.faults')).toContain('from: This run must bring a value.')
    await plain.close()
  })

  it('draw the bar of a mapped cell as its instances end', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/catalog`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    await notify(web, [demo.catalog.running.id])
    const row = page.locator('#grid-svg g[data-row]').filter({ has: page.locator('.s-queued') })
    expect(await row.count()).toBe(1)
    await web.database.query(
      "update task_instance set state = 'success' where dag_run_id = $1 and task_id = 'product_page' and state = 'queued'",
      [demo.catalog.running.id],
    )
    await notify(web, [demo.catalog.running.id])
    await page.waitForFunction(() => document.querySelectorAll('#grid-svg .s-queued').length === 0)
    await web.database.query(
      "update task_instance set state = 'queued' where dag_run_id = $1 and task_id = 'product_page' and map_index between 9240 and 9499",
      [demo.catalog.running.id],
    )
    await page.close()
  })

  it('brush the strip of 10,000 instances and filter by state without loading the page whole', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}${pagePaths(demo)['mapped-many'] ?? ''}`)
    await page.locator('.strip a').nth(100).click()
    await page.waitForURL(/from=5000/)
    await page.waitForFunction(
      () => document.querySelector('.pager')?.textContent?.includes('Indexes 5000–5199') === true,
    )
    await page.click('.chip:has-text("Failed")')
    await page.waitForFunction(() => document.querySelectorAll('.instances tbody tr').length === 30)
    await page.close()
  })

  it('clear what was shown, count again with the scope, and refuse what has changed since', async () => {
    const page = watch(await context.newPage())
    const run = encodeURIComponent(demo.failed.runId)
    await page.goto(`${web.url}/dags/gmarket_hourly?run=${run}&task=collect_page`)
    await page.click('#panel a:has-text("Clear")')
    await page.waitForSelector('h1:has-text("Clear 7 task instances?")')
    await page.uncheck('#scope-downstream')
    await page.waitForSelector('h1:has-text("Clear 1 task instance?")')
    expect(await page.textContent('#command')).not.toContain('--downstream')
    // Somebody else is faster.
    await web.database.query(
      "update task_instance set state = 'success' where dag_run_id = $1 and task_id = 'collect_page'",
      [demo.failed.id],
    )
    await page.click('button:has-text("Clear 1")')
    await page.waitForSelector('text=This has changed since you looked')
    await page.click('button:has-text("Clear 1")')
    await page.waitForSelector('text=Cleared 1 task instance.')
    const { rows } = await web.database.query<{ state: string }>('select state from dag_run where id = $1', [
      demo.failed.id,
    ])
    expect(rows).toEqual([{ state: 'queued' }])
    await page.close()
  })

  it('walk the grid by keys while the panel opens and closes, and keep the head and the names in view', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/gmarket_hourly?count=72`)
    await page.focus('#grid')
    await page.keyboard.press('ArrowUp')
    await page.waitForSelector('#panel')
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowLeft']) {
      const before = page.url()
      await page.keyboard.press(key)
      await page.waitForFunction((url) => location.href !== url, before)
      await page.waitForFunction(() => document.activeElement?.id === 'grid')
    }
    expect(new URL(page.url()).searchParams.get('task')).not.toBeNull()
    const scrolled = await page.evaluate(() => {
      const scroll = document.querySelector('#grid-scroll') as unknown as Scroller
      // As a DAG of many tasks would.
      scroll.style.setProperty('max-height', '200px')
      scroll.scrollTo(0, 10_000)
      const top = (selector: string) => document.querySelector(selector)?.getBoundingClientRect().top ?? -1
      return [scroll.scrollTop > 0, Math.abs(top('#grid-head') - top('#grid-scroll')) < 2]
    })
    expect(scrolled).toEqual([true, true])
    await page.close()
  })

  it('show what was tapped on a phone without scrolling', async () => {
    const own = await signedIn({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
    const page = watch(await own.newPage())
    await page.goto(`${web.url}/dags/gmarket_hourly`)
    const box = await page.locator('#grid-svg').boundingBox()
    if (box === null) throw new Error('the grid has no box')
    await page.touchscreen.tap(box.x + box.width - 6 - 9, box.y + 26 + 13)
    await page.waitForSelector('#panel')
    const panel = await page.locator('#panel h2').first().boundingBox()
    expect(panel?.y).toBeGreaterThan(0)
    expect(panel?.y).toBeLessThan(844 - 56)
    await page.click('#panel a[aria-label="Close"]')
    await page.waitForSelector('#panel', { state: 'detached' })
    await own.close()
  })

  it('tell what a field must hold as it is left, and that it is mended as it is typed', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/connections/new`)
    const faults = { id: 'two words', port: '70000', extra: '[1]' }
    for (const [field, text] of Object.entries(faults)) {
      await page.fill(`#${field}`, text)
      await page.focus('#description')
      await page.waitForSelector(`#${field}.bad[aria-invalid="true"]`)
    }
    expect(await page.textContent('#port-fault')).toBe('A port is a number from 0 to 65535.')
    await page.fill('#port', '5432')
    await page.waitForSelector('#port:not(.bad)')
    expect(await page.locator('#port-fault').isVisible()).toBe(false)
    await page.goto(`${web.url}/variables/new`)
    await page.fill('#key', '..')
    await page.focus('#description')
    await page.waitForSelector('#key-fault:has-text("must not be")')
    await page.close()
  })

  it('tell of a broken DAG file on an open page, and that it is mended', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/weather_hourly`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    const { rows } = await web.database.query<{ file: string }>(
      "select relative_fileloc as file from dag where dag_id = 'weather_hourly'",
    )
    const file = rows[0]?.file ?? ''
    await recordImportError(web.database, file, 'SyntaxError: no', {})
    await page.waitForSelector('#dag-note:has-text("keeps running.")')
    expect(await page.textContent('#error-count')).toBe('2')
    await deleteImportError(web.database, file)
    await notify(web, [], ['*'])
    await page.waitForSelector('#dag-note .note', { state: 'detached' })
    expect(await page.textContent('#error-count')).toBe('1')
    await page.close()
  })

  it('search the list of DAGs as one types, whichever answer comes last', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags`)
    // The first question is answered after the second one.
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await page.route('**/dags?q=weather', async (route) => {
      await held
      await route.continue()
    })
    await page.fill('input[data-search]', 'weather')
    await page.waitForURL(/q=weather$/)
    await page.fill('input[data-search]', 'gmarket')
    await page.waitForFunction(() => !/weather_hourly/.test(document.querySelector('#dags')?.textContent ?? ''))
    const late = page.waitForResponse(/q=weather$/)
    release()
    await (await late).finished()
    expect(await page.textContent('#dags')).toContain('gmarket_hourly')
    expect(await page.textContent('#dags')).not.toContain('weather_hourly')
    await page.close()
  })

  it('show dates without a run as a gap that leads to their backfill', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/weather_hourly`)
    expect(await page.locator('#grid-svg line.gap').count()).toBe(1)
    await page.click('#gaps a:has-text("Backfill 2")')
    await page.waitForSelector('h1:has-text("with 2 runs?")')
    await page.close()
  })

  it('backfill a range, shown date by date before it is made, and pause and cancel it', async () => {
    const page = watch(await context.newPage())
    await page.goto(`${web.url}/dags/gmarket_hourly`)
    await page.click('a:has-text("Backfill")')
    await page.fill('#from', '2026-01-05T01:00')
    await page.fill('#to', '2026-01-05T04:00')
    await page.click('button:has-text("Preview")')
    await page.waitForSelector('h1:has-text("with 4 runs?")')
    expect(await page.locator('#touched tbody tr').count()).toBe(4)
    await page.click('button:has-text("Backfill 4")')
    await page.waitForSelector('text=Backfill of gmarket_hourly begins.')
    await page.click('#backfills button:has-text("Pause")')
    await page.waitForSelector('text=starts no more runs')
    page.once('dialog', (dialog) => void dialog.accept())
    await page.click('#backfills button:has-text("Cancel")')
    await page.waitForSelector('text=is cancelled')
    expect(await page.textContent('#backfills')).toContain('4 of 4, 4 failed')
    await page.close()
  })

  it('show every page on desk and phone, in light and dark, without overflow or complaint', async () => {
    const paths = { ...pagePaths(demo), 'sign-in': '/sign-in' }
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true })
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const) {
      const options = { viewport: { width, height }, deviceScaleFactor: SHOTS === undefined ? 1 : 1.25 }
      const [member, guest] = [await signedIn(options), await browser.newContext(options)]
      const [inside, outside] = [watch(await member.newPage()), watch(await guest.newPage())]
      for (const [name, path] of Object.entries(paths)) {
        const page = name === 'sign-in' ? outside : inside
        await page.goto(`${web.url}${path}`)
        await page.evaluate(() => document.fonts.ready.then(() => true))
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          )
          expect([name, width, colorScheme, overflow]).toEqual([name, width, colorScheme, 0])
          if (SHOTS !== undefined)
            await page.screenshot({ path: `${SHOTS}/${name}-${width}-${colorScheme}.png`, fullPage: width === 390 })
        }
      }
      await member.close()
      await guest.close()
    }
    expect(complaints).toEqual([])
    expect(web.logged.filter((line) => line.includes('content security policy'))).toEqual([])
  }, 240_000)
})
