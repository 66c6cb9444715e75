// From anywhere to anything by its name: the palette by keys alone, in a browser.

import { describe, expect, it } from 'vitest'
import { isThere, useDemo } from './demo-browser.ts'

declare const document: {
  readonly activeElement: { readonly id: string } | null
  querySelector(selector: string): { readonly textContent: string | null; readonly open?: boolean } | null
}

describe.skipIf(!isThere)('the palette in a browser', () => {
  const world = useDemo()

  it('opens by Ctrl K, finds as one types, and goes where Enter says', async () => {
    const page = world.watch(await world.context.newPage())
    await page.goto(`${world.web.url}/runs`)
    await page.keyboard.press('Control+k')
    await page.waitForFunction(() => document.activeElement?.id === 'palette-query')
    await page.keyboard.type('gmh')
    await page.waitForFunction(() => /gmarket_hourly/.test(document.querySelector('#found-0')?.textContent ?? ''))
    expect(await page.getAttribute('#palette-query', 'aria-activedescendant')).toBe('found-0')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/dags\/gmarket_hourly$/)
    await page.close()
  })

  it('moves with the arrows, around the ends, and closes by Escape with the focus where it was', async () => {
    const page = world.watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags`)
    await page.focus('#open-palette')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#found-7')
    await page.keyboard.press('ArrowUp')
    expect(await page.getAttribute('#found-7', 'aria-selected')).toBe('true')
    await page.keyboard.press('ArrowDown')
    expect(await page.getAttribute('#found-0', 'aria-selected')).toBe('true')
    await page.keyboard.press('Escape')
    await page.waitForFunction(() => document.querySelector('#palette')?.open === false)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('open-palette')
    await page.close()
  })

  it('shows what was asked last, whichever answer comes last', async () => {
    const page = world.watch(await world.context.newPage())
    await page.goto(`${world.web.url}/dags`)
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await page.route(/palette\?q=w$/, async (route) => {
      await held
      await route.continue()
    })
    await page.click('#open-palette')
    await page.fill('#palette-query', 'w')
    await page.fill('#palette-query', 'gmarket_m')
    await page.waitForFunction(() => /gmarket_mart/.test(document.querySelector('#found-0')?.textContent ?? ''))
    const late = page.waitForResponse(/palette\?q=w$/)
    release()
    await (await late).finished()
    expect(await page.textContent('#found-0')).toContain('gmarket_mart')
    await page.close()
  })
})
