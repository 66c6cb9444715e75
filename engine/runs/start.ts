// Queued runs become running, in order, as far as the limits of their DAGs and backfills go.

import { decide } from '../../core/decide.ts'
import type { Database } from '../../store/database.ts'
import { concurrencyKeysOf, concurrencyText, findStartableRuns, lockConcurrency } from '../../store/postgres/runs.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { noteRefused } from '../transaction/set-aside.ts'

/** How many runs or rows one transaction takes at most: a batch has a limit, the rest is the next one's. */
const BATCH = 100

/** Queued runs become running, as far as the limits of their DAGs and backfills go. Returns how many. */
export async function startRuns(database: Database, transactions: RunTransactions): Promise<number> {
  const ids = await findStartableRuns(database, BATCH)
  if (ids.length === 0) return 0
  const keyOf = await concurrencyKeysOf(database, ids)
  let room: ReadonlyMap<string, number> = new Map()
  const result = await transactions.run({
    runs: [],
    freeRuns: ids,
    isBatch: true,
    async before(tx) {
      room = await lockConcurrency(tx, [...keyOf.values()])
    },
    act(all) {
      const left = new Map(room)
      for (const id of ids) {
        const changes = all.get(id)
        const own = keyOf.get(id)
        if (changes === undefined || own === undefined || changes.model.run.state !== 'queued') continue
        const key = concurrencyText(own)
        const free = left.get(key) ?? 0
        if (free <= 0) continue
        left.set(key, free - 1)
        changes.moveRun('running', { code: 'started' })
        blame(id, () => changes.add(decide(changes.model)))
      }
    },
  })
  await noteRefused(transactions, result.refused)
  return result.changedRuns.length
}
