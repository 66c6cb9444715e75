// A task instance in words: its name and the sentence of its pages.

import type { SerializedTask } from '../../../core/serialized.ts'
import type { RunListRow } from '../../../store/postgres/read-runs.ts'
import type { InstanceListRow } from '../../../store/postgres/read-task-instances.ts'
import type { Web } from '../../deps.ts'
import { STATE_NAMES } from '../../states/cells.ts'
import { say } from '../frame/page-view.ts'

/** `collect_page`, or `collect_page [3]` of a mapped one. */
export const instanceName = (ti: Pick<InstanceListRow, 'taskId' | 'mapIndex' | 'renderedMapIndex'>): string =>
  ti.mapIndex === -1 ? ti.taskId : `${ti.taskId} [${ti.renderedMapIndex ?? ti.mapIndex}]`

export function instanceSentence(ti: InstanceListRow) {
  const values = { task: instanceName(ti), n: ti.tryNumber, of: ti.maxTries + 1 }
  switch (ti.state) {
    case 'running':
      return say('{task} is running, try {n} of {of}.', values, 'task')
    case 'success':
      return ti.tryNumber > 1
        ? say('{task} succeeded at try {n} of {of}.', values, 'task')
        : say('{task} succeeded.', values, 'task')
    case 'failed':
      return ti.maxTries > 0
        ? say('{task} failed after {n} {n#try#tries}.', values, 'task')
        : say('{task} failed.', values, 'task')
    case 'upstream_failed':
      return say('{task} did not start: a task before it failed.', values, 'task')
    case 'skipped':
      return say('{task} was skipped.', values, 'task')
    case 'up_for_retry':
      return say('{task} failed try {n} of {of} and will try again.', values, 'task')
    case 'queued':
      return say('{task} waits for a worker.', values, 'task')
    case 'scheduled':
      return say('{task} waits for a slot.', values, 'task')
    case 'up_for_reschedule':
      return say('{task} waits and will check again.', values, 'task')
    case 'deferred':
      return say('{task} waits without a slot.', values, 'task')
    case null:
      return say('{task} waits for the tasks before it.', values, 'task')
    default:
      return say('{task} is {state}.', { ...values, state: STATE_NAMES[ti.state].toLowerCase() }, 'task')
  }
}

/** A task of the version that a run was made from. */
export async function findTask(web: Web, run: RunListRow, taskId: string): Promise<SerializedTask | null> {
  if (run.versionId === null) return null
  const { graph } = await web.runCache.version(web.database, run.versionId)
  return graph.tasks[graph.indexOf.get(taskId) ?? -1] ?? null
}

/** How long the instance has run; null when it has not. */
export function secondsOf({ duration, state, startDate: start }: InstanceListRow, now: number): number | null {
  if (duration !== null) return duration
  return state === 'running' && start !== null ? (now - start) / 1000 : null
}
