// Reports of a worker: attempts that ended, and what the worker starts instead, in one transaction.

import { reasonText } from '../../core/bound-result.ts'
import { messageOf } from '../../core/errors.ts'
import { findRunsThere } from '../../store/postgres/runs.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactionResult, RunTransactions, Slots } from '../transaction/run-transaction.ts'
import { takeApart } from '../transaction/set-aside.ts'
import { type Report, recordOutputs, settleAndAdvance } from '../transaction/settle-attempt.ts'
import { currentAttempt, restart } from './current-attempt.ts'

/**
 * What ended on this worker, and what it starts instead. A report whose attempt is no longer the current one is dropped:
 * either it was written before (its reply was lost) or somebody else took the instance over. One whose run somebody holds
 * at this moment is `held`: the others do not wait for it, and it is told again soon.
 */
export async function report(
  transactions: RunTransactions,
  reports: readonly Report[],
  slots: Slots,
  now: number,
): Promise<
  RunTransactionResult & { readonly dropped: readonly Report[]; readonly lockedElsewhere: readonly Report[] }
> {
  let dropped: Report[] = []
  let lockedElsewhere: Report[] = []
  const result = await transactions.run({
    runs: reports.map((one) => one.dagRunId),
    slots,
    isBatch: true,
    skipsLocked: true,
    // The rows of what cannot be settled now still say `running`.
    slotsNow: (all) => slots.count - reports.filter((one) => !all.has(one.dagRunId)).length,
    act(all) {
      dropped = []
      lockedElsewhere = []
      for (const one of reports) {
        const changes = all.get(one.dagRunId)
        if (changes === undefined) lockedElsewhere.push(one)
        else if (!blame(one.dagRunId, () => takeReport(changes, one, now))) dropped.push(one)
      }
    },
  })
  const apart = reports.filter((one) => result.refused.has(one.dagRunId))
  await takeApart(transactions, apart, [
    (one, changes) => takeReport(changes, one, now),
    // What it returns or says is refused: its end is not, and it is tried again as far as it has tries.
    (one, changes) => takeReport(changes, asFailure(one, result.refused.get(one.dagRunId)), now),
  ])
  const missing = lockedElsewhere.filter((one) => !apart.includes(one))
  if (missing.length === 0) return { ...result, dropped, lockedElsewhere: missing }
  // A run that is gone is held by nobody: there is nothing to report to.
  const there = await findRunsThere(transactions.database, [...new Set(missing.map((one) => one.dagRunId))])
  return {
    ...result,
    dropped: [...dropped, ...missing.filter((one) => !there.has(one.dagRunId))],
    lockedElsewhere: missing.filter((one) => there.has(one.dagRunId)),
  }
}

/** @returns false when the attempt is no longer the current one */
function takeReport(changes: RunChanges, one: Report, now: number): boolean {
  if (restart(changes, one.tiId, one.epoch)) return true
  const ti = currentAttempt(changes.model, one.tiId, one.epoch)
  if (ti === null) return false
  changes.xcoms.push(...one.xcoms)
  recordOutputs(changes, ti, one)
  settleAndAdvance(changes, ti, one.outcome, now)
  return true
}

/** A report whose content the database refuses: what is left of it is that it failed, and why. */
function asFailure(one: Report, refusal: unknown): Report {
  const message = reasonText(`what the task did could not be stored: ${messageOf(refusal)}`)
  return { ...one, outcome: { kind: 'failure', message, isRetryable: true }, xcoms: [] }
}
