// Airflow's retry delay, against a second implementation of docs/compatibility.md#retries on node:crypto.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pythonIso, type RetryKey, retryDelayMs } from '../../core/retry.ts'

const KEY: RetryKey = { dagId: 'etl', taskId: 'load', logicalDate: '2024-03-18T00:00:00+00:00', tryNumber: 1 }
const DAY = 86_400

/** Whole seconds throughout, in BigInt after the power: nothing is shared with the product's arithmetic. */
function expected(base: number, multiplier: number, key: RetryKey): number {
  if (multiplier === 1) return base
  const power = base * multiplier ** (key.tryNumber - 1)
  if (power > 10 * DAY) return DAY
  const least = BigInt(Math.max(1, Math.ceil(power)))
  const text = [key.dagId, key.taskId, key.logicalDate.replace('T', ' '), String(key.tryNumber)].join('#')
  const hash = BigInt(`0x${createHash('sha1').update(text, 'utf8').digest('hex')}`)
  const delay = Number(least + (hash % least))
  return Math.min(delay, DAY)
}

const delay = (retryDelay: number, retryExponentialBackoff = 0, key = KEY, maxRetryDelay: number | null = null) =>
  retryDelayMs({ retryDelay, retryExponentialBackoff, maxRetryDelay }, key) / 1000

describe('the retry delay', () => {
  test('without backoff is what the task says, at every try', () => {
    for (const tryNumber of [1, 2, 30]) expect(delay(300, 0, { ...KEY, tryNumber })).toBe(300)
    expect(delay(0)).toBe(0)
    expect(delay(0.25)).toBe(0.25)
  })

  test('with backoff is these very numbers, as another language computes them with its own sha1 and integers', () => {
    // sha1('etl#load#2024-03-18 00:00:00+00:00#N') mod the least delay of try N.
    const tries = [1, 2, 3, 4].map((tryNumber) => delay(300, 2, { ...KEY, tryNumber }))
    expect(tries).toEqual([484, 902, 1932, 3177])
  })

  test('with backoff equals the second implementation, whatever names, dates and tries', () => {
    fc.assert(
      fc.property(
        fc.record({
          dagId: fc.string({ minLength: 1, unit: 'grapheme' }),
          taskId: fc.string({ minLength: 1 }),
          logicalDate: fc.oneof(
            fc.constant('None'),
            fc.nat(4_000_000_000).map((s) => pythonIso(s * 1000)),
          ),
          tryNumber: fc.integer({ min: 1, max: 30 }),
        }),
        fc.oneof(fc.nat(7200), fc.constantFrom(0.5, 1.5, 299.9)),
        fc.constantFrom(1, 1.5, 2, 3, 10),
        (key, base, multiplier) => {
          expect(delay(base, multiplier, key)).toBe(expected(base, multiplier, key))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('is never above a day, nor above what the task allows, nor below the backoff without jitter', () => {
    for (const tryNumber of [1, 5, 20, 400, 5_000]) {
      expect(delay(300, 2, { ...KEY, tryNumber })).toBeLessThanOrEqual(DAY)
      expect(delay(300, 2, { ...KEY, tryNumber }, 900)).toBeLessThanOrEqual(900)
      expect(delay(300, 2, { ...KEY, tryNumber })).toBeGreaterThanOrEqual(Math.min(300 * 2 ** (tryNumber - 1), DAY))
    }
    expect(delay(3600, 2, KEY, 60)).toBe(60)
  })

  test('that does not grow, by a factor of 1 or none, is bounded by nothing and has no jitter', () => {
    for (const factor of [0, 1]) expect(delay(3600, factor, KEY, 60)).toBe(3600)
    expect(delay(3600, 2, KEY, 0)).toBeGreaterThan(3600)
  })

  test('is the longest where the power overflows, also of no delay', () => {
    expect(delay(0, 10, { ...KEY, tryNumber: 401 })).toBe(DAY)
    expect(delay(0, 10, { ...KEY, tryNumber: 4 })).toBe(1)
  })

  test('is the same at each computing, and different for neighbours', () => {
    expect(delay(3600, 2)).toBe(delay(3600, 2))
    const neighbours = ['a', 'b', 'c', 'd', 'e'].map((taskId) => delay(3600, 2, { ...KEY, taskId }))
    expect(new Set(neighbours).size).toBe(5)
  })
})

describe("Python's isoformat", () => {
  test('has an offset, and six digits of a fraction only when there is one', () => {
    expect(pythonIso(Date.UTC(2024, 2, 18))).toBe('2024-03-18T00:00:00+00:00')
    expect(pythonIso(Date.UTC(2024, 2, 18, 1, 2, 3, 45))).toBe('2024-03-18T01:02:03.045000+00:00')
    expect(pythonIso(0)).toBe('1970-01-01T00:00:00+00:00')
  })
})
