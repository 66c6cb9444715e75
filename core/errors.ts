// The one error class of the product and the one table of its codes (docs/errors.md has a heading for each).

/** Every code with what it means. The messages themselves are written where they are thrown: they name the thing found. */
export const ERROR_CODES = {
  CONFIG_INVALID: 'A setting has a value that cannot be used.',
  HOME_MISSING: 'There is no Baram home in this folder.',
  DATABASE_UNAVAILABLE: 'The metadata database cannot be reached.',
  DATABASE_FOREIGN: 'The database belongs to another product.',
  DATABASE_BEHIND: 'The database has an older schema than this version needs.',
  DATABASE_AHEAD: 'The database has a newer schema than this version knows.',
  DATABASE_LOCKED: 'Another session holds what a migration needs.',
  POSTGRES_BINARIES: 'The embedded Postgres has no binaries for this platform.',
  POSTGRES_VERSION: 'The embedded data folder was made by another major version of Postgres.',
  POSTGRES_START: 'The embedded Postgres did not start.',
  POSTGRES_LOCKED: 'Another Baram uses this home.',
  SECRET_KEY: 'The key file is missing, wrong, or open to others.',
  SECRET_CORRUPT: 'A stored secret cannot be decrypted.',
  DAG_INVALID: 'A DAG is declared in a way that cannot be run.',
  DAG_CYCLE: 'Tasks of a DAG wait for each other in a circle.',
  FILE_SYNTAX: 'A DAG file cannot be compiled.',
  FILE_IMPORT: 'A DAG file imports something that is not there.',
  FILE_THROWS: 'A DAG file threw while it was loaded.',
  FILE_DIED: 'A DAG file ended its process, or did not end loading in time.',
  FILE_EMPTY: 'A DAG file declares no DAG.',
  SCHEDULE_INVALID: 'A schedule cannot be understood.',
  SERIALIZED_INVALID: 'A stored DAG has a form this version does not know.',
  TEMPLATE_INVALID: 'A template names something that is not there, or cannot be read.',
  PARAMS_INVALID: 'A run was given values that its DAG does not accept.',
  XCOM_INVALID: 'A value would not survive being stored as JSON.',
  XCOM_TOO_LARGE: 'A value is too large for an XCom.',
  MODULE_DAMAGED: 'A compiled DAG file is not what its name or its version says.',
  NOT_FOUND: 'The thing asked for does not exist.',
  CONFLICT: 'The thing exists already, or changed meanwhile.',
  REFUSED: 'The request is understood but not allowed in this state.',
  INPUT_INVALID: 'A value given by the user is not acceptable.',
  INVARIANT: 'Something is as the product itself never makes it.',
  TRANSITION_ILLEGAL: 'A state change that the table of moves forbids.',
  PROTOCOL: 'A child process sent something the protocol does not know.',
  SETTLED_ELSEWHERE: 'A state change was decided on rows that have moved meanwhile.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** An error a reader can act on: what was expected, what was found, where, and what to do. */
export class BaramError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'BaramError'
    this.code = code
    this.details = options.details ?? {}
  }
}

/** The message of anything thrown, also of `throw null` and `throw 'text'`. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message || error.name
  if (typeof error === 'string') return error
  return `a ${error === null ? 'null' : typeof error} was thrown: ${String(error)}`
}

/** Stops the compiler where a union has a member that a switch forgot. */
export function unreachable(value: never): never {
  throw new BaramError('PROTOCOL', `unexpected value ${JSON.stringify(value)}`)
}
