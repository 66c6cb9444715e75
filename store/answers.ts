// What a failed statement says of the database: whether its connection can be used again, and whether the server itself
// has answered (docs/reliability.md rules 8 and 15).

import { BaramError } from '../core/errors.ts'

/** SQLSTATE, or Node's own code. */
export const pgCode = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null

/** The error that the driver gave, inside ours. */
function causeOf(error: unknown): unknown {
  return error instanceof BaramError && error.code === 'DATABASE_UNAVAILABLE' && error.cause !== undefined
    ? causeOf(error.cause)
    : error
}

/** Ends of a session that the server told, beside class 08: shut down, crashed, starting, kept idle too long. */
const SESSION_ENDED: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P05', '25P03'])
const NETWORK = /^(E(CONN|PIPE|TIMEDOUT|NOENT|HOST|NET|AI_|NOTFOUND)|ENOTFOUND)/
const LOST =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered|not queryable|listening connection is down/
/** The driver gave up waiting: the statement may still be under way, so its connection must not be used again. */
const TIMED_OUT = /Query read timeout/

/** True when the connection, not the statement, is at fault: it is destroyed, and the work may be repeated on another. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof BaramError && error.code === 'DATABASE_UNAVAILABLE') return true
  const code = pgCode(error)
  if (code !== null && (code.startsWith('08') || SESSION_ENDED.has(code) || NETWORK.test(code))) return true
  return error instanceof Error && (LOST.test(error.message) || TIMED_OUT.test(error.message))
}

/**
 * True when the server itself says that it does not serve: nothing listens at its address, or it is shutting down or
 * starting. Then nobody can take anything over, and who holds attempts keeps them; silence is another matter.
 */
export function isDown(error: unknown): boolean {
  const code = pgCode(causeOf(error))
  return code === 'ECONNREFUSED' || code === 'ENOENT' || code === '57P01' || code === '57P02' || code === '57P03'
}
