// Rows of settled trades as prices: whole won, and nothing of what is no price.

import { describe, expect, test } from 'vitest'
import { PRICE_ITEMS } from '../../../pipelines/prices/items.ts'
import { pricesOf, readAmount, readTrade, readWon } from '../../../pipelines/prices/price.ts'
import { SERVED_ITEMS, tradesOf } from '../../../services/simulated/prices/generated.ts'

const ASKED = { day: '2026-01-05', market: '110001', item: '배추' }
const [ROW = {}] = tradesOf(1, ASKED.day, ASKED.item)
const read = (more: object) => readTrade({ ...ROW, ...more }, ASKED)

describe('a price', () => {
  test.each([
    ['1234', 1_234],
    ['1,234', 1_234],
    ['1,234,567', 1_234_567],
    ['13800.0', 13_800],
    [13_800.4, 13_800],
    [' 7 ', 7],
  ])('that is written %j is whole won', (text, won) => expect(readWon(text)).toBe(won))

  test.each([
    [''],
    ['-'],
    ['\u0000'],
    ['12\u0000'],
    ['-500'],
    [-500],
    ['0'],
    [0],
    ['1,23'],
    ['12,34,567'],
    ['1e3'],
    ['0.4'],
    [null],
    [undefined],
    [true],
    [[]],
  ])('that is written %j is none', (text) => expect(readWon(text)).toBeNull())

  test('of a weight keeps its part of a kilogram', () => expect(readAmount('7.5')).toBe(7.5))
})

describe('a row', () => {
  test.each([
    [{ trd_clcln_ymd: '2026-01-06' }, /^trd_clcln_ymd is "2026-01-06"/],
    [{ whsl_mrkt_cd: '110008' }, /^whsl_mrkt_cd/],
    [{ gds_mclsf_nm: '양배추' }, /^gds_mclsf_nm/],
    [{ grd_nm: '' }, /^grd_nm/],
    [{ grd_nm: '특\u0000' }, /^grd_nm/],
    [{ unit_qty: '0' }, /^unit_qty/],
    [{ unit_tot_qty: '-' }, /^unit_tot_qty/],
    [{ lwprc: '' }, /^lwprc/],
    [{ hgprc: '1', lwprc: '2' }, /^hgprc/],
    [{ totprc: '-100' }, /^totprc/],
  ])('with %j is rejected, with its reason', (more, fault) => {
    const found = read(more)
    expect('fault' in found ? found.fault : 'none').toMatch(fault)
  })
})

test('trades of a day are one price by item, grade and unit: lowest, highest, and what was paid for all by the units', () => {
  const trade = { item: '배추 봄배추', grade: '상', unit: '10kg', low: 800, high: 1_200, total: 10_000, units: 10 }
  const other = { ...trade, low: 900, high: 1_500, total: 39_000, units: 30 }
  const of = { day: ASKED.day, tm: '2026-01-05T00:00:00+09:00', item: ASKED.item }
  const prices = pricesOf([trade, other, { ...trade, unit: '8kg' }], of)
  expect([...prices.keys()]).toEqual(['2026-01-05:배추 봄배추:상:10kg', '2026-01-05:배추 봄배추:상:8kg'])
  expect(prices.get('2026-01-05:배추 봄배추:상:10kg')).toMatchObject({
    average_price: 1_225,
    min_price: 800,
    max_price: 1_500,
    units: 40,
    trades: 2,
  })
})

test('the simulated market sells every item that is collected, and nothing on a Sunday', () => {
  expect(SERVED_ITEMS).toEqual(PRICE_ITEMS)
  expect(tradesOf(1, '2026-01-04', '배추')).toEqual([])
  expect(read({})).not.toHaveProperty('fault')
})
