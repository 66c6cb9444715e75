// The messages between a supervisor (worker or dag-processor) and its child, over Node's IPC as JSON
// (docs/architecture.md#formats-that-do-not-change-lightly).
// stdout and stderr belong to the task: what is in them is text and decides nothing. fd 4 is the watchdog's pipe, fd 5
// the channel of structured log lines. The supervisor validates everything it receives: a child runs users' code and is
// not trusted.

import type { AlertFacts } from './alerts.ts'
import { BaramError, ERRORS, type ErrorCode } from './errors.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { SerializedDag } from './serialized.ts'

/** The attempt's facts, as the child's context shows them. Instants are epoch ms. */
export interface AttemptSpec {
  readonly attempt: number
  readonly modulePath: string
  readonly dagId: string
  readonly taskId: string
  readonly runId: string
  readonly tryNumber: number
  readonly mapIndex: number
  readonly fence: string
  readonly runType: string
  readonly logicalDate: number | null
  readonly dataInterval: { readonly start: number; readonly end: number } | null
  readonly runAfter: number
  /** When the run began. */
  readonly runStartDate: number | null
  readonly timezone: string
  readonly conf: JsonObject
  readonly embeddedRoot: string
  /** The task's arguments, upstream values already read; `missing` = the upstream pushed nothing. */
  readonly inputs: readonly AttemptInput[]
  readonly doXcomPush: boolean
  /** The DAG's params with the run's conf over them. */
  readonly params: JsonObject
  /** When this try began: later than that of its process when it was rescheduled or deferred since. */
  readonly triedAt: number
  /** When the first try since the last clear began. */
  readonly firstTriedAt: number
  readonly maxTries: number
  /** How often this try was rescheduled. */
  readonly rescheduleCount: number
  /** Instances of a mapped task; null when it is not mapped. */
  readonly expandedCount: number | null
  /** What the trigger it was deferred to has told; null = the try begins. */
  readonly resume: { readonly event: JsonValue } | null
}

/** One call of an author's callback. */
export interface CallbackSpec {
  /** Names the call between supervisor and child, as an attempt's number does. */
  readonly attempt: number
  readonly modulePath: string
  readonly dagId: string
  /** Which one of a list. */
  readonly ordinal: number
  readonly alert: AlertFacts
}

/** A wait that holds no slot, in the triggerer. */
export interface WatchSpec {
  /** Names the wait between supervisor and child, also as `attempt` of its calls. */
  readonly id: number
  readonly modulePath: string
  readonly dagId: string
  readonly taskId: string
  readonly runId: string
  readonly mapIndex: number
  readonly tryNumber: number
  /** Name of one of the operator's triggers. */
  readonly trigger: string
  readonly args: JsonValue
}

export interface AttemptInput {
  readonly name: string
  readonly value: JsonValue
  /** Task id of the upstream that pushed no value: the attempt fails before its handler runs. */
  readonly missingFrom?: string
}

export type ToChild =
  | {
      readonly type: 'parse'
      readonly id: number
      readonly modulePath: string
      readonly defaults: { readonly maxActiveTasks: number; readonly maxActiveRuns: number }
    }
  | { readonly type: 'run'; readonly spec: AttemptSpec | CallbackSpec }
  | { readonly type: 'reply'; readonly call: number; readonly value?: JsonValue; readonly error?: string }
  | { readonly type: 'abort'; readonly attempt: number; readonly reason: string }
  | { readonly type: 'watch'; readonly specs: readonly WatchSpec[] }
  | { readonly type: 'unwatch'; readonly ids: readonly number[] }

/** What reading one DAG file gave: its good DAGs, and the faults of the others. */
export interface ParseResult {
  readonly dags: readonly SerializedDag[]
  readonly errors: readonly ParseFault[]
  /** Told to the author without stopping anything (for example a handler for a DAG that nobody declares). */
  readonly notices: readonly string[]
  /** What will fail when it runs, though the DAG can be read: templates that name something unknown. */
  readonly doubts: readonly ParseFault[]
}

export interface ParseFault {
  readonly dagId: string | null
  readonly code: ErrorCode
  readonly message: string
  readonly stack: string | null
}

