// gmarket_hourly by hand, as a worker would run it, on the simulated shop and embedded backends.

import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { queryWarehouse } from '../../../operators/warehouse/open.ts'
import { GMARKET_CATEGORIES } from '../../../pipelines/gmarket/categories.ts'
import { bestGoods } from '../../../services/simulated/gmarket/goods.ts'
import { bestPage } from '../../../services/simulated/gmarket/markup.ts'
import { type SimulatedShop, startShop } from '../../../services/simulated/gmarket/shop.ts'
import { crawlOne, hourRun, loadHour, runHour, storeAndTell, storeHour } from '../../support/gmarket-pipeline.ts'
import { removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()
const HTML = 'text/html; charset=utf-8'
let embeddedRoot: string
let shop: SimulatedShop
const broken = new Map<string, { status: number; type: string; body: string }>()
beforeEach(async () => {
  broken.clear()
  embeddedRoot = await temporaryFolder()
  shop = await startShop({ now: () => Date.UTC(2026, 0, 5), broken })
})
afterEach(() => shop.close())

const world = () => ({ embeddedRoot, shopUrl: shop.url })
const query = async (sql: string) => (await queryWarehouse(embeddedRoot, sql)).rows
const HOUR = hourRun('2026-01-05T09:00:00+09:00')

describe('an hour', () => {
  test('is 1,200 rows of twelve categories, in its partition, with the CSV kept beside', async () => {
    const loaded = await runHour(world(), HOUR)
    expect(loaded).toMatchObject({ table: 'gmarket.best', partition: { dt: '2026-01-05', hour: '09' }, rows: 1_200 })
    const sums = await query(
      'select count(*) as n, count(distinct category_code) as c, min(rank) as low, max(rank) as high, min(slot) as slot from gmarket.best',
    )
    expect(sums).toEqual([{ n: '1200', c: '12', low: 1, high: 100, slot: '2026-01-05T09:00:00+09:00' }])
    const csv = await readFile(join(embeddedRoot, 'lake/gmarket/raw/dt=2026-01-05/hour=09/gmarket.csv'), 'utf8')
    expect(csv.trimEnd().split('\n')).toHaveLength(1_201)
    expect(csv).toContain('"가나다')
    expect(await readdir(join(embeddedRoot, 'scratch/min_candle')).catch(() => [])).toEqual([])
  })

  test('is reported: 1,200 rows and the mean price of each category', async () => {
    const pages = await Promise.all(GMARKET_CATEGORIES.slice(0, 2).map((category) => crawlOne(world(), HOUR, category)))
    const { reports } = await storeAndTell(world(), HOUR, pages)
    expect(reports.get('best_100')?.rows).toHaveLength(200)
    expect(reports.get('best_100')?.rows[0]?.slice(0, 2)).toEqual(['가공식품', 1])
    expect(reports.get('mean_price')?.rows.map((row) => row[0])).toEqual(['가공식품', '신선식품'])
  })

  test('that runs again changes nothing, byte for byte', async () => {
    await runHour(world(), HOUR)
    const path = join(embeddedRoot, 'lake/gmarket/best/dt=2026-01-05/hour=09/best.parquet')
    const before = await readFile(path)
    await runHour(world(), HOUR)
    expect(Buffer.compare(before, await readFile(path))).toBe(0)
    expect(await query('select count(*) as n from gmarket.best')).toEqual([{ n: '1200' }])
  })

  test('that runs again after the shop was started anew, on another port, has the same rows', async () => {
    const first = await crawlOne(world(), HOUR, GMARKET_CATEGORIES[0])
    const other = await startShop({ now: () => 0 })
    const again = await crawlOne({ embeddedRoot, shopUrl: other.url }, HOUR, GMARKET_CATEGORIES[0])
    await other.close()
    expect(again.sha256).toBe(first.sha256)
  })

  test('whose store was killed after its upload is stored by the retry', async () => {
    const pages = await Promise.all(GMARKET_CATEGORIES.map((category) => crawlOne(world(), HOUR, category)))
    const first = await storeHour(world(), HOUR, pages)
    expect(await storeHour(world(), HOUR, pages)).toEqual(first)
    expect(await loadHour(world(), HOUR, first)).toMatchObject({ rows: 1_200 })
    expect(await loadHour(world(), HOUR, first)).toMatchObject({ rows: 1_200 })
  })

  test('whose file of a category is gone names the task to clear', async () => {
    const page = await crawlOne(world(), HOUR, GMARKET_CATEGORIES[0])
    await rm(page.local_file_path)
    await expect(storeHour(world(), HOUR, [page])).rejects.toThrow(/of category 100000006 is gone: clear the task/)
  })
})

describe('a category', () => {
  const [food, other] = GMARKET_CATEGORIES

  test.each([
    ['an error', { status: 500, type: HTML, body: 'oops' }, /answered 500/],
    ['a closed door', { status: 403, type: HTML, body: 'no' }, /answered 403 .* a retry would not help/],
    ['JSON', { status: 200, type: 'application/json', body: '{}' }, /expected text\/html, found application\/json/],
    ['an empty page that is 200', { status: 200, type: HTML, body: '<html></html>' }, /신선식품: no item was found/],
    [
      '99 items',
      { status: 200, type: HTML, body: bestPage(bestGoods(1, '100000006', 0, 99), 'n', 'x') },
      /신선식품: 100 items were expected, found 99/,
    ],
  ])('that answers with %s fails alone, and is read once it is repaired', async (_, answer, reason) => {
    broken.set(food.code, answer)
    await expect(crawlOne(world(), HOUR, food)).rejects.toThrow(reason)
    expect(await crawlOne(world(), HOUR, other)).toMatchObject({ rows: 100 })
    broken.clear()
    expect(await crawlOne(world(), HOUR, food)).toMatchObject({ rows: 100, category: food.code })
  })

  test('of a slot that is no whole hour is refused', async () => {
    await expect(crawlOne(world(), hourRun('2026-01-05T09:30:00+09:00'), food)).rejects.toThrow(/one whole hour/)
  })
})
