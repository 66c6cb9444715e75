// A worker takes queued attempts for its free slots.

import type { RunTransactionResult, RunTransactions } from '../transaction/run-transaction.ts'
import type { Slots } from '../transaction/start-attempts.ts'

/** Takes queued attempts for free slots. */
export function claim(transactions: RunTransactions, slots: Slots): Promise<RunTransactionResult> {
  return transactions.run({ runs: [], slots, isBatch: true, act: () => undefined })
}
