// Runs that took longer than their DAG allows.

import { expire } from '../../core/decide.ts'
import type { Database } from '../../store/database.ts'
import { findTimedOutRuns } from '../../store/postgres/runs.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { noteRefused } from '../transaction/set-aside.ts'

/** How many runs one transaction takes at most. */
const BATCH = 100

/** Runs that took longer than their DAG allows fail; what has not ended in them is skipped. Returns how many. */
export async function expireRuns(database: Database, transactions: RunTransactions): Promise<number> {
  const ids = await findTimedOutRuns(database, BATCH)
  if (ids.length === 0) return 0
  const result = await transactions.run({
    runs: [],
    // One that is held by another at this moment is still late at the next look.
    freeRuns: ids,
    isBatch: true,
    act(all) {
      for (const [id, changes] of all) blame(id, () => endLate(changes))
    },
  })
  await noteRefused(transactions, result.refused)
  return result.changedRuns.length
}

function endLate(changes: RunChanges): void {
  const { model } = changes
  if (model.run.state !== 'running') return
  const seconds = model.graph.dag.dagrunTimeout ?? 0
  changes.add(expire(model, seconds))
  changes.moveRun('failed', { code: 'run_timed_out', seconds })
}
