// Numbers, times and zones as people type them. Commander calls these before a command runs, so a slip costs no database and
// ends in one sentence with the name of the argument.

import { BaramError } from '../core/errors.ts'
import { parseExactJson } from '../core/exact-json.ts'
import type { JsonObject } from '../core/json.ts'
import { isStorableInstant, MAX_INT4 } from '../core/storable.ts'
import { validateZone } from '../core/timetables/zone.ts'

export interface NumberRange {
  /** Default 0. */
  readonly least?: number
  /** Default: the greatest `int` of Postgres, which holds every number of ours. */
  readonly most?: number
  /** Said after the range: what a special value means. */
  readonly note?: string
}

/**
 * Reads a whole number. Digits only: `1e3`, `0x10` and an empty text are slips, whatever `Number` makes of them.
 * @throws BaramError INPUT_INVALID
 */
export function wholeNumber(what: string, { least = 0, most = MAX_INT4, note }: NumberRange = {}) {
  return (text: string): number => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new BaramError(
      'INPUT_INVALID',
      `${what} must be a whole number from ${least} to ${most}${note === undefined ? '' : ` (${note})`}, found ${JSON.stringify(text)}`,
    )
  }
}

/** TCP port; 0 lets the system choose. */
export const port = (what: string) => wholeNumber(what, { most: 65_535 })

/** Index of an instance of a mapped task. */
export const mapIndex = wholeNumber('--map-index')

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** Epoch ms, or NaN. `Date.parse` alone takes February 30 for March 2. */
function parseIso(text: string): number {
  const [, year, month, day, zone] = ISO.exec(text) ?? []
  const midnight = Date.parse(`${year}-${month}-${day}`)
  if (Number.isNaN(midnight) || new Date(midnight).getUTCDate() !== Number(day)) return Number.NaN
  // Without a zone a time is UTC, as in Airflow's default timezone.
  return Date.parse(text.length === 10 || zone !== undefined ? text : `${text.replace(' ', 'T')}Z`)
}

/** @throws BaramError INPUT_INVALID */
export function readInstant(text: string, what: string): number {
  const instant = parseIso(text)
  if (isStorableInstant(instant)) return instant
  throw new BaramError(
    'INPUT_INVALID',
    `${what} must be an ISO time of the years 1 to 9999 such as 2026-03-18T09:00:00+09:00, found ${JSON.stringify(text)}`,
  )
}

/** As a parser of commander's. */
export const time = (what: string) => (text: string) => readInstant(text, what)

/** A name of the zone database. */
export const zone = (what: string) => (text: string) => {
  try {
    validateZone(text)
  } catch (cause) {
    throw new BaramError(
      'INPUT_INVALID',
      `${what} must be a name of the zone database such as Asia/Seoul or UTC, found ${JSON.stringify(text)}`,
      { cause },
    )
  }
  return text
}

const UNIT_MS = { h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** A span of time such as `12h`, `90d` or `8w`, in ms. */
export const age = (what: string) => (text: string) => {
  const [, digits, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? []
  // The pattern has these units alone.
  if (digits !== undefined) return Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]
  throw new BaramError(
    'INPUT_INVALID',
    `${what} must be a whole number of hours, days or weeks such as 12h, 90d or 8w, found ${JSON.stringify(text)}`,
  )
}

/** Names with commas between them, as Airflow takes lists. */
export const names = (what: string) => (text: string) => {
  const found = text.split(',').map((name) => name.trim())
  if (!found.includes('')) return found
  throw new BaramError('INPUT_INVALID', `${what} must be names with commas between them, found ${JSON.stringify(text)}`)
}

/** @throws BaramError INPUT_INVALID naming what was expected */
export function readJsonObject(text: string | undefined, what: string): JsonObject {
  if (text === undefined || text.trim() === '') return {}
  let value: unknown
  try {
    value = parseExactJson(text)
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', `${what} must be a JSON object such as {"key": "value"}: ${String(cause)}`, {
      cause,
    })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BaramError('INPUT_INVALID', `${what} must be a JSON object, found ${JSON.stringify(value)?.slice(0, 60)}`)
  // What was parsed is plain JSON.
  return value as JsonObject
}
