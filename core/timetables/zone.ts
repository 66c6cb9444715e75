// Time zones: instants to wall-clock times and back, by the rules of the zone database.
//
// A wall-clock time is carried as the epoch milliseconds it would have in UTC ("naive"), the form cron works on.

import { Temporal } from 'temporal-polyfill'
import { BaramError } from '../errors.ts'

/** Epoch milliseconds, UTC. */
export type Instant = number

function zoned(instant: Instant, timezone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone)
}

/** @throws BaramError SCHEDULE_INVALID when the zone is not in the zone database. */
export function validateZone(timezone: string): void {
  try {
    zoned(0, timezone)
  } catch (cause) {
    throw new BaramError(
      'SCHEDULE_INVALID',
      `the time zone "${timezone}" is not known; give a name of the zone database, such as "Europe/Berlin" or "UTC"`,
      { details: { timezone }, cause },
    )
  }
}

const DAY = 86_400_000
/** Asking the zone database takes 20 µs, and a long catchup asks thousands of times about the same days. */
const MAX_KEPT_DAYS = 5_000
const kept = new Map<string, Map<number, number>>()

function offsetAt(instant: Instant, timezone: string): number {
  return zoned(instant, timezone).offsetNanoseconds / 1_000_000
}

/** The offset at the beginning of a day of UTC, counted from the epoch. */
function offsetAtDay(day: number, timezone: string): number {
  let ofZone = kept.get(timezone)
  if (ofZone === undefined || ofZone.size >= MAX_KEPT_DAYS) {
    ofZone = new Map()
    kept.set(timezone, ofZone)
  }
  const known = ofZone.get(day)
  if (known !== undefined) return known
  const offset = offsetAt(day * DAY, timezone)
  ofZone.set(day, offset)
  return offset
}

/** The offset that holds through days of UTC, from the beginning of one to that of another; null when it changes. */
function offsetThrough(from: number, to: number, timezone: string): number | null {
  const offset = offsetAtDay(from, timezone)
  for (let day = from + 1; day <= to; day++) if (offsetAtDay(day, timezone) !== offset) return null
  return offset
}

/** The wall-clock time that a clock in the zone shows at an instant. */
export function toLocal(instant: Instant, timezone: string): number {
  if (timezone === 'UTC') return instant
  const day = Math.floor(instant / DAY)
  return instant + (offsetThrough(day, day + 1, timezone) ?? offsetAt(instant, timezone))
}

/**
 * The instant at which a clock in the zone shows a wall-clock time. Where it shows it twice, the later one; where it
 * never does (clocks go forward), as much after the gap as the time lies inside it: 02:30 becomes 03:30.
 */
export function toUtc(local: number, timezone: string): Instant {
  if (timezone === 'UTC') return local
  const day = Math.floor(local / DAY)
  // A zone is less than a day off UTC, so where the offset holds for a day on either side there is nothing to choose.
  const offset = offsetThrough(day - 1, day + 2, timezone)
  if (offset !== null) return local - offset
  return Temporal.Instant.fromEpochMilliseconds(local)
    .toZonedDateTimeISO('UTC')
    .toPlainDateTime()
    .toZonedDateTime(timezone, { disambiguation: 'later' }).epochMilliseconds
}

/** An instant in the words of its zone, as templates and pages show it. */
export interface LocalTexts {
  /** `2026-03-29` */
  ds: string
  /** `20260329` */
  dsNodash: string
  /** `2026-03-29T03:30:00+02:00` */
  ts: string
  /** `20260329T033000` */
  tsNodash: string
}

/** The date and time texts of an instant in a zone. */
export function localTexts(instant: Instant, timezone: string): LocalTexts {
  const time = zoned(instant, timezone)
  const ds = time.toPlainDate().toString()
  const clock = time.toPlainTime().toString({ smallestUnit: 'second' })
  const fraction = time.millisecond === 0 ? '' : `.${String(time.millisecond).padStart(3, '0')}`
  return {
    ds,
    dsNodash: ds.replaceAll('-', ''),
    ts: `${ds}T${clock}${fraction}${time.offset}`,
    tsNodash: `${ds.replaceAll('-', '')}T${clock.replaceAll(':', '')}`,
  }
}

/** True when the text names a zone this machine knows. */
export function isTimeZone(timezone: string): boolean {
  try {
    validateZone(timezone)
    return true
  } catch {
    return false
  }
}
