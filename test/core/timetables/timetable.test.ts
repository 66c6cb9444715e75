import fc from 'fast-check'
import { expect, describe as group, test } from 'vitest'
import { describe } from '../../../core/timetables/describe.ts'
import { parseSchedule } from '../../../core/timetables/parse-schedule.ts'
import {
  type DataInterval,
  inferManualInterval,
  nextInstant,
  nextRun,
  prevInstant,
  type RunLimits,
  type TimetableSpec,
  validateTimetable,
} from '../../../core/timetables/timetable.ts'
import { localTexts } from '../../../core/timetables/zone.ts'

const at = (text: string): number => Date.parse(text)
const DAY = 86_400_000
const now = at('2026-05-10T10:00:00Z')
const daily: TimetableSpec = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: false }
const dailyInterval: TimetableSpec = { ...daily, interval: true }
const open: RunLimits = { earliest: null, latest: null, catchup: false }
const point = (text: string): DataInterval => ({ start: at(text), end: at(text) })

/** A due run in short: `logical date..end of interval`, both without seconds; `run after` where it is not that end. */
function told(spec: TimetableSpec, last: DataInterval | null, limits: Partial<RunLimits>, moment = now): string | null {
  const run = nextRun(spec, last, { ...open, ...limits }, moment)
  if (run === null) return null
  const short = (instant: number): string => new Date(instant).toISOString().replace(':00.000Z', 'Z')
  expect(run.runAfter).toBe(run.dataInterval.end)
  expect(run.logicalDate).toBe(run.dataInterval.start)
  const { start, end } = run.dataInterval
  return start === end ? short(start) : `${short(start)}..${short(end)}`
}

/** Every run that is due by now, as a scheduler would make them one after the other. */
function runsUntilNow(
  spec: TimetableSpec,
  limits: RunLimits,
  moment: number,
  last: DataInterval | null = null,
): string[] {
  const made: string[] = []
  for (let before = last; made.length < 50; ) {
    const run = nextRun(spec, before, limits, moment)
    if (run === null || run.runAfter > moment) break
    made.push(new Date(run.logicalDate).toISOString().slice(0, 16))
    before = run.dataInterval
  }
  return made
}

group('a cron of points in time', () => {
  test('without start date waits for the next fire, or takes the one that is now', () => {
    expect(told(daily, null, {})).toBe('2026-05-11T00:00Z')
    expect(told(daily, null, {}, at('2026-05-11T00:00:00Z'))).toBe('2026-05-11T00:00Z')
    expect(told(daily, null, { catchup: true })).toBe('2026-05-11T00:00Z')
  })

  test('without start date takes the fire that passed five minutes or a tenth of the period ago', () => {
    const hourly: TimetableSpec = { ...daily, expression: '0 * * * *' }
    expect(told(hourly, null, {}, at('2026-05-10T10:06:00Z'))).toBe('2026-05-10T10:00Z')
    expect(told(hourly, null, {}, at('2026-05-10T10:06:01Z'))).toBe('2026-05-10T11:00Z')
    expect(told({ ...daily, expression: '*/10 * * * *' }, null, {}, at('2026-05-10T10:05:00Z'))).toBe(
      '2026-05-10T10:00Z',
    )
    expect(told(daily, null, { catchup: true }, at('2026-05-10T02:24:00Z'))).toBe('2026-05-10T00:00Z')
  })

  test('with a start date in the past begins at the latest fire, with one in the future at the first after it', () => {
    expect(told(daily, null, { earliest: at('2026-01-01T00:00:00Z') })).toBe('2026-05-10T00:00Z')
    expect(told(daily, null, { earliest: at('2026-06-01T00:00:00Z') })).toBe('2026-06-01T00:00Z')
    expect(told(daily, null, { earliest: at('2026-06-01T00:00:01Z') })).toBe('2026-06-02T00:00Z')
  })

  test('never makes the last run again', () => {
    expect(told(daily, point('2026-05-10T00:00:00Z'), {})).toBe('2026-05-11T00:00Z')
  })

  test('after an outage makes exactly the latest missed run', () => {
    const limits = { ...open, earliest: at('2026-01-01T00:00:00Z') }
    expect(runsUntilNow(daily, limits, now, point('2026-05-01T00:00:00Z'))).toEqual(['2026-05-10T00:00'])
  })

  test('with catchup makes every run since the start date, oldest first', () => {
    const limits = { ...open, earliest: at('2026-05-07T12:00:00Z'), catchup: true }
    expect(runsUntilNow(daily, limits, now)).toEqual(['2026-05-08T00:00', '2026-05-09T00:00', '2026-05-10T00:00'])
    expect(runsUntilNow(daily, limits, now, point('2026-05-08T00:00:00Z'))).toEqual([
      '2026-05-09T00:00',
      '2026-05-10T00:00',
    ])
  })

  test('ends with the end date, which itself still gets its run', () => {
    const last = point('2026-05-10T00:00:00Z')
    expect(told(daily, last, { latest: at('2026-05-11T00:00:00Z') })).toBe('2026-05-11T00:00Z')
    expect(told(daily, last, { latest: at('2026-05-10T23:59:59Z') })).toBeNull()
  })
})

