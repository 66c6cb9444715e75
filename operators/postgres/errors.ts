// What Postgres says when it refuses, in one message.

import { DatabaseError } from 'pg'

/** A statement that failed. Values of parameters are never in it, unless Postgres itself names one. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError'
  /** SQLSTATE, such as `23505`; null when the connection failed. */
  readonly code: string | null
  constructor(message: string, code: string | null, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** More rows than asked for, in bytes. */
export class PostgresResultTooLargeError extends Error {
  override readonly name = 'PostgresResultTooLargeError'
}

const HINTS: Readonly<Record<string, string>> = {
  '42601': 'a text of several statements takes no parameters unless split is true',
  '25001': 'set autocommit: true to run it outside a transaction',
  '57014':
    'the statement was cancelled: by its timeout, the server’s statement_timeout, or somebody’s pg_cancel_backend',
}

function needsHint({ code, message }: DatabaseError): boolean {
  return code === '42601' ? message.includes('multiple commands') : true
}

/** @returns the error to throw instead */
export function explained(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    const code = error.code ?? null
    const hint = error.hint ?? (code !== null && needsHint(error) ? HINTS[code] : undefined)
    const position = error.position === undefined ? undefined : `at character ${error.position}`
    const more = [`SQLSTATE ${code ?? 'unknown'}`, position, error.detail, hint].filter((part) => part !== undefined)
    return new PostgresError(`${error.message} (${more.join('; ')})`, code, { cause: error })
  }
  const isNetwork =
    error instanceof Error && ('code' in error || /Connection terminated|timeout expired|Client/.test(error.message))
  return isNetwork
    ? new PostgresError(`the connection to Postgres failed: ${error.message}`, null, { cause: error })
    : error
}
