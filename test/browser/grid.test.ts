// The grid in a browser: live changes, selecting by mouse, keys and finger, mapped cells, and gaps.

import { describe, expect, it } from 'vitest'
import { notify } from '../webserver/seed.ts'
import { isThere, useDemo } from './demo-browser.ts'
import { pagePaths } from './page-paths.ts'

/** What the functions that run in the page use of it. */
interface Found {
  readonly textContent: string | null
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
}

describe.skipIf(!isThere)('the pages in a browser', () => {
  const world = useDemo()
  const { signedIn, watch } = world

  it('draw a changed cell at once', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/gmarket_hourly`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    const row = page.locator('#grid-svg g[data-row]').nth(3)
    expect(await row.locator('.f-running').count()).toBe(1)
    const start = Date.now()
    await world.web.database.query(
      "update task_instance set state = 'failed', end_date = now(), duration = 30 where dag_run_id = $1 and task_id = 'merge_csv'",
      [world.demo.running.id],
    )
    await notify(world.web, [world.demo.running.id])
    await page.waitForFunction(() => document.querySelectorAll('#grid-svg g[data-row="3"] .m-failed').length === 1)
    expect(Date.now() - start).toBeLessThan(2000)
    await world.web.database.query(
      "update task_instance set state = 'running', end_date = null, duration = null where dag_run_id = $1 and task_id = 'merge_csv'",
      [world.demo.running.id],
    )
    await notify(world.web, [world.demo.running.id])
    await page.waitForFunction(() => document.querySelectorAll('#grid-svg g[data-row="3"] .m-running').length === 1)
    await page.close()
  })

  it('select a cell by a click and by arrows, with the selection in the URL', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/gmarket_hourly`)
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

  it('draw the bar of a mapped cell as its instances end', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/catalog`)
    await page.waitForFunction(() => document.querySelector('#live b')?.textContent === 'Live')
    await notify(world.web, [world.demo.catalog.running.id])
    const row = page.locator('#grid-svg g[data-row]').filter({ has: page.locator('.s-queued') })
    expect(await row.count()).toBe(1)
    await world.web.database.query(
      "update task_instance set state = 'success' where dag_run_id = $1 and task_id = 'product_page' and state = 'queued'",
      [world.demo.catalog.running.id],
    )
    await notify(world.web, [world.demo.catalog.running.id])
    await page.waitForFunction(() => document.querySelectorAll('#grid-svg .s-queued').length === 0)
    await world.web.database.query(
      "update task_instance set state = 'queued' where dag_run_id = $1 and task_id = 'product_page' and map_index between 9240 and 9499",
      [world.demo.catalog.running.id],
    )
    await page.close()
  })

  it('brush the strip of 10,000 instances and filter by state without loading the page whole', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}${pagePaths(world.demo)['mapped-many'] ?? ''}`)
    await page.locator('.strip a').nth(100).click()
    await page.waitForURL(/from=5000/)
    await page.waitForFunction(
      () => document.querySelector('.pager')?.textContent?.includes('Indexes 5000–5199') === true,
    )
    await page.click('.chip:has-text("Failed")')
    await page.waitForFunction(() => document.querySelectorAll('.instances tbody tr').length === 30)
    await page.close()
  })

  it('walk the grid by keys while the panel opens and closes, and keep the head and the names in view', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/gmarket_hourly?count=72`)
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
    await page.goto(`${world.web.url}/dags/gmarket_hourly`)
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

  it('show dates without a run as a gap that leads to their backfill', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/weather_hourly`)
    expect(await page.locator('#grid-svg line.gap').count()).toBe(1)
    await page.click('#gaps a:has-text("Backfill 2")')
    await page.waitForSelector('h1:has-text("with 2 runs?")')
    await page.close()
  })
})
