// Cron as Airflow reads it. Airflow uses croniter, we calculate with croner, and the two disagree on the order of
// fields, on ranges that wrap and on much of the extended syntax. So an expression is read here by croniter's rules
// into plain sets of numbers, which mean the same to both, and what croniter refuses is refused with a sentence.

import { BaramError } from '../errors.ts'

/** The texts Airflow and croniter accept in place of fields. */
const PRESETS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@quarterly': '0 0 1 */3 *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

interface Field {
  name: string
  min: number
  max: number
  /** How many different values there are: Sunday is both 0 and 7. */
  count: number
  names: readonly string[]
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const MINUTE: Field = { name: 'minute', min: 0, max: 59, count: 60, names: [] }
const HOUR: Field = { name: 'hour', min: 0, max: 23, count: 24, names: [] }
const DAY: Field = { name: 'day of month', min: 1, max: 31, count: 31, names: [] }
const MONTH: Field = { name: 'month', min: 1, max: 12, count: 12, names: MONTHS }
const WEEKDAY: Field = { name: 'day of week', min: 0, max: 7, count: 7, names: WEEKDAYS }
const SECOND: Field = { name: 'second', min: 0, max: 59, count: 60, names: [] }

/** Days a month can have, February in a leap year. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** What a field matches: everything, or values in order; `marks` are croner's words for what is no number. */
export interface CronField {
  isAny: boolean
  values: readonly number[]
  /** `L` for the last day of a month, `15W` and `LW` for weekdays near one, `5#2` and `5#L` for the nth and last Friday. */
  marks: readonly string[]
}

/** An expression that was understood. Both days restricted means either is enough. */
export interface CronFields {
  second: CronField
  minute: CronField
  hour: CronField
  day: CronField
  month: CronField
  weekday: CronField
}

class Refusal extends Error {}

function refuse(field: Field, part: string, why: string): never {
  throw new Refusal(`the ${field.name} field has "${part}", ${why}`)
}

function readNumber(field: Field, text: string, part: string): number {
  const named = field.names.indexOf(text)
  const value = named >= 0 ? named + (field === MONTH ? 1 : 0) : /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(value))
    refuse(field, part, `which is not a number${field.names.length > 0 ? ', a name' : ''} or a range`)
  if (value < field.min || value > field.max) refuse(field, part, `outside ${field.min}-${field.max}`)
  return field === WEEKDAY ? value % 7 : value
}

/** The last value a range can end with: 7 is Sunday's second name, not an eighth day. */
function endOf(field: Field): number {
  return field.min + field.count - 1
}

function countUp(from: number, to: number, step: number): number[] {
  const values: number[] = []
  for (let value = from; value <= to; value += step) values.push(value)
  return values
}

/** How many values after the wrap croniter passes over: usually, but not always, what keeps the step even. */
function skippedAfterWrap(field: Field, last: number, step: number): number {
  const left = endOf(field) - last
  return last - field.min + step > field.count && left < step ? step - left : 0
}

/** Counts from low to high, past the end of the field when high is smaller; the same twice means the whole field. */
function countRange(field: Field, low: number, high: number, step: number): number[] {
  if (low < high) return countUp(low, high, step)
  if (low === high) return countUp(field.min, endOf(field), step)
  const before = countUp(low, endOf(field), step)
  const skipped = skippedAfterWrap(field, before.at(-1) ?? low, step)
  return [...before, ...countUp(field.min + skipped, high, step)]
}

/** One entry of a list: `*`, `5`, `1-5`, `*` or `5` or `1-5` with `/step`. */
function readEntry(field: Field, part: string): number[] {
  const [base = '', stepText, ...more] = part.split('/')
  if (more.length > 0 || base === '') refuse(field, part, 'which is not a number or a range')
  if (stepText !== undefined && !/^\d{1,4}$/.test(stepText)) refuse(field, part, 'whose step is not a number')
  const step = Number(stepText ?? '1')
  if (step === 0) refuse(field, part, 'whose step is 0, so it would never move on')
  if (base === '*') return countRange(field, field.min, endOf(field), step)
  const bounds = base.split('-')
  if (bounds.length > 2) refuse(field, part, 'which is not a range')
  const low = readNumber(field, bounds[0] ?? '', part)
  const highText = field === DAY && bounds[1] === 'l' ? '31' : bounds[1]
  if (highText !== undefined) return countRange(field, low, readNumber(field, highText, part), step)
  if (stepText === undefined) return [low]
  return low === endOf(field) ? [low] : countRange(field, low, endOf(field), step)
}

/** `MON#2`, and `MON-WED#2` for each of the three: croniter takes ranges here by name only. */
function readNth(field: Field, part: string): string[] | null {
  const nth = /^(?:(\w+)|([a-z]{3})-([a-z]{3}))#(\d+)$/.exec(part)
  if (nth === null) return null
  const [, day, from = '', to = '', count = ''] = nth
  if (Number(count) < 1 || Number(count) > 5) refuse(field, part, 'where # must be followed by 1 to 5')
  const days =
    day === undefined
      ? countRange(field, readNumber(field, from, part), readNumber(field, to, part), 1)
      : [readNumber(field, day, part)]
  return days.map((value) => `${value}#${Number(count)}`)
}

