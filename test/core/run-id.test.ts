// Names of runs, as Airflow 3 makes them.

import { expect, test } from 'vitest'
import { makeRunId, RUN_ID_PATTERN, runTypeOf } from '../../core/run-id.ts'
import { RUN_TYPES } from '../../core/states.ts'

const AT = Date.UTC(2024, 2, 18, 9, 30)

test('a run is named by its type and the time from which it may run, with a suffix where no date makes it unique', () => {
  expect(makeRunId('scheduled', AT)).toBe('scheduled__2024-03-18T09:30:00+00:00')
  expect(makeRunId('manual', AT + 5, 'a1B2c3D4')).toBe('manual__2024-03-18T09:30:00.005000+00:00_a1B2c3D4')
})

test('every name made is allowed, and tells its type', () => {
  for (const type of RUN_TYPES) {
    expect(makeRunId(type, AT, 'abcdefgh')).toMatch(RUN_ID_PATTERN)
    expect(runTypeOf(makeRunId(type, AT))).toBe(type)
  }
})

test('any other name is a manual run’s', () => {
  for (const id of ['mine', 'scheduled', 'scheduled_2024', 'Scheduled__x', '', 'x_scheduled__y'])
    expect(runTypeOf(id)).toBe('manual')
})
