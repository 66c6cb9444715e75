// Waits that end by time: retries, reschedules, deferred tasks whose date has come or whose trigger has not in time.

import type { TaskInstanceView } from '../../core/run-model.ts'
import type { Outcome } from '../../core/settle.ts'
import { isOverLimit } from '../../core/time-limit.ts'
import type { Database } from '../../store/database.ts'
import { type DueRow, findDue } from '../../store/postgres/task-queue.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { takeApart } from '../transaction/set-aside.ts'
import { settleAndAdvance } from '../transaction/settle-attempt.ts'

/** How many rows one transaction takes at most. */
const BATCH = 100

/** What becomes of one instance whose time has come. */
function wakeOne(changes: RunChanges, ti: TaskInstanceView, row: DueRow, now: number): void {
  const { model } = changes
  if (ti.state === 'up_for_retry') changes.add([model.move(ti, 'scheduled', { code: 'retry_due' })])
  else if (ti.state === 'up_for_reschedule') changes.add([model.move(ti, 'scheduled', { code: 'reschedule_due' })])
  else if (ti.state === 'deferred') {
    // Due by its own date, or because its trigger has not come in time.
    if (row.waitUntil !== null && row.waitUntil <= row.now) {
      changes.fired.push({ tiId: ti.id, event: new Date(row.waitUntil).toISOString() })
      changes.add([model.move(ti, 'scheduled', { code: 'wait_over' })])
    } else settleAndAdvance(changes, ti, lateOutcome(changes, ti, row), now)
  }
}

/** The wait's own time-out, or the limit of the whole try. */
function lateOutcome({ model }: RunChanges, ti: TaskInstanceView, row: DueRow): Outcome {
  const limit = model.graph.task(ti.task).executionTimeout
  return isOverLimit(limit, row.triedAt, row.now) ? { kind: 'timeout', seconds: limit } : { kind: 'wait_timeout' }
}

/** Retries, put-off tries and waits whose time has come go on. Returns how many rows were due. */
export async function wakeDue(database: Database, transactions: RunTransactions, now: number): Promise<number> {
  const due = await findDue(database, BATCH)
  if (due.length === 0) return 0
  const wake = (row: DueRow, changes: RunChanges) => {
    const ti = changes.model.instances.get(row.tiId)
    // Seen before the lock: since then it may have gone on, and wait for something else.
    if (ti?.epoch === row.epoch && !changes.isPaused) wakeOne(changes, ti, row, now)
  }
  const { refused } = await transactions.run({
    runs: [],
    freeRuns: due.map((row) => row.dagRunId),
    isBatch: true,
    act(all) {
      for (const row of due) {
        const changes = all.get(row.dagRunId)
        if (changes !== undefined) blame(row.dagRunId, () => wake(row, changes))
      }
    },
  })
  const apart = due.filter((row) => refused.has(row.dagRunId))
  await takeApart(transactions, apart, [wake])
  return due.length
}
