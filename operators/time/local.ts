// Times of a day and dates as people write them, in a zone, as instants.
//
// Where a clock goes back, a time that it shows twice is the first one; where it goes forward, a time that it never
// shows is as much after the gap as it lies inside it. Airflow takes that one as much before the gap, so that a wait
// for 02:30 ends when the clock shows 01:30.

import { Temporal } from 'temporal-polyfill'

/** @throws Error for a zone that is not in the zone database */
export function checkZone(sensor: string, zone: string): void {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone)
  } catch (cause) {
    throw new Error(`${sensor}: timezone must be a name of the zone database, such as Asia/Seoul, found ${zone}`, {
      cause,
    })
  }
}

const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/

export const isTimeOfDay = (text: string): boolean => TIME.test(text)

const zoned = (at: number, zone: string) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)

/** When the clock shows a time on the day that an instant belongs to, both in the zone; epoch ms. */
export function timeOnDayOf(at: number, time: string, zone: string): number {
  const plainTime = Temporal.PlainTime.from(time)
  return zoned(at, zone).toPlainDate().toZonedDateTime({ timeZone: zone, plainTime }).epochMilliseconds
}

/** 1 is Monday, 7 Sunday. */
export const weekDayOf = (at: number, zone: string): number => zoned(at, zone).dayOfWeek

/** Behind a time, so that the day of a date is not taken for one. */
const OFFSET = /[T\s].*(?:Z|[+-]\d\d(?::?\d\d)?)$/i

function parsed(given: string, zone: string): number {
  if (given.includes('[')) return Temporal.ZonedDateTime.from(given).epochMilliseconds
  if (OFFSET.test(given)) return Temporal.Instant.from(given).epochMilliseconds
  return Temporal.PlainDateTime.from(given).toZonedDateTime(zone).epochMilliseconds
}

/**
 * A date, with or without a time, an offset or a zone in brackets; without those in the given zone. Epoch ms; null for
 * what is none.
 */
export function instantOf(text: string, zone: string): number | null {
  try {
    return parsed(text.trim(), zone)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
