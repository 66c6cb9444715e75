import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planRuns, type RunPlan } from '../../../core/timetables/plan.ts'
import { type DataInterval, nextRun, type RunLimits, type TimetableSpec } from '../../../core/timetables/timetable.ts'

const at = (text: string): number => Date.parse(text)
const DAY = 86_400_000
const now = at('2026-05-10T10:00:00Z')
const daily: TimetableSpec = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: false }
const dailyInterval: TimetableSpec = { ...daily, interval: true }
const point = (text: string): DataInterval => ({ start: at(text), end: at(text) })

interface Question {
  spec: TimetableSpec
  last?: DataInterval | null
  limits?: Partial<RunLimits>
  moment?: number
  most?: number
}

const short = (instant: number): string => new Date(instant).toISOString().slice(5, 16)

/** The plan in short: dates of the due runs, how many there are, the date of the next. */
function plan({ spec, last = null, limits = {}, moment = now, most = 5 }: Question): [string[], number | null, string] {
  const all = { earliest: null, latest: null, catchup: false, ...limits }
  const { due, dueCount, next }: RunPlan = planRuns(spec, last, all, moment, most)
  return [
    due.map(({ logicalDate }) => short(logicalDate)),
    dueCount,
    next === null ? 'none' : `${short(next.logicalDate)} after ${short(next.runAfter)}`,
  ]
}

describe('the plan of a cron of points', () => {
  const since = { earliest: at('2026-05-07T12:00:00Z') }

  test('with catchup lists every run since the start date, and without it the latest', () => {
    const next = '05-11T00:00 after 05-11T00:00'
    const days = ['05-08T00:00', '05-09T00:00', '05-10T00:00']
    expect(plan({ spec: daily, limits: { ...since, catchup: true } })).toEqual([days, 3, next])
    expect(plan({ spec: daily, limits: since })).toEqual([['05-10T00:00'], 1, next])
  })

  test('of a DAG that has never run and has no start date begins with the next fire', () => {
    expect(plan({ spec: daily })).toEqual([[], 0, '05-11T00:00 after 05-11T00:00'])
  })

  test('after a pause counts all it lists and more, up to 10,000', () => {
    const limits = { earliest: at('2026-01-01T00:00:00Z'), catchup: true }
    const [due, count] = plan({ spec: daily, last: point('2026-02-01T00:00:00Z'), limits, most: 2 })
    expect([due, count]).toEqual([['02-02T00:00', '02-03T00:00'], 98])
    const minutely = { ...daily, expression: '* * * * *' }
    expect(plan({ spec: minutely, last: point('2026-02-01T00:00:00Z'), limits, most: 1 })).toEqual([
      ['02-01T00:01'],
      null,
      '05-10T10:01 after 05-10T10:01',
    ])
    expect(plan({ spec: daily, last: point('2026-02-01T00:00:00Z'), limits, most: 0 })[1]).toBe(98)
  })

  test('after an outage without catchup has one run, of the latest date', () => {
    expect(plan({ spec: daily, last: point('2026-04-01T00:00:00Z') })[0]).toEqual(['05-10T00:00'])
  })

  test('with a start date in the future waits for it', () => {
    const limits = { earliest: at('2026-06-01T06:00:00Z') }
    for (const catchup of [true, false]) {
      expect(plan({ spec: daily, limits: { ...limits, catchup } })).toEqual([[], 0, '06-02T00:00 after 06-02T00:00'])
    }
  })

  test('ends with the end date', () => {
    const limits = { ...since, latest: at('2026-05-09T00:00:00Z'), catchup: true }
    expect(plan({ spec: daily, limits })).toEqual([['05-08T00:00', '05-09T00:00'], 2, 'none'])
    expect(plan({ spec: daily, last: point('2026-05-09T00:00:00Z'), limits })).toEqual([[], 0, 'none'])
  })

  test('after its schedule was edited goes on at the new one', () => {
    const spec = { ...daily, expression: '0 6 * * *' }
    const next = '05-11T06:00 after 05-11T06:00'
    expect(plan({ spec, last: point('2026-05-10T00:00:00Z') })).toEqual([['05-10T06:00'], 1, next])
  })

  test('after its zone was edited goes on at the new midnight', () => {
    const spec = { ...daily, timezone: 'Asia/Seoul' }
    const next = '05-10T15:00 after 05-10T15:00'
    expect(plan({ spec, last: point('2026-05-10T00:00:00Z'), limits: { catchup: true } })).toEqual([[], 0, next])
    expect(plan({ spec, last: point('2026-05-08T00:00:00Z'), limits: { catchup: true } })[0]).toEqual([
      '05-08T15:00',
      '05-09T15:00',
    ])
  })
})