group('a cron of data intervals', () => {
  test('begins with the interval that was complete last, and on its boundary with the one that ends now', () => {
    expect(told(dailyInterval, null, {})).toBe('2026-05-09T00:00Z..2026-05-10T00:00Z')
    expect(told(dailyInterval, null, {}, at('2026-05-10T00:00:00Z'))).toBe('2026-05-09T00:00Z..2026-05-10T00:00Z')
    expect(told(dailyInterval, null, {}, at('2026-05-09T23:59:59Z'))).toBe('2026-05-08T00:00Z..2026-05-09T00:00Z')
  })

  test('goes on where the last ended, and runs only when the interval is over', () => {
    const last = { start: at('2026-05-09T00:00:00Z'), end: at('2026-05-10T00:00:00Z') }
    expect(told(dailyInterval, last, {})).toBe('2026-05-10T00:00Z..2026-05-11T00:00Z')
  })

  test('after an outage makes exactly the latest complete interval', () => {
    const last = { start: at('2026-04-30T00:00:00Z'), end: at('2026-05-01T00:00:00Z') }
    expect(runsUntilNow(dailyInterval, open, now, last)).toEqual(['2026-05-09T00:00'])
  })

  test('with catchup makes every interval since the start date, and none without one', () => {
    const limits = { ...open, earliest: at('2026-05-07T00:00:00Z'), catchup: true }
    expect(runsUntilNow(dailyInterval, limits, now)).toEqual([
      '2026-05-07T00:00',
      '2026-05-08T00:00',
      '2026-05-09T00:00',
    ])
    expect(told(dailyInterval, null, { catchup: true })).toBeNull()
  })

  test('compares the end date with the logical date, the start of the interval', () => {
    const last = { start: at('2026-05-09T00:00:00Z'), end: at('2026-05-10T00:00:00Z') }
    expect(told(dailyInterval, last, { latest: at('2026-05-10T00:00:00Z') })).toBe(
      '2026-05-10T00:00Z..2026-05-11T00:00Z',
    )
    expect(told(dailyInterval, last, { latest: at('2026-05-09T23:00:00Z') })).toBeNull()
  })

  test('is aligned again when the schedule has changed', () => {
    const last = { start: at('2026-05-09T18:00:00Z'), end: at('2026-05-10T06:00:00Z') }
    expect(told(dailyInterval, last, { catchup: true })).toBe('2026-05-10T00:00Z..2026-05-11T00:00Z')
  })

  test('moves past the last run when a coarser schedule would align before it', () => {
    const last = { start: at('2026-05-10T06:00:00Z'), end: at('2026-05-10T07:00:00Z') }
    expect(told(dailyInterval, last, { catchup: true })).toBe('2026-05-11T00:00Z..2026-05-12T00:00Z')
    const onFire = { start: at('2026-05-10T00:00:00Z'), end: at('2026-05-10T01:00:00Z') }
    expect(told(dailyInterval, onFire, { catchup: true })).toBe('2026-05-11T00:00Z..2026-05-12T00:00Z')
  })

  test('has a day of 23 and one of 25 hours when clocks change', () => {
    const berlin: TimetableSpec = { ...dailyInterval, timezone: 'Europe/Berlin' }
    const limits = { earliest: at('2026-03-28T23:00:00Z'), catchup: true }
    expect(told(berlin, null, limits)).toBe('2026-03-28T23:00Z..2026-03-29T22:00Z')
    expect(told(berlin, null, { ...limits, earliest: at('2026-10-24T22:00:00Z') })).toBe(
      '2026-10-24T22:00Z..2026-10-25T23:00Z',
    )
  })
})

