// Airflow's TimeSensor, TimeDeltaSensor and DateTimeSensor: each a way to say a date.

import { FailTask, type Operator } from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { checkZone, instantOf, isTimeOfDay, timeOnDayOf } from './local.ts'
import { type DateWaitOptions, dateSensor } from './wait-until.ts'

type Now = Pick<Clock, 'now'>

export interface TimeSensorOptions extends DateWaitOptions {
  /** `HH:MM` or `HH:MM:SS`. */
  readonly targetTime: string
  /** The zone whose clock is meant. Default: the DAG's. */
  readonly timezone?: string
}

/** As `timeSensor`, with a clock of the caller's. */
export function timeSensorWith<TArgs extends object>(
  clock: Now,
  options: TimeSensorOptions,
): Operator<TArgs, undefined> {
  const { targetTime, timezone } = options
  if (typeof targetTime !== 'string' || !isTimeOfDay(targetTime))
    throw new Error(`timeSensor: targetTime must be HH:MM or HH:MM:SS, found ${JSON.stringify(targetTime)}`)
  if (timezone !== undefined) checkZone('timeSensor', timezone)
  return dateSensor<TArgs, TimeSensorOptions>(clock, {
    name: 'TimeSensor',
    options,
    templateFields: [],
    // The day the try began: one that waits over midnight still means that day's.
    target: (op) => timeOnDayOf(op.triedAt.getTime(), targetTime, timezone ?? op.run.timezone),
  })
}

/**
 * Waits for a time of the day on which the try begins, whatever day its run is for; past that time it is over at once.
 * On the day a clock goes back a time shown twice is the first; one that is skipped is as much after the gap.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function timeSensor<TArgs extends object = Record<never, never>>(
  options: TimeSensorOptions,
): Operator<TArgs, undefined> {
  return timeSensorWith(systemClock, options)
}

export interface TimeDeltaSensorOptions extends Omit<DateWaitOptions, 'timeout'> {
  /** Seconds (template); below 0: before the interval's end. */
  readonly delta: number | string
  /** Seconds from the beginning of a try; then the task fails without a retry. Default 604,800, a week. */
  readonly timeout?: number
}

function secondsOf(delta: unknown): number {
  const seconds = typeof delta === 'string' && delta.trim() === '' ? Number.NaN : Number(delta)
  if (typeof delta !== 'object' && Number.isFinite(seconds)) return seconds
  throw new FailTask(`delta must be a number of seconds, found ${JSON.stringify(delta)}`)
}

/** As `timeDeltaSensor`, with a clock of the caller's. */
export function timeDeltaSensorWith<TArgs extends object>(
  clock: Now,
  options: TimeDeltaSensorOptions,
): Operator<TArgs, undefined> {
  const { delta, timeout = 604_800 } = options
  if (typeof delta !== 'string' && !Number.isFinite(delta))
    throw new Error(`timeDeltaSensor: delta must be a number of seconds or a template, found ${String(delta)}`)
  return dateSensor<TArgs, TimeDeltaSensorOptions>(clock, {
    name: 'TimeDeltaSensor',
    options: { ...options, timeout },
    templateFields: ['delta'],
    target: (op, rendered) =>
      (op.run.dataInterval?.end ?? op.run.runAfter).getTime() + secondsOf(rendered.delta) * 1_000,
  })
}

/**
 * Waits until some seconds after the end of the run's data interval; of a run without one, after its `runAfter`.
 * `TArgs`: the task's inputs, for templates.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function timeDeltaSensor<TArgs extends object = Record<never, never>>(
  options: TimeDeltaSensorOptions,
): Operator<TArgs, undefined> {
  return timeDeltaSensorWith(systemClock, options)
}

export interface DateTimeSensorOptions extends DateWaitOptions {
  /**
   * A Date, or ISO 8601 (template): `2026-03-29T02:30+09:00`, `2026-03-29 02:30`, `2026-03-29`. Without an offset it is
   * meant in the DAG's zone.
   */
  readonly targetTime: string | Date
}

function targetOf(text: unknown, zone: string): number {
  const at = instantOf(String(text), zone)
  if (at !== null) return at
  throw new FailTask(`targetTime must be a date such as 2026-03-29T02:30+09:00, found ${JSON.stringify(text)}`)
}

/** A template is known when it is rendered; all else is checked while the DAG is read. */
function checkTarget(targetTime: string | Date): string {
  if (targetTime instanceof Date && Number.isNaN(targetTime.getTime()))
    throw new Error('dateTimeSensor: targetTime is an invalid Date')
  const text = targetTime instanceof Date ? targetTime.toISOString() : targetTime
  if (typeof text !== 'string') throw new Error('dateTimeSensor: targetTime must be a text or a Date')
  if (!text.includes('{{') && instantOf(text, 'UTC') === null)
    throw new Error(`dateTimeSensor: targetTime must be a date such as 2026-03-29T02:30+09:00, found ${text}`)
  return text
}

/** As `dateTimeSensor`, with a clock of the caller's. */
export function dateTimeSensorWith<TArgs extends object>(
  clock: Now,
  options: DateTimeSensorOptions,
): Operator<TArgs, undefined> {
  return dateSensor<TArgs, DateTimeSensorOptions>(clock, {
    name: 'DateTimeSensor',
    options: { ...options, targetTime: checkTarget(options.targetTime) },
    templateFields: ['targetTime'],
    target: (op, rendered) => targetOf(rendered.targetTime, op.run.timezone),
  })
}

/**
 * Waits until a date. `TArgs`: the task's inputs, for templates.
 * @throws Error while the DAG is read, for a text that is no date
 */
export function dateTimeSensor<TArgs extends object = Record<never, never>>(
  options: DateTimeSensorOptions,
): Operator<TArgs, undefined> {
  return dateTimeSensorWith(systemClock, options)
}
