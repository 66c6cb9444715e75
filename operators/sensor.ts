// Sensors whose options are templates.
//
// `sensor()` gives a poke the task's arguments, and carries them to the triggerer when it defers. So what a look needs
// is made from the rendered options once, in the task's process, and is that inner sensor's arguments.

import {
  defineOperator,
  getOperatorContext,
  type JsonObject,
  type Operator,
  type OperatorContext,
  type PokeResult,
  runInScope,
  type SensorSpec,
  sensor,
} from '../sdk/index.ts'

/** How a sensor waits. */
export interface SensorOptions {
  /** Seconds between two looks. Default 60. */
  readonly pokeInterval?: number
  /** Seconds from the first look of a try; then the task fails without a retry. Default 604,800, a week. */
  readonly timeout?: number
  /**
   * `poke` (default) keeps its slot between two looks, `reschedule` gives it back, `defer` waits in the triggerer,
   * which is part of the scheduler's process and on its host.
   */
  readonly mode?: 'poke' | 'reschedule' | 'defer'
  /** Airflow's word for `mode: 'defer'`. Default false. */
  readonly deferrable?: boolean
  /** A time-out skips the task instead of failing it. Default false. */
  readonly softFail?: boolean
  /** Wait longer each time. Default false. */
  readonly exponentialBackoff?: boolean
  /** Seconds; the longest wait of `exponentialBackoff`. Default: none. */
  readonly maxWait?: number
}

interface TemplatedSensor<TOptions extends SensorOptions, TLook extends JsonObject, TValue> {
  /** Airflow's class name. */
  readonly name: string
  readonly options: TOptions
  readonly templateFields: readonly (keyof TOptions & string)[]
  /** What a look needs, as JSON. Runs in the task's process at the beginning of a try and after each reschedule. */
  prepare(op: OperatorContext, options: TOptions): TLook
  /** Looks once; `op` has no run and no `defer` while it waits in the triggerer. */
  poke(look: TLook, op: OperatorContext): PokeResult<TValue> | Promise<PokeResult<TValue>>
}

function waitingOf(options: SensorOptions): Omit<SensorSpec<never, never>, 'poke'> {
  const { pokeInterval, timeout, deferrable = false, mode = 'poke', softFail, exponentialBackoff, maxWait } = options
  return {
    mode: deferrable ? 'defer' : mode,
    ...(pokeInterval !== undefined && { pokeInterval }),
    ...(timeout !== undefined && { timeout }),
    ...(softFail !== undefined && { softFail }),
    ...(exponentialBackoff !== undefined && { exponentialBackoff }),
    ...(maxWait !== undefined && { maxWait }),
  }
}

/** @throws Error for a mistyped option of waiting */
export function templatedSensor<TArgs extends object, TOptions extends SensorOptions, TLook extends JsonObject, TValue>(
  spec: TemplatedSensor<TOptions, TLook, TValue>,
): Operator<TArgs, TValue | undefined> {
  const waiting = waitingOf(spec.options)
  const inner = sensor<TLook, TValue>({
    ...waiting,
    name: spec.name,
    poke: (look) => spec.poke(look, getOperatorContext(spec.name)),
  })
  return defineOperator<TArgs, TValue | undefined, TOptions>({
    name: spec.name,
    options: { ...spec.options, mode: waiting.mode },
    templateFields: spec.templateFields,
    triggers: inner.triggers ?? [],
    execute: (op, _args, rendered) => runInScope(op, async () => inner.execute(op, spec.prepare(op, rendered))),
    // What the triggerer found is all of it: what was looked for does not matter any more.
    resume: (op, event) => inner.resume?.(op, event, {} as TLook),
  })
}
