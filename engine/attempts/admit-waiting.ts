// Slots that came free go to instances that were waiting for one.

import type { Database } from '../../store/database.ts'
import { findThrottledRuns } from '../../store/postgres/task-queue.ts'
import type { RunChanges } from '../transaction/changes.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'

/** How many runs or rows one transaction takes at most: a batch has a limit, the rest is the next one's. */
const BATCH = 100

/** Slots that came free go to what weighs most and has waited longest, until nothing more fits. */
export async function admitWaiting(database: Database, transactions: RunTransactions): Promise<void> {
  for (let hasAdmitted = true; hasAdmitted; ) {
    const runs = await findThrottledRuns(database, BATCH)
    if (runs.length === 0) return
    let all: ReadonlyMap<number, RunChanges> = new Map()
    await transactions.run({
      runs: [],
      freeRuns: runs,
      isWide: true,
      isBatch: true,
      act(changes) {
        all = changes
      },
    })
    // The transaction moved what it admitted from scheduled to queued; whatever else moved was decided before.
    hasAdmitted = [...all.values()].some((changes) => changes.moved.size > 0)
  }
}
