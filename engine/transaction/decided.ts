// Statements that fail when they meet other rows than were decided on, and whose rows those were.

import { BaramError } from '../../core/errors.ts'
import { isOutdated } from '../../store/decided-on.ts'

/** @throws BaramError SETTLED_ELSEWHERE instead of the database's own error */
export async function decided(
  answer: Promise<unknown>,
  run: { readonly runId: string; readonly dagId: string },
): Promise<void> {
  try {
    await answer
  } catch (error) {
    if (!isOutdated(error)) throw error
    const message = `run ${run.runId} of ${run.dagId} changed while a decision on it was written; nothing was written`
    throw new BaramError('SETTLED_ELSEWHERE', message, { cause: error })
  }
}
