import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextFire, prevFire } from '../../../core/timetables/cron-schedule.ts'
import { toLocal, toUtc } from '../../../core/timetables/zone.ts'

const at = (text: string): number => Date.parse(text)
const HOUR = 3_600_000

const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Europe/London',
  'Australia/Lord_Howe',
  'Asia/Seoul',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'America/St_Johns',
  'Asia/Tehran',
]
const EXPRESSIONS = [
  '0 0 * * *',
  '30 2 * * *',
  '30 1 * * *',
  '15,45 1-3 * * *',
  '*/15 * * * *',
  '0 * * * *',
  '7 */2 * * *',
  '0 9 * * MON-FRI',
  '0 0 L * *',
  '0 12 13 * FRI',
  '0 0 29 2 *',
  '* * * * * */20',
  '59 23 31 12 *',
]

/** The first fires after an instant, as instants. */
function fires(expression: string, timezone: string, from: string, count: number): string[] {
  const found: string[] = []
  for (let instant: number | null = at(from); found.length < count; ) {
    instant = nextFire(expression, timezone, instant)
    if (instant === null) break
    found.push(new Date(instant).toISOString().slice(0, 16))
  }
  return found
}

describe('when clocks go forward', () => {
  test('a time inside the gap fires as much after it: 02:30 at 03:30', () => {
    expect(fires('30 2 * * *', 'America/New_York', '2026-03-07T00:00:00Z', 3)).toEqual([
      '2026-03-07T07:30',
      '2026-03-08T07:30',
      '2026-03-09T06:30',
    ])
    expect(fires('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:30',
      '2026-03-30T00:30',
    ])
    expect(fires('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 2)).toEqual([
      '2026-10-03T15:45',
      '2026-10-04T15:15',
    ])
  })

  test('times that fall together behind the gap fire once', () => {
    expect(fires('30 2,3 * * *', 'America/New_York', '2026-03-08T05:00:00Z', 2)).toEqual([
      '2026-03-08T07:30',
      '2026-03-09T06:30',
    ])
  })

  test('an expression that covers every hour skips nothing', () => {
    expect(fires('0 * * * *', 'America/New_York', '2026-03-08T05:30:00Z', 3)).toEqual([
      '2026-03-08T06:00',
      '2026-03-08T07:00',
      '2026-03-08T08:00',
    ])
  })

  test('the fire before a moment between the gap and the shifted time is the day before', () => {
    expect(prevFire('30 2 * * *', 'America/New_York', at('2026-03-08T07:10:00Z'))).toBe(at('2026-03-07T07:30:00Z'))
  })

  test('a day that a zone left out is run on the next', () => {
    expect(fires('0 9 * * *', 'Pacific/Apia', '2011-12-29T20:00:00Z', 2)).toEqual([
      '2011-12-30T19:00',
      '2011-12-31T19:00',
    ])
  })
})

describe('when clocks go back', () => {
  test('a repeated time fires once, the second time', () => {
    expect(fires('30 1 * * *', 'America/New_York', '2026-10-31T00:00:00Z', 3)).toEqual([
      '2026-10-31T05:30',
      '2026-11-01T06:30',
      '2026-11-02T06:30',
    ])
    expect(fires('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T01:30',
      '2026-10-26T01:30',
    ])
  })

  test('every quarter of an hour runs through both folds', () => {
    expect(fires('*/15 * * * *', 'Europe/Berlin', '2026-10-24T23:45:00Z', 12)).toEqual(
      Array.from({ length: 12 }, (_, i) =>
        new Date(at('2026-10-25T00:00:00Z') + (i * HOUR) / 4).toISOString().slice(0, 16),
      ),
    )
  })

  test('every second hour stays on the wall clock', () => {
    expect(fires('0 */2 * * *', 'Europe/Berlin', '2026-10-24T21:30:00Z', 4)).toEqual([
      '2026-10-24T22:00',
      '2026-10-25T01:00',
      '2026-10-25T03:00',
      '2026-10-25T05:00',
    ])
  })
})

