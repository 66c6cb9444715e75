// `triggerDagRun`: makes a run of another DAG, and may wait for its end.

import type { JsonObject, JsonValue } from '../core/json.ts'
import type { OperatorContext, RunApi } from './context.ts'
import { defineOperator, type Operator } from './operator.ts'
import { FailTask, SkipTask } from './signals.ts'
import { checkTypes, isPlainObject, readSpec, type SpecRules } from './spec.ts'
import { defineTrigger } from './trigger.ts'
import { REAL_TIME, type Waiting } from './waiting.ts'

export type DagRunState = 'queued' | 'running' | 'success' | 'failed'

export interface TriggerDagRunSpec {
  /** The DAG to run. */
  readonly dagId: string
  /** Default `manual__<date>`, with eight random letters when the run has no logical date. */
  readonly runId?: string
  /** Default now, or none when `runAfter` is set; `null` = none. */
  readonly logicalDate?: Date | null
  /** The run may not start before. */
  readonly runAfter?: Date
  /** Plain JSON; not a template. */
  readonly conf?: { readonly [key: string]: JsonValue }
  /** Clear a run that exists instead of failing; default false. */
  readonly resetDagRun?: boolean
  /** Wait until the run has ended; default false. */
  readonly waitForCompletion?: boolean
  /** Seconds between two looks; default 60. */
  readonly pokeInterval?: number
  /** States that end the waiting well; default `['success']`, also for an empty list. */
  readonly allowedStates?: readonly DagRunState[]
  /** States that fail the task, retries apply; default `['failed']`. */
  readonly failedStates?: readonly DagRunState[]
  /** Skip the task when the run exists; default false: it fails, without a retry. */
  readonly skipWhenAlreadyExists?: boolean
  /** Fail when the DAG is paused; default false: the run waits. */
  readonly failWhenDagIsPaused?: boolean
  /** A remark for people, stored with the run. Default: none. */
  readonly note?: string
  /** Free the slot while waiting; default false. */
  readonly deferrable?: boolean
}

/** What `triggerDagRun` makes: takes no inputs and returns nothing. */
export type TriggerDagRunTask = Operator<Record<never, never>, void>

const RULES: SpecRules = {
  what: 'triggerDagRun',
  fields: {
    dagId: 'string',
    runId: 'string',
    logicalDate: 'date',
    runAfter: 'date',
    conf: 'object',
    resetDagRun: 'boolean',
    waitForCompletion: 'boolean',
    pokeInterval: 'number',
    allowedStates: 'strings',
    failedStates: 'strings',
    skipWhenAlreadyExists: 'boolean',
    failWhenDagIsPaused: 'boolean',
    note: 'string',
    deferrable: 'boolean',
  },
}
const STATES: ReadonlySet<unknown> = new Set<DagRunState>(['queued', 'running', 'success', 'failed'])

function checkSpec(given: unknown): TriggerDagRunSpec {
  const where = 'triggerDagRun'
  if (!isPlainObject(given)) throw new Error(`${where}: expected an object of options`)
  const read = readSpec(given, RULES, where, false)
  const faults = checkTypes(read, RULES, where, read['logicalDate'] === null ? ['logicalDate'] : [])
  if (faults.length > 0) throw new Error(faults.join('\n'))
  // Names and types are proven just above.
  const spec = read as unknown as TriggerDagRunSpec
  if (spec.dagId === undefined || spec.dagId === '') throw new Error(`${where}: dagId must be text that is not empty`)
  if (spec.runId === '') throw new Error(`${where}: runId must not be empty`)
  if (spec.pokeInterval !== undefined && spec.pokeInterval < 0)
    throw new Error(`${where}: pokeInterval must be at least 0 seconds, found ${spec.pokeInterval}`)
  for (const key of ['allowedStates', 'failedStates'] as const)
    for (const state of spec[key] ?? [])
      if (!STATES.has(state))
        throw new Error(`${where}: ${key} knows queued, running, success and failed, found ${JSON.stringify(state)}`)
  return spec
}

interface WaitFor {
  readonly dagId: string
  readonly runId: string
  readonly pokeInterval: number
  readonly allowed: readonly string[]
  readonly failed: readonly string[]
}

