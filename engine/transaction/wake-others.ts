// Whom a transaction wakes: notifications and requests of its own transaction, so that nobody hears of what was rolled back.

import { isFinished, isRunFinished } from '../../core/states.ts'
import {
  notifyScheduler,
  notifySchedulerIfThrottled,
  notifyStop,
  notifyTriggerer,
  notifyWork,
} from '../../store/postgres/notify.ts'
import { askForSuccessors, tellFailure } from '../../store/postgres/scheduler-requests.ts'
import type { Sql } from '../../store/sql.ts'
import type { RunChanges } from './changes.ts'

/** States that end at a time: the scheduler must know when. */
const TIMED = ['up_for_retry', 'up_for_reschedule', 'deferred'] as const

/**
 * @param mayAdmit slots are left over that waiting instances of other runs may take
 * @returns the answers of its statements, which are sent before this returns
 */
export function wakeOthers(tx: Sql, changed: readonly RunChanges[], mayAdmit: boolean): Promise<unknown>[] {
  const sent: Promise<unknown>[] = []
  const ends = (state: string) =>
    changed.some((changes) => [...changes.moved.values()].some((change) => change.ti.state === state))
  if (changed.some((changes) => changes.mustStop)) sent.push(notifyStop(tx))
  else if (ends('queued')) sent.push(notifyWork(tx))
  if (changed.some((changes) => changes.waits.some(({ wait }) => wait.kind === 'trigger')))
    sent.push(notifyTriggerer(tx))
  const someRunEnded = changed.some((changes) => isRunFinished(changes.model.run.state))
  const awaited = changed.filter(
    (changes) =>
      changes.model.past !== null && [...changes.moved.values()].some((change) => isFinished(change.ti.state)),
  )
  for (const { model } of awaited) sent.push(askForSuccessors(tx, model.run.dagRunId))
  const failing = changed.filter(
    ({ model }) => model.run.state === 'failed' && model.graph.dag.maxConsecutiveFailedDagRuns > 0,
  )
  for (const { model } of failing) sent.push(tellFailure(tx, model.run.dagId))
  const isCleared = changed.some((changes) => changes.isCleared)
  if (someRunEnded || awaited.length > 0 || TIMED.some(ends) || isCleared) sent.push(notifyScheduler(tx))
  else if (mayAdmit) sent.push(notifySchedulerIfThrottled(tx))
  return sent
}