/** What a deferred task waits for: an instant, or a trigger of its operator. */
export type Wait =
  | { readonly kind: 'time'; readonly at: number }
  /** `sealed`: what the trigger gets, where `args` has its secrets masked; made by the supervisor. */
  | { readonly kind: 'trigger'; readonly name: string; readonly args: JsonValue; readonly sealed?: string }

/** How a body ended, as its process tells it. */
export type AttemptResult =
  /** `skips`: ids of tasks that are not to run in this run. */
  | { readonly kind: 'success'; readonly value?: JsonValue; readonly skips?: readonly string[] }
  | { readonly kind: 'skip'; readonly message: string | null }
  /** `retryAfterMs`: instead of the task's own delay. */
  | {
      readonly kind: 'failure'
      readonly message: string
      readonly isRetryable: boolean
      readonly retryAfterMs?: number
    }
  /** Frees its slot; the same try continues later. */
  | { readonly kind: 'reschedule'; readonly afterMs: number }
  /** Waits without a slot; the same try continues when its trigger fires. */
  | { readonly kind: 'defer'; readonly wait: Wait; readonly timeoutMs: number | null }

const CALL_NAMES = [
  'getVariable',
  'setVariable',
  'deleteVariable',
  'getConnection',
  'getXCom',
  'setXCom',
  'triggerRun',
  'getRunState',
  'getTaskStates',
  'getPreviousSuccess',
  'recordEffect',
  'publishReport',
] as const
export type CallOp = (typeof CALL_NAMES)[number]

export type FromChild =
  | { readonly type: 'hello'; readonly pid: number }
  | { readonly type: 'parsed'; readonly id: number; readonly result: ParseResult; readonly hasStarted: boolean }
  | {
      readonly type: 'outcome'
      readonly attempt: number
      readonly result: AttemptResult
      readonly isTainted: boolean
      /** Other processes were started: some may still be there. */
      readonly hasStarted: boolean
      readonly rssBytes: number
    }
  | {
      readonly type: 'call'
      readonly call: number
      readonly attempt: number
      readonly op: CallOp
      readonly args: JsonObject
    }
  /** Template fields as they were rendered, and the name of a mapped instance. */
  | {
      readonly type: 'fields'
      readonly attempt: number
      readonly fields: JsonObject
      readonly mapIndexLabel: string | null
    }
  /** A wait is over. */
  | { readonly type: 'event'; readonly id: number; readonly event: JsonValue }
  | { readonly type: 'watch_failed'; readonly id: number; readonly message: string }

/** Names, in the environment of a child and of all it starts, which child they belong to. */
export const CHILD_MARK = 'BARAM_CHILD'

/** The descriptor on which a child writes its structured log lines, one JSON object a line. */
export const LOG_FD = 5

/** A structured log line. A forged one is a line in the forger's own log and nothing else. */
export interface TaskLogLine {
  readonly attempt: number
  /** Bytes the process had printed on stdout and stderr since the attempt began: where the line stands among them. */
  readonly at: readonly [stdout: number, stderr: number]
  readonly level: LogLevel
  readonly event: string
  /** Whatever else was said: `fields`, `exception`. */
  readonly more: JsonObject
}

const LOG_LEVELS = ['debug', 'info', 'warning', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** A line of the log channel; null when it is none of ours. */
export function readLogLine(text: string): TaskLogLine | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (!isRecord(value)) return null
  const { attempt, at, level, event, ...more } = value
  const known = LOG_LEVELS.find((candidate) => candidate === level)
  if (!isCount(attempt) || known === undefined || typeof event !== 'string') return null
  if (!Array.isArray(at) || !isCount(at[0]) || !isCount(at[1])) return null
  // The rest of what JSON.parse returned.
  return { attempt, at: [at[0], at[1]], level: known, event, more: more as JsonObject }
}

const CALL_OPS: ReadonlySet<unknown> = new Set<CallOp>(CALL_NAMES)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function require(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BaramError('PROTOCOL', `a child sent ${what}`)
}

const isMs = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0

