// Reports of a worker: attempts that ended, and what the worker starts instead, in one transaction.

import { reasonText } from '../../core/bound-result.ts'
import { messageOf } from '../../core/errors.ts'
import { findRunsThere } from '../../store/postgres/runs.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactionResult, RunTransactions } from '../transaction/run-transaction.ts'
import { takeApart } from '../transaction/set-aside.ts'
import { type Report, recordOutputs, settleAndAdvance } from '../transaction/settle-attempt.ts'
import type { Slots } from '../transaction/start-attempts.ts'
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
    runs: reports.map((report) => report.dagRunId),
    slots,
    isBatch: true,
    skipsLocked: true,
    // The rows of what cannot be settled now still say `running`.
    slotsNow: (all) => slots.count - reports.filter((report) => !all.has(report.dagRunId)).length,
    act(all) {
      dropped = []
      lockedElsewhere = []
      for (const report of reports) {
        const changes = all.get(report.dagRunId)
        if (changes === undefined) lockedElsewhere.push(report)
        else if (!blame(report.dagRunId, () => takeReport(changes, report, now))) dropped.push(report)
      }
    },
  })
  const apart = reports.filter((report) => result.refused.has(report.dagRunId))
  await takeApart(transactions, apart, [
    (report, changes) => takeReport(changes, report, now),
    // What it returns or says is refused: its end is not, and it is tried again as far as it has tries.
    (report, changes) => takeReport(changes, asFailure(report, result.refused.get(report.dagRunId)), now),
  ])
  const missing = lockedElsewhere.filter((report) => !apart.includes(report))
  if (missing.length === 0) return { ...result, dropped, lockedElsewhere: missing }
  // A run that is gone is held by nobody: there is nothing to report to.
  const there = await findRunsThere(transactions.database, [...new Set(missing.map((report) => report.dagRunId))])
  return {
    ...result,
    dropped: [...dropped, ...missing.filter((report) => !there.has(report.dagRunId))],
    lockedElsewhere: missing.filter((report) => there.has(report.dagRunId)),
  }
}

/** @returns false when the attempt is no longer the current one */
function takeReport(changes: RunChanges, report: Report, now: number): boolean {
  if (restart(changes, report.tiId, report.epoch)) return true
  const ti = currentAttempt(changes.model, report.tiId, report.epoch)
  if (ti === null) return false
  changes.xcoms.push(...report.xcoms)
  recordOutputs(changes, ti, report)
  settleAndAdvance(changes, ti, report.outcome, now)
  return true
}

/** A report whose content the database refuses: what is left of it is that it failed, and why. */
function asFailure(report: Report, refusal: unknown): Report {
  const message = reasonText(`what the task did could not be stored: ${messageOf(refusal)}`)
  return { ...report, outcome: { kind: 'failure', message, isRetryable: true }, xcoms: [] }
}
