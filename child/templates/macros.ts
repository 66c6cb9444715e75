// Airflow's template macros and filters, under Airflow's names.

import { utcFormat, utcParse } from 'd3-time-format'
import { dateOf, ds, dsNodash, ts, tsNodash, tsNodashWithTz } from './instant.ts'

const DAY_MS = 86_400_000

/** @throws Error naming what was expected */
function parseDay(text: unknown, macro: string): Date {
  const date = typeof text === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : null
  if (date === null || Number.isNaN(date.getTime()) || ds(date) !== text)
    throw new Error(`${macro} takes a date such as 2024-03-18, found ${JSON.stringify(text)}`)
  return date
}

/** `ds_add("2024-03-18", 5)` = `2024-03-23`. */
export function dsAdd(day: unknown, days: unknown): string {
  if (typeof days !== 'number' || !Number.isInteger(days))
    throw new Error(`ds_add takes a whole number of days, found ${JSON.stringify(days)}`)
  return ds(new Date(parseDay(day, 'ds_add').getTime() + days * DAY_MS))
}

function parseAs(text: unknown, format: unknown, macro: string): Date {
  if (typeof text !== 'string' || typeof format !== 'string')
    throw new Error(`${macro} takes texts, found ${JSON.stringify(text)} and ${JSON.stringify(format)}`)
  const date = utcParse(format)(text)
  if (date === null) throw new Error(`${macro}: ${JSON.stringify(text)} does not have the form ${format}`)
  return date
}

/** `ds_format("2024-03-18", "%Y-%m-%d", "%d.%m.%Y")` = `18.03.2024`; the directives are strftime's. */
export function dsFormat(text: unknown, from: unknown, to: unknown): string {
  return utcFormat(String(to))(parseAs(text, from, 'ds_format'))
}

/** Fields of a CLDR date pattern as `Intl` names them. */
const FIELDS: readonly (readonly [pattern: RegExp, write: (date: Date, locale: string) => string])[] = [
  [/^y{4}|^y(?!y)/, (date) => String(date.getUTCFullYear())],
  [/^yy/, (date) => String(date.getUTCFullYear() % 100).padStart(2, '0')],
  [/^MMMM/, (date, locale) => part(date, locale, 'month', { month: 'long', day: 'numeric' })],
  [/^MMM/, (date, locale) => part(date, locale, 'month', { month: 'short', day: 'numeric' })],
  [/^MM/, (date) => String(date.getUTCMonth() + 1).padStart(2, '0')],
  [/^M/, (date) => String(date.getUTCMonth() + 1)],
  [/^dd/, (date) => String(date.getUTCDate()).padStart(2, '0')],
  [/^d/, (date) => String(date.getUTCDate())],
  [/^EEEE/, (date, locale) => part(date, locale, 'weekday', { weekday: 'long' })],
  [/^E{1,3}/, (date, locale) => part(date, locale, 'weekday', { weekday: 'short' })],
]

function part(date: Date, locale: string, type: string, options: Intl.DateTimeFormatOptions): string {
  const parts = new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }).formatToParts(date)
  const found = parts.find((part) => part.type === type)?.value ?? ''
  // Korean writes the unit of a month as a literal after its number.
  const literal = type === 'month' ? parts[parts.findIndex((part) => part.type === type) + 1]?.value : undefined
  return literal?.startsWith('월') === true ? `${found}월` : found
}

/** As `ds_format`, with names of days and months in a language; the output pattern is CLDR's (`EEEE dd MMMM yyyy`). */
export function dsFormatLocale(text: unknown, from: unknown, pattern: unknown, locale: unknown): string {
  const date = parseAs(text, from, 'ds_format_locale')
  const language = String(locale ?? 'en_US').replace('_', '-')
  let rest = String(pattern)
  let written = ''
  while (rest !== '') {
    const field = FIELDS.find(([form]) => form.test(rest))
    const found = field?.[0].exec(rest)?.[0] ?? rest.charAt(0)
    written += field === undefined ? found : field[1](date, language)
    rest = rest.slice(found.length)
  }
  return written
}

function monthsBetween(early: Date, late: Date): { months: number; days: number } {
  let months = (late.getUTCFullYear() - early.getUTCFullYear()) * 12 + late.getUTCMonth() - early.getUTCMonth()
  const atMonth = (count: number) => {
    const last = new Date(Date.UTC(early.getUTCFullYear(), early.getUTCMonth() + count + 1, 0)).getUTCDate()
    return Date.UTC(early.getUTCFullYear(), early.getUTCMonth() + count, Math.min(early.getUTCDate(), last))
  }
  if (atMonth(months) > late.getTime()) months--
  return { months, days: Math.round((late.getTime() - atMonth(months)) / DAY_MS) }
}

/** Whole units between two days, as pendulum rounds them for people. */
function inWords(early: Date, late: Date): string {
  const { months: all, days: left } = monthsBetween(early, late)
  const [years, months, weeks, days] = [Math.floor(all / 12), all % 12, Math.floor(left / 7), left % 7]
  const units: readonly (readonly [count: number, unit: string])[] = [
    [years === 0 ? 0 : years + (months > 6 ? 1 : 0), 'year'],
    [months === 0 ? 0 : months + (left >= 27 ? 1 : 0), 'month'],
    [weeks === 0 ? 0 : weeks + (days > 3 ? 1 : 0), 'week'],
    [days, 'day'],
  ]
  const [count, unit] = units.find(([number]) => number > 0) ?? [0, '']
  return count === 0 ? 'a few seconds' : `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** `6 days after`, `1 month before`: compares days, not hours (Airflow's macro does so). */
export function datetimeDiffForHumans(value: unknown, since: unknown): string {
  const name = 'datetime_diff_for_humans'
  const day = (date: Date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()))
  const [at, from] = [day(dateOf(value, name)), day(dateOf(since, name))]
  return at > from ? `${inWords(from, at)} after` : `${inWords(at, from)} before`
}

/** `{{macros.ds_add ds 5}}`, and without the prefix `{{ds_add ds 5}}`. */
export const MACROS = {
  ds_add: dsAdd,
  ds_format: dsFormat,
  ds_format_locale: dsFormatLocale,
  datetime_diff_for_humans: datetimeDiffForHumans,
} as const

/** Airflow's filters: `{{ds_nodash data_interval_start}}` for `{{ data_interval_start | ds_nodash }}`. */
export const FILTERS = {
  ds: (value: unknown) => ds(dateOf(value, 'ds')),
  ds_nodash: (value: unknown) => dsNodash(dateOf(value, 'ds_nodash')),
  ts: (value: unknown) => ts(dateOf(value, 'ts')),
  ts_nodash: (value: unknown) => tsNodash(dateOf(value, 'ts_nodash')),
  ts_nodash_with_tz: (value: unknown) => tsNodashWithTz(dateOf(value, 'ts_nodash_with_tz')),
} as const
