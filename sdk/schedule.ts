// Schedules beyond a plain string: zoned cron with or without data intervals, and fixed spans.

import type { TimetableSpec } from '../core/timetables/timetable.ts'
import { validateTimetable } from '../core/timetables/timetable.ts'
import { isTimeZone } from '../core/timetables/zone.ts'

const BRAND = Symbol.for('baram.schedule')

/** A schedule made by `cron` or `every`. */
export interface Schedule {
  readonly [BRAND]: true
  readonly timetable: TimetableSpec
}

const brand = (timetable: TimetableSpec): Schedule => {
  validateTimetable(timetable)
  return Object.freeze({ [BRAND]: true as const, timetable })
}

export function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}

export interface CronOptions {
  /** IANA name; default `UTC`. The expression is read on this zone's wall clock. */
  readonly timezone?: string
  /** Each run covers the span between two fire times (a data interval); default false: a point in time, as in Airflow 3. */
  readonly interval?: boolean
}

/** A cron text in a time zone. @throws BaramError SCHEDULE_INVALID */
export function cron(expression: string, options: CronOptions = {}): Schedule {
  const timezone = options.timezone ?? 'UTC'
  if (!isTimeZone(timezone))
    throw new Error(`cron: ${JSON.stringify(timezone)} is not a time zone; use an IANA name such as Asia/Seoul`)
  return brand({ kind: 'cron', expression, timezone, interval: options.interval ?? false })
}

export interface EveryOptions {
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
  /** As for `cron`; default false. */
  readonly interval?: boolean
}

/** A fixed span, counted from the DAG's `startDate`: an absolute duration, whatever clocks do. */
export function every(options: EveryOptions): Schedule {
  const { days = 0, hours = 0, minutes = 0, seconds = 0 } = options
  return brand({
    kind: 'delta',
    everyMs: (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000,
    interval: options.interval ?? false,
  })
}
