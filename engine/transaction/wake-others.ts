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

/** @param mayAdmit slots are left over that waiting instances of other runs may take */
export async function wakeOthers(tx: Sql, changed: readonly RunChanges[], mayAdmit: boolean): Promise<void> {
  const ends = (state: string) =>
    changed.some((changes) => [...changes.moved.values()].some((change) => change.ti.state === state))
  if (changed.some((changes) => changes.mustStop)) await notifyStop(tx)
  else if (ends('queued')) await notifyWork(tx)
  if (changed.some((changes) => changes.waits.some(({ wait }) => wait.kind === 'trigger'))) await notifyTriggerer(tx)
  const someRunEnded = changed.some((changes) => isRunFinished(changes.model.run.state))
  const awaited = changed.filter(
    (changes) =>
      changes.model.past !== null && [...changes.moved.values()].some((change) => isFinished(change.ti.state)),
  )
  for (const { model } of awaited) await askForSuccessors(tx, model.run.dagRunId)
  const failing = changed.filter(
    ({ model }) => model.run.state === 'failed' && model.graph.dag.maxConsecutiveFailedDagRuns > 0,
  )
  for (const { model } of failing) await tellFailure(tx, model.run.dagId)
  const isCleared = changed.some((changes) => changes.isCleared)
  if (someRunEnded || awaited.length > 0 || TIMED.some(ends) || isCleared) await notifyScheduler(tx)
  else if (mayAdmit) await notifySchedulerIfThrottled(tx)
}
