// The string schedules of Airflow's TypeScript SDK.

import { BaramError } from '../errors.ts'
import { expandPreset, parseCron } from './cron-dialect.ts'
import type { TimetableSpec } from './timetable.ts'

/** The SDK's presets; croniter knows more (`@midnight`, `@annually`), which the SDK refuses. */
const PRESETS = ['@hourly', '@daily', '@weekly', '@monthly', '@quarterly', '@yearly']

/**
 * A schedule as authors write it: a preset, `@once`, `@continuous`, or 5 to 6 cron fields, in UTC and a point in time.
 * Unset means manual runs only. Presets are recorded as the fields they stand for.
 * @throws BaramError SCHEDULE_INVALID
 */
export function parseSchedule(text: string | null | undefined): TimetableSpec {
  if (text === undefined || text === null) return { kind: 'none' }
  if (text === '@once') return { kind: 'once' }
  if (text === '@continuous') return { kind: 'continuous' }
  if (text.trim() === '') {
    throw new BaramError(
      'SCHEDULE_INVALID',
      'the schedule is an empty text; leave it out for a DAG that is only run by hand',
    )
  }
  if (text.startsWith('@') && !PRESETS.includes(text)) {
    const known = ['@once', '@continuous', ...PRESETS].join(', ')
    throw new BaramError('SCHEDULE_INVALID', `the schedule "${text}" is not known; use one of ${known}, or cron fields`)
  }
  parseCron(text)
  return { kind: 'cron', expression: expandPreset(text), timezone: 'UTC', interval: false }
}
