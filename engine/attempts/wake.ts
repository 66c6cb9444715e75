// Waits that end: retries, tries that were put off, deferred tasks whose date or trigger has come, or has not in time.

import type { TaskInstanceView } from '../../core/board.ts'
import { reasonText } from '../../core/bound-result.ts'
import { messageOf } from '../../core/errors.ts'
import type { JsonValue } from '../../core/json.ts'
import type { Outcome } from '../../core/settle.ts'
import { isOverLimit } from '../../core/time-limit.ts'
import type { Database } from '../../store/database.ts'
import { type DueRow, findDue } from '../../store/postgres/live.ts'
import { findRunsThere } from '../../store/postgres/runs.ts'
import type { RunChanges } from '../transaction/changes.ts'
import type { TurnRunner } from '../transaction/run-transaction.ts'
import { blame, takeApart } from '../transaction/set-aside.ts'
import { settleAndAdvance } from '../transaction/settle-attempt.ts'

/** How many rows one turn takes at most. */
const BATCH = 100

/** What becomes of one instance whose time has come. */
function wakeOne(changes: RunChanges, ti: TaskInstanceView, row: DueRow, now: number): void {
  const { board } = changes
  if (ti.state === 'up_for_retry') changes.add([board.move(ti, 'scheduled', { code: 'retry_due' })])
  else if (ti.state === 'up_for_reschedule') changes.add([board.move(ti, 'scheduled', { code: 'reschedule_due' })])
  else if (ti.state === 'deferred') {
    // Due by its own date, or because its trigger has not come in time.
    if (row.waitUntil !== null && row.waitUntil <= row.now) {
      changes.fired.push({ tiId: ti.id, event: new Date(row.waitUntil).toISOString() })
      changes.add([board.move(ti, 'scheduled', { code: 'wait_over' })])
    } else settleAndAdvance(changes, ti, lateOutcome(changes, ti, row), now)
  }
}

/** The wait's own time-out, or the limit of the whole try. */
function lateOutcome({ board }: RunChanges, ti: TaskInstanceView, row: DueRow): Outcome {
  const limit = board.graph.tasks[ti.task]?.executionTimeout ?? null
  return isOverLimit(limit, row.triedAt, row.now) ? { kind: 'timeout', seconds: limit } : { kind: 'wait_timeout' }
}

/** Retries, put-off tries and waits whose time has come go on. Returns how many rows were due. */
export async function wakeDue(database: Database, turns: TurnRunner, now: number): Promise<number> {
  const due = await findDue(database, BATCH)
  if (due.length === 0) return 0
  const wake = (row: DueRow, changes: RunChanges) => {
    const ti = changes.board.instances.get(row.tiId)
    // Seen before the lock: since then it may have gone on, and wait for something else.
    if (ti?.epoch === row.epoch && !changes.isPaused) wakeOne(changes, ti, row, now)
  }
  const { refused } = await turns.run({
    runs: [],
    freeRuns: [...new Set(due.map((row) => row.dagRunId))],
    isBatch: true,
    act(all) {
      for (const row of due) {
        const changes = all.get(row.dagRunId)
        if (changes !== undefined) blame(row.dagRunId, () => wake(row, changes))
      }
    },
  })
  const apart = due.filter((row) => refused.has(row.dagRunId))
  await takeApart(turns, apart, [wake])
  return due.length
}

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
export async function fire(turns: TurnRunner, fired: readonly Fired[], now: number): Promise<readonly Fired[]> {
  let held: Fired[] = []
  const { refused } = await turns.run({
    runs: [...new Set(fired.map((one) => one.dagRunId))].sort((a, b) => a - b),
    isWide: true,
    isBatch: true,
    passesHeld: true,
    act(all) {
      held = []
      for (const one of fired) {
        const changes = all.get(one.dagRunId)
        if (changes === undefined) held.push(one)
        else blame(one.dagRunId, () => takeFired(changes, one, now))
      }
    },
  })
  const apart = fired.filter((one) => refused.has(one.dagRunId))
  await takeApart(turns, apart, [
    (one, changes) => takeFired(changes, one, now),
    (one, changes) => {
      const error = `its event could not be stored: ${messageOf(refused.get(one.dagRunId))}`
      takeFired(changes, { ...one, result: { error } }, now)
    },
  ])
  const missing = held.filter((one) => !apart.includes(one))
  if (missing.length === 0) return []
  const there = await findRunsThere(turns.database, [...new Set(missing.map((one) => one.dagRunId))])
  return missing.filter((one) => there.has(one.dagRunId))
}

function takeFired(changes: RunChanges, { tiId, epoch, result }: Fired, now: number): void {
  const { board } = changes
  const ti = board.instances.get(tiId)
  // Cleared, timed out or fired by another host meanwhile: then nobody waits for this event.
  if (ti?.state !== 'deferred' || ti.epoch !== epoch) return
  if ('event' in result) {
    changes.fired.push({ tiId, event: result.event })
    changes.add([board.move(ti, 'scheduled', { code: 'wait_over' })])
    return
  }
  const message = reasonText(`its trigger failed: ${result.error}`)
  settleAndAdvance(changes, ti, { kind: 'failure', message, isRetryable: true }, now)
}
