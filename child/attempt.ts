// Runs one attempt: loads the module, binds the arguments, calls the body, and says how it ended.

import { messageText } from '../core/bound-result.ts'
import { BaramError, messageOf } from '../core/errors.ts'
import { checkXCom } from '../core/json.ts'
import type { AttemptResult, AttemptSpec, LogLevel } from '../core/protocol.ts'
import { localTexts } from '../core/timetables/zone.ts'
import { argNamesOf } from '../sdk/arg-names.ts'
import { deferTo, type OperatorContext, type RunInfo, runInScope, type TaskLogger } from '../sdk/context.ts'
import type { FacadeDag } from '../sdk/dag.ts'
import { makeTelling } from '../sdk/effects.ts'
import { isLatestRun } from '../sdk/latest.ts'
import { downstreamOf, findBody, timetableOf } from '../sdk/serialize.ts'
import { FailTask, RetryTask, SkipTask, TaskDeferred, TaskRescheduled } from '../sdk/signals.ts'
import type { RetryPolicy } from '../sdk/types.ts'
import { bindArguments } from './arguments.ts'
import { type CallPort, makeClient, makeOutbox, makeRunApi } from './client.ts'
import { exceptionText } from './exception-text.ts'
import { loadModule } from './load.ts'

type Body = NonNullable<ReturnType<typeof findBody>>

/** Where the lines of an attempt go. */
export type Say = (level: LogLevel, event: string, fields?: object) => void

/** What an attempt needs of the process it runs in. */
export interface AttemptHost {
  readonly calls: CallPort
  readonly signal: AbortSignal
  readonly say: Say
  /** Epoch ms. */
  now(): number
}

/** What `getLogger()` gives. */
export function makeTaskLogger(say: Say): TaskLogger {
  const method =
    (level: LogLevel) =>
    (first: object | string, message?: string): void => {
      if (typeof first === 'string') say(level, first)
      else say(level, message ?? '', { fields: first })
    }
  return { debug: method('debug'), info: method('info'), warn: method('warning'), error: method('error') }
}

function makeRun(spec: AttemptSpec): RunInfo {
  const { dataInterval } = spec
  // Computed when somebody asks: time zones cost more than most of a short attempt's overhead.
  let local: RunInfo['local'] | null = null
  return {
    runId: spec.runId,
    // One of the run types: the supervisor reads it from a checked column.
    runType: spec.runType as RunInfo['runType'],
    logicalDate: spec.logicalDate === null ? null : new Date(spec.logicalDate),
    dataInterval:
      dataInterval === null ? null : { start: new Date(dataInterval.start), end: new Date(dataInterval.end) },
    runAfter: new Date(spec.runAfter),
    timezone: spec.timezone,
    get local() {
      local ??= localTexts(dataInterval?.start ?? spec.logicalDate ?? spec.runAfter, spec.timezone)
      return local
    },
    conf: spec.conf,
    params: spec.params,
    fence: spec.fence,
  }
}

/** How a thrown value ends the attempt. `policy`: the task's own word on whether and when to try again. */
export function resultOfError(
  error: unknown,
  say: Say,
  policy?: (error: unknown) => AttemptResult | null,
): AttemptResult {
  if (error instanceof TaskDeferred)
    return { kind: 'defer', wait: error.wait, timeoutMs: error.timeout === null ? null : error.timeout * 1000 }
  if (error instanceof TaskRescheduled) return { kind: 'reschedule', afterMs: error.after * 1000 }
  if (error instanceof SkipTask) {
    say('info', `Skipped: ${error.message}`)
    return { kind: 'skip', message: error.message === '' ? null : error.message }
  }
  say('error', 'Task failed with exception', { exception: exceptionText(error) })
  const failure = { kind: 'failure', message: messageText(messageOf(error)), isRetryable: true } as const
  if (error instanceof FailTask) return { ...failure, isRetryable: false }
  if (error instanceof RetryTask)
    return error.after === null ? failure : { ...failure, retryAfterMs: Math.max(0, error.after * 1000) }
  return policy?.(error) ?? failure
}

function resultOfValue(value: unknown, spec: AttemptSpec): AttemptResult {
  if (value === undefined || !spec.doXcomPush) return { kind: 'success' }
  return { kind: 'success', value: checkXCom(value, 'the returned value') }
}

/** What a body's value means: a decider's skips, or the ids an operator has skipped. */
function resultOfBody(body: Body, value: unknown, skipped: readonly string[], spec: AttemptSpec): AttemptResult {
  const decision = body.decide?.(value)
  const result = resultOfValue(decision === undefined ? value : decision.value, spec)
  const skips = decision?.skips ?? skipped
  return result.kind === 'success' && skips.length > 0 ? { ...result, skips } : result
}

function makeContext(spec: AttemptSpec, dag: FacadeDag, host: AttemptHost, skipped: string[]) {
  const { calls, signal } = host
  const log = makeTaskLogger(host.say)
  const context: OperatorContext = {
    dagId: spec.dagId,
    taskId: spec.taskId,
    runId: spec.runId,
    tryNumber: spec.tryNumber,
    mapIndex: spec.mapIndex,
    signal,
    run: makeRun(spec),
    client: makeClient(calls, spec.attempt),
    runs: makeRunApi(calls, spec.attempt),
    log,
    ...makeTelling(makeOutbox(calls, spec.attempt), log),
    embeddedRoot: spec.embeddedRoot,
    triedAt: new Date(spec.triedAt),
    firstTriedAt: new Date(spec.firstTriedAt),
    rescheduleCount: spec.rescheduleCount,
    downstream: (all = false, of = spec.taskId) => downstreamOf(dag, of, all),
    isLatest: () => isLatestRun(timetableOf(dag), context.run, host.now()),
    skip: (taskIds) => {
      skipped.push(...taskIds)
    },
    reschedule: (seconds) => {
      throw new TaskRescheduled(seconds)
    },
    defer: deferTo,
  }
  return context
}

