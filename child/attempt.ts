// Runs one attempt: loads the module, binds the arguments, calls the body, and says how it ended.

import { BaramError, messageOf } from '../core/errors.ts'
import { checkJson } from '../core/json.ts'
import { type AttemptResult, type AttemptSpec, LOG_MARK } from '../core/protocol.ts'
import { localTexts } from '../core/timetables/zone.ts'
import { type OperatorContext, type RunInfo, runInScope, type TaskLogger } from '../sdk/context.ts'
import { findBody } from '../sdk/serialize.ts'
import { FailTask, SkipTask } from '../sdk/signals.ts'
import { bindArguments } from './arguments.ts'
import { type Calls, makeClient } from './client.ts'
import { loadModule } from './load.ts'

/** Airflow keeps 500 characters of a failure's message as its reason. */
const REASON_LENGTH = 500
/** 1 MiB of JSON text; larger values belong into a file whose path is returned. */
const XCOM_BYTES = 1_048_576

type Level = 'debug' | 'info' | 'warning' | 'error'

/** A structured line on stdout, told from the task's own output by its mark. */
export function writeLog(level: Level, event: string, fields: object = {}): void {
  let text: string
  try {
    text = JSON.stringify({ level, event, ...fields })
  } catch (error) {
    text = JSON.stringify({ level, event, problem: `fields that JSON cannot hold: ${messageOf(error)}` })
  }
  process.stdout.write(`${LOG_MARK}${text}\n`)
}

function makeTaskLogger(): TaskLogger {
  const method =
    (level: Level) =>
    (first: object | string, message?: string): void => {
      if (typeof first === 'string') writeLog(level, first)
      else writeLog(level, message ?? '', { fields: first })
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
    fence: spec.fence,
  }
}

function logFailure(error: unknown): void {
  const stack = error instanceof Error ? (error.stack ?? error.message) : messageOf(error)
  const causes: string[] = []
  for (
    let cause = error instanceof Error ? error.cause : undefined;
    cause !== undefined && causes.length < 5;
    cause = cause instanceof Error ? cause.cause : undefined
  ) {
    causes.push(cause instanceof Error ? (cause.stack ?? cause.message) : messageOf(cause))
  }
  writeLog('error', 'Task failed with exception', {
    exception: [stack, ...causes.map((cause) => `Caused by: ${cause}`)].join('\n'),
  })
}

/** How a thrown value ends the attempt. */
export function resultOfError(error: unknown): AttemptResult {
  if (error instanceof SkipTask) {
    writeLog('info', `Skipped: ${error.message}`)
    return { kind: 'skip', message: error.message === '' ? null : error.message }
  }
  logFailure(error)
  return {
    kind: 'failure',
    message: messageOf(error).slice(0, REASON_LENGTH),
    isRetryable: !(error instanceof FailTask),
  }
}

function resultOfValue(value: unknown, spec: AttemptSpec): AttemptResult {
  if (value === undefined || !spec.doXcomPush) return { kind: 'success' }
  const json = checkJson(value)
  const bytes = Buffer.byteLength(JSON.stringify(json))
  if (bytes > XCOM_BYTES) {
    throw new BaramError(
      'XCOM_TOO_LARGE',
      `the returned value has ${bytes} bytes as JSON, an XCom may have ${XCOM_BYTES}; write it to a file or a lake and return the path`,
    )
  }
  return { kind: 'success', value: json }
}

/** Never throws: whatever happens becomes a result. */
export async function runAttempt(spec: AttemptSpec, calls: Calls, signal: AbortSignal): Promise<AttemptResult> {
  try {
    const { dags } = await loadModule(spec.modulePath)
    const dag = dags.find((candidate) => candidate.dagId === spec.dagId)
    const body = dag === undefined ? null : findBody(dag, spec.taskId)
    if (body === null) {
      writeLog('error', `DAG ${spec.dagId} has no task ${spec.taskId} in this version`)
      return { kind: 'removed' }
    }
    const log = makeTaskLogger()
    const context: OperatorContext = {
      dagId: spec.dagId,
      taskId: spec.taskId,
      runId: spec.runId,
      tryNumber: spec.tryNumber,
      mapIndex: spec.mapIndex,
      signal,
      run: makeRun(spec),
      client: makeClient(calls, spec.attempt),
      log,
      embeddedRoot: spec.embeddedRoot,
    }
    const args = bindArguments(spec.inputs, (message) => log.warn(message))
    const value = await runInScope(context, async () =>
      body.operator === null ? body.handler?.(args) : body.operator.execute(context, args),
    )
    return resultOfValue(value, spec)
  } catch (error) {
    return resultOfError(error)
  }
}
