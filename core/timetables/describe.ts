// Timetables in words: the summary, sentence and class name that Airflow's API gives for each.

import { pythonIso } from '../retry.ts'
import { type CronField, expandPreset, parseCron } from './cron-dialect.ts'
import type { TimetableSpec } from './timetable.ts'

export interface TimetableDescription {
  /** Short, as lists show it: the cron text, `@once`, `1 day, 0:00:00`. */
  summary: string
  /** A sentence, empty where Airflow has none. */
  description: string
  /** The Python class Airflow would use. */
  type: string
}

const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAY_NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const ORDINALS: Readonly<Record<string, string>> = {
  1: 'first',
  2: 'second',
  3: 'third',
  4: 'fourth',
  5: 'fifth',
  L: 'last',
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** `n` when the values are every nth from the field's beginning. */
function stepOf(field: CronField, size: number): number | null {
  const step = field.values[1]
  if (field.values[0] !== 0 || step === undefined) return null
  return field.values.length === Math.ceil(size / step) && field.values.every((value, i) => value === i * step)
    ? step
    : null
}

function nameRange(values: readonly number[], names: readonly string[], offset = 0): string {
  const nameOf = (value: number | undefined): string => names[(value ?? 0) - offset] ?? ''
  const isRun = values.length > 2 && values.every((value, i) => value === (values[0] ?? 0) + i)
  return isRun
    ? `${nameOf(values[0])} through ${nameOf(values.at(-1))}`
    : `only ${offset === 0 ? 'on' : 'in'} ${listed(values.map(nameOf))}`
}

function describeHours(hour: CronField): string {
  const step = stepOf(hour, 24)
  if (hour.isAny) return ''
  return step === null
    ? `, in the hours ${listed(hour.values.map((value) => `${two(value)}:00`))}`
    : `, every ${step} hours`
}

function describeTime(minute: CronField, hour: CronField): string {
  const step = stepOf(minute, 60)
  if (minute.isAny) return `Every minute${describeHours(hour)}`
  if (step !== null) return `Every ${step} minutes${describeHours(hour)}`
  const first = minute.values[0] ?? 0
  if (minute.values.length === 1 && !hour.isAny && stepOf(hour, 24) === null) {
    return `At ${listed(hour.values.map((value) => `${two(value)}:${two(first)}`))}`
  }
  if (hour.isAny && minute.values.length === 1 && first === 0) return 'Every hour'
  return `At ${listed(minute.values.map(String))} minutes past the hour${describeHours(hour)}`
}

function describeDay(day: CronField): string {
  if (day.isAny) return ''
  const last = day.marks.includes('L') ? ['the last day'] : []
  const days = day.values.length > 0 ? [`day ${listed(day.values.map(String))}`] : []
  const nearest = day.marks.flatMap((mark) => {
    if (mark === 'LW') return ['the last weekday']
    return mark.endsWith('W') ? [`the weekday nearest day ${mark.slice(0, -1)}`] : []
  })
  return `, on ${listed([...days, ...nearest, ...last])} of the month`
}

function describeWeekday(weekday: CronField): string {
  if (weekday.isAny) return ''
  if (weekday.marks.length === 0) return `, ${nameRange(weekday.values, DAY_NAMES)}`
  const words = weekday.marks.map((mark) => {
    const [value = '0', nth = '1'] = mark.split('#')
    return `the ${ORDINALS[nth] ?? nth} ${DAY_NAMES[Number(value)]}`
  })
  return `, on ${listed(words)} of the month`
}

/** A cron expression in English; both days restricted are told as the "or" they are. */
export function describeCron(expression: string): string {
  const { second, minute, hour, day, month, weekday } = parseCron(expression)
  const time = describeTime(minute, hour)
  const days = [describeDay(day), describeWeekday(weekday)].filter((text) => text !== '').join(' (or)')
  const months = month.isAny ? '' : `, ${nameRange(month.values, MONTH_NAMES, 1)}`
  const isOnTheMinute = !second.isAny && second.values.length === 1 && second.values[0] === 0
  return `${time}${days}${months}${isOnTheMinute ? '' : ` (at second ${second.isAny ? 'any' : listed(second.values.map(String))})`}`
}

/** As Python prints a `timedelta`. */
function describeDelta(everyMs: number): string {
  const days = Math.floor(everyMs / 86_400_000)
  const rest = everyMs - days * 86_400_000
  const [hours, minutes] = [Math.floor(rest / 3_600_000), Math.floor(rest / 60_000) % 60]
  const seconds = Math.floor(rest / 1_000) % 60
  const micros = rest % 1_000 === 0 ? '' : `.${String(rest % 1_000).padStart(3, '0')}000`
  const clock = `${hours}:${two(minutes)}:${two(seconds)}${micros}`
  return days === 0 ? clock : `${days} day${days === 1 ? '' : 's'}, ${clock}`
}

function describeEvents(at: readonly string[]): string {
  const events = at.map((text) => Date.parse(text)).sort((a, b) => a - b)
  const [first, last] = [events[0], events.at(-1)]
  if (first === undefined || last === undefined) return 'No events'
  return `${events.length} events between ${pythonIso(first)} and ${pythonIso(last)}`
}

/** How Airflow's API and pages call a timetable. */
export function describe(spec: TimetableSpec): TimetableDescription {
  switch (spec.kind) {
    case 'none':
      return {
        summary: 'None',
        description: 'Never, external triggers only',
        type: 'airflow.timetables.simple.NullTimetable',
      }
    case 'once':
      return {
        summary: '@once',
        description: 'Once, as soon as possible',
        type: 'airflow.timetables.simple.OnceTimetable',
      }
    case 'continuous':
      return {
        summary: '@continuous',
        description: 'As frequently as possible, but only one run at a time.',
        type: 'airflow.timetables.simple.ContinuousTimetable',
      }
    case 'cron':
      return {
        summary: expandPreset(spec.expression),
        description: describeCron(spec.expression),
        type: spec.interval
          ? 'airflow.timetables.interval.CronDataIntervalTimetable'
          : 'airflow.timetables.trigger.CronTriggerTimetable',
      }
    case 'crons':
      return {
        summary: spec.expressions.map(expandPreset).join(', '),
        description: spec.expressions.map(describeCron).join(', '),
        type: 'airflow.timetables.trigger.MultipleCronTriggerTimetable',
      }
    case 'events':
      return {
        summary: spec.description ?? `${spec.at.length} events`,
        description: spec.description ?? describeEvents(spec.at),
        type: 'airflow.timetables.events.EventsTimetable',
      }
    case 'delta':
      return {
        summary: describeDelta(spec.everyMs),
        description: '',
        type: spec.interval
          ? 'airflow.timetables.interval.DeltaDataIntervalTimetable'
          : 'airflow.timetables.trigger.DeltaTriggerTimetable',
      }
  }
}
