// One bad item never stops the rest (docs/reliability.md rule 20). A transaction over many runs that is refused for good names the
// run at fault; the others go on without it, and what concerns that run is tried item by item, by handlers that ask less
// and less of the database. What is refused even then ends with a reason that a person can read.

import { reasonText } from '../../core/bound-result.ts'
import { messageOf } from '../../core/errors.ts'
import { describeReason } from '../../core/reasons.ts'
import { insertCallbacksOfFailedRow } from '../../store/postgres/callbacks.ts'
import { notifyScheduler } from '../../store/postgres/notify.ts'
import { failInstance, noteRun } from '../../store/postgres/set-aside.ts'
import { isLasting } from '../../store/refusal.ts'
import type { RunChanges } from './changes.ts'
import { RunFault } from './run-fault.ts'
import type { RunTransactions } from './run-transaction.ts'

/** One instance that something happened to. */
export interface Item {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
}

/** Takes one item up in the changes of its run. */
export type ItemHandler<T> = (item: T, changes: RunChanges) => void

const setAsideReason = (error: unknown) => ({ code: 'set_aside' as const, message: reasonText(messageOf(error)) })

/** Whether the handler could take it; false = it is refused for good. @throws whatever will pass */
async function take<T extends Item>(
  transactions: RunTransactions,
  item: T,
  handler: ItemHandler<T>,
  onRefusal: (error: unknown) => void,
): Promise<boolean> {
  try {
    await transactions.run({
      runs: [item.dagRunId],
      act(all) {
        const changes = all.get(item.dagRunId)
        if (changes !== undefined) handler(item, changes)
      },
    })
    return true
  } catch (error) {
    const cause = error instanceof RunFault ? error.cause : error
    if (!isLasting(cause)) throw cause
    onRefusal(cause)
    return false
  }
}

/**
 * Items of runs at fault, each by itself: the first handler that is not refused counts; an item that none helps is failed by
 * its row alone. @throws whatever will pass: the caller tries the same items again
 */
export async function takeApart<T extends Item>(
  transactions: RunTransactions,
  items: readonly T[],
  handlers: readonly ItemHandler<T>[],
): Promise<void> {
  for (const item of items) {
    let last: unknown
    let isTaken = false
    for (const handler of handlers) {
      if (isTaken) break
      isTaken = await take(transactions, item, handler, (error) => {
        last = error
      })
    }
    if (!isTaken) await failApart(transactions, item, last)
  }
}

async function failApart(transactions: RunTransactions, item: Item, error: unknown): Promise<void> {
  transactions.log.error(
    { ...item, err: messageOf(error) },
    'a task instance was set aside: its state cannot be stored',
  )
  await transactions.database.transaction(async (tx) => {
    const because = setAsideReason(error)
    if (await failInstance(tx, item, transactions.who, because))
      await insertCallbacksOfFailedRow(tx, item, describeReason(because))
    await notifyScheduler(tx)
  })
}

/** Runs that a pass could not decide on: their ledger says why, and nobody waits for them. */
export async function noteRefused(transactions: RunTransactions, refused: ReadonlyMap<number, unknown>): Promise<void> {
  for (const [dagRunId, error] of refused)
    await noteRun(transactions.database, dagRunId, transactions.who, setAsideReason(error))
}
