// Sensors: operators that look again and again until something is there.

import { createHash } from 'node:crypto'
import { checkJson, type JsonObject, type JsonValue } from '../core/json.ts'
import { type OperatorContext, runInScope } from './context.ts'
import { defineOperator, type Operator } from './operator.ts'
import { FailTask, SkipTask } from './signals.ts'
import { defineTrigger, type TriggerContext } from './trigger.ts'
import { REAL_TIME, type Waiting } from './waiting.ts'

/** What a poke answers: whether it is there; with `{ done, value }` also what becomes the XCom. */
export type PokeResult<TValue> = boolean | { readonly done: boolean; readonly value?: TValue }

export interface SensorSpec<TArgs, TValue> {
  /** Pokes once. Takes the task's named arguments; an error fails the try. */
  poke(args: TArgs): PokeResult<TValue> | Promise<PokeResult<TValue>>
  /** Seconds between two pokes; default 60. */
  readonly pokeInterval?: number
  /** Seconds from the first poke of the first try, whatever fails in between; default 604,800 (a week). Then the task fails without a retry, as in Airflow. */
  readonly timeout?: number
  /**
   * `poke` (default) keeps its slot between two pokes; `reschedule` frees it, and a new process pokes again; `defer`
   * pokes once and then continues in the triggerer, where `getClient()` and `getContext()` work but `getRun()` does not.
   */
  readonly mode?: 'poke' | 'reschedule' | 'defer'
  /** A time-out or a `FailTask` skips the task instead; default false. */
  readonly softFail?: boolean
  /** Wait longer each time, doubling from half the interval, with a jitter that is the same on every host; default false. */
  readonly exponentialBackoff?: boolean
  /** Seconds; the longest wait of `exponentialBackoff`. Default: none. */
  readonly maxWait?: number
  /** Shown in lists; default `Sensor`. */
  readonly name?: string
}

interface Settings {
  readonly pokeInterval: number
  readonly timeout: number
  readonly mode: 'poke' | 'reschedule' | 'defer'
  readonly softFail: boolean
  readonly exponentialBackoff: boolean
  readonly maxWait: number | null
}

type Who = Pick<OperatorContext, 'dagId' | 'taskId'>

/** Seconds until look number `count + 1`; `elapsed`: seconds since the first one. */
function nextWait(settings: Settings, who: Who, startedAt: number, elapsed: number, count: number): number {
  // The last look is when the time is over, not an interval later.
  const left = settings.timeout - Math.floor(elapsed)
  if (!settings.exponentialBackoff) return Math.max(0, Math.min(settings.pokeInterval, left))
  const least = Math.max(1, Math.floor(Math.min(settings.pokeInterval * 2 ** (count - 2), 2 ** 31)))
  const text = `${who.dagId}#${who.taskId}#${new Date(startedAt).toISOString()}#${count}`
  const jitter = Number(BigInt(`0x${createHash('sha1').update(text).digest('hex')}`) % BigInt(least))
  const wait = Math.min(least + jitter, left)
  return Math.max(0, Math.min(wait, settings.maxWait ?? wait))
}

/** How the looking ended; JSON, since it travels from the triggerer. */
type Ended =
  | { readonly done: JsonObject }
  | { readonly late: number }
  | { readonly skip: string }
  | { readonly fail: string }

/** One look. null = not there yet. */
async function look<TArgs>(
  spec: SensorSpec<TArgs, unknown>,
  settings: Settings,
  args: TArgs,
  elapsed: () => number,
): Promise<Ended | null> {
  try {
    const answer = await spec.poke(args)
    if (
      typeof answer !== 'boolean' &&
      (typeof answer !== 'object' || answer === null || typeof answer.done !== 'boolean')
    )
      throw new Error(
        `a sensor's poke must return true, false or { done, value }, found ${answer === null ? 'null' : typeof answer}`,
      )
    const [isDone, value] = typeof answer === 'boolean' ? [answer, undefined] : [answer.done, answer.value]
    if (isDone) return { done: value === undefined ? {} : { value: checkJson(value) } }
  } catch (error) {
    if (error instanceof SkipTask) return { skip: error.message }
    if (error instanceof FailTask) return { fail: error.message }
    throw error
  }
  const passed = elapsed()
  return passed >= settings.timeout ? { late: passed } : null
}

function finish(ended: Ended, settings: Settings): JsonValue | undefined {
  if ('done' in ended) return ended.done['value']
  if ('skip' in ended) throw new SkipTask(ended.skip)
  const message =
    'late' in ended
      ? `the sensor has timed out: it has waited for ${Math.round(ended.late)} s, its timeout is ${settings.timeout} s`
      : ended.fail
  throw settings.softFail ? new SkipTask(message) : new FailTask(message)
}

