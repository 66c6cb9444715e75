// Forms in a browser: variables, connections, and triggering with a configuration or by params.

import { mkdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isThere, SHOTS, useDemo } from './demo-browser.ts'

/** What the functions that run in the page use of it. */
interface Found {
  readonly textContent: string | null
  getAttribute(name: string): string | null
}
declare const document: {
  querySelector(selector: string): Found | null
}

describe.skipIf(!isThere)('the pages in a browser', () => {
  const world = useDemo()
  const { signedIn, watch } = world

  it('pause with undo, edit a variable, replace a secret, and trigger with a configuration', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags`)
    await page.click('[id="switch-min_candle"]')
    await page.waitForSelector('#toast .toast')
    expect(await page.getAttribute('[id="switch-min_candle"]', 'aria-checked')).toBe('false')
    await page.click('#toast .undo')
    await page.waitForFunction(
      () => document.querySelector('[id="switch-min_candle"]')?.getAttribute('aria-checked') === 'true',
    )

    await page.goto(`${world.web.url}/variables`)
    await page.fill('main .search input', 'pace')
    expect(await page.locator('.variables .item:visible').count()).toBe(1)
    await page.click('text=gmarket_pace_ms')
    await page.fill('#value', '800')
    await page.click('text=Save')
    await page.waitForSelector('#toast .toast')
    expect((await world.web.vault.findVariable('gmarket_pace_ms'))?.value).toBe('800')
    await page.click('text=slack_token')
    await page.click('text=Save')
    expect((await world.web.vault.findVariable('slack_token'))?.value).toBe('never-on-a-page-2')
    await page.goto(`${world.web.url}/variables/new`)
    await page.fill('#key', 'my_api_key')
    expect(await page.getAttribute('#secret', 'aria-checked')).toBe('true')
    await page.fill('#key', 'asos_stations')
    await page.fill('#value', '1')
    await page.click('text=Save')
    expect(await page.textContent('.field .err')).toContain('already exists')

    await page.goto(`${world.web.url}/dags/gmarket_mart/trigger`)
    await page.fill('#conf', '{"day": ')
    expect(await page.isVisible('#conf-fault')).toBe(true)
    await page.fill('#conf', '{"day": "2026-01-05"}')
    expect(await page.textContent('#command')).toBe(`dagctl trigger gmarket_mart --conf '{"day":"2026-01-05"}'`)
    await page.click('footer .pri')
    await page.waitForURL(/run=manual__/)
    expect(await page.textContent('#panel')).toContain('2026-01-05')
    const { rows } = await world.web.database.query<{ conf: unknown }>(
      "select conf from dag_run where dag_id = 'gmarket_mart'",
    )
    expect(rows).toEqual([{ conf: { day: '2026-01-05' } }])
    await page.close()
  })

  it('fill a form from the schema of params, keep it and the JSON one value, and show faults at their fields', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags/catalog/trigger`)
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
    const { rows } = await world.web.database.query<{ conf: unknown; start: number; end: number }>(
      "select conf, data_interval_start as start, data_interval_end as end from dag_run where dag_id = 'catalog' and run_type = 'manual'",
    )
    expect(rows).toMatchObject([
      {
        conf: { from: '2026-01-05T09:00:00+09:00', table: 'dm_gmarket_new', limit: 50, more: 1 },
        start: Date.UTC(2026, 0, 5, 0),
        end: Date.UTC(2026, 0, 5, 1),
      },
    ])
    await world.web.database.query("delete from dag_run where dag_id = 'catalog' and run_type = 'manual'")
    await page.close()
  })

  it('trigger without script by the JSON field, which holds the defaults', async () => {
    const plain = await signedIn({ javaScriptEnabled: false })
    const page = watch(await plain.newPage())
    await page.goto(`${world.web.url}/dags/catalog/trigger`)
    expect(await page.isVisible('#form-view')).toBe(false)
    expect(JSON.parse(await page.inputValue('#conf'))).toMatchObject({ limit: 0, table: 'dm_gmarket' })
    await page.click('footer .pri')
    expect(await page.textContent('.faults')).toContain('from: This run must bring a value.')
    await plain.close()
  })

  it('tell what a field must hold as it is left, and that it is mended as it is typed', async () => {
    const page = watch(await world.context.newPage())
    await page.goto(`${world.web.url}/connections/new`)
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
    await page.goto(`${world.web.url}/variables/new`)
    await page.fill('#key', '..')
    await page.focus('#description')
    await page.waitForSelector('#key-fault:has-text("must not be")')
    await page.close()
  })
})
