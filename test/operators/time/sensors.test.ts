// Sensors of a date: which instant they mean, and that they wait for it without a slot.

import { describe, expect, test } from 'vitest'
import {
  type DateTimeSensorOptions,
  dateTimeSensorWith,
  type TimeDeltaSensorOptions,
  type TimeSensorOptions,
  timeDeltaSensorWith,
  timeSensorWith,
} from '../../../operators/time/sensors.ts'
import { FailTask, type Operator, type RunInfo, SkipTask } from '../../../sdk/index.ts'
import { TaskDeferred } from '../../../sdk/signals.ts'
import { FakeClock } from '../../support/clock.ts'
import { type MadeUp, madeUpContext, runOf } from '../../support/operator-context.ts'

const RUN = runOf(new Date('2026-03-01T00:00:00Z'), new Date('2026-03-02T00:00:00Z'))
const at = (text: string) => new Date(text).getTime()

interface World {
  readonly run?: Partial<RunInfo>
  /** Default: now. */
  readonly triedAt?: string
}

const contextOf = (now: string, { run = {}, triedAt = now }: World = {}) => {
  const world: MadeUp = { embeddedRoot: '/nowhere', run: { ...RUN, ...run }, triedAt: new Date(triedAt) }
  return madeUpContext(world)
}

/** What it does when it looks: an instant in UTC that it waits for, or `done`. */
async function lookAt(
  make: (clock: FakeClock) => Operator<object, undefined>,
  now: string,
  world: World = {},
): Promise<string> {
  try {
    await make(new FakeClock(at(now))).execute(contextOf(now, world), {})
    return 'done'
  } catch (error) {
    if (!(error instanceof TaskDeferred) || error.wait.kind !== 'time') throw error
    return new Date(error.wait.at).toISOString()
  }
}

const time = (options: TimeSensorOptions, now: string, world: World = {}) =>
  lookAt((clock) => timeSensorWith(clock, options), now, world)
const delta = (options: TimeDeltaSensorOptions, now: string, world: World = {}) =>
  lookAt((clock) => timeDeltaSensorWith(clock, options), now, world)
const date = (options: DateTimeSensorOptions, now: string, world: World = {}) =>
  lookAt((clock) => dateTimeSensorWith(clock, options), now, world)

describe('timeSensor', () => {
  test('waits without a slot for a time of today in the DAG’s zone', async () => {
    // 2026-03-09 in Seoul, still the 8th in UTC.
    expect(await time({ targetTime: '09:00' }, '2026-03-08T20:00:00Z')).toBe('2026-03-09T00:00:00.000Z')
    expect(await time({ targetTime: '23:59:59' }, '2026-03-08T20:00:00Z')).toBe('2026-03-09T14:59:59.000Z')
  })

  test('is over at once when that time has come today', async () => {
    expect(await time({ targetTime: '09:00' }, '2026-03-09T00:00:00Z')).toBe('done')
    expect(await time({ targetTime: '09:00' }, '2026-03-09T14:59:00Z')).toBe('done')
  })

  test('looks at the clock’s day, whatever day the run is for, as in Airflow', async () => {
    const run = { logicalDate: new Date('1970-01-01T00:00:00Z') }
    expect(await time({ targetTime: '11:00' }, '2026-03-08T20:00:00Z', { run })).toBe('2026-03-09T02:00:00.000Z')
  })

  test('means another zone’s clock when it is given one', async () => {
    const options = { targetTime: '09:00', timezone: 'Europe/Berlin' }
    expect(await time(options, '2026-01-15T05:00:00Z')).toBe('2026-01-15T08:00:00.000Z')
    expect(await time(options, '2026-07-15T05:00:00Z')).toBe('2026-07-15T07:00:00.000Z')
  })

  test('still means the day its try began when it goes on after midnight', async () => {
    const world = { triedAt: '2026-03-09T14:00:00Z' }
    expect(await time({ targetTime: '23:30' }, '2026-03-09T15:10:00Z', world)).toBe('done')
  })

  // Recorded from Airflow's TimeSensor: a time that the clock shows twice is the first one.
  test.each([
    ['Europe/Berlin', '2026-10-24T23:00:00Z', '02:30', '2026-10-25T00:30:00.000Z'],
    ['Europe/Berlin', '2026-10-24T23:00:00Z', '03:00', '2026-10-25T02:00:00.000Z'],
    ['America/New_York', '2026-11-01T04:00:00Z', '01:30', '2026-11-01T05:30:00.000Z'],
  ])('in %s, at %s, when the clock goes back waits for %s until %s', async (timezone, now, targetTime, until) => {
    expect(await time({ targetTime }, now, { run: { timezone } })).toBe(until)
  })

  test.each([
    ['Europe/Berlin', '2026-03-28T23:00:00Z', '02:30', '2026-03-29T01:30:00.000Z'],
    ['Europe/Berlin', '2026-03-28T23:00:00Z', '03:00', '2026-03-29T01:00:00.000Z'],
    ['Europe/Berlin', '2026-03-28T23:00:00Z', '01:59', '2026-03-29T00:59:00.000Z'],
    ['America/Havana', '2026-03-08T05:00:00Z', '00:00', 'done'],
    ['Australia/Lord_Howe', '2026-10-03T13:30:00Z', '02:15', '2026-10-03T15:45:00.000Z'],
  ])('in %s, at %s, when the clock goes forward waits for %s until %s', async (timezone, now, targetTime, until) => {
    expect(await time({ targetTime }, now, { run: { timezone } })).toBe(until)
  })
})

