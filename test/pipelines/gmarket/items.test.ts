// Best-100 lists: what is read of a page, and what is refused.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RawItem, readBestList, readWon } from '../../../pipelines/gmarket/items.ts'
import { readBestPage } from '../../../pipelines/gmarket/page.ts'
import { bestGoods } from '../../../services/simulated/gmarket/goods.ts'
import { bestPage } from '../../../services/simulated/gmarket/markup.ts'
import { describeRecorded, recordedPath, recordedQuotedCsv } from '../../support/recorded.ts'

const raw = (rank: number, change: Partial<RawItem> = {}): RawItem => ({
  rank: ` ${rank} `,
  title: `감자 ${rank}`,
  price: '13,000',
  listPrice: '',
  discount: '',
  goodsCode: String(rank),
  url: '//item/1',
  image: '//img/1',
  ...change,
})
const list = (n: number) => Array.from({ length: n }, (_, i) => raw(i + 1))

describe('an amount in won', () => {
  test.each([
    ['13,000원', 13_000],
    [' 13,980 ', 13_980],
    ['900', 900],
    ['1,234,567원', 1_234_567],
  ])('%j is %d', (text, amount) => expect(readWon(text)).toBe(amount))

  test.each(['', '원', '0', '13,00', '1,3000', '-5', '12.5', '13,000~', 'sold out'])('%j is none', (text) => {
    expect(readWon(text)).toBeNull()
  })
})

describe('a best-100 list', () => {
  test('keeps ranks 1 to 100 in order, whatever the order of the page', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(list(140), { minLength: 140 }), (raws) => {
        expect(readBestList(raws).map((item) => item.rank)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
      }),
      { numRuns: 20 },
    )
  })

  test('keeps both prices apart, and none where the page shows none', () => {
    const [one, two] = readBestList([raw(1, { listPrice: '27,400', discount: '48%' }), raw(2)], { count: 2 })
    expect(one).toMatchObject({ price: 13_000, listPrice: 27_400, discount: 48, url: 'https://item/1' })
    expect(two).toMatchObject({ listPrice: null, discount: null })
  })

  test.each([
    ['empty', [], /no item was found/],
    [
      'with an empty title',
      [raw(1, { title: ' \n ' }), ...list(100).slice(1)],
      /1 of 100 items are not whole: rank 1: no title/,
    ],
    ['with a price that is none', [raw(1, { price: '품절' }), ...list(100).slice(1)], /no price \("품절"\)/],
    ['without a rank', [raw(1, { rank: '' }), ...list(100).slice(1)], /rank \?: no rank/],
    ['with a hole', list(101).filter((_, i) => i !== 41), /rank 42 is missing among 99 items/],
    ['with a rank twice', [raw(1), ...list(99)], /rank 1 stands twice/],
    ['that is short', list(99), /100 items were expected, found 99/],
  ])('%s is refused', (_, raws, reason) => {
    expect(() => readBestList(raws)).toThrow(reason)
  })

  test('that is short is partial where the policy allows it; a hole is never allowed', () => {
    expect(readBestList(list(99), { policy: 'partial' })).toHaveLength(99)
    expect(() => readBestList(list(100).slice(1), { policy: 'partial' })).toThrow(/rank 1 is missing/)
  })
})

test('a simulated page gives exactly its goods: banners and related goods are none', async () => {
  const goods = bestGoods(7, '100000006', Date.UTC(2026, 0, 5, 3))
  const items = readBestList(await readBestPage(bestPage(goods, 'simulated "shop"', 'http://shop')))
  expect(
    items.map(({ rank, title, price, listPrice, discount, goodsCode }) => ({
      rank,
      title,
      price,
      listPrice,
      discount,
      goodsCode,
    })),
  ).toEqual(goods.map((good) => good))
  expect(bestGoods(7, '100000006', Date.UTC(2026, 0, 5, 3, 59))).toEqual(goods)
  expect(bestGoods(7, '100000006', Date.UTC(2026, 0, 5, 4))).not.toEqual(goods)
})

describeRecorded('gmarket', 'the recorded pages', () => {
  const read = async (name: string) => readBestPage(readFileSync(recordedPath('gmarket', name), 'utf8'))

  test.each(['best_page_2025-12-03_a.html', 'best_page_2025-12-03_b.html'])(
    '%s has 200 items, every one whole',
    async (name) => {
      const raws = await read(name)
      const items = readBestList(raws, { count: 200 })
      expect([raws.length, items.length]).toEqual([200, 200])
      expect(items.every((item) => /^\d{6,12}$/.test(item.goodsCode) && item.image.startsWith('https://'))).toBe(true)
    },
  )

  test('page a has the prices and titles that its own reader read, 8 without a list price, 10 without a discount', async () => {
    const items = readBestList(await read('best_page_2025-12-03_a.html'), { count: 200 })
    const theirs = recordedQuotedCsv('gmarket', 'best_parsed_by_author_2025-12-03.csv')
    expect(items.map((item) => [String(item.rank), item.title, String(item.price)])).toEqual(
      theirs.map((row) => [row['순위'], row['제목']?.replaceAll(/\s+/g, ' ').trim(), row['가격']]),
    )
    expect(items.filter((item) => item.listPrice === null)).toHaveLength(8)
    expect(items.filter((item) => item.discount === null)).toHaveLength(10)
  })

  test('the crawl of 2,401 empty rows is refused as a whole', () => {
    const rows = recordedQuotedCsv('gmarket', 'broken_crawl_2020-05-03.csv')
    const raws = rows.map((row) =>
      raw(0, { rank: row['ranking'] ?? '', title: row['title'] ?? '', price: row['dis_price'] ?? '' }),
    )
    expect(() => readBestList(raws, { policy: 'partial' })).toThrow(
      `${rows.length} of ${rows.length} items are not whole: rank ?: no rank (""), no title, no price ("")`,
    )
  })
})
