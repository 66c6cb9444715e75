// Calls one of an author's callbacks: loads the module, finds the function or notifier, tells it of the alert.

import { ALERT_OPTIONS } from '../core/alerts.ts'
import { BaramError } from '../core/errors.ts'
import type { AttemptResult, CallbackSpec } from '../core/protocol.ts'
import { clock, day, zoneName } from '../core/times.ts'
import { type OperatorContext, runInScope } from '../sdk/context.ts'
import type { FacadeDag } from '../sdk/dag.ts'
import { type Alert, type Callback, isNotifier, type NotifierContext } from '../sdk/notifier.ts'
import { findCallback } from '../sdk/read-alerts.ts'
import { type AttemptEnd, type AttemptHost, makeTaskLogger, resultOfError } from './attempt.ts'
import { makeClient } from './client.ts'
import { loadModule } from './load.ts'

const dateOf = (at: number) => new Date(at)

const HEADLINES: Readonly<Record<Alert['kind'], string>> = {
  failure: 'failed',
  success: 'succeeded',
  retry: 'failed and is tried again',
  skipped: 'was skipped',
  deadline: 'is late',
}

/** Which run it is about; without one, which date of the schedule. */
function placeOf({ runId, dataInterval, timezone }: CallbackSpec['alert']): string {
  if (runId !== null) return ` Run ${runId}.`
  if (dataInterval === null) return ''
  const { end } = dataInterval
  return ` It was due on ${day(end, timezone)} at ${clock(end, timezone)} ${zoneName(timezone, end)}.`
}

function textOf(alert: CallbackSpec['alert']): string {
  const { kind, dagId, taskId, mapIndex, reason } = alert
  const task = taskId === null ? '' : `.${taskId}${mapIndex < 0 ? '' : `[${mapIndex}]`}`
  return `${dagId}${task} ${HEADLINES[kind]}: ${reason}${placeOf(alert)}`
}

/** The alert as its author sees it. */
export function alertOf(spec: CallbackSpec): Alert {
  const { logicalDate, dataInterval, at, deadline, ...facts } = spec.alert
  return {
    ...facts,
    text: textOf(spec.alert),
    logicalDate: logicalDate === null ? null : dateOf(logicalDate),
    dataInterval: dataInterval === null ? null : { start: dateOf(dataInterval.start), end: dateOf(dataInterval.end) },
    at: dateOf(at),
    deadline: deadline === null ? null : dateOf(deadline.time),
  }
}

/** What only an attempt has: a callback is told of one, it is none. */
const ONLY_IN_TASKS = ['run', 'runs', 'record', 'publish', 'skip', 'defer', 'reschedule'] as const

/** What `getContext()`, `getClient()` and `getLogger()` answer inside a callback. */
function scopeOf(spec: CallbackSpec, op: NotifierContext): OperatorContext {
  const { dagId, runId, taskId, tryNumber, mapIndex } = spec.alert
  const scope: object = { ...op, dagId, runId: runId ?? '', taskId: taskId ?? '', tryNumber: tryNumber ?? 0, mapIndex }
  for (const name of ONLY_IN_TASKS)
    Object.defineProperty(scope, name, {
      get: () => {
        throw new BaramError('REFUSED', `a callback has no ${name} of its own; use the alert it is given`)
      },
    })
  return scope as OperatorContext // What it lacks throws with a sentence.
}

function findIn(dag: FacadeDag | undefined, { dagId, ordinal, alert }: CallbackSpec): Callback {
  const { taskId, kind, deadline } = alert
  const at = { taskId, kind, ordinal, deadlineKey: deadline?.key ?? null }
  const callback = dag === undefined ? null : findCallback(dag, at)
  if (callback !== null) return callback
  const whose = taskId === null ? `DAG ${dagId}` : `task ${taskId} of DAG ${dagId}`
  throw new BaramError(
    'MODULE_DAMAGED',
    `the module holds no ${ALERT_OPTIONS[kind]} of ${whose}, although its version has it`,
  )
}

/** Never throws: whatever happens becomes a result. A module that could not be used stays in its process. */
export async function runCallback(spec: CallbackSpec, host: AttemptHost): Promise<AttemptEnd> {
  const { calls, signal, say } = host
  const op: NotifierContext = { client: makeClient(calls, spec.attempt), log: makeTaskLogger(say), signal }
  let isFound = false
  try {
    const { dags } = await loadModule(spec.modulePath)
    const callback = findIn(
      dags.find((candidate) => candidate.dagId === spec.dagId),
      spec,
    )
    isFound = true
    const alert = alertOf(spec)
    await runInScope(scopeOf(spec, op), async () => {
      if (isNotifier(callback)) await callback.notify(op, alert)
      else await callback(alert)
    })
    return { result: { kind: 'success' }, isTainted: false }
  } catch (error) {
    return { result: asFailure(resultOfError(error, say)), isTainted: !isFound }
  }
}

/** A callback cannot wait or skip itself: whatever it throws is a failure. */
function asFailure(result: AttemptResult): AttemptResult {
  if (result.kind === 'failure') return result
  return { kind: 'failure', message: 'a callback cannot skip, defer or reschedule itself', isRetryable: false }
}
