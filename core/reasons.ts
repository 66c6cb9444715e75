// Why a task instance moved, or why it does not. A closed union: the log line, the page and `dagctl` all speak from it.

import { unreachable } from './errors.ts'
import type { RunState } from './states.ts'
import { clockSeconds } from './times.ts'
import type { TriggerRule } from './trigger-rules.ts'

export type Reason =
  | { code: 'ready'; rule: TriggerRule }
  | { code: 'rule_impossible'; rule: TriggerRule }
  | { code: 'admitted' }
  | { code: 'started'; worker: string }
  | { code: 'succeeded' }
  | { code: 'skipped_itself'; message: string | null }
  | { code: 'failed'; message: string; triesLeft: number }
  | { code: 'failed_for_good'; message: string }
  /** The database refuses what it did: ended by its row alone. */
  | { code: 'set_aside'; message: string }
  | { code: 'timed_out'; seconds: number; triesLeft: number }
  | { code: 'lost'; worker: string; triesLeft: number }
  | { code: 'interrupted'; worker: string }
  | { code: 'retry_due' }
  /** `pokesAt`: epoch ms; earlier versions did not record it. */
  | { code: 'rescheduled'; pokesAt?: number }
  | { code: 'reschedule_due' }
  | { code: 'deferred'; waitsFor: string }
  | { code: 'wait_over' }
  | { code: 'wait_timed_out'; triesLeft: number }
  | { code: 'skipped_by'; taskId: string }
  | { code: 'map_empty' }
  | { code: 'map_missing'; taskId: string }
  | { code: 'map_too_long'; length: number; limit: number }
  | { code: 'stopped_by_fail_fast'; taskId: string }
  | { code: 'run_timed_out'; seconds: number }
  | { code: 'task_removed' }
  | { code: 'map_shrunk' }
  | { code: 'map_grown' }
  | { code: 'cleared'; by: string; extraTries: number }
  | { code: 'restarted' }
  | { code: 'marked'; by: string }
  | { code: 'run_marked'; by: string; state: 'success' | 'failed' }
  | { code: 'waits_for_pool'; pool: string; slots: number; used: number }
  | { code: 'waits_its_turn'; pool: string }
  | { code: 'waits_while_paused' }
  | { code: 'pool_missing'; pool: string }
  | { code: 'pool_too_small'; pool: string; slots: number; needs: number }
  | { code: 'waits_for_parallelism'; limit: number }
  | { code: 'waits_for_run_limit'; limit: number }
  | { code: 'waits_for_task_limit'; limit: number; per: 'dag' | 'dagrun' }

/** Why a run moved. */
export type RunReason =
  | { code: 'started' }
  /** Its leaf tasks have ended; of a DAG that fails fast, one that failed. */
  | { code: 'leaves' }
  /** Unfinished tasks are left and none of them can ever start. */
  | { code: 'deadlock' }
  | { code: 'run_timed_out'; seconds: number }
  | { code: 'cleared'; by: string }
  | { code: 'run_marked'; by: string; state: RunState }

/** Reasons that end a running attempt without a report of its worker: the worker has to be told. */
const STOPS_WORKER: ReadonlySet<Reason['code']> = new Set<Reason['code']>([
  'stopped_by_fail_fast',
  'run_timed_out',
  'cleared',
  'marked',
  'run_marked',
])

export const stopsWorker = ({ code }: Reason): boolean => STOPS_WORKER.has(code)

const tries = (left: number) => (left > 0 ? `${left} ${left === 1 ? 'try' : 'tries'} left` : 'no try left')

/** One sentence a colleague would say; times in `zone`. */
export function describeReason(reason: Reason, zone = 'UTC'): string {
  switch (reason.code) {
    case 'ready':
      return `Its trigger rule ${reason.rule} is met.`
    case 'rule_impossible':
      return `Did not start: its trigger rule ${reason.rule} can no longer be met.`
    case 'admitted':
      return 'Got a slot in its pool; waits for a worker.'
    case 'started':
      return `Started on ${reason.worker}.`
    case 'succeeded':
      return 'Ended with success.'
    case 'skipped_itself':
      return reason.message === null ? 'Skipped itself.' : `Skipped itself: ${reason.message}`
    case 'failed':
      return reason.triesLeft > 0
        ? `Failed, ${tries(reason.triesLeft)}: ${reason.message}`
        : `Failed on the last try: ${reason.message}`
    case 'failed_for_good':
      return `Failed, and asked for no retry: ${reason.message}`
    case 'set_aside':
      return `Failed, because its state could not be stored: ${reason.message}`
    case 'timed_out':
      return `Took longer than its limit of ${reason.seconds} s, ${tries(reason.triesLeft)}.`
    case 'lost':
      return `Its worker ${reason.worker} died, ${tries(reason.triesLeft)}.`
    case 'interrupted':
      return `Its worker ${reason.worker} was stopped; tries again, whatever tries are left.`
    case 'retry_due':
      return 'Its retry delay is over.'
    case 'rescheduled':
      return reason.pokesAt === undefined
        ? 'Rescheduled; pokes again later.'
        : `Rescheduled; pokes again at ${clockSeconds(reason.pokesAt, zone)}.`
    case 'reschedule_due':
      return 'Due to poke again.'
    case 'deferred':
      return `Waits without a slot for ${reason.waitsFor}.`
    case 'wait_over':
      return 'Trigger fired.'
    case 'wait_timed_out':
      return `What it waited for did not come in time, ${tries(reason.triesLeft)}.`
    case 'skipped_by':
      return `Skipped by branch ${reason.taskId}.`
    case 'map_empty':
      return 'Skipped: there is nothing to map over.'
    case 'map_missing':
      return `Cannot be mapped: ${reason.taskId} returned no value.`
    case 'map_too_long':
      return `Cannot be mapped: ${reason.length} instances, at most ${reason.limit} are allowed (core.max_map_length).`
    case 'stopped_by_fail_fast':
      return `Ended because ${reason.taskId} failed and the DAG fails fast.`
    case 'run_timed_out':
      return `Ended because its run took longer than ${reason.seconds} s (dagrunTimeout).`
    case 'cleared':
      return `Cleared by ${reason.by}: it runs again.`
    case 'restarted':
      return 'Its attempt has ended since it was cleared: it runs again.'
    case 'marked':
      return `Set by ${reason.by}.`
    case 'run_marked':
      return `Ended because ${reason.by} set its run to ${reason.state}.`
    case 'task_removed':
      return 'Its task is no longer in the DAG.'
    case 'map_shrunk':
      return 'Its list no longer has this item.'
    case 'map_grown':
      return 'Its list has this item again.'
    case 'waits_for_pool':
      return `Waits for a slot in pool ${reason.pool}: ${reason.used} of ${reason.slots} in use.`
    case 'waits_its_turn':
      return `Waits for a slot in pool ${reason.pool}: more urgent tasks wait for it too.`
    case 'waits_while_paused':
      return 'Waits: its DAG is paused.'
    case 'pool_missing':
      return `Waits for pool ${reason.pool}, which does not exist.`
    case 'pool_too_small':
      return `Can never start: needs ${reason.needs} slots, pool ${reason.pool} has ${reason.slots}.`
    case 'waits_for_parallelism':
      return `Waits: all ${reason.limit} slots of the deployment (parallelism) are in use.`
    case 'waits_for_run_limit':
      return `Waits: the run already has ${reason.limit} active tasks (maxActiveTasks).`
    case 'waits_for_task_limit':
      return `Waits: ${reason.limit} instances of this task are active already (per ${reason.per}).`
    default:
      return unreachable(reason)
  }
}
