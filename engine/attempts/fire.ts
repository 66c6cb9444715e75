// Triggers that fired, or failed: their deferred instances go on.

import { reasonText } from '../../core/bound-result.ts'
import { messageOf } from '../../core/errors.ts'
import type { JsonValue } from '../../core/json.ts'
import { findRunsThere } from '../../store/postgres/runs.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { takeApart } from '../transaction/set-aside.ts'
import { settleAndAdvance } from '../transaction/settle-attempt.ts'

/** What a trigger has told, or why it cannot. */
export interface Fired {
  readonly dagRunId: number
  readonly tiId: string
  /** Of the instance when it was deferred: a later wait of the same try is another. */
  readonly epoch: number
  readonly result: { readonly event: JsonValue } | { readonly error: string }
}

/**
 * Deferred instances whose triggers have come go on; those whose triggers failed fail their try.
 * @returns events whose runs others hold at this moment: they are told again
 */
export async function fire(
  transactions: RunTransactions,
  fired: readonly Fired[],
  now: number,
): Promise<readonly Fired[]> {
  let lockedElsewhere: Fired[] = []
  const { refused } = await transactions.run({
    runs: fired.map((trigger) => trigger.dagRunId),
    isWide: true,
    isBatch: true,
    skipsLocked: true,
    act(all) {
      lockedElsewhere = []
      for (const trigger of fired) {
        const changes = all.get(trigger.dagRunId)
        if (changes === undefined) lockedElsewhere.push(trigger)
        else blame(trigger.dagRunId, () => takeFired(changes, trigger, now))
      }
    },
  })
  const apart = fired.filter((trigger) => refused.has(trigger.dagRunId))
  await takeApart(transactions, apart, [
    (trigger, changes) => takeFired(changes, trigger, now),
    (trigger, changes) => {
      const error = `its event could not be stored: ${messageOf(refused.get(trigger.dagRunId))}`
      takeFired(changes, { ...trigger, result: { error } }, now)
    },
  ])
  const missing = lockedElsewhere.filter((trigger) => !apart.includes(trigger))
  if (missing.length === 0) return []
  const there = await findRunsThere(transactions.database, [...new Set(missing.map((trigger) => trigger.dagRunId))])
  return missing.filter((trigger) => there.has(trigger.dagRunId))
}

function takeFired(changes: RunChanges, { tiId, epoch, result }: Fired, now: number): void {
  const { model } = changes
  const ti = model.instances.get(tiId)
  // Cleared, timed out or fired by another host meanwhile: then nobody waits for this event.
  if (ti?.state !== 'deferred' || ti.epoch !== epoch) return
  if ('event' in result) {
    changes.fired.push({ tiId, event: result.event })
    changes.add([model.move(ti, 'scheduled', { code: 'wait_over' })])
    return
  }
  const message = reasonText(`its trigger failed: ${result.error}`)
  settleAndAdvance(changes, ti, { kind: 'failure', message, isRetryable: true }, now)
}
