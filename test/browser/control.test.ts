// Clear and backfill in a browser: what they touch is shown before it is done.

import { describe, expect, it } from 'vitest'
import { isThere, useDemo } from './demo-browser.ts'

describe.skipIf(!isThere)('the pages in a browser', () => {
  const world = useDemo()
  const { watch } = world

  it('clear what was shown, count again with the scope, and refuse what has changed since', async () => {
    const page = watch(await world.context.newPage())
    const run = encodeURIComponent(world.demo.failed.runId)
    await page.goto(`${world.web.url}/dags/gmarket_hourly?run=${run}&task=collect_page`)
    await page.click('#panel a:has-text("Clear")')
    await page.waitForSelector('h1:has-text("Clear 7 task instances?")')
    await page.uncheck('#scope-downstream')
    await page.waitForSelector('h1:has-text("Clear 1 task instance?")')
    expect(await page.textContent('#command')).not.toContain('--downstream')
    // Somebody else is faster.
    await world.web.database.query(
      "update task_instance set state = 'success' where dag_run_id = $1 and task_id = 'collect_page'",
      [world.demo.failed.id],
    )
    await page.click('button:has-text("Clear 1")')
    await page.waitForSelector('text=This has changed since you looked')
    await page.click('button:has-text("Clear 1")')
    await page.waitForSelector('text=Cleared 1 task instance.')
    const { rows } = await world.web.database.query<{ state: string }>('select state from dag_run where id = $1', [
      world.demo.failed.id,
    ])
    expect(rows).toEqual([{ state: 'queued' }])
    await page.close()
  })

  it('backfill a range, shown date by date before it is made, and pause and cancel it', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/gmarket_hourly`)
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
})
