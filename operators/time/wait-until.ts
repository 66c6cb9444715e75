// Sensors that know when they end: they hold no slot, since the scheduler's own timers wake them.

import { defineOperator, FailTask, type Operator, type OperatorContext, SkipTask } from '../../sdk/index.ts'
import type { Clock } from '../clock.ts'

/** How a sensor of a date waits: always without a slot, so there is no mode and no interval. */
export interface DateWaitOptions {
  /** Seconds from the beginning of a try; then the task fails without a retry. */
  readonly timeout?: number
  /** A time-out skips the task instead of failing it. Default false. */
  readonly softFail?: boolean
}

interface DateSensor<TOptions extends DateWaitOptions> {
  /** Airflow's class name. */
  readonly name: string
  readonly options: TOptions
  readonly templateFields: readonly (keyof TOptions & string)[]
  /** Epoch ms; the same however often a try asks. */
  target(op: OperatorContext, options: TOptions): number
}

/** @throws Error for a mistyped option */
function checkTimeout(name: string, { timeout }: DateWaitOptions): void {
  if (timeout !== undefined && !(Number.isFinite(timeout) && timeout >= 0))
    throw new Error(`${name}: timeout must be a number of seconds, at least 0, found ${String(timeout)}`)
}

/** The date, or the time limit where that comes first. */
function endOf(op: OperatorContext, at: number, { timeout }: DateWaitOptions): { until: number; isLate: boolean } {
  const limit = timeout === undefined ? Number.POSITIVE_INFINITY : op.firstTriedAt.getTime() + timeout * 1_000
  return limit < at ? { until: limit, isLate: true } : { until: at, isLate: false }
}

function giveUp(at: number, { timeout, softFail = false }: DateWaitOptions): never {
  const message = `the sensor has timed out: it waits until ${new Date(at).toISOString()}, its timeout is ${timeout} s`
  throw softFail ? new SkipTask(message) : new FailTask(message)
}

/** @throws Error while the DAG is read */
export function dateSensor<TArgs extends object, TOptions extends DateWaitOptions>(
  clock: Pick<Clock, 'now'>,
  sensor: DateSensor<TOptions>,
): Operator<TArgs, undefined> {
  checkTimeout(sensor.name, sensor.options)
  return defineOperator<TArgs, undefined, TOptions>({
    name: sensor.name,
    options: sensor.options,
    templateFields: sensor.templateFields,
    execute(op, _args, rendered) {
      const at = sensor.target(op, rendered)
      const now = clock.now()
      if (now >= at) return undefined
      const { until, isLate } = endOf(op, at, rendered)
      if (isLate && now >= until) return giveUp(at, rendered)
      op.log.info({ until: new Date(at).toISOString() }, 'waiting for a date')
      return op.defer(new Date(until))
    },
    resume(op, _event, _args, rendered) {
      const at = sensor.target(op, rendered)
      // Woken so late that the date has come as well, it has not waited in vain.
      if (endOf(op, at, rendered).isLate && clock.now() < at) return giveUp(at, rendered)
      return undefined
    },
  })
}
