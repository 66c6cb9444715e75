// Which hours a run is for, which hour a row is of, and when to ask again.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dayAndHour, HOUR, hoursOf, kstText } from '../../../pipelines/open-data/slot.ts'
import { secondsToNextLook } from '../../../pipelines/open-data/waiting.ts'
import { hourOf } from '../../../pipelines/weather/observation.ts'
import { runOf } from '../../support/made-up-context.ts'

const hours = fc.integer({ min: 0, max: 600_000 }).map((hour) => hour * HOUR)

describe('the hours of a run', () => {
  test('are those that begin in its interval, in Seoul', () => {
    const run = runOf(new Date('2026-01-05T23:00:00+09:00'), new Date('2026-01-06T02:00:00+09:00'))
    const { first, last, count } = hoursOf(run)
    expect([dayAndHour(first), dayAndHour(last), count]).toEqual([
      { day: '20260105', hour: '23' },
      { day: '20260106', hour: '01' },
      3,
    ])
  })

  test('need an interval of whole hours', () => {
    const run = runOf(new Date('2026-01-05T13:00:00+09:00'), new Date('2026-01-05T13:30:00+09:00'))
    expect(() => hoursOf(run)).toThrow(/must be whole hours, found \[2026-01-05T13:00:00\+09:00/)
    expect(() => hoursOf({ ...run, dataInterval: null })).toThrow(/no data interval/)
  })
})

describe('tm', () => {
  test('is the same hour with and without a leading zero', () => {
    fc.assert(
      fc.property(hours, (at) => {
        const [day = '', time = ''] = kstText(at).split('T')
        expect(hourOf(`${day} ${time.slice(0, 5)}`)).toBe(at)
        expect(hourOf(`${day} ${Number(time.slice(0, 2))}:00`)).toBe(at)
      }),
    )
  })

  test.each(['', '2021-01-01', '2021-02-30 01:00', '2021-01-01 24:00', '2021-01-01 01:30', '20210101 01:00', null, 7])(
    '%j is no hour',
    (tm) => expect(hourOf(tm)).toBeNull(),
  )
})

describe('the next look', () => {
  const lastHour = Date.parse('2026-01-05T13:00:00+09:00')
  const look = (now: string, isSimulated = false) =>
    secondsToNextLook({ lastHour, now: Date.parse(now), isSimulated, giveUpAfterDays: 3 })

  test('is after midnight in Seoul, then an hour later each time, and then none', () => {
    expect(look('2026-01-05T14:10:00+09:00')).toBe(10 * 3_600)
    expect(look('2026-01-05T23:59:00+09:00')).toBe(3_600)
    expect(look('2026-01-06T00:10:00+09:00')).toBe(3_600)
    expect(look('2026-01-09T00:00:00+09:00')).toBeNull()
  })

  test('is never now, and never after a day and a quarter of an hour', () => {
    fc.assert(
      fc.property(hours, fc.integer({ min: 0, max: 200 * HOUR }), fc.boolean(), (at, later, isSimulated) => {
        const seconds = secondsToNextLook({ lastHour: at, now: at + later, isSimulated, giveUpAfterDays: 3 })
        if (seconds === null) return
        expect(seconds).toBeGreaterThan(0)
        expect(seconds).toBeLessThanOrEqual(24.25 * 3_600)
      }),
    )
  })
})
