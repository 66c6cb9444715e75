// Waits that end: retries, tries that were put off, deferred tasks whose date or trigger has come, or has not in time.

import type { TaskInstanceView } from '../core/board.ts'
import { reasonText } from '../core/bound-result.ts'
import type { JsonValue } from '../core/json.ts'
import type { Database } from '../store/database.ts'
import { type DueRow, findDue } from '../store/postgres/live.ts'
import type { RunChanges } from './changes.ts'
import { settleAndAdvance } from './settling.ts'
import type { TurnRunner } from './turn.ts'

/** How many rows one turn takes at most. */
const BATCH = 100

/** What becomes of one instance whose time has come. */
function wakeOne(changes: RunChanges, ti: TaskInstanceView, row: DueRow, now: number): void {
  const { board } = changes
  if (ti.state === 'up_for_retry') changes.add([board.move(ti, 'scheduled', { code: 'retry_due' })])
  else if (ti.state === 'up_for_reschedule') changes.add([board.move(ti, 'scheduled', { code: 'reschedule_due' })])
  else if (ti.state === 'deferred') {
    // Due by its own date, or because its trigger has not come in time.
    if (row.wait_until !== null && row.wait_until <= row.now) {
      changes.fired.push({ tiId: ti.id, event: new Date(row.wait_until).toISOString() })
      changes.add([board.move(ti, 'scheduled', { code: 'wait_over' })])
    } else settleAndAdvance(changes, ti, { kind: 'wait_timeout' }, now)
  }
}

/** Retries, put-off tries and waits whose time has come go on. Returns how many rows were due. */
export async function wakeDue(database: Database, turns: TurnRunner, now: number): Promise<number> {
  const due = await findDue(database, BATCH)
  if (due.length === 0) return 0
  await turns.run({
    runs: [],
    freeRuns: [...new Set(due.map((row) => row.dag_run_id))],
    act(all) {
      for (const row of due) {
        const changes = all.get(row.dag_run_id)
        const ti = changes?.board.instances.get(row.ti_id)
        // Seen before the lock: since then it may have gone on, and wait for something else.
        if (changes !== undefined && ti?.epoch === row.epoch && !changes.isPaused) wakeOne(changes, ti, row, now)
      }
    },
  })
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

/** Deferred instances whose triggers have come go on; those whose triggers failed fail their try. */
export async function fire(turns: TurnRunner, fired: readonly Fired[], now: number): Promise<void> {
  await turns.run({
    runs: [...new Set(fired.map((one) => one.dagRunId))].sort((a, b) => a - b),
    isWide: true,
    act(all) {
      for (const { dagRunId, tiId, epoch, result } of fired) {
        const changes = all.get(dagRunId)
        const ti = changes?.board.instances.get(tiId)
        // Cleared, timed out or fired by another host meanwhile: then nobody waits for this event.
        if (changes === undefined || ti?.state !== 'deferred' || ti.epoch !== epoch) continue
        if ('event' in result) {
          changes.fired.push({ tiId, event: result.event })
          changes.add([changes.board.move(ti, 'scheduled', { code: 'wait_over' })])
        } else
          settleAndAdvance(
            changes,
            ti,
            { kind: 'failure', message: reasonText(`its trigger failed: ${result.error}`), isRetryable: true },
            now,
          )
      }
    },
  })
}