/** `15W`, the weekday nearest to a day of the month and in that month; a day past its end is its last one. */
function readNearest(field: Field, part: string): string | null {
  const nearest = /^(?:(\d+)w|w(\d+))$/.exec(part)
  if (nearest === null) return null
  const day = Number(nearest[1] ?? nearest[2])
  if (day < 1 || day > 31) refuse(field, part, 'outside 1-31')
  return day === 31 ? 'LW' : `${day}W`
}

/** The entries with a meaning of their own: the last day, the nth, the last and the nearest weekday of a month. */
function readMarks(field: Field, part: string): readonly string[] | null {
  if (field === DAY) {
    const nearest = part === 'l' ? 'L' : readNearest(field, part)
    return nearest === null ? null : [nearest]
  }
  if (field !== WEEKDAY) return null
  const last = /^l(\d)$/.exec(part)
  return last === null ? readNth(field, part) : [`${readNumber(field, last[1] ?? '', part)}#L`]
}

const ANY: CronField = { isAny: true, values: [], marks: [] }

function readField(field: Field, text: string, otherDayIsStarred: boolean): CronField {
  if (text.split(',').includes('*') || (text === '?' && (field === DAY || field === WEEKDAY))) return ANY
  const marks: string[] = []
  const values = new Set<number>()
  const parts = text.split(',')
  for (const part of parts) {
    const read = readMarks(field, part)
    if (read !== null) marks.push(...read)
    else for (const value of readEntry(field, part)) values.add(value)
  }
  if (parts.length > 1 && marks.some((mark) => mark.endsWith('W'))) {
    throw new Refusal('the day of month field has W in a list, and it can only stand alone')
  }
  if (field === WEEKDAY && marks.length > 0 && values.size > 0) {
    throw new Refusal('the day of week field mixes plain days with # or L, which cannot be told apart')
  }
  // A full list counts as `*`, but in a day field only when the other one has a `*`: "1-31 … MON" stays either-or.
  const isAny = values.size === field.count && ((field !== DAY && field !== WEEKDAY) || otherDayIsStarred)
  return { isAny, values: [...values].sort((a, b) => a - b), marks }
}

function checkPossible(fields: CronFields): void {
  const { day, month, weekday } = fields
  if (day.isAny || !weekday.isAny || day.marks.length > 0) return
  const months = month.isAny ? LONGEST.map((_, index) => index + 1) : month.values
  if (months.some((number) => day.values.some((value) => value <= (LONGEST[number - 1] ?? 0)))) return
  throw new Refusal('no month it names has such a day')
}

/** Beside a nearest weekday croniter does not look at plain days of the week. */
function alone(fields: CronFields, day: CronField): CronFields {
  if (fields.weekday.marks.length > 0) throw new Refusal('W in the day of month cannot stand beside # or L')
  const isFebruary = fields.month.isAny || fields.month.values.includes(2)
  if (isFebruary && ['29W', '30W'].some((mark) => day.marks.includes(mark))) {
    throw new Refusal('February does not always have that day; write 31W for the last weekday of every month')
  }
  return { ...fields, weekday: ANY }
}

function readFields(expression: string): CronFields {
  const texts = expression.trim().toLowerCase().split(/\s+/)
  if (texts.length !== 5 && texts.length !== 6) {
    throw new Refusal(
      `it has ${texts.length === 1 && texts[0] === '' ? 0 : texts.length} fields, and must have 5 ` +
        '(minute, hour, day of month, month, day of week) or 6 (the same, then seconds)',
    )
  }
  const [minute = '', hour = '', day = '', month = '', weekday = '', second = '0'] = texts
  const weekdays = readField(WEEKDAY, weekday, day.includes('*'))
  const days = readField(DAY, day, weekday.includes('*'))
  const fields = {
    second: readField(SECOND, second, false),
    minute: readField(MINUTE, minute, false),
    hour: readField(HOUR, hour, false),
    // Beside an nth weekday croniter does not look at the day of month at all.
    day: weekdays.marks.length > 0 ? ANY : days,
    month: readField(MONTH, month, false),
    weekday: weekdays,
  }
  checkPossible(fields)
  return days.marks.some((mark) => mark.endsWith('W')) ? alone(fields, days) : fields
}

/** The fields a preset such as `@daily` stands for; any other text as it is. */
export function expandPreset(expression: string): string {
  return PRESETS[expression.trim().toLowerCase()] ?? expression
}

/**
 * Reads an expression of 5 fields, or 6 with the seconds last, or a preset.
 * @throws BaramError SCHEDULE_INVALID with the field and what is wrong in it, also for days no month has
 */
export function parseCron(expression: string): CronFields {
  try {
    return readFields(expandPreset(expression))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new BaramError('SCHEDULE_INVALID', `the cron expression "${expression}" cannot be used: ${error.message}`, {
      details: { expression },
    })
  }
}

function write(field: CronField): string {
  return field.isAny ? '*' : [...field.values.map(String), ...field.marks].join(',')
}

/** The expression in croner's form: six fields, seconds first, plain lists. */
export function toCroner(fields: CronFields): string {
  const { second, minute, hour, day, month, weekday } = fields
  return [second, minute, hour, day, month, weekday].map(write).join(' ')
}
