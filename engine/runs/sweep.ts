// Runs are decided as a whole: those that somebody asked for, and as a safety net those that nobody works on.

import { decide } from '../../core/decide.ts'
import type { Database } from '../../store/database.ts'
import { findIdleRuns, markLookedAt } from '../../store/postgres/runs.ts'
import { deleteServed, findAsked } from '../../store/postgres/scheduler-requests.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { noteRefused } from '../transaction/set-aside.ts'

/** How many runs or rows one transaction takes at most: a batch has a limit, the rest is the next one's. */
const BATCH = 100

function decideAll(all: ReadonlyMap<number, RunChanges>): void {
  for (const [id, changes] of all)
    if (changes.model.run.state === 'running' && !changes.isPaused) blame(id, () => changes.add(decide(changes.model)))
}

/** Runs that nobody works on are decided as a whole: the net under every lost wake-up. */
export async function decideIdle(database: Database, transactions: RunTransactions): Promise<number> {
  const ids = await findIdleRuns(database, BATCH)
  if (ids.length === 0) return 0
  const result = await transactions.run({ runs: [], freeRuns: ids, isWide: true, isBatch: true, act: decideAll })
  await noteRefused(transactions, result.refused)
  // Those that stay as they are go to the end of the line: a batch of them must not hide the rest for ever.
  await markLookedAt(database, ids)
  return result.changedRuns.length
}

/**
 * Runs whose past has moved, or whose DAG was resumed, are decided as a whole. A run that somebody holds keeps its request.
 * Returns how many requests were served.
 */
export async function decideAsked(database: Database, transactions: RunTransactions): Promise<number> {
  const asked = await findAsked(database, BATCH)
  if (asked.length === 0) return 0
  let served = 0
  const { refused } = await transactions.run({
    runs: asked.map((row) => row.dagRunId),
    skipsLocked: true,
    isWide: true,
    isBatch: true,
    async also(tx, locked, refused) {
      served = await deleteServed(tx, asked, (id) => locked.has(id) || refused.has(id))
    },
    act: decideAll,
  })
  await noteRefused(transactions, refused)
  return served
}
