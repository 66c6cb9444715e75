// Schedules beyond a plain string: zoned cron with or without data intervals, fixed spans, dates and timetables of one's own.

import { BaramError } from '../core/errors.ts'
import type { TimetableSpec } from '../core/timetables/timetable.ts'
import { validateTimetable } from '../core/timetables/timetable.ts'
import { isTimeZone } from '../core/timetables/zone.ts'

const BRAND = Symbol.for('baram.schedule')

/** A schedule made by `cron`, `every`, `events` or `timetable`. */
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

/**
 * A cron text in a time zone, or several: then the DAG runs whenever one of them fires, at a point in time.
 * @throws BaramError SCHEDULE_INVALID; Error for an unknown zone, or `interval` with several texts
 */
export function cron(expression: string | readonly string[], options: CronOptions = {}): Schedule {
  const timezone = options.timezone ?? 'UTC'
  if (!isTimeZone(timezone))
    throw new Error(`cron: ${JSON.stringify(timezone)} is not a time zone; use an IANA name such as Asia/Seoul`)
  if (typeof expression === 'string')
    return brand({ kind: 'cron', expression, timezone, interval: options.interval ?? false })
  if (options.interval === true)
    throw new Error('cron: several expressions have no data interval between them; leave out interval, or use one')
  return brand({ kind: 'crons', expressions: [...expression], timezone })
}

/**
 * Fixed dates: a run at each of them, a point in time. Given in any order; doubled ones count once.
 * @param options.description how pages call the schedule; default: that it has so many dates
 * @throws Error for no dates, or an invalid one
 */
export function events(dates: readonly Date[], options: { readonly description?: string } = {}): Schedule {
  if (dates.length === 0) throw new Error('events: expected at least one date')
  const instants = dates.map((date, i) => {
    if (!(date instanceof Date) || Number.isNaN(date.getTime()))
      throw new Error(`events: expected valid Dates, found ${String(date)} at position ${i}`)
    return date.getTime()
  })
  const at = [...new Set(instants)].sort((a, b) => a - b).map((instant) => new Date(instant).toISOString())
  return brand({ kind: 'events', at, description: options.description ?? null })
}

export interface TimetableOptions {
  /** How pages call the schedule. */
  readonly name: string
  /** The dates are counted from here; it is one of them only if `next` says so for the moment before. */
  readonly from: Date
  /** The first date strictly after an instant; null = there is none any more. Pure: the file is read on every host. */
  next(after: Date): Date | null
  /** How many dates are worked out when the file is read; default 1,000, at most 10,000. */
  readonly count?: number
}

const MOST_DATES = 10_000

/**
 * A timetable of one's own: its dates are worked out when the file is read, and the DAG then runs at each of them.
 * @throws Error when `next` does not move forward or gives no date at all
 */
export function timetable(options: TimetableOptions): Schedule {
  const { name, from, count = 1000 } = options
  const refuse = (what: string): never => {
    throw new Error(`timetable ${JSON.stringify(name)}: ${what}`)
  }
  if (typeof name !== 'string' || name.trim() === '') throw new Error('timetable: expected a name')
  if (!(from instanceof Date) || Number.isNaN(from.getTime())) refuse('from must be a valid Date')
  if (!Number.isInteger(count) || count < 1 || count > MOST_DATES)
    refuse(`count must be a whole number from 1 to ${MOST_DATES}, found ${count}`)
  const dates: Date[] = []
  // The moment before, so that `from` itself can be the first date.
  let after = new Date(from.getTime() - 1)
  while (dates.length < count) {
    const next = options.next(new Date(after))
    if (next === null) break
    if (!(next instanceof Date) || Number.isNaN(next.getTime()))
      refuse(`next must return a valid Date or null, found ${String(next)}`)
    if (next <= after) refuse(`next must move forward: after ${after.toISOString()} it gave ${next.toISOString()}`)
    dates.push(next)
    after = next
  }
  return dates.length === 0 ? refuse('it has no date') : events(dates, { description: name })
}

export interface EveryOptions {
  /** Of 24 hours each; default 0. The four are added up and must be more than 0. */
  readonly days?: number
  /** Default 0. */
  readonly hours?: number
  /** Default 0. */
  readonly minutes?: number
  /** Default 0. */
  readonly seconds?: number
  /** As for `cron`; default false. */
  readonly interval?: boolean
}

/** A fixed span, counted from the DAG's `startDate`: an absolute duration, whatever clocks do. */
export function every(options: EveryOptions): Schedule {
  const { days = 0, hours = 0, minutes = 0, seconds = 0 } = options
  const everyMs = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
  if (!(everyMs > 0))
    throw new BaramError(
      'SCHEDULE_INVALID',
      `every: expected a span such as { hours: 6 }, found ${JSON.stringify(options)}`,
    )
  return brand({ kind: 'delta', everyMs, interval: options.interval ?? false })
}
