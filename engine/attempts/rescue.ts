// Attempts whose worker is dead end as lost, like any other failure: retried while tries are left.
//
// Promise: an attempt is lost only after its worker's lease was judged dead (engine/process/lease.ts), so no two attempts of
// an instance run at once. `settle` decides between retry and failure, as for every other outcome (docs/reliability.md rule 10).
//
// On failure:
// - a run is locked by somebody else: it is passed over, and the next look sees the same orphan.
// - the worker's own report was first, or a second scheduler: the epoch or state no longer matches, and nothing is done.
// - the connection breaks: the transaction is whole or not there; an orphan stays one until its row moves.
// - the database refuses one run for good: the others are rescued, its attempts one by one, at last by their rows alone.
// The log of a lost attempt gets its last line through `log_ending`, noted in the transaction that ends the attempt; for
// attempts that were taken apart, after it.

import type { RunModel, TaskInstanceView } from '../../core/run-model.ts'
import type { Database } from '../../store/database.ts'
import { insertLogEndings, type LogEnding } from '../../store/postgres/log-endings.ts'
import { findOrphans, type Orphan } from '../../store/postgres/task-queue.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { takeApart } from '../transaction/set-aside.ts'
import { settleAndAdvance } from '../transaction/settle-attempt.ts'
import { currentAttempt, restart } from './current-attempt.ts'

/** The last line of a log whose worker is dead. */
type LostEnding = LogEnding & { readonly workerId: number }

function lostEnding({ graph, run }: RunModel, ti: TaskInstanceView, workerId: number, isRetried: boolean): LostEnding {
  return {
    dagId: run.dagId,
    runId: run.runId,
    taskId: graph.task(ti.task).taskId,
    mapIndex: ti.mapIndex,
    tryNumber: ti.tryNumber,
    workerId,
    level: 'error',
    event: `Ended: lost, the worker died${isRetried ? '; the task will be tried again' : ''}`,
    isFinal: true,
  }
}

/** Attempts whose worker is dead end as lost: retried or failed like any other failure. Returns how many. */
export async function rescue(database: Database, transactions: RunTransactions, now: number): Promise<number> {
  const orphans = await findOrphans(database)
  if (orphans.length === 0) return 0
  let lost: LostEnding[] = []
  const take = (row: Orphan, changes: RunChanges) => {
    const ended = takeOrphan(changes, row, now)
    if (ended !== null) lost.push(ended)
  }
  let noted = 0
  const { refused } = await transactions.run({
    runs: [],
    // A run that somebody holds at this moment is looked at again soon: nobody else waits for it.
    freeRuns: orphans.map((row) => row.dagRunId),
    isBatch: true,
    act(all) {
      lost = []
      for (const row of orphans) {
        const changes = all.get(row.dagRunId)
        if (changes !== undefined) blame(row.dagRunId, () => take(row, changes))
      }
    },
    async also(tx) {
      await insertLogEndings(tx, lost)
      noted = lost.length
    },
  })
  const apart = orphans.filter((row) => refused.has(row.dagRunId))
  await takeApart(transactions, apart, [take])
  await insertLogEndings(database, lost.slice(noted))
  return lost.length
}

/** Ends one attempt whose worker is dead; null when it has gone on meanwhile. */
function takeOrphan(changes: RunChanges, row: Orphan, now: number): LostEnding | null {
  const { model } = changes
  const own = model.instances.get(row.tiId)
  const ended = own === undefined ? null : lostEnding(model, own, row.workerId, true)
  // As it was before it began again: its log needs a last line.
  if (restart(changes, row.tiId, row.epoch)) return ended
  const ti = currentAttempt(model, row.tiId, row.epoch)
  if (ti === null) return null
  settleAndAdvance(changes, ti, { kind: 'lost', worker: row.hostname ?? `worker ${row.workerId}` }, now)
  return lostEnding(model, ti, row.workerId, ti.state === 'up_for_retry')
}
