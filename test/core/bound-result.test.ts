import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundResult } from '../../core/bound-result.ts'
import type { AttemptResult } from '../../core/protocol.ts'
import { isStorableInstant, MAX_DELAY_MS, storableFault } from '../../core/storable.ts'

const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })
const anyMs = fc.oneof(fc.double({ min: 0, noNaN: true }), fc.constantFrom(0, 2 ** 31, 1.8e15, Number.MAX_VALUE))
const anyInstant = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, -6.3e13, 2.6e14, Number.MAX_VALUE))

const anyResult: fc.Arbitrary<AttemptResult> = fc.oneof(
  fc.record({
    kind: fc.constant('failure' as const),
    message: anyText,
    isRetryable: fc.boolean(),
    retryAfterMs: anyMs,
  }),
  fc.record({ kind: fc.constant('skip' as const), message: fc.option(anyText) }),
  fc.record({ kind: fc.constant('reschedule' as const), afterMs: anyMs }),
  fc.record({
    kind: fc.constant('defer' as const),
    wait: fc.oneof(
      fc.record({ kind: fc.constant('time' as const), at: anyInstant }),
      fc.record({ kind: fc.constant('trigger' as const), name: anyText, args: fc.constant(null) }),
    ),
    timeoutMs: fc.option(anyMs),
  }),
)

describe('what a task asks for', () => {
  it('can be stored and waited for, whatever it asked', () => {
    fc.assert(
      fc.property(anyResult, (asked) => {
        const { result, note } = boundResult(asked)
        if (result.kind === 'failure' || result.kind === 'skip') {
          expect(storableFault(result.message ?? '')).toBeNull()
          expect((result.message ?? '').length).toBeLessThanOrEqual(500)
        }
        if (result.kind === 'failure') expect(result.retryAfterMs ?? 0).toBeLessThanOrEqual(MAX_DELAY_MS)
        if (result.kind === 'reschedule') expect(result.afterMs).toBeLessThanOrEqual(MAX_DELAY_MS)
        if (result.kind === 'defer') {
          expect(result.timeoutMs ?? 0).toBeLessThanOrEqual(MAX_DELAY_MS)
          expect(result.wait.kind === 'time' ? isStorableInstant(result.wait.at) : true).toBe(true)
          expect(result.wait.kind === 'trigger' ? storableFault(result.wait.name) : null).toBeNull()
        }
        // A delay that was cut is said; nothing is said of what is kept.
        if (JSON.stringify(result) === JSON.stringify(asked)) expect(note).toBeNull()
        expect(boundResult(result)).toEqual({ result, note: null })
      }),
    )
  })

  it('a delay in milliseconds by mistake is cut, and the log says so', () => {
    const asked = { kind: 'failure', message: 'rate limit', isRetryable: true, retryAfterMs: 1.8e15 } as const
    expect(boundResult(asked)).toEqual({
      result: { ...asked, retryAfterMs: MAX_DELAY_MS },
      note: 'the delay until the next try of 1800000000000 s is longer than 31622400 s (366 days) and was cut to that; delays are in seconds',
    })
  })

  it('a wait for no date fails the try with the reason', () => {
    const asked = { kind: 'defer', wait: { kind: 'time', at: 1e300 }, timeoutMs: null } as const
    expect(boundResult(asked).result).toEqual({
      kind: 'failure',
      message: 'the task waits for a date outside the years 1 to 9999 (1e+300 ms since 1970)',
      isRetryable: true,
    })
  })
})
