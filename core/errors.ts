// The one error class of the product and the one table of its codes (docs/errors.md has a heading for each).

import { missingText, type Subject, type SubjectIds, type SubjectKind, subject } from './subjects.ts'

/** How a failure ends, whoever asked: `dagctl` has an exit code for each. */
export type ErrorClass = 'failed' | 'usage' | 'notFound' | 'refused' | 'unavailable'

interface CodeFacts {
  /** What kind of thing happened. The messages are written where they are thrown: they name the thing found. */
  readonly meaning: string
  /** HTTP. 500 and above tell the client nothing but that. */
  readonly status: number
  readonly class: ErrorClass
}

const code = (meaning: string, status: number, errorClass: ErrorClass): CodeFacts => ({
  meaning,
  status,
  class: errorClass,
})

/** Every code with all that is decided by it. */
export const ERRORS = {
  CONFIG_INVALID: code('A setting has a value that cannot be used.', 500, 'usage'),
  HOME_MISSING: code('There is no Baram home in this folder.', 500, 'unavailable'),
  DATABASE_UNAVAILABLE: code('The metadata database cannot be reached.', 503, 'unavailable'),
  DATABASE_FOREIGN: code('The database belongs to another product.', 500, 'refused'),
  DATABASE_BEHIND: code('The database has an older schema than this version needs.', 500, 'unavailable'),
  DATABASE_AHEAD: code('The database has a newer schema than this version knows.', 500, 'unavailable'),
  DATABASE_LOCKED: code('Another session holds what a migration needs.', 500, 'failed'),
  POSTGRES_BINARIES: code('The embedded Postgres has no binaries for this platform.', 500, 'unavailable'),
  POSTGRES_VERSION: code('The embedded data folder was made by another major version of Postgres.', 500, 'refused'),
  POSTGRES_START: code('The embedded Postgres did not start.', 500, 'unavailable'),
  POSTGRES_LOCKED: code('Another Baram uses this home.', 500, 'unavailable'),
  SECRET_KEY: code('The key file is missing, wrong, or open to others.', 500, 'failed'),
  SECRET_CORRUPT: code('A stored secret cannot be decrypted.', 500, 'failed'),
  DAG_INVALID: code('A DAG is declared in a way that cannot be run.', 500, 'failed'),
  DAG_CYCLE: code('Tasks of a DAG wait for each other in a circle.', 500, 'failed'),
  FILE_SYNTAX: code('A DAG file cannot be compiled.', 500, 'failed'),
  FILE_IMPORT: code('A DAG file imports something that is not there.', 500, 'failed'),
  FILE_THROWS: code('A DAG file threw while it was loaded.', 500, 'failed'),
  FILE_DIED: code('A DAG file ended its process, or did not end loading in time.', 500, 'failed'),
  FILE_EMPTY: code('A DAG file declares no DAG.', 500, 'failed'),
  SCHEDULE_INVALID: code('A schedule cannot be understood.', 500, 'failed'),
  SERIALIZED_INVALID: code('A stored DAG has a form this version does not know.', 500, 'failed'),
  TEMPLATE_INVALID: code('A template names something that is not there, or cannot be read.', 500, 'failed'),
  PARAMS_INVALID: code('A run was given values that its DAG does not accept.', 400, 'usage'),
  XCOM_INVALID: code('A value would not survive being stored as JSON.', 500, 'failed'),
  XCOM_TOO_LARGE: code('A value is too large for an XCom.', 500, 'failed'),
  MODULE_DAMAGED: code('A compiled DAG file is not what its name or its version says.', 500, 'failed'),
  SERVER_UNREACHABLE: code('The server that a command is for cannot be reached.', 502, 'unavailable'),
  SERVER_FAILED: code(
    'The server that a command is for failed, or answered what no Baram answers.',
    502,
    'unavailable',
  ),
  SIGN_IN_REQUIRED: code('The server takes no request without a valid token.', 401, 'refused'),
  FORBIDDEN: code('The role of an account does not allow the request.', 403, 'refused'),
  LOCAL_ONLY: code('The command works on the machine of the deployment alone.', 400, 'refused'),
  NOT_FOUND: code('The thing asked for does not exist.', 404, 'notFound'),
  CONFLICT: code('The thing exists already, or changed meanwhile.', 409, 'failed'),
  REFUSED: code('The request is understood but not allowed in this state.', 400, 'refused'),
  INPUT_INVALID: code('A value given by the user is not acceptable.', 400, 'usage'),
  INVARIANT: code('Something is as the product itself never makes it.', 500, 'failed'),
  TRANSITION_ILLEGAL: code('A state change that the table of moves forbids.', 500, 'failed'),
  PROTOCOL: code('A child process sent something the protocol does not know.', 500, 'failed'),
  SETTLED_ELSEWHERE: code('A state change was decided on rows that have moved meanwhile.', 500, 'failed'),
} as const