describe('timeDeltaSensor', () => {
  test('waits until some seconds after the end of the data interval', async () => {
    expect(await delta({ delta: 3600 }, '2026-03-02T00:10:00Z')).toBe('2026-03-02T01:00:00.000Z')
    expect(await delta({ delta: 3600 }, '2026-03-02T01:00:00Z')).toBe('done')
    expect(await delta({ delta: -600 }, '2026-03-01T23:00:00Z')).toBe('2026-03-01T23:50:00.000Z')
    expect(await delta({ delta: 0.5 }, '2026-03-02T00:00:00Z')).toBe('2026-03-02T00:00:00.500Z')
  })

  test('counts from runAfter where a run has no data interval', async () => {
    const run = { dataInterval: null, runAfter: new Date('2026-03-05T12:00:00Z') }
    expect(await delta({ delta: 60 }, '2026-03-05T12:00:00Z', { run })).toBe('2026-03-05T12:01:00.000Z')
  })

  test('counts seconds, not the hours of a clock that changes', async () => {
    const end = new Date('2026-03-28T23:00:00Z')
    const run = { timezone: 'Europe/Berlin', dataInterval: { start: new Date('2026-03-27T23:00:00Z'), end } }
    expect(await delta({ delta: 86_400 }, '2026-03-29T00:00:00Z', { run })).toBe('2026-03-29T23:00:00.000Z')
  })

  test('takes a rendered template, and refuses one that is no number', async () => {
    const operator = timeDeltaSensorWith(new FakeClock(at('2026-03-02T00:00:00Z')), { delta: '{{params.wait}}' })
    const look = async (value: unknown) =>
      operator.execute(contextOf('2026-03-02T00:00:00Z'), {}, { ...operator.options, delta: value })
    await expect(look('90')).rejects.toMatchObject({ wait: { kind: 'time', at: at('2026-03-02T00:01:30Z') } })
    for (const value of ['', 'soon', 'NaN', null, [5]]) await expect(look(value)).rejects.toThrow(FailTask)
  })
})

describe('dateTimeSensor', () => {
  test.each([
    ['2026-03-09T02:30:00+09:00', '2026-03-08T17:30:00.000Z'],
    ['2026-03-08 17:30:00+00:00', '2026-03-08T17:30:00.000Z'],
    ['2026-03-08T17:30Z', '2026-03-08T17:30:00.000Z'],
    ['2026-03-08T17:30:00.250Z', '2026-03-08T17:30:00.250Z'],
    ['2026-03-09T02:30', '2026-03-08T17:30:00.000Z'],
    [' 2026-03-09 02:30:15 ', '2026-03-08T17:30:15.000Z'],
    ['2026-03-09', '2026-03-08T15:00:00.000Z'],
    ['2026-03-09T02:30[Europe/Berlin]', '2026-03-09T01:30:00.000Z'],
  ])('waits for %s until %s in Seoul', async (targetTime, until) => {
    expect(await date({ targetTime }, '2026-03-01T00:00:00Z')).toBe(until)
  })

  test('takes a Date', async () => {
    const targetTime = new Date('2026-03-08T17:30:00Z')
    expect(await date({ targetTime }, '2026-03-01T00:00:00Z')).toBe('2026-03-08T17:30:00.000Z')
  })

  test('is over at once when the date has passed, so that a backfill does not wait', async () => {
    expect(await date({ targetTime: '1970-01-01T11:00' }, '2026-03-01T00:00:00Z')).toBe('done')
  })

  test.each([
    ['2026-10-25T02:30', '2026-10-25T00:30:00.000Z'],
    ['2026-03-29T02:30', '2026-03-29T01:30:00.000Z'],
    ['2026-10-25T02:30+01:00', '2026-10-25T01:30:00.000Z'],
  ])('on days the clock changes in Berlin waits for %s until %s', async (targetTime, until) => {
    const run = { timezone: 'Europe/Berlin' }
    expect(await date({ targetTime }, '2026-03-01T00:00:00Z', { run })).toBe(until)
  })

  test('refuses what a template made that is no date', async () => {
    const operator = dateTimeSensorWith(new FakeClock(0), { targetTime: '{{ds}}T{{params.hour}}' })
    const options = { ...operator.options, targetTime: '2026-03-09T25' }
    const look = async () => operator.execute(contextOf('2026-03-01T00:00:00Z'), {}, options)
    await expect(look()).rejects.toThrow(/targetTime must be a date such as .*, found "2026-03-09T25"/)
    await expect(look()).rejects.toThrow(FailTask)
  })
})

