// What was thrown, as the text of a log line: its stack, then each cause ("Caused by: …"), and of an AggregateError each of
// its errors ("Error 1 of 3: …"). The log page takes it apart by these words.

import { messageOf } from '../core/errors.ts'

/** Causes of causes, and errors in errors, beyond which nobody reads. */
const MOST_LEVELS = 5
/** Errors of one exception, all its causes and parts together. */
const MOST_ERRORS = 30

const prefixed = (prefix: string, [first = '', ...rest]: readonly string[]): string[] => [prefix + first, ...rest]

class ExceptionWriter {
  private left = MOST_ERRORS

  lines(error: unknown, level: number): string[] {
    this.left--
    if (!(error instanceof Error)) return messageOf(error).split('\n')
    const own = (error.stack ?? error.message).split('\n')
    if (level === MOST_LEVELS) return own
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : []
    const parts = errors.flatMap((part, i) => this.related(`Error ${i + 1} of ${errors.length}: `, part, level))
    const cause = error.cause === undefined ? [] : this.related('Caused by: ', error.cause, level)
    return [...own, ...parts, ...cause]
  }

  private related(prefix: string, error: unknown, level: number): string[] {
    return this.left > 0 ? prefixed(prefix, this.lines(error, level + 1)) : []
  }
}

export const exceptionText = (error: unknown): string => new ExceptionWriter().lines(error, 0).join('\n')