export type ErrorCode = keyof typeof ERRORS

/** What is the matter with the subject, where a caller may have words of its own for it. */
export type Problem =
  | 'missing'
  /** What was to be made is there already. */
  | 'exists'
  /** It, or a part of it, is at work. */
  | 'running'
  /** It is as it was to become. */
  | 'unchanged'
  /** It is over. */
  | 'ended'
  /** The latest version of its DAG has it no more. */
  | 'removed'
  /** It belongs to the product. */
  | 'builtin'
  /** A backfill of it is under way. */
  | 'backfilling'
  | 'import_errors'
  /** No file declares it any more. */
  | 'stale'
  | 'paused'
  /** It has no logical date. */
  | 'undated'
  /** Of a range of dates. */
  | 'range_reversed'
  | 'range_in_future'
  | 'range_empty'
  /** Its tasks wait for the run before theirs. */
  | 'depends_on_past'
  | 'depends_on_past_reversed'

interface ErrorFacts {
  /** Of the input, by the name that requests have for it. */
  readonly field?: string
  readonly problem?: Problem
  /** Found where another was needed. */
  readonly state?: string
  /** Of a range, epoch ms. */
  readonly from?: number
  readonly to?: number
  /** Limit of the field, characters. */
  readonly most?: number
  readonly [more: string]: unknown
}

/** What an error is about, for programs: the message has the same in words. */
export type ErrorDetails = ErrorFacts & (Subject | { readonly kind?: undefined; readonly id?: undefined })

/** An error a reader can act on: what was expected, what was found, where, and what to do. */
export class BaramError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'BaramError'
    this.code = code
    this.details = options.details ?? {}
  }
}

/** That there is no such thing. `hint`: what to do, when that is known. */
export function notFound<K extends SubjectKind>(kind: K, id: SubjectIds[K], hint?: string): BaramError {
  const text = missingText(kind, id)
  return new BaramError('NOT_FOUND', hint === undefined ? text : `${text}; ${hint}`, {
    details: { ...subject(kind, id), problem: 'missing' },
  })
}

/** That what was to be made is there. */
export function alreadyExists<K extends 'account' | 'connection' | 'pool' | 'variable'>(
  kind: K,
  id: SubjectIds[K],
): BaramError {
  return conflict(kind, id, 'exists', `${kind} ${id} already exists`)
}

/** That the thing, as it is, forbids what was asked. */
export function conflict<K extends SubjectKind>(
  kind: K,
  id: SubjectIds[K],
  problem: Problem,
  message: string,
  more: { readonly state?: string; readonly field?: string } = {},
): BaramError {
  return new BaramError('CONFLICT', message, { details: { ...more, ...subject(kind, id), problem } })
}

function textOf(error: unknown): string {
  // Users' code may set what it likes: `message` is a string by its type alone.
  if (error instanceof Error) return String(error.message || error.name)
  if (typeof error === 'string') return error
  return `a ${error === null ? 'null' : typeof error} was thrown: ${String(error)}`
}

/** The message of anything thrown, also of `throw null`, `throw 'text'` and of what cannot be made a text. Never throws. */
export function messageOf(error: unknown): string {
  try {
    return textOf(error)
  } catch {
    return `a ${typeof error} was thrown that cannot be shown as text`
  }
}

/** Stops the compiler where a union has a member that a switch forgot. */
export function unreachable(value: never): never {
  throw new BaramError('PROTOCOL', `unexpected value ${JSON.stringify(value)}`)
}