describe('a time limit', () => {
  const targetTime = '2026-03-01T02:00:00Z'
  const now = '2026-03-01T00:00:00Z'
  const late = { targetTime, timeout: 3600 }

  test('that comes first is waited for instead', async () => {
    expect(await date(late, now)).toBe('2026-03-01T01:00:00.000Z')
    expect(await date({ targetTime, timeout: 7200 }, now)).toBe('2026-03-01T02:00:00.000Z')
  })

  test('counts from the beginning of the try', async () => {
    expect(await date(late, '2026-03-01T00:30:00Z', { triedAt: now })).toBe('2026-03-01T01:00:00.000Z')
    await expect(date(late, '2026-03-01T01:30:00Z', { triedAt: now })).rejects.toThrow(FailTask)
  })

  const wake = async (options: DateTimeSensorOptions, woken: string) =>
    dateTimeSensorWith(new FakeClock(at(woken)), options).resume?.(contextOf(woken, { triedAt: now }), woken, {})

  test('fails without a retry when it has come, or skips with softFail', async () => {
    await expect(wake(late, '2026-03-01T01:00:00Z')).rejects.toThrow(/timed out: .* its timeout is 3600 s/)
    await expect(wake(late, '2026-03-01T01:00:00Z')).rejects.toThrow(FailTask)
    await expect(wake({ ...late, softFail: true }, '2026-03-01T01:00:00Z')).rejects.toThrow(SkipTask)
  })

  test('does not matter once the date has come', async () => {
    await expect(wake({ targetTime, timeout: 7200 }, '2026-03-01T02:00:00Z')).resolves.toBeUndefined()
    await expect(wake(late, '2026-03-01T02:00:01Z')).resolves.toBeUndefined()
    expect(await date({ targetTime, timeout: 0 }, '2026-03-01T03:00:00Z')).toBe('done')
  })

  test('is a week for timeDeltaSensor by default, as in Airflow, and none for the others', async () => {
    expect(await delta({ delta: 8 * 86_400 }, '2026-03-02T00:00:00Z')).toBe('2026-03-09T00:00:00.000Z')
    expect(await date({ targetTime: '2026-05-01T00:00Z' }, now)).toBe('2026-05-01T00:00:00.000Z')
  })
})

test('Airflow’s names and template fields are kept', () => {
  const clock = new FakeClock(0)
  expect(timeSensorWith(clock, { targetTime: '09:00' })).toMatchObject({ name: 'TimeSensor', templateFields: [] })
  expect(timeDeltaSensorWith(clock, { delta: 1 })).toMatchObject({ name: 'TimeDeltaSensor', templateFields: ['delta'] })
  expect(dateTimeSensorWith(clock, { targetTime: '{{ds}}' })).toMatchObject({
    name: 'DateTimeSensor',
    templateFields: ['targetTime'],
  })
})

test('options that cannot be are told while the DAG is read', () => {
  const clock = new FakeClock(0)
  for (const targetTime of ['9:00', '24:00', '09:60', '09', 'noon', '{{params.x}}'])
    expect(() => timeSensorWith(clock, { targetTime })).toThrow('timeSensor: targetTime must be HH:MM')
  expect(() => timeSensorWith(clock, { targetTime: '09:00', timezone: 'Asia/Atlantis' })).toThrow('found Asia/Atlantis')
  expect(() => timeDeltaSensorWith(clock, { delta: Number.NaN })).toThrow('number of seconds')
  expect(() => timeDeltaSensorWith(clock, { delta: 1, timeout: -1 })).toThrow('timeout must be')
  expect(() => dateTimeSensorWith(clock, { targetTime: 'tomorrow' })).toThrow(
    'dateTimeSensor: targetTime must be a date',
  )
  expect(() => dateTimeSensorWith(clock, { targetTime: '2026-02-30' })).toThrow('must be a date')
  expect(() => dateTimeSensorWith(clock, { targetTime: new Date(Number.NaN) })).toThrow('invalid Date')
})
