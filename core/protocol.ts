// The messages between a supervisor (worker or dag-processor) and its child, over Node's IPC as JSON (DESIGN §8.2).
// stdout and stderr are log pipes; fd 4 is the watchdog's pipe. The supervisor validates every message it receives:
// a child runs users' code and is not trusted.

import { BaramError } from './errors.ts'
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
  readonly timezone: string
  readonly conf: JsonObject
  readonly embeddedRoot: string
  /** The task's arguments, upstream values already read; `missing` = the upstream pushed nothing. */
  readonly inputs: readonly AttemptInput[]
  readonly doXcomPush: boolean
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
  | { readonly type: 'run'; readonly spec: AttemptSpec }
  | { readonly type: 'reply'; readonly call: number; readonly value?: JsonValue; readonly error?: string }
  | { readonly type: 'abort'; readonly attempt: number; readonly reason: string }

/** What reading one DAG file gave: its good DAGs, and the faults of the others. */
export interface ParseResult {
  readonly dags: readonly SerializedDag[]
  readonly errors: readonly ParseFault[]
  /** Told to the author without stopping anything (for example a handler for a DAG that nobody declares). */
  readonly notices: readonly string[]
}

export interface ParseFault {
  readonly dagId: string | null
  readonly message: string
  readonly stack: string | null
}

export type AttemptResult =
  | { readonly kind: 'success'; readonly value?: JsonValue }
  | { readonly kind: 'skip'; readonly message: string | null }
  | { readonly kind: 'failure'; readonly message: string; readonly isRetryable: boolean }
  | { readonly kind: 'removed' }

export type CallOp = 'getVariable' | 'setVariable' | 'deleteVariable' | 'getConnection' | 'getXCom' | 'setXCom'

export type FromChild =
  | { readonly type: 'hello'; readonly pid: number }
  | { readonly type: 'parsed'; readonly id: number; readonly result: ParseResult }
  | {
      readonly type: 'outcome'
      readonly attempt: number
      readonly result: AttemptResult
      readonly isTainted: boolean
      readonly rssBytes: number
    }
  | {
      readonly type: 'call'
      readonly call: number
      readonly attempt: number
      readonly op: CallOp
      readonly args: JsonObject
    }

/** A line that stands alone on both log pipes when an attempt is over: everything before it belongs to that attempt. */
export const endMark = (attempt: number) => `\u0001baram-end ${attempt}`
/** Opens a structured log line on stdout. */
export const LOG_MARK = '\u0001baram-log '

const CALL_OPS: ReadonlySet<unknown> = new Set<CallOp>([
  'getVariable',
  'setVariable',
  'deleteVariable',
  'getConnection',
  'getXCom',
  'setXCom',
])
const OUTCOMES: ReadonlySet<unknown> = new Set<AttemptResult['kind']>(['success', 'skip', 'failure', 'removed'])

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function require(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BaramError('PROTOCOL', `a child sent ${what}`)
}

function checkOutcome(message: Record<string, unknown>): void {
  const { result } = message
  require(typeof message['attempt'] === 'number' &&
    isRecord(result) &&
    OUTCOMES.has(result['kind']), 'an outcome of an unknown kind')
  require(typeof message['isTainted'] === 'boolean' &&
    typeof message['rssBytes'] === 'number', 'an outcome without the state of its process')
  if (result['kind'] === 'skip')
    require(result['message'] === null || typeof result['message'] === 'string', 'a skip whose message is no text')
  if (result['kind'] === 'failure') {
    require(typeof result['message'] === 'string' &&
      typeof result['isRetryable'] === 'boolean', 'a failure without its message')
  }
}

function checkParsed(result: unknown): void {
  require(isRecord(result), 'a parse result without its DAGs')
  const { dags, errors, notices } = result
  require(Array.isArray(dags) && dags.every(isRecord), 'a parse result whose DAGs are no objects')
  require(Array.isArray(errors) && errors.every(isFault), 'a parse result whose errors are no faults')
  require(Array.isArray(notices) &&
    notices.every((notice) => typeof notice === 'string'), 'a parse result whose notices are no texts')
}

const isTextOrNull = (value: unknown) => value === null || typeof value === 'string'
const isFault = (fault: unknown) =>
  isRecord(fault) &&
  typeof fault['message'] === 'string' &&
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
      require(typeof message['id'] === 'number', 'a parse result without its id')
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
    default:
      throw new BaramError('PROTOCOL', `a child sent a message of unknown type ${JSON.stringify(message['type'])}`)
  }
  // Proven above for every field that is acted on.
  return message as unknown as FromChild
}
