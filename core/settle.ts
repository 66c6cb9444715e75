// What becomes of a task instance when its attempt ends: one function decides "retry or fail" for every cause of death.

import type { RunBoard, TaskInstanceView, Transition } from './board.ts'
import { BaramError } from './errors.ts'
import type { Reason } from './reasons.ts'
import { pythonIso, retryDelayMs } from './retry.ts'

/** How an attempt ended, as its worker (or whoever found it dead) tells it. */
export type Outcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'skip'; readonly message: string | null }
  | { readonly kind: 'failure'; readonly message: string; readonly isRetryable: boolean }
  | { readonly kind: 'timeout'; readonly seconds: number }
  | { readonly kind: 'lost'; readonly worker: string }
  /** Its worker was told to stop: not the task's fault, so it is tried again whatever tries are left. */
  | { readonly kind: 'interrupted'; readonly worker: string }
  /** The version this run is pinned to has no such task. */
  | { readonly kind: 'removed' }

function failureReason(outcome: Outcome & { kind: 'failure' | 'timeout' | 'lost' }, triesLeft: number): Reason {
  if (outcome.kind === 'timeout') return { code: 'timed_out', seconds: outcome.seconds, triesLeft }
  if (outcome.kind === 'lost') return { code: 'lost', worker: outcome.worker, triesLeft }
  if (!outcome.isRetryable) return { code: 'failed_for_good', message: outcome.message }
  return { code: 'failed', message: outcome.message, triesLeft }
}

/** Moves a running instance by its outcome. A retry is allowed while `tryNumber <= maxTries` (Airflow's rule). */
export function settle(board: RunBoard, ti: TaskInstanceView, outcome: Outcome, now: number): Transition {
  switch (outcome.kind) {
    case 'success':
      return board.move(ti, 'success', { code: 'succeeded' })
    case 'skip':
      return board.move(ti, 'skipped', { code: 'skipped_itself', message: outcome.message })
    case 'interrupted':
      ti.maxTries++ // Its own tries stay what they were.
      return board.move(ti, 'up_for_retry', { code: 'interrupted', worker: outcome.worker }, now)
    case 'removed':
      return board.move(ti, 'removed', { code: 'task_removed' })
    case 'failure':
    case 'timeout':
    case 'lost': {
      const mayRetry = !(outcome.kind === 'failure' && !outcome.isRetryable) && ti.tryNumber <= ti.maxTries
      const reason = failureReason(outcome, mayRetry ? ti.maxTries - ti.tryNumber + 1 : 0)
      if (!mayRetry) return board.move(ti, 'failed', reason)
      return board.move(ti, 'up_for_retry', reason, now + delayOf(board, ti))
    }
  }
}

function delayOf(board: RunBoard, ti: TaskInstanceView): number {
  const task = board.graph.tasks[ti.task]
  if (task === undefined)
    throw new BaramError('SERIALIZED_INVALID', `task index ${ti.task} is outside DAG ${board.run.dagId}`)
  const { dagId, logicalDate } = board.run
  return retryDelayMs(task, {
    dagId,
    taskId: task.taskId,
    logicalDate: logicalDate === null ? 'None' : pythonIso(logicalDate),
    tryNumber: ti.tryNumber,
  })
}