group('several crons', () => {
  const twice: TimetableSpec = { kind: 'crons', expressions: ['0 6 * * *', '0 18 * * *', '0 6 1 * *'], timezone: 'UTC' }

  test('fire whenever one does, once where several do', () => {
    const limits = { ...open, earliest: at('2026-04-30T12:00:00Z'), catchup: true }
    expect(runsUntilNow(twice, limits, at('2026-05-02T00:00:00Z'))).toEqual([
      '2026-04-30T18:00',
      '2026-05-01T06:00',
      '2026-05-01T18:00',
    ])
    expect(nextInstant(twice, now)).toBe(at('2026-05-10T18:00:00Z'))
    expect(prevInstant(twice, now)).toBe(at('2026-05-10T06:00:00Z'))
  })

  test('leave one run after an outage, the latest of all', () => {
    expect(runsUntilNow(twice, open, now, point('2026-05-01T06:00:00Z'))).toEqual(['2026-05-10T06:00'])
  })
})

group('elapsed time', () => {
  const sixHours: TimetableSpec = { kind: 'delta', everyMs: 6 * 3_600_000, interval: false }

  test('as points counts from the last run, and after an outage runs now', () => {
    expect(told(sixHours, point('2026-05-10T08:00:00Z'), {})).toBe('2026-05-10T14:00Z')
    expect(told(sixHours, point('2026-05-01T08:00:00Z'), {})).toBe('2026-05-10T10:00Z')
    expect(told(sixHours, point('2026-05-01T08:00:00Z'), { catchup: true })).toBe('2026-05-01T14:00Z')
    expect(told(sixHours, null, { earliest: at('2026-05-01T00:00:00Z'), catchup: true })).toBe('2026-05-01T00:00Z')
  })

  test('as intervals goes on where the last ended, and without catchup at the latest complete one', () => {
    const interval: TimetableSpec = { ...sixHours, interval: true }
    expect(told(interval, null, {})).toBe('2026-05-10T00:00Z..2026-05-10T06:00Z')
    expect(told(interval, null, { earliest: at('2026-05-10T03:00:00Z') })).toBe('2026-05-10T03:00Z..2026-05-10T09:00Z')
    expect(told(interval, { start: at('2026-05-10T02:00:00Z'), end: at('2026-05-10T08:00:00Z') }, {})).toBe(
      '2026-05-10T08:00Z..2026-05-10T14:00Z',
    )
  })
})

group('a list of events', () => {
  const days = ['2026-05-20T12:00:00Z', '2026-05-01T00:00:00Z', '2026-05-05T02:00:00+02:00', '2026-05-05T00:00:00Z']
  const events: TimetableSpec = { kind: 'events', at: days, description: null }

  test('runs at each event once, in order, with catchup', () => {
    const limits = { ...open, catchup: true }
    expect(runsUntilNow(events, limits, now)).toEqual(['2026-05-01T00:00', '2026-05-05T00:00'])
    expect(told(events, point('2026-05-05T00:00:00Z'), { catchup: true })).toBe('2026-05-20T12:00Z')
    expect(told(events, null, { catchup: true, earliest: at('2026-05-02T00:00:00Z') })).toBe('2026-05-05T00:00Z')
  })

  test('without catchup makes the latest event that has passed, then the one to come, then none', () => {
    expect(told(events, null, {})).toBe('2026-05-05T00:00Z')
    expect(told(events, point('2026-05-05T00:00:00Z'), {})).toBe('2026-05-20T12:00Z')
    expect(told(events, null, { earliest: at('2026-05-06T00:00:00Z') })).toBe('2026-05-20T12:00Z')
    expect(told(events, point('2026-05-20T12:00:00Z'), {})).toBeNull()
    expect(told(events, point('2026-05-05T00:00:00Z'), { latest: at('2026-05-20T11:00:00Z') })).toBeNull()
    expect(told({ ...events, at: [] }, null, {})).toBeNull()
  })

  test('has neighbours, covers the moment in a manual run, and is told by its number or its name', () => {
    expect(nextInstant(events, now)).toBe(at('2026-05-20T12:00:00Z'))
    expect(prevInstant(events, now)).toBe(at('2026-05-05T00:00:00Z'))
    expect(prevInstant(events, at('2026-05-01T00:00:00Z'))).toBeNull()
    expect(inferManualInterval(events, now)).toEqual({ start: now, end: now })
    expect(describe(events).summary).toBe('4 events')
    expect(describe({ ...events, description: 'Matches' })).toMatchObject({
      summary: 'Matches',
      description: 'Matches',
    })
  })
})