/** A trigger's context as the scope of `poke`: what needs the attempt itself says that it is not there. */
function scopeOf(context: TriggerContext): OperatorContext {
  const missing = (name: string) => (): never => {
    throw new Error(`${name} does not work while a sensor waits in the triggerer; use mode 'reschedule'`)
  }
  // The triggerer's own output: a waiting task has no log of its own.
  const log = (first: object | string, message?: string): void => {
    const text = typeof first === 'string' ? first : `${message ?? ''} ${JSON.stringify(first)}`
    process.stdout.write(`${context.dagId}.${context.taskId}: ${text}\n`)
  }
  const { dagId, taskId, runId, tryNumber, mapIndex, signal, client, runs } = context
  const scope = {
    ...{ dagId, taskId, runId, tryNumber, mapIndex, signal, client, runs },
    log: { debug: log, info: log, warn: log, error: log },
    downstream: missing('op.downstream'),
    isLatest: missing('op.isLatest'),
    skip: missing('op.skip'),
    reschedule: missing('op.reschedule'),
    defer: missing('op.defer'),
  }
  const getters = {
    run: 'getRun()',
    triedAt: 'op.triedAt',
    firstTriedAt: 'op.firstTriedAt',
    rescheduleCount: 'op.rescheduleCount',
    embeddedRoot: 'op.embeddedRoot',
  }
  for (const [key, name] of Object.entries(getters)) Object.defineProperty(scope, key, { get: missing(name) })
  // Every field is there: the last ones as getters that throw.
  return scope as unknown as OperatorContext
}

interface WatchArgs {
  readonly args: JsonObject
  readonly startedAt: number
}

function checkSettings(spec: SensorSpec<never, unknown>): Settings {
  const { pokeInterval = 60, timeout = 604_800, mode = 'poke', softFail = false, exponentialBackoff = false } = spec
  if (typeof spec.poke !== 'function') throw new Error('sensor: poke must be a function')
  for (const [name, seconds] of Object.entries({ pokeInterval, timeout, maxWait: spec.maxWait ?? 0 }))
    if (typeof seconds !== 'number' || !(seconds >= 0) || !Number.isFinite(seconds))
      throw new Error(`sensor: ${name} must be a number of seconds, at least 0, found ${String(seconds)}`)
  if (!['poke', 'reschedule', 'defer'].includes(mode))
    throw new Error(`sensor: mode is poke, reschedule or defer, found ${JSON.stringify(mode)}`)
  return { pokeInterval, timeout, mode, softFail, exponentialBackoff, maxWait: spec.maxWait ?? null }
}

/** As `sensor`, with a clock of the caller's. */
export function sensorWith<TArgs = Record<never, never>, TValue = undefined>(
  time: Waiting,
  spec: SensorSpec<TArgs, TValue>,
): Operator<TArgs, TValue | undefined> {
  const settings = checkSettings(spec)
  const since = (start: number) => () => (time.now() - start) / 1000
  const watch = defineTrigger<WatchArgs>({
    name: 'poke',
    async run(context, { args, startedAt }) {
      const elapsed = since(startedAt)
      for (let count = 1; ; count++) {
        await context.sleep(nextWait(settings, context, startedAt, elapsed(), count))
        // What the task was given, as JSON.
        const ended = await runInScope(scopeOf(context), () => look(spec, settings, args as TArgs, elapsed))
        if (ended !== null) return ended
      }
    },
  })
  return defineOperator<TArgs, TValue | undefined, JsonObject>({
    name: spec.name ?? 'Sensor',
    options: { ...settings },
    triggers: [watch],
    async execute(op, args) {
      const startedAt = op.firstTriedAt.getTime()
      const elapsed = since(startedAt)
      for (let count = op.rescheduleCount + 1; ; count++) {
        const ended = await look(spec, settings, args, elapsed)
        // The value is what `poke` said it is.
        if (ended !== null) return finish(ended, settings) as TValue | undefined
        if (settings.mode === 'defer') op.defer(watch({ args: checkJson({ ...args }) as JsonObject, startedAt }))
        const wait = nextWait(settings, op, startedAt, elapsed(), count)
        if (settings.mode === 'reschedule') op.reschedule(wait)
        await time.sleep(wait, op.signal)
      }
    },
    // As above: made by `watch`.
    resume: (_op, event) => finish(event as unknown as Ended, settings) as TValue | undefined,
  })
}

/**
 * An operator that waits until `poke` says so:
 * `dag.task('file', sensor({ poke: async ({ path }: { path: string }) => exists(path), mode: 'reschedule' }))({ path: '/in' })`.
 * @throws Error for a mistyped option
 */
export function sensor<TArgs = Record<never, never>, TValue = undefined>(
  spec: SensorSpec<TArgs, TValue>,
): Operator<TArgs, TValue | undefined> {
  return sensorWith(REAL_TIME, spec)
}
