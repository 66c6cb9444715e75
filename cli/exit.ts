// Exit codes (docs/architecture.md#formats-that-do-not-change-lightly) and the one readable line an error ends with.

import { BaramError, ERRORS, type ErrorClass, messageOf } from '../core/errors.ts'

const OF_CLASS: Readonly<Record<ErrorClass, number>> = { failed: 1, usage: 2, notFound: 3, refused: 4, unavailable: 5 }

export const EXIT = { ok: 0, ...OF_CLASS } as const

export function exitCodeOf(error: unknown): number {
  return error instanceof BaramError ? EXIT[ERRORS[error.code].class] : EXIT.failed
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