test('no schedule has no next run', () => {
  expect(told({ kind: 'none' }, null, {})).toBeNull()
  expect(nextInstant({ kind: 'none' }, now)).toBeNull()
  expect(prevInstant({ kind: 'once' }, now)).toBeNull()
})

test('once means at the given instant, the start date, or now, and never again', () => {
  expect(told({ kind: 'once' }, null, {})).toBe('2026-05-10T10:00Z')
  expect(told({ kind: 'once' }, null, { earliest: at('2026-01-01T00:00:00Z') })).toBe('2026-01-01T00:00Z')
  expect(told({ kind: 'once', at: '2026-07-01T00:00:00Z' }, null, {})).toBe('2026-07-01T00:00Z')
  expect(told({ kind: 'once' }, point('2026-01-01T00:00:00Z'), {})).toBeNull()
  expect(told({ kind: 'once' }, null, { latest: at('2026-01-01T00:00:00Z') })).toBeNull()
})

test('continuous means again and again, each run covering the time since the last', () => {
  expect(told({ kind: 'continuous' }, null, {})).toBe('2026-05-10T10:00Z')
  expect(told({ kind: 'continuous' }, point('2026-05-10T09:30:00Z'), {})).toBe('2026-05-10T09:30Z..2026-05-10T10:00Z')
  expect(told({ kind: 'continuous' }, null, { earliest: at('2026-06-01T00:00:00Z') })).toBe('2026-06-01T00:00Z')
  expect(told({ kind: 'continuous' }, null, { latest: at('2026-01-01T00:00:00Z') })).toBeNull()
})

test('a manual run of an interval timetable covers the last complete interval, any other the moment', () => {
  expect(inferManualInterval(dailyInterval, now)).toEqual({
    start: at('2026-05-09T00:00:00Z'),
    end: at('2026-05-10T00:00:00Z'),
  })
  const midnight = at('2026-05-10T00:00:00Z')
  expect(inferManualInterval(dailyInterval, midnight)).toEqual({ start: midnight - DAY, end: midnight })
  expect(inferManualInterval({ kind: 'delta', everyMs: DAY, interval: true }, now)).toEqual({
    start: now - DAY,
    end: now,
  })
  for (const spec of [daily, { kind: 'none' }, { kind: 'once' }] satisfies TimetableSpec[]) {
    expect(inferManualInterval(spec, now)).toEqual({ start: now, end: now })
  }
})

test('without catchup there is never more than one run due, and it is the latest', () => {
  const anySpec = fc
    .record({
      expression: fc.constantFrom('0 0 * * *', '*/15 * * * *', '30 2 * * *', '0 9 * * MON-FRI', '0 */2 * * *'),
      timezone: fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Seoul'),
      interval: fc.boolean(),
    })
    .map((fields): TimetableSpec => ({ kind: 'cron', ...fields }))
  const anyMoment = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2026-12-31T00:00:00Z') })
  fc.assert(
    fc.property(anySpec, anyMoment, fc.integer({ min: 1, max: 40 }), (spec, moment, days) => {
      const before = inferManualInterval(spec, moment - days * DAY)
      const [first = null, ...more] = runsUntilNow(spec, open, moment, before)
      expect(more).toEqual([])
      const latest = nextRun(spec, before, open, moment)
      if (first === null || latest === null) return
      expect(nextInstant(spec, latest.runAfter)).toBeGreaterThan(moment)
    }),
    { numRuns: 1_000 },
  )
})

test('timetables are told as Airflow tells them', () => {
  expect(describe({ kind: 'none' })).toMatchObject({ summary: 'None', type: 'airflow.timetables.simple.NullTimetable' })
  expect(describe({ kind: 'once' }).summary).toBe('@once')
  expect(describe({ kind: 'continuous' }).type).toBe('airflow.timetables.simple.ContinuousTimetable')
  expect(describe(daily)).toEqual({
    summary: '0 0 * * *',
    description: 'At 00:00',
    type: 'airflow.timetables.trigger.CronTriggerTimetable',
  })
  expect(describe({ ...dailyInterval, expression: '@daily' })).toMatchObject({
    summary: '0 0 * * *',
    type: 'airflow.timetables.interval.CronDataIntervalTimetable',
  })
  expect(describe({ kind: 'crons', expressions: ['0 6 * * *', '0 18 * * *'], timezone: 'UTC' })).toMatchObject({
    summary: '0 6 * * *, 0 18 * * *',
    description: 'At 06:00, At 18:00',
  })
  const delta = (everyMs: number): string => describe({ kind: 'delta', everyMs, interval: true }).summary
  expect([DAY, 2 * DAY + 5_000, 6 * 3_600_000, 1_500].map(delta)).toEqual([
    '1 day, 0:00:00',
    '2 days, 0:00:05',
    '6:00:00',
    '0:00:01.500000',
  ])
})