describe('the plan of other timetables', () => {
  test('of intervals is due when they are over', () => {
    const limits = { earliest: at('2026-05-08T00:00:00Z'), catchup: true }
    expect(plan({ spec: dailyInterval, limits })).toEqual([
      ['05-08T00:00', '05-09T00:00'],
      2,
      '05-10T00:00 after 05-11T00:00',
    ])
    expect(plan({ spec: dailyInterval })).toEqual([['05-09T00:00'], 1, '05-10T00:00 after 05-11T00:00'])
  })

  test('of intervals whose schedule became coarser does not make a date twice', () => {
    const last = { start: at('2026-05-10T06:00:00Z'), end: at('2026-05-10T07:00:00Z') }
    expect(plan({ spec: dailyInterval, last, limits: { catchup: true } })[2]).toBe('05-11T00:00 after 05-12T00:00')
  })

  test('once is one run', () => {
    expect(plan({ spec: { kind: 'once' }, limits: { earliest: at('2026-05-01T00:00:00Z') } })).toEqual([
      ['05-01T00:00'],
      1,
      'none',
    ])
    expect(plan({ spec: { kind: 'once' }, last: point('2026-05-01T00:00:00Z') })).toEqual([[], 0, 'none'])
  })

  test('continuous is one run, and what follows depends on how long it takes', () => {
    expect(plan({ spec: { kind: 'continuous' }, last: point('2026-05-10T09:00:00Z') })).toEqual([
      ['05-10T09:00'],
      1,
      'none',
    ])
    const limits = { earliest: at('2026-06-01T00:00:00Z') }
    expect(plan({ spec: { kind: 'continuous' }, limits })).toEqual([[], 0, '06-01T00:00 after 06-01T00:00'])
  })

  test('none is nothing', () => {
    expect(plan({ spec: { kind: 'none' } })).toEqual([[], 0, 'none'])
  })

  test('of events is the events', () => {
    const days = ['2026-05-01T00:00:00Z', '2026-05-02T00:00:00Z', '2026-06-01T00:00:00Z']
    const spec: TimetableSpec = { kind: 'events', at: days, description: null }
    const next = '06-01T00:00 after 06-01T00:00'
    expect(plan({ spec, limits: { catchup: true } })).toEqual([['05-01T00:00', '05-02T00:00'], 2, next])
    expect(plan({ spec })).toEqual([['05-02T00:00'], 1, next])
  })

  test('with more than 10,000 due still finds the next on its own beat', () => {
    const last = { start: at('2020-01-01T00:00:07Z') - 60_000, end: at('2020-01-01T00:00:07Z') }
    const limits = { catchup: true }
    const minute: TimetableSpec = { kind: 'delta', everyMs: 60_000, interval: false }
    expect(plan({ spec: minute, last, limits, most: 0 })).toEqual([[], null, '05-10T10:00 after 05-10T10:00'])
    expect(planRuns(minute, last, { earliest: null, latest: null, ...limits }, now, 0).next?.runAfter).toBe(now + 7_000)
    const expression = '* * * * *'
    for (const spec of [
      { ...minute, interval: true },
      { ...dailyInterval, expression },
    ] satisfies TimetableSpec[]) {
      const { dueCount, next } = planRuns(spec, last, { earliest: null, latest: null, ...limits }, now, 0)
      expect(dueCount).toBeNull()
      expect(next?.dataInterval.start).toBeLessThanOrEqual(now)
      expect(next?.runAfter).toBeGreaterThan(now)
    }
    const endsBefore = { earliest: null, latest: now - DAY, catchup: true }
    expect(planRuns(minute, last, endsBefore, now, 0).next).toBeNull()
  })
})

test('the plan is what the scheduler makes, run after run', () => {
  const anyCron = fc.record({
    kind: fc.constant('cron' as const),
    expression: fc.constantFrom(
      '0 0 * * *',
      '30 2 * * *',
      '0 */6 * * *',
      '0 9 * * MON-FRI',
      '0 0 L * *',
      '30 1 * * L0',
    ),
    timezone: fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Pacific/Apia'),
    interval: fc.boolean(),
  })
  const anySpec: fc.Arbitrary<TimetableSpec> = fc.oneof(
    anyCron,
    fc.record({
      kind: fc.constant('delta' as const),
      everyMs: fc.constantFrom(5_400_000, DAY, 90_001_000),
      interval: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('crons' as const),
      expressions: fc.constant(['0 6 * * *', '30 2 * * SUN']),
      timezone: fc.constantFrom('UTC', 'Europe/Berlin'),
    }),
    fc.constantFrom<TimetableSpec>({ kind: 'once' }, { kind: 'none' }),
    fc.array(fc.integer({ min: -40, max: 10 })).map(
      (days): TimetableSpec => ({
        kind: 'events',
        at: days.map((day) => new Date(now + day * DAY).toISOString()),
        description: null,
      }),
    ),
  )
  const anyDay = fc.integer({ min: at('2011-12-01T00:00:00Z'), max: at('2026-12-31T00:00:00Z') })
  const anyLimits = fc.record({ before: fc.option(fc.nat(60)), after: fc.option(fc.nat(20)), catchup: fc.boolean() })
  const anyLast = fc.option(fc.tuple(fc.nat(40 * 24), fc.nat(48)))
  fc.assert(
    fc.property(anySpec, anyDay, anyLimits, anyLast, fc.nat(8), (spec, moment, window, ago, most) => {
      const limits: RunLimits = {
        earliest: window.before === null ? null : moment - window.before * DAY + 1_000,
        latest: window.after === null ? null : moment - 10 * DAY + window.after * DAY,
        catchup: window.catchup,
      }
      const end = ago === null ? 0 : moment - ago[0] * 3_600_000
      const last = ago === null ? null : { start: end - ago[1] * 3_600_000, end }
      const made = []
      let run = nextRun(spec, last, limits, moment)
      while (run !== null && run.runAfter <= moment) {
        made.push(run)
        run = nextRun(spec, run.dataInterval, limits, moment)
      }
      expect(planRuns(spec, last, limits, moment, most)).toEqual({
        due: made.slice(0, most),
        dueCount: made.length,
        next: run,
      })
    }),
    { numRuns: 1_500 },
  )
})
