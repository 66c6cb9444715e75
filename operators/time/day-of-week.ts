// Waits for a day of the week: Airflow's DayOfWeekSensor.

import type { Operator } from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type SensorOptions, templatedSensor } from '../sensor.ts'
import { weekDayOf } from './local.ts'

const DAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const

/** In capitals, or as in `Monday`. */
export type WeekDay = (typeof DAYS)[number] | Capitalize<Lowercase<(typeof DAYS)[number]>>

export interface DayOfWeekSensorOptions extends SensorOptions {
  /** One day, or several. */
  readonly weekDay: WeekDay | readonly WeekDay[]
  /**
   * Look at the run's logical date (its `runAfter` without one) instead of the clock; the answer then never changes, so
   * a day that is not meant waits until the timeout. Default false.
   */
  readonly useTaskLogicalDate?: boolean
}

type Look = {
  readonly timezone: string
  /** Epoch ms; null: the clock's. */
  readonly at: number | null
}

/** 1 is Monday. @throws Error while the DAG is read */
function numbersOf(weekDay: DayOfWeekSensorOptions['weekDay']): readonly number[] {
  const given: readonly unknown[] = [weekDay].flat()
  const names: readonly string[] = DAYS
  if (given.length === 0) throw new Error('dayOfWeekSensor: weekDay is empty')
  return given.map((name) => {
    const at = names.indexOf(String(name).toUpperCase())
    if (at >= 0) return at + 1
    throw new Error(`dayOfWeekSensor: weekDay must be of ${DAYS.join(', ')}, found ${JSON.stringify(name)}`)
  })
}

/** As `dayOfWeekSensor`, with a clock of the caller's. */
export function dayOfWeekSensorWith<TArgs extends object>(
  clock: Pick<Clock, 'now'>,
  options: DayOfWeekSensorOptions,
): Operator<TArgs, undefined> {
  const { weekDay, useTaskLogicalDate = false } = options
  const days = numbersOf(weekDay)
  return templatedSensor<TArgs, DayOfWeekSensorOptions, Look, undefined>({
    name: 'DayOfWeekSensor',
    options: { ...options, useTaskLogicalDate },
    templateFields: [],
    prepare({ run, log }) {
      log.info({ weekDay, timezone: run.timezone }, 'waiting for a day of the week')
      return {
        timezone: run.timezone,
        at: useTaskLogicalDate ? (run.logicalDate ?? run.runAfter).getTime() : null,
      }
    },
    poke: ({ at, timezone }) => days.includes(weekDayOf(at ?? clock.now(), timezone)),
  })
}

/**
 * Waits until it is one of some days of the week in the DAG's zone.
 * @throws Error while the DAG is read, for a day that is none
 */
export function dayOfWeekSensor<TArgs extends object = Record<never, never>>(
  options: DayOfWeekSensorOptions,
): Operator<TArgs, undefined> {
  return dayOfWeekSensorWith(systemClock, options)
}
