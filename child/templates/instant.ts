// An instant as templates see it: its parts by name, and its text as Python writes it.

/** Digits of a second's fraction: none, or Python's six. */
const fraction = (date: Date) =>
  date.getUTCMilliseconds() === 0 ? '' : `.${String(date.getUTCMilliseconds()).padStart(3, '0')}000`

/** `2024-03-18` */
export const ds = (date: Date): string => date.toISOString().slice(0, 10)
/** `20240318` */
export const dsNodash = (date: Date): string => ds(date).replaceAll('-', '')
/** `2024-03-18T09:30:07+00:00`, with a fraction only where there is one. */
export const ts = (date: Date): string => `${date.toISOString().slice(0, 19)}${fraction(date)}+00:00`
/** `20240318T093007` */
export const tsNodash = (date: Date): string => date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')
/** `20240318T093007+0000` */
export const tsNodashWithTz = (date: Date): string => ts(date).replaceAll(/[-:]/g, '')

/** What stands in a template's context for an instant. Its parts are own properties: templates see no others. */
export interface TemplateInstant {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly microsecond: number
  /** Epoch seconds. */
  readonly timestamp: number
  toString(): string
}

const DATES = new WeakMap<object, Date>()

/** @param instant epoch ms */
export function templateInstant(instant: number): TemplateInstant {
  const date = new Date(instant)
  const value: TemplateInstant = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: date.getUTCMilliseconds() * 1000,
    timestamp: instant / 1000,
    toString: () => ts(date).replace('T', ' '),
  }
  Object.defineProperty(value, 'toString', { enumerable: false })
  DATES.set(value, date)
  return Object.freeze(value)
}

/** The date of a value of the context. @throws Error for anything else */
export function dateOf(value: unknown, helper: string): Date {
  const date = typeof value === 'object' && value !== null ? DATES.get(value) : undefined
  if (date === undefined)
    throw new Error(`${helper} takes a date of the context such as logical_date, found ${describe(value)}`)
  return date
}

export const isInstant = (value: unknown): boolean => typeof value === 'object' && value !== null && DATES.has(value)

function describe(value: unknown): string {
  return value === null || value === undefined ? String(value) : JSON.stringify(value).slice(0, 80)
}
