// The product pages of a category on the simulated shop: one that is broken is told and fails nothing else.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { queryWarehouse } from '../../../operators/warehouse/open.ts'
import { GMARKET_CATEGORIES } from '../../../pipelines/gmarket/categories.ts'
import { type SimulatedShop, startShop } from '../../../services/simulated/gmarket/shop.ts'
import { FakeClock } from '../../support/clock.ts'
import { crawlOne, hourRun, loadHour, readProducts, type ShopWorld, storeHour } from '../../support/gmarket-pipeline.ts'
import { removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()
const HTML = 'text/html; charset=utf-8'
const HOUR = hourRun('2026-01-05T09:00:00+09:00')
const [food, other] = GMARKET_CATEGORIES
const broken = new Map<
  string,
  { status: number; type: string; body: string; headers?: Readonly<Record<string, string>> }
>()
let shop: SimulatedShop
let world: ShopWorld
let codes: readonly string[]

/** One category is enough, and the hour is the same for all tests. */
beforeAll(async () => {
  shop = await startShop({ now: () => 0, broken })
  world = { embeddedRoot: await temporaryFolder(), shopUrl: shop.url }
  await loadHour(world, HOUR, await storeHour(world, HOUR, [await crawlOne(world, HOUR, food)]))
  const { rows } = await queryWarehouse(world.embeddedRoot, 'select goods_code from gmarket.best order by rank')
  codes = rows.map((row) => String(row['goods_code']))
})
afterEach(() => broken.clear())
afterAll(() => shop.close())

const read = (options = {}) => readProducts(world, HOUR, food, options)
const lines = async (path: string) =>
  (await readFile(join(world.embeddedRoot, 'lake', path), 'utf8')).trimEnd().split('\n')
const FILE = '/gmarket/raw/dt=2026-01-05/hour=09/xpaths/100000006.csv'
const page = (status: number, body = '<p>no', type = HTML) => ({ status, type, body })

describe('the product pages of a category', () => {
  test('give a row an item with its three XPaths, beside the CSV, and are counted', async () => {
    const { file, op } = await read()
    expect(file).toMatchObject({ path: FILE, rows: 100, broken: 0, category: '100000006' })
    const [header, first, ...rest] = await lines(FILE)
    expect(header).toBe('slot,category_code,rank,goods_code,title_xpath,img_xpath,price_xpath,reason')
    const xpaths = ['h1', 'img', 'p[2]/strong/span'].map(
      (step, i) => `"//*[@id=""product""]/div[${i === 1 ? 2 : 3}]/${step}"`,
    )
    expect(first).toBe(`2026-01-05T09:00:00+09:00,100000006,1,${codes[0]},${xpaths.join(',')},`)
    expect(rest).toHaveLength(99)
    expect(
      op.effects.map(({ kind, rowsRead, rowsWritten, rowsRejected }) => [kind, rowsRead, rowsWritten, rowsRejected]),
    ).toEqual([
      ['source', 100, 100, 0],
      ['lake', 100, 100, 0],
    ])
  })

  test('that are read again are the same bytes', async () => {
    const { file } = await read()
    expect((await read()).file).toEqual(file)
  })

  test.each([
    ['is gone', page(404), 'answered 404'],
    ['is an error of the shop', page(500), 'answered 500'],
    ['is another kind of file', page(200, '{}', 'application/json'), '"expected text/html, found application/json"'],
    ['shows another price', page(200, '<p>nothing'), '"no element shows the title, the price, the image of the list"'],
  ])('of which one %s are read all the same: its row has the reason', async (_, answer, reason) => {
    broken.set(codes[2] ?? '', answer)
    const { file, op } = await read()
    expect(file).toMatchObject({ rows: 100, broken: 1 })
    expect((await lines(FILE))[3]).toBe(`2026-01-05T09:00:00+09:00,100000006,3,${codes[2]},,,,${reason}`)
    expect(op.effects[0]).toMatchObject({ kind: 'source', rowsRead: 100, rowsWritten: 99, rowsRejected: 1 })
    expect(op.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields)).toEqual([
      { goodsCode: codes[2], rank: 3, reason: reason.replaceAll('"', '') },
    ])
  })

  test('that are broken without exception fail the try, and the counts are told', async () => {
    for (const code of codes) broken.set(code, page(404))
    await expect(read()).rejects.toThrow('신선식품: not one of 100 product pages is whole; the first: answered 404')
  })

  test('are asked no more once the shop closes its door', async () => {
    broken.set(codes[1] ?? '', page(403))
    await expect(read()).rejects.toMatchObject({
      name: 'FailTask',
      message: expect.stringMatching(/answered 403 for a product page: it closes its door/) as unknown,
    })
  })

  test('come again when the shop says, if it asks for patience', async () => {
    broken.set(codes[1] ?? '', { ...page(429), headers: { 'retry-after': '40' } })
    await expect(read()).rejects.toMatchObject({ name: 'RetryTask', after: 40 })
  })

  test('are not read where robots.txt closes them', async () => {
    broken.set('robots.txt', page(200, 'User-agent: *\nDisallow: /Item\n', 'text/plain'))
    await expect(read()).rejects.toThrow(/robots.txt of the shop closes \/Item\?goodscode=0 to crawlers/)
  })

  test('are paced: a pause between two, none before the first', async () => {
    const clock = new FakeClock(0)
    await read({ pause: 1, clock })
    expect(clock.now()).toBe(99_000)
  })

  test('of a category that the hour does not have are refused', async () => {
    await expect(readProducts(world, HOUR, other)).rejects.toThrow(
      /has no rows of 가공식품 at 2026-01-05T09:00:00\+09:00/,
    )
  })

  test('are not simulated where the lists are live', async () => {
    const connections = [{ id: 'gmarket_default', type: 'http', host: 'shop.invalid' }]
    await expect(readProducts({ ...world, connections }, HOUR, food)).rejects.toThrow(
      /lists are read live \(gmarket_default\), but there is no connection gmarket_items_default: add it/,
    )
  })
})
