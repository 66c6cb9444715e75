// Signing in, the list, the log's tail and a broken file in a browser; and no page that overflows a phone.

import { mkdirSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { recordImportError } from '../../engine/dags/sync.ts'
import { deleteImportError } from '../../store/postgres/dags.ts'
import { logLine, notify } from '../webserver/seed.ts'
import { PASSWORD } from '../webserver/start-web.ts'
import { isThere, SHOTS, useDemo } from './demo-browser.ts'
import { pagePaths } from './page-paths.ts'

/** What the functions that run in the page use of it. */
interface Found {
  readonly textContent: string | null
}
declare const document: {
  querySelector(selector: string): Found | null
  querySelectorAll(selector: string): { readonly length: number }
  readonly fonts: { readonly ready: Promise<unknown> }
  readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number }
}

describe.skipIf(!isThere)('the pages in a browser', () => {
  const world = useDemo()
  const { signedIn, watch } = world

  it('sign in with a password, come back to the page asked for, and sign out', async () => {
    const own = await world.browser.newContext()
    const page = watch(await own.newPage())
    await page.goto(`${world.web.url}/dags/gmarket_hourly`)
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
    await page.goto(`${world.web.url}/variables`)
    expect(await page.textContent('h1')).toBe('You are not allowed to do this.')
    await page.click('details.account summary')
    await page.click('text=Sign out')
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await own.addCookies(cookies)
    await page.goto(`${world.web.url}/dags`)
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await own.close()
  })

  it('follow a growing log and find in it', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}${pagePaths(world.demo)['log'] ?? ''}`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    await appendFile(
      world.demo.logPath,
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

  it('tell of a broken DAG file on an open page, and that it is mended', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/weather_hourly`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    const { rows } = await world.web.database.query<{ file: string }>(
      "select relative_fileloc as file from dag where dag_id = 'weather_hourly'",
    )
    const file = rows[0]?.file ?? ''
    await recordImportError(world.web.database, file, 'SyntaxError: no', {})
    await page.waitForSelector('#dag-note:has-text("keeps running.")')
    expect(await page.textContent('#error-count')).toBe('2')
    await deleteImportError(world.web.database, file)
    await notify(world.web, [], ['*'])
    await page.waitForSelector('#dag-note .note', { state: 'detached' })
    expect(await page.textContent('#error-count')).toBe('1')
    await page.close()
  })

  it('search the list of DAGs as one types, whichever answer comes last', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags`)
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

  it('show every page on desk and phone, in light and dark, without overflow or complaint', async () => {
    const paths = { ...pagePaths(world.demo), 'sign-in': '/sign-in' }
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true })
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const) {
      const options = { viewport: { width, height }, deviceScaleFactor: SHOTS === undefined ? 1 : 1.25 }
      const [member, guest] = [await signedIn(options), await world.browser.newContext(options)]
      const [inside, outside] = [watch(await member.newPage()), watch(await guest.newPage())]
      for (const [name, path] of Object.entries(paths)) {
        const page = name === 'sign-in' ? outside : inside
        await page.goto(`${world.web.url}${path}`)
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
    expect(world.complaints).toEqual([])
    expect(world.web.logged.filter((line) => line.includes('content security policy'))).toEqual([])
  }, 240_000)
})