test.each([
  ['* * * * *', 'Every minute'],
  ['*/15 * * * *', 'Every 15 minutes'],
  ['0 * * * *', 'Every hour'],
  ['5 * * * *', 'At 5 minutes past the hour'],
  ['0 */2 * * *', 'At 0 minutes past the hour, every 2 hours'],
  ['30 6,18 * * *', 'At 06:30 and 18:30'],
  ['0 9 * * MON-FRI', 'At 09:00, Monday through Friday'],
  ['0 0 1 */3 *', 'At 00:00, on day 1 of the month, only in January, April, July and October'],
  ['0 0 13 * FRI', 'At 00:00, on day 13 of the month (or), only on Friday'],
  ['0 0 L * *', 'At 00:00, on the last day of the month'],
  ['0 0 * * L5', 'At 00:00, on the last Friday of the month'],
  ['0 0 * * * 30', 'At 00:00 (at second 30)'],
])('%s is told as "%s"', (expression, words) => {
  expect(describe({ ...daily, expression }).description).toBe(words)
})

test('a timetable that cannot work is refused with a sentence', () => {
  const refused: [TimetableSpec, RegExp][] = [
    [{ ...daily, timezone: 'Europe/Atlantis' }, /time zone "Europe\/Atlantis" is not known/],
    [{ ...daily, expression: '0 0 30 2 *' }, /no month/],
    [{ kind: 'crons', expressions: [], timezone: 'UTC' }, /at least one/],
    [{ kind: 'delta', everyMs: 0, interval: false }, /positive whole number/],
    [{ kind: 'delta', everyMs: 0.5, interval: false }, /positive whole number/],
    [{ kind: 'once', at: 'tomorrow' }, /not an instant/],
    [{ kind: 'events', at: ['2026-05-01'], description: null }, /"2026-05-01" is not an instant/],
    [{ kind: 'events', at: ['2026-05-01T10:00:00'], description: null }, /not an instant/],
    [{ kind: 'events', at: ['2026-13-01T10:00:00Z'], description: null }, /not an instant/],
  ]
  for (const [spec, sentence] of refused) expect(() => validateTimetable(spec)).toThrow(sentence)
  for (const spec of [
    daily,
    dailyInterval,
    { kind: 'none' },
    { kind: 'once', at: '2026-01-01T00:00:00Z' },
  ] satisfies TimetableSpec[]) {
    expect(() => validateTimetable(spec)).not.toThrow()
  }
})

test('the SDK’s string schedules become timetables, presets as the fields they stand for', () => {
  expect(parseSchedule(undefined)).toEqual({ kind: 'none' })
  expect(parseSchedule('@once')).toEqual({ kind: 'once' })
  expect(parseSchedule('@continuous')).toEqual({ kind: 'continuous' })
  expect(parseSchedule('@daily')).toEqual(daily)
  expect(parseSchedule('0 6 * * MON-FRI')).toEqual({ ...daily, expression: '0 6 * * MON-FRI' })
  expect(parseSchedule('0 6 * * * 30')).toEqual({ ...daily, expression: '0 6 * * * 30' })
})

test.each(['', '  ', '@midnight', '@annually', '@reboot', 'every tuesday', '0 0 LW * *'])(
  'the schedule "%s" is refused',
  (text) => {
    expect(() => parseSchedule(text)).toThrow(expect.objectContaining({ code: 'SCHEDULE_INVALID' }))
  },
)

test('an instant is told in the words of its zone', () => {
  expect(localTexts(at('2026-03-29T01:30:00Z'), 'Europe/Berlin')).toEqual({
    ds: '2026-03-29',
    dsNodash: '20260329',
    ts: '2026-03-29T03:30:00+02:00',
    tsNodash: '20260329T033000',
  })
  expect(localTexts(at('2026-01-01T20:00:00.5Z'), 'Asia/Seoul').ts).toBe('2026-01-02T05:00:00.500+09:00')
})
