// Waiting for a day of the week: whose clock, which date.

import { describe, expect, test } from 'vitest'
import { type DayOfWeekSensorOptions, dayOfWeekSensorWith } from '../../../operators/time/day-of-week.ts'
import type { RunInfo } from '../../../sdk/index.ts'
import { TaskDeferred, TaskRescheduled } from '../../../sdk/signals.ts'
import { FakeClock } from '../../support/clock.ts'
import { madeUpContext, runOf } from '../../support/operator-context.ts'

/** A Sunday in UTC, and from 15:00 on a Monday in Seoul. */
const SUNDAY = '2026-03-08T12:00:00Z'
const MONDAY_IN_SEOUL = '2026-03-08T20:00:00Z'

async function isThere(options: DayOfWeekSensorOptions, now: string, run: Partial<RunInfo> = {}): Promise<boolean> {
  const scheduled = runOf(new Date('2026-03-05T18:00:00Z'), new Date('2026-03-06T18:00:00Z'))
  // The try begins now: a sensor's time limit counts from there.
  const op = madeUpContext({ embeddedRoot: '/nowhere', run: { ...scheduled, ...run }, triedAt: new Date() })
  const sensor = dayOfWeekSensorWith(new FakeClock(new Date(now).getTime()), { mode: 'reschedule', ...options })
  try {
    await sensor.execute(op, {})
    return true
  } catch (error) {
    if (error instanceof TaskRescheduled) return false
    throw error
  }
}

describe('dayOfWeekSensor', () => {
  test('looks at the clock in the DAG’s zone', async () => {
    expect(await isThere({ weekDay: 'SUNDAY' }, SUNDAY)).toBe(true)
    expect(await isThere({ weekDay: 'SUNDAY' }, MONDAY_IN_SEOUL)).toBe(false)
    expect(await isThere({ weekDay: 'MONDAY' }, MONDAY_IN_SEOUL)).toBe(true)
    expect(await isThere({ weekDay: 'MONDAY' }, MONDAY_IN_SEOUL, { timezone: 'UTC' })).toBe(false)
  })

  test('takes one of several days, in capitals or not', async () => {
    expect(await isThere({ weekDay: ['Saturday', 'SUNDAY'] }, SUNDAY)).toBe(true)
    expect(await isThere({ weekDay: ['Tuesday', 'Wednesday'] }, SUNDAY)).toBe(false)
  })

  test('with useTaskLogicalDate looks at the run’s date instead, a Friday in Seoul', async () => {
    const options = { useTaskLogicalDate: true }
    expect(await isThere({ ...options, weekDay: 'FRIDAY' }, SUNDAY)).toBe(true)
    expect(await isThere({ ...options, weekDay: 'THURSDAY' }, SUNDAY)).toBe(false)
    expect(await isThere({ ...options, weekDay: 'SUNDAY' }, SUNDAY)).toBe(false)
  })

  test('of a run without a logical date looks at its runAfter', async () => {
    const run = { logicalDate: null, runAfter: new Date('2026-03-10T00:00:00Z') }
    expect(await isThere({ weekDay: 'TUESDAY', useTaskLogicalDate: true }, SUNDAY, run)).toBe(true)
  })

  test('begins a day at midnight of its clock, on days the clock changes too', async () => {
    const timezone = 'Europe/Berlin'
    expect(await isThere({ weekDay: 'SUNDAY' }, '2026-03-28T22:59:59Z', { timezone })).toBe(false)
    expect(await isThere({ weekDay: 'SUNDAY' }, '2026-03-28T23:00:00Z', { timezone })).toBe(true)
    expect(await isThere({ weekDay: 'SUNDAY' }, '2026-03-29T21:59:59Z', { timezone })).toBe(true)
    expect(await isThere({ weekDay: 'SUNDAY' }, '2026-03-29T22:00:00Z', { timezone })).toBe(false)
    expect(await isThere({ weekDay: 'SUNDAY' }, '2026-10-25T22:59:59Z', { timezone })).toBe(true)
    expect(await isThere({ weekDay: 'SUNDAY' }, '2026-10-25T23:00:00Z', { timezone })).toBe(false)
  })

  test('waits in the triggerer with the zone it needs', async () => {
    await expect(isThere({ weekDay: 'MONDAY', deferrable: true }, SUNDAY)).rejects.toThrow(TaskDeferred)
    await expect(isThere({ weekDay: 'MONDAY', deferrable: true }, SUNDAY)).rejects.toMatchObject({
      wait: { args: { args: { timezone: 'Asia/Seoul', at: null } } },
    })
  })

  test('has Airflow’s defaults, and refuses a day that is none', () => {
    const clock = new FakeClock(0)
    const { name, options, templateFields } = dayOfWeekSensorWith(clock, { weekDay: 'MONDAY' })
    expect({ name, templateFields }).toEqual({ name: 'DayOfWeekSensor', templateFields: [] })
    expect(options).toMatchObject({ useTaskLogicalDate: false, mode: 'poke' })
    const make = (weekDay: unknown) => () =>
      dayOfWeekSensorWith(clock, { weekDay } as unknown as DayOfWeekSensorOptions)
    expect(make('Caturday')).toThrow('found "Caturday"')
    expect(make([])).toThrow('weekDay is empty')
    expect(make(1)).toThrow('weekDay must be of MONDAY')
  })
})