function isWait(wait: unknown): boolean {
  if (!isRecord(wait)) return false
  return wait['kind'] === 'time' ? isMs(wait['at']) : wait['kind'] === 'trigger' && typeof wait['name'] === 'string'
}

/** Of each kind of result: whether what the supervisor acts on is there. */
const RESULT_CHECKS: Readonly<Record<AttemptResult['kind'], (result: Record<string, unknown>) => boolean>> = {
  success: ({ skips }) =>
    skips === undefined || (Array.isArray(skips) && skips.every((taskId) => typeof taskId === 'string')),
  skip: ({ message }) => isTextOrNull(message),
  failure: ({ message, isRetryable, retryAfterMs }) =>
    typeof message === 'string' &&
    typeof isRetryable === 'boolean' &&
    (retryAfterMs === undefined || isMs(retryAfterMs)),
  reschedule: ({ afterMs }) => isMs(afterMs),
  defer: ({ wait, timeoutMs }) => isWait(wait) && (timeoutMs === null || isMs(timeoutMs)),
}

function checkOutcome(message: Record<string, unknown>): void {
  const { result } = message
  require(typeof message['attempt'] === 'number' &&
    isRecord(result) &&
    typeof result['kind'] === 'string' &&
    Object.hasOwn(RESULT_CHECKS, result['kind']), 'an outcome of an unknown kind')
  require(typeof message['isTainted'] === 'boolean' &&
    typeof message['hasStarted'] === 'boolean' &&
    typeof message['rssBytes'] === 'number', 'an outcome without the state of its process')
  // Proven to be one of the kinds just above.
  const kind = result['kind'] as AttemptResult['kind']
  require(RESULT_CHECKS[kind](result), `a result of kind ${kind} that lacks what it must say`)
}

function checkParsed(result: unknown): void {
  require(isRecord(result), 'a parse result without its DAGs')
  const { dags, errors, notices, doubts } = result
  require(Array.isArray(dags) && dags.every(isRecord), 'a parse result whose DAGs are no objects')
  require(Array.isArray(errors) && errors.every(isFault), 'a parse result whose errors are no faults')
  require(Array.isArray(notices) &&
    notices.every((notice) => typeof notice === 'string'), 'a parse result whose notices are no texts')
  require(Array.isArray(doubts) && doubts.every(isFault), 'a parse result whose doubts are no faults')
}

const isTextOrNull = (value: unknown) => value === null || typeof value === 'string'
const isFault = (fault: unknown) =>
  isRecord(fault) &&
  typeof fault['message'] === 'string' &&
  Object.hasOwn(ERRORS, String(fault['code'])) &&
  isTextOrNull(fault['dagId']) &&
  isTextOrNull(fault['stack'])

/**
 * A child's message, checked field by field as far as the supervisor acts on it.
 * @throws BaramError PROTOCOL
 */
export function readFromChild(message: unknown): FromChild {
  require(isRecord(message), 'something that is no object')
  switch (message['type']) {
    case 'hello':
      require(typeof message['pid'] === 'number', 'a hello without its pid')
      break
    case 'parsed':
      require(typeof message['id'] === 'number' &&
        typeof message['hasStarted'] === 'boolean', 'a parse result without its id')
      checkParsed(message['result'])
      break
    case 'outcome':
      checkOutcome(message)
      break
    case 'call':
      require(typeof message['call'] === 'number' &&
        typeof message['attempt'] === 'number' &&
        CALL_OPS.has(message['op']) &&
        isRecord(message['args']), 'a call of an unknown operation')
      break
    case 'fields':
      require(typeof message['attempt'] === 'number' &&
        isRecord(message['fields']) &&
        isTextOrNull(message['mapIndexLabel']), 'rendered fields that are no object')
      break
    case 'event':
      require(typeof message['id'] === 'number' && message['event'] !== undefined, 'an event without its value')
      break
    case 'watch_failed':
      require(typeof message['id'] === 'number' &&
        typeof message['message'] === 'string', 'a failed wait without its message')
      break
    default:
      throw new BaramError('PROTOCOL', `a child sent a message of unknown type ${JSON.stringify(message['type'])}`)
  }
  // Proven above for every field that is acted on.
  return message as unknown as FromChild
}