/** Templates of the operator, and the name of a mapped instance. What was rendered is told to the supervisor. */
async function render(
  body: Body,
  dag: FacadeDag,
  spec: AttemptSpec,
  context: OperatorContext,
  args: object,
  calls: CallPort,
): Promise<object | undefined> {
  const { mapIndexTemplate } = body.spec
  const templates = {
    fields: body.operator?.templateFields ?? [],
    options: body.operator?.options ?? {},
    mapIndexTemplate: spec.mapIndex >= 0 && typeof mapIndexTemplate === 'string' ? mapIndexTemplate : null,
    isNative: dag.spec.renderTemplateAsNativeObj === true,
  }
  if (templates.fields.length === 0 && templates.mapIndexTemplate === null) return undefined
  // Loaded when the first task needs it: a process that renders nothing starts sooner and stays smaller.
  const { renderTemplates } = await import('./templates/render.ts')
  const rendered = await renderTemplates(templates, spec, context.run.local, args, {
    client: context.client,
    // The supervisor answers with dates, or null.
    previousSuccess: async () =>
      ((await calls.make(spec.attempt, 'getPreviousSuccess', {})) ?? null) as Record<string, number | null> | null,
  })
  calls.tellFields(spec.attempt, rendered.fields, rendered.mapIndexLabel)
  return rendered.options
}

async function execute(
  body: Body,
  context: OperatorContext,
  args: object,
  spec: AttemptSpec,
  options: object | undefined,
): Promise<unknown> {
  const { operator, handler } = body
  if (operator === null) return handler?.(args)
  if (spec.resume === null) return operator.execute(context, args, options)
  if (operator.resume === undefined)
    throw new BaramError('DAG_INVALID', `${operator.name} was deferred but has no resume(…) to go on with`)
  return operator.resume(context, spec.resume.event, args, options)
}

/** The task's `retryPolicy`, asked about one error. A policy that fails itself is told in the log and has no say. */
function policyOf(body: Body, tryNumber: number, say: Say): ((error: unknown) => AttemptResult | null) | undefined {
  const { retryPolicy } = body.spec
  if (typeof retryPolicy !== 'function') return undefined
  return (error) => {
    const message = messageText(messageOf(error))
    try {
      // Its type is checked where it is declared; what it answers is checked here.
      const answer = (retryPolicy as RetryPolicy)(error, tryNumber)
      if (answer === undefined) return null
      if (!answer.retry) return { kind: 'failure', message, isRetryable: false }
      const after = answer.after === undefined ? {} : { retryAfterMs: Math.max(0, answer.after * 1000) }
      return { kind: 'failure', message, isRetryable: true, ...after }
    } catch (problem) {
      say('error', `The retry policy failed and is ignored: ${messageOf(problem)}`)
      return null
    }
  }
}

/** Runs a task of a DAG that is at hand. Never throws: whatever happens becomes a result. */
export async function runBody(dag: FacadeDag, spec: AttemptSpec, host: AttemptHost): Promise<AttemptResult> {
  const { calls, say } = host
  let policy: ((error: unknown) => AttemptResult | null) | undefined
  try {
    const body = findBody(dag, spec.taskId)
    if (body === null) throw missing(spec, `no task ${spec.taskId} in DAG ${spec.dagId}`)
    policy = policyOf(body, spec.tryNumber, say)
    const skipped: string[] = []
    const context = makeContext(spec, dag, host, skipped)
    const args = bindArguments(spec.inputs, (message) => context.log.warn(message), argNamesOf(body.handler))
    const value = await runInScope(context, async () => {
      const options = await render(body, dag, spec, context, args, calls)
      return execute(body, context, args, spec, options)
    })
    return resultOfBody(body, value, skipped, spec)
  } catch (error) {
    return resultOfError(error, say, policy)
  }
}

/** A run is pinned to a version that has the task: a module without it is damaged, and nothing that ran. */
const missing = (spec: AttemptSpec, what: string) =>
  new BaramError('MODULE_DAMAGED', `the module ${spec.modulePath} holds ${what}, although its version has it`)

/** How it ended, and whether the process may be used again. */
export interface AttemptEnd {
  readonly result: AttemptResult
  readonly isTainted: boolean
}

/** As above, of a module on disk. A module that could not be used stays in its process: the next try gets another one. */
export async function runAttempt(spec: AttemptSpec, host: AttemptHost): Promise<AttemptEnd> {
  try {
    const { dags } = await loadModule(spec.modulePath)
    const dag = dags.find((candidate) => candidate.dagId === spec.dagId)
    if (dag === undefined) throw missing(spec, `no DAG ${spec.dagId}`)
    return { result: await runBody(dag, spec, host), isTainted: findBody(dag, spec.taskId) === null }
  } catch (error) {
    return { result: resultOfError(error, host.say), isTainted: true }
  }
}
