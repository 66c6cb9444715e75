// A browser on the demo deployment, signed in; no page may break its own security policy or write an error to the console.

import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { makeSignInToken } from '../../engine/admin/accounts.ts'
import { startWeb, type TestWeb } from '../webserver/start-web.ts'
import { type Demo, seedDemo } from './demo.ts'

const CHROMIUM = process.env['BARAM_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
export const isThere = existsSync(CHROMIUM)
if (!isThere && process.env['CI'] === 'true') throw new Error(`browser tests need a Chromium at ${CHROMIUM}`)
if (!isThere) process.stderr.write(`\n*** browser tests are SKIPPED: no Chromium at ${CHROMIUM} ***\n\n`)

/** Folder for pictures of every page, when somebody wants to look at them. */
export const SHOTS = process.env['BARAM_TEST_SHOTS']

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

export interface DemoBrowser {
  /** Set before the first test of the file. */
  readonly web: TestWeb
  readonly demo: Demo
  readonly browser: Browser
  /** Signed in as admin, as wide as a desk. */
  readonly context: BrowserContext
  /** What pages have written to the console as errors. */
  readonly complaints: readonly string[]
  /** Collects the errors of a page. */
  watch(page: Page): Page
  /** A context of its own, signed in as admin. */
  signedIn(options?: Parameters<Browser['newContext']>[0]): Promise<BrowserContext>
}

/** Call once inside the `describe` that is skipped without a browser. */
export function useDemo(): DemoBrowser {
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

  beforeAll(async () => {
    web = await startWeb()
    demo = await seedDemo(web)
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
    context = await signedIn({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
  })

  afterAll(async () => {
    await browser?.close()
    await web?.stop()
    expect(complaints).toEqual([])
    expect(web?.logged.filter((line) => line.includes('content security policy'))).toEqual([])
  })
  return {
    get web() {
      return web
    },
    get demo() {
      return demo
    },
    get browser() {
      return browser
    },
    get context() {
      return context
    },
    complaints,
    watch,
    signedIn,
  }
}
