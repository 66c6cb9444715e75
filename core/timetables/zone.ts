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

/** The wall-clock time that a clock in the zone shows at an instant. */
export function toLocal(instant: Instant, timezone: string): number {
  if (timezone === 'UTC') return instant
  return instant + zoned(instant, timezone).offsetNanoseconds / 1_000_000
}

/**
 * The instant at which a clock in the zone shows a wall-clock time. Where it shows it twice, the later one; where it
 * never does (clocks go forward), as much after the gap as the time lies inside it: 02:30 becomes 03:30.
 */
export function toUtc(local: number, timezone: string): Instant {
  if (timezone === 'UTC') return local
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
