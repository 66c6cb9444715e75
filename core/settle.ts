// What becomes of a task instance when its attempt ends: one function decides "retry or fail" for every cause of death.

import type { AttemptResult, Wait } from './protocol.ts'
import type { Reason } from './reasons.ts'
import { pythonIso, retryDelayMs } from './retry.ts'
import { grantTries, type RunModel, type TaskInstanceView, type Transition } from './run-model.ts'
import { capDelay } from './storable.ts'

/** How an attempt ended: as its own process tells it, or as its worker (or whoever found it dead) does. */
export type Outcome =
  | AttemptResult
  | { readonly kind: 'timeout'; readonly seconds: number }
  | { readonly kind: 'lost'; readonly worker: string }
  /** Its worker was told to stop: not the task's fault, so it is tried again whatever tries are left. */
  | { readonly kind: 'interrupted'; readonly worker: string }
  /** What it was deferred to did not come in time. */
  | { readonly kind: 'wait_timeout' }

type Failure = Outcome & { kind: 'failure' | 'timeout' | 'lost' | 'wait_timeout' }

function failureReason(outcome: Failure, triesLeft: number): Reason {
  if (outcome.kind === 'wait_timeout') return { code: 'wait_timed_out', triesLeft }
  if (outcome.kind === 'timeout') return { code: 'timed_out', seconds: outcome.seconds, triesLeft }
  if (outcome.kind === 'lost') return { code: 'lost', worker: outcome.worker, triesLeft }
  if (!outcome.isRetryable) return { code: 'failed_for_good', message: outcome.message }
  return { code: 'failed', message: outcome.message, triesLeft }
}

/** Moves a running instance by its outcome. A retry is allowed while `tryNumber <= maxTries` (Airflow's rule). */
export function settle(model: RunModel, ti: TaskInstanceView, outcome: Outcome, now: number): Transition {
  switch (outcome.kind) {
    case 'success':
      return model.move(ti, 'success', { code: 'succeeded' })
    case 'skip':
      return model.move(ti, 'skipped', { code: 'skipped_itself', message: outcome.message })
    case 'reschedule': {
      const pokesAt = now + capDelay(outcome.afterMs)
      return model.move(ti, 'up_for_reschedule', { code: 'rescheduled', pokesAt }, pokesAt)
    }
    case 'defer':
      return model.move(
        ti,
        'deferred',
        { code: 'deferred', waitsFor: describeWait(outcome.wait) },
        wakeAt(outcome, now),
      )
    case 'interrupted':
      grantTries(ti, 1) // Its own tries stay what they were.
      return model.move(ti, 'up_for_retry', { code: 'interrupted', worker: outcome.worker }, now)
    case 'failure':
    case 'timeout':
    case 'lost':
    case 'wait_timeout': {
      const mayRetry = !(outcome.kind === 'failure' && !outcome.isRetryable) && ti.tryNumber <= ti.maxTries
      const reason = failureReason(outcome, mayRetry ? ti.maxTries - ti.tryNumber + 1 : 0)
      if (!mayRetry) return model.move(ti, 'failed', reason)
      const asked = outcome.kind === 'failure' ? outcome.retryAfterMs : undefined
      return model.move(ti, 'up_for_retry', reason, now + capDelay(asked ?? delayOf(model, ti)))
    }
  }
}

/** When a deferred instance is due whatever its trigger does; null = never. */
function wakeAt({ wait, timeoutMs }: Outcome & { kind: 'defer' }, now: number): number | null {
  const times = [wait.kind === 'time' ? wait.at : null, timeoutMs === null ? null : now + capDelay(timeoutMs)]
  const known = times.filter((at) => at !== null)
  return known.length === 0 ? null : Math.min(...known)
}

const describeWait = (wait: Wait): string =>
  wait.kind === 'time' ? new Date(wait.at).toISOString() : `its trigger ${wait.name}`

function delayOf(model: RunModel, ti: TaskInstanceView): number {
  const task = model.graph.task(ti.task)
  const { dagId, logicalDate } = model.run
  return retryDelayMs(task, {
    dagId,
    taskId: task.taskId,
    logicalDate: logicalDate === null ? 'None' : pythonIso(logicalDate),
    tryNumber: ti.tryNumber,
  })
}
