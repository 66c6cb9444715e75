import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundDeferral, isOverLimit, limitLeftMs } from '../../core/time-limit.ts'

describe('executionTimeout', () => {
  test('is whole for a try that begins, and for each poke of a rescheduled one', () => {
    expect(limitLeftMs(3, { triedAt: 0, resume: null }, 0)).toBe(3000)
    expect(limitLeftMs(3, { triedAt: 0, resume: null }, 60_000)).toBe(3000)
    expect(limitLeftMs(null, { triedAt: 0, resume: {} }, 60_000)).toBeNull()
  })

  test('is what the try has left when it goes on after a deferral', () => {
    expect(limitLeftMs(3, { triedAt: 1000, resume: {} }, 2500)).toBe(1500)
    expect(limitLeftMs(3, { triedAt: 1000, resume: {} }, 60_000)).toBe(0)
  })

  test('ends a deferral, whatever time-out the wait has itself', () => {
    const anyMs = fc.integer({ min: 0, max: 1e9 })
    fc.assert(
      fc.property(fc.option(anyMs), fc.option(anyMs), (timeoutMs, leftMs) => {
        const wait = { kind: 'time', at: 0 } as const
        const bounded = boundDeferral({ kind: 'defer', wait, timeoutMs }, leftMs)
        const limits = [timeoutMs, leftMs].filter((ms) => ms !== null)
        expect(bounded).toEqual({ kind: 'defer', wait, timeoutMs: limits.length === 0 ? null : Math.min(...limits) })
      }),
    )
    expect(boundDeferral({ kind: 'success' }, 5)).toEqual({ kind: 'success' })
  })

  test('is told apart from the time-out of a wait by the age of the try', () => {
    expect(isOverLimit(3, 0, 3000)).toBe(true)
    expect(isOverLimit(3, 0, 1000)).toBe(false)
    expect(isOverLimit(null, 0, 1e12)).toBe(false)
    expect(isOverLimit(3, null, 1e12)).toBe(false)
  })
})
