// Tells a refusal that will repeat from one that will pass (docs/reliability.md rule 20).

import { BaramError, type ErrorCode } from '../core/errors.ts'
import { isConnectionError, pgCode } from './answers.ts'

/** SQLSTATE classes of statements that the database will refuse again: data, constraints, names, limits. */
const LASTING_CLASSES: ReadonlySet<string> = new Set(['0A', '21', '22', '23', '42', '44', '54', 'P0'])
/** Our own errors that say "not now". */
const PASSING_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['SETTLED_ELSEWHERE', 'DATABASE_UNAVAILABLE'])

/**
 * True when the same work would be refused again: it is to be set aside. False for whatever time heals: connections,
 * locks, full disks, shutdowns, races with others. Errors without a code count as passing unless they are our own mistakes.
 */
export function isLasting(error: unknown): boolean {
  if (error instanceof BaramError) return !PASSING_CODES.has(error.code)
  if (isConnectionError(error)) return false
  const code = pgCode(error)
  // A code of Node's, such as EPIPE, is longer or shorter than a SQLSTATE.
  if (code !== null && /^[0-9A-Z]{5}$/.test(code)) return LASTING_CLASSES.has(code.slice(0, 2))
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
}