test('zones without summer time, and with odd offsets, are on their wall clock', () => {
  expect(fires('0 9 * * *', 'Asia/Seoul', '2026-01-01T00:00:00Z', 2)).toEqual(['2026-01-02T00:00', '2026-01-03T00:00'])
  expect(fires('0 9 * * *', 'Asia/Kathmandu', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T03:15'])
})

test('a fraction of a second belongs to its second', () => {
  expect(nextFire('0 12 * * *', 'UTC', at('2026-01-01T11:59:59.999Z'))).toBe(at('2026-01-01T12:00:00Z'))
  expect(nextFire('0 12 * * *', 'UTC', at('2026-01-01T12:00:00.001Z'))).toBe(at('2026-01-02T12:00:00Z'))
  expect(prevFire('0 12 * * *', 'UTC', at('2026-01-01T12:00:00.001Z'))).toBe(at('2026-01-01T12:00:00Z'))
})

const anyZone = fc.constantFrom(...ZONES)
const anyExpression = fc.constantFrom(...EXPRESSIONS)
const anyInstant = fc.integer({ min: at('1995-01-01T00:00:00Z'), max: at('2037-12-01T00:00:00Z') })

/** Instants within a day and a half of a clock change, where the mistakes are. */
const nearChange = fc
  .tuple(
    fc.constantFrom(
      '2026-03-08',
      '2026-11-01',
      '2026-03-29',
      '2026-10-25',
      '2026-04-05',
      '2026-10-04',
      '2011-12-30',
      '2018-11-04',
    ),
    fc.integer({ min: -36 * 60, max: 36 * 60 }),
  )
  .map(([day, minutes]) => at(`${day}T02:00:00Z`) + minutes * 60_000)
const moments = fc.oneof(anyInstant, nearChange)

test('the next fire is strictly after and the previous strictly before, in every zone', () => {
  fc.assert(
    fc.property(anyZone, anyExpression, moments, (zone, expression, instant) => {
      expect(nextFire(expression, zone, instant)).toBeGreaterThan(instant)
      expect(prevFire(expression, zone, instant)).toBeLessThan(instant)
    }),
    { numRuns: 2_000 },
  )
})

test('a sequence of fires rises in one direction and falls in the other', () => {
  fc.assert(
    fc.property(anyZone, anyExpression, nearChange, (zone, expression, instant) => {
      let [up, down] = [instant, instant]
      for (let i = 0; i < 10; i++) {
        const [higher, lower] = [nextFire(expression, zone, up) ?? 0, prevFire(expression, zone, down) ?? 0]
        expect(higher).toBeGreaterThan(up)
        expect(lower).toBeLessThan(down)
        up = higher
        down = lower
      }
    }),
    { numRuns: 300 },
  )
})

test('where the clock does not change, previous undoes next, and fires match the wall clock', () => {
  fc.assert(
    fc.property(anyZone, anyExpression, anyInstant, (zone, expression, instant) => {
      const first = nextFire(expression, zone, instant) ?? 0
      const second = nextFire(expression, zone, first) ?? 0
      const offset = (moment: number): number => toLocal(moment, zone) - moment
      fc.pre(offset(instant - 26 * HOUR) === offset(second + 26 * HOUR) && offset(instant) === offset(first))
      expect(prevFire(expression, zone, second)).toBe(first)
      expect(toLocal(first, zone)).toBe(nextFire(expression, 'UTC', toLocal(instant, zone)))
    }),
    { numRuns: 1_000 },
  )
})

test('local and back gives the same instant, or the second of a repeated hour', () => {
  fc.assert(
    fc.property(anyZone, moments, (zone, instant) => {
      const back = toUtc(toLocal(instant, zone), zone)
      expect(back).toBeGreaterThanOrEqual(instant)
      expect(toLocal(back, zone)).toBe(toLocal(instant, zone))
    }),
    { numRuns: 2_000 },
  )
})
