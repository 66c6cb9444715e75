// Exit codes (docs/architecture.md#formats-that-do-not-change-lightly) and the one readable line an error ends with.

import { BaramError, type ErrorCode, messageOf } from '../core/errors.ts'

export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, refused: 4, unavailable: 5 } as const

const CODES: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: EXIT.notFound,
  REFUSED: EXIT.refused,
  INPUT_INVALID: EXIT.usage,
  PARAMS_INVALID: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  HOME_MISSING: EXIT.unavailable,
  DATABASE_UNAVAILABLE: EXIT.unavailable,
  DATABASE_BEHIND: EXIT.unavailable,
  DATABASE_AHEAD: EXIT.unavailable,
  DATABASE_FOREIGN: EXIT.refused,
  POSTGRES_LOCKED: EXIT.unavailable,
  POSTGRES_START: EXIT.unavailable,
  POSTGRES_BINARIES: EXIT.unavailable,
  POSTGRES_VERSION: EXIT.refused,
}

export function exitCodeOf(error: unknown): number {
  return error instanceof BaramError ? (CODES[error.code] ?? EXIT.failed) : EXIT.failed
}

/** `dagctl: sentence`; with `debug` the whole stack and its causes. */
export function describeError(error: unknown, isDebug: boolean): string {
  const line = `dagctl: ${messageOf(error)}`
  if (!isDebug) return line
  const stacks: string[] = []
  for (let at: unknown = error; at instanceof Error && stacks.length < 6; at = at.cause)
    stacks.push(at.stack ?? at.message)
  return [line, ...stacks].join('\n')
}
