// The page of a run by hand: a row of its gantt filters the events, keys lead to the runs beside it.

import { describe, expect, it } from 'vitest'
import { isThere, useDemo } from './demo-browser.ts'
import { pagePaths } from './page-paths.ts'

describe.skipIf(!isThere)('the page of a run in a browser', () => {
  const world = useDemo()

  it('filters events by the row that is clicked, which then leads to the task', async () => {
    const page = world.watch(await world.context.newPage())
    await page.goto(`${world.web.url}${pagePaths(world.demo)['run'] ?? ''}`)
    await page.click('.gantt a[href*="task=merge_csv"]')
    await page.waitForURL(/task=merge_csv/)
    await page.waitForSelector('#ledger .chip')
    expect(await page.locator('#ledger .events li').count()).toBe(1)
    await page.click('.gantt a[href$="/tasks/merge_csv"]')
    await page.waitForURL(/\/tasks\/merge_csv$/)
    await page.close()
  })

  it('leads to the later run by ] and back by [', async () => {
    const page = world.watch(await world.context.newPage())
    await page.goto(`${world.web.url}${pagePaths(world.demo)['run'] ?? ''}`)
    const here = page.url()
    await page.keyboard.press(']')
    await page.waitForURL((url) => url.href !== here)
    await page.waitForSelector('#earlier')
    await page.keyboard.press('[')
    await page.waitForURL((url) => url.href === here)
    await page.close()
  })
})
