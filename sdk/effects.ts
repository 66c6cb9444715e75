// What an attempt tells of its work outside: row counts that must add up, and reports. The sending is given, so that a
// made-up context of a test checks the same.

import { type Effect, missingRows } from '../core/effects.ts'
import type { ResultTable } from '../core/result-table.ts'
import type { TaskLogger } from './context.ts'

/** What happens when rows read, written and rejected do not add up: the try fails (default), or the log warns. */
export type MismatchPolicy = 'fail' | 'warn'

/** Rows were lost or doubled between what a task read and what came of it. The numbers are stored; retries apply. */
export class CountMismatchError extends Error {
  override readonly name = 'CountMismatchError'
  readonly effect: Effect
  constructor(effect: Effect) {
    const { kind, target, rowsRead, rowsWritten, rowsRejected = 0 } = effect
    const missing = missingRows(effect)
    super(
      `${kind} ${target}: ${rowsRead} rows read, but ${rowsWritten} written and ${rowsRejected} rejected: ` +
        `${Math.abs(missing)} ${missing > 0 ? 'missing' : 'too many'}`,
    )
    this.effect = effect
  }
}

export interface Outbox {
  /** Resolves once it is stored. */
  sendEffect(effect: Effect): Promise<void>
  sendReport(name: string, report: ResultTable): Promise<void>
}

/** `op.record` and `op.publish` of one attempt. */
export function makeTelling(outbox: Outbox, log: TaskLogger) {
  return {
    async record(effect: Effect, onMismatch: MismatchPolicy = 'fail'): Promise<void> {
      // Stored first: a page must show the numbers that failed the task.
      await outbox.sendEffect(effect)
      if (missingRows(effect) === 0) return
      const mismatch = new CountMismatchError(effect)
      if (onMismatch === 'fail') throw mismatch
      log.warn({ ...effect }, `${mismatch.message} (told only: the policy is warn)`)
    },
    publish: (name: string, report: ResultTable): Promise<void> => outbox.sendReport(name, report),
  }
}
