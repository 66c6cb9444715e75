// The baseline forecast: what it must say of series whose answer is known, and how its error is measured.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { backtest, filled, forecast } from '../../../pipelines/upbit/model.ts'

const M = 60_000

describe('the forecast', () => {
  test('of a price that stands still is that price', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-8, max: 1e9, noNaN: true }), fc.integer({ min: 2, max: 200 }), (price, n) => {
        for (const said of forecast(new Array<number>(n).fill(price), 10)) expect(said).toBeCloseTo(price, 6)
      }),
    )
  })

  test('of a rising price rises, slower and slower', () => {
    const said = forecast(
      Array.from({ length: 120 }, (_, i) => 1_000 + i),
      30,
    )
    const steps = said.slice(1).map((value, i) => value - (said[i] ?? 0))
    expect(said[0]).toBeGreaterThan(1_110)
    expect(steps.every((step, i) => step > 0 && (i === 0 || step < (steps[i - 1] ?? 0)))).toBe(true)
  })

  test('is never below nothing', () => {
    expect(Math.min(...forecast([1_000, 500, 100, 10, 1], 60))).toBeGreaterThanOrEqual(0)
  })
})

describe('its error', () => {
  test('of a price that stands still is none, and of too short a series unknown', () => {
    expect(backtest(new Array<number>(100).fill(5), 10)).toMatchObject({ mae: 0, mape: 0, naiveMae: 0, n: 5 })
    expect(backtest([1, 2, 3], 10)).toBeNull()
    expect(backtest([], 1)).toBeNull()
  })

  test('is measured at the end of the horizon, beside the naive one', () => {
    const rising = Array.from({ length: 100 }, (_, i) => 100 + i)
    const error = backtest(rising, 10)
    expect(error?.naiveMae).toBe(10)
    expect(error?.mae).toBeLessThan(10)
  })

  test('looks at nothing that lies behind its origin', () => {
    const closes = Array.from({ length: 60 }, (_, i) => 100 + (i % 7))
    const changed = [...closes.slice(0, 59), 1_000_000]
    expect(backtest(changed, 5)?.n).toBe(backtest(closes, 5)?.n)
    expect(forecast(changed.slice(0, 59), 5)).toEqual(forecast(closes.slice(0, 59), 5))
  })
})

test('a minute without a trade holds the last price and has no volume', () => {
  const minutes = [
    { at: 0, close: 5, volume: 1 },
    { at: 3 * M, close: 6, volume: 2 },
  ]
  expect(filled(minutes)).toEqual([
    { at: 0, close: 5, volume: 1 },
    { at: M, close: 5, volume: 0 },
    { at: 2 * M, close: 5, volume: 0 },
    { at: 3 * M, close: 6, volume: 2 },
  ])
  expect(filled([])).toEqual([])
})