/** The state that ends the waiting, or null; a run that is gone can never reach one. */
async function endState(runs: RunApi, { dagId, runId, allowed, failed }: WaitFor): Promise<string | null> {
  const state = (await runs.state(dagId, { runId }))?.state
  if (state === undefined) throw new Error(`run ${runId} of DAG ${dagId} does not exist any more`)
  return failed.includes(state) || allowed.includes(state) ? state : null
}

function judge(state: string, { dagId, runId, failed }: WaitFor): void {
  if (failed.includes(state)) throw new Error(`run ${runId} of DAG ${dagId} ended in state ${state}`)
}

const runEnded = defineTrigger<WaitFor>({
  name: 'dag-run-ended',
  async run(context, wait) {
    for (;;) {
      const state = await endState(context.runs, wait)
      if (state !== null) return { state, wait: { ...wait } }
      await context.sleep(wait.pokeInterval)
    }
  },
})

/** Triggers, tells the run in XComs; null = the run exists already and the spec says to end so. */
async function trigger(op: OperatorContext, spec: TriggerDagRunSpec, now: Date): Promise<string> {
  const { dagId, runId, conf, note, runAfter } = spec
  const logicalDate = spec.logicalDate === undefined ? (runAfter === undefined ? now : null) : spec.logicalDate
  const made = await op.runs.trigger({
    dagId,
    logicalDate,
    ...(runId !== undefined && { runId }),
    ...(runAfter !== undefined && { runAfter }),
    ...(conf !== undefined && { conf }),
    ...(note !== undefined && { note }),
    ...(spec.resetDagRun !== undefined && { resetDagRun: spec.resetDagRun }),
    ...(spec.failWhenDagIsPaused !== undefined && { failWhenDagIsPaused: spec.failWhenDagIsPaused }),
  })
  if (made.exists) {
    const message = `DAG ${dagId} already has the run ${made.runId}`
    if (spec.skipWhenAlreadyExists === true) throw new SkipTask(message)
    throw new FailTask(message)
  }
  const link = `/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(made.runId)}`
  await op.client.setXCom({ key: 'trigger_run_id', value: made.runId })
  await op.client.setXCom({ key: '_link_TriggerDagRunLink', value: link })
  return made.runId
}

/** The author's options as pages show them: dates as text. */
function shown(spec: TriggerDagRunSpec): JsonObject {
  return Object.fromEntries(
    Object.entries(spec).map(([key, value]) => [
      key,
      value instanceof Date ? value.toISOString() : (value as JsonValue),
    ]),
  )
}

/** As `triggerDagRun`, with a clock of the caller's. */
export function triggerDagRunWith(time: Waiting, given: TriggerDagRunSpec): TriggerDagRunTask {
  const spec = checkSpec(given)
  const dates = {
    ...(spec.logicalDate instanceof Date && { logicalDate: new Date(spec.logicalDate) }),
    ...(spec.runAfter !== undefined && { runAfter: new Date(spec.runAfter) }),
  }
  const copy = { ...spec, ...dates }
  return defineOperator<Record<never, never>, void, JsonObject>({
    name: 'TriggerDagRunOperator',
    options: shown(copy),
    takesInputs: false,
    triggers: [runEnded],
    async execute(op) {
      const runId = await trigger(op, copy, new Date(time.now()))
      if (copy.waitForCompletion !== true) return
      const wait: WaitFor = {
        dagId: copy.dagId,
        runId,
        pokeInterval: copy.pokeInterval ?? 60,
        allowed: copy.allowedStates === undefined || copy.allowedStates.length === 0 ? ['success'] : copy.allowedStates,
        failed: copy.failedStates ?? ['failed'],
      }
      if (copy.deferrable === true) op.defer(runEnded(wait))
      op.log.info({ dagId: wait.dagId, runId }, 'waiting for the run to end')
      for (;;) {
        await time.sleep(wait.pokeInterval, op.signal)
        const state = await endState(op.runs, wait)
        if (state !== null) return judge(state, wait)
      }
    },
    resume(_op, event) {
      // Made by the trigger above.
      const { state, wait } = event as unknown as { state: string; wait: WaitFor }
      judge(state, wait)
    },
  })
}

/**
 * An operator that runs another DAG: `dag.task('go', triggerDagRun({ dagId: 'other' }))()`. Its XComs are `trigger_run_id`
 * and the link to the run; it has no return value.
 * @throws Error for an unknown or mistyped option
 */
export function triggerDagRun(spec: TriggerDagRunSpec): TriggerDagRunTask {
  return triggerDagRunWith(REAL_TIME, spec)
}
