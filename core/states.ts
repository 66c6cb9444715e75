// The states of task instances and runs, and the one table of moves between them. Tests, guards and the drawing in
// docs/architecture.md are made from it.

/** A task instance's state; `null` (Airflow's "no status") means the row exists and its upstreams are not done. */
export const TASK_STATES = [
  'scheduled', // dependencies met, waits for a slot; the scheduler or a worker's transaction moves it on
  'queued', // has a slot in its pool, waits for a worker to claim it
  'running', // a worker's child executes it; its worker reports the outcome
  'success',
  'failed',
  'skipped',
  'upstream_failed', // its trigger rule became impossible
  'up_for_retry', // failed with tries left; the scheduler moves it on when its delay is over
  'up_for_reschedule', // a sensor freed its slot until its next poke; the scheduler moves it on when due
  'deferred', // waits in the triggerer
  'awaiting_input', // waits for a person
  'restarting', // cleared while running; ends as a new try once the old attempt is dead
  'removed', // its task left the DAG
] as const
export type TaskState = (typeof TASK_STATES)[number]

export const RUN_STATES = ['queued', 'running', 'success', 'failed'] as const
export type RunState = (typeof RUN_STATES)[number]

export const RUN_TYPES = ['scheduled', 'manual', 'backfill', 'asset_triggered', 'asset_materialization'] as const
export type RunType = (typeof RUN_TYPES)[number]

const FINISHED: ReadonlySet<TaskState | null> = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed'])
const FAILED: ReadonlySet<TaskState | null> = new Set(['failed', 'upstream_failed'])

/** Terminal: only a user's verb (clear, mark) moves it again. */
export const isFinished = (state: TaskState | null): boolean => FINISHED.has(state)
/** Airflow's failed set: failed and upstream_failed. */
export const isFailed = (state: TaskState | null): boolean => FAILED.has(state)
/** Holds a slot of its pool: also while a cleared attempt is being ended, whose process still works. */
export const isActive = (state: TaskState | null): boolean =>
  state === 'queued' || state === 'running' || state === 'restarting'
export const isRunFinished = (state: RunState): boolean => state === 'success' || state === 'failed'

type From = TaskState | 'none'
const END = ['success', 'failed', 'skipped', 'upstream_failed', 'removed'] as const

/** Every legal move of the engine (docs/reliability.md#legal-moves). A user's *mark* may set success, failed or skipped from anywhere. */
export const MOVES: { readonly [F in From]: readonly From[] } = {
  none: ['scheduled', 'failed', 'skipped', 'upstream_failed', 'removed', 'success'],
  scheduled: ['queued', 'none', 'removed', 'skipped'],
  queued: ['running', 'scheduled', 'failed', 'none', 'removed', 'skipped'],
  running: [
    'success',
    'failed',
    'skipped',
    'up_for_retry',
    'up_for_reschedule',
    'deferred',
    'awaiting_input',
    'restarting',
    'removed',
  ],
  restarting: ['none', 'skipped'],
  up_for_retry: ['scheduled', 'failed', 'none', 'skipped', 'removed'],
  up_for_reschedule: ['scheduled', 'failed', 'up_for_retry', 'none', 'skipped', 'removed'],
  deferred: ['scheduled', 'failed', 'up_for_retry', 'none', 'skipped', 'removed'],
  awaiting_input: ['scheduled', 'failed', 'up_for_retry', 'none', 'skipped', 'removed'],
  success: ['none', 'removed'],
  failed: ['none', 'removed'],
  skipped: ['none', 'removed'],
  upstream_failed: ['none', 'removed'],
  removed: ['none'],
}

/** True when the table allows the move. */
export function mayMove(from: TaskState | null, to: TaskState | null): boolean {
  return MOVES[from ?? 'none'].includes(to ?? 'none')
}

/**
 * Every legal move of a run. `queued → failed` is a cancelled backfill or a user's mark; a finished run begins again as
 * `queued` when it is cleared, and a mark may set it to the other end.
 */
export const RUN_MOVES: { readonly [F in RunState]: readonly RunState[] } = {
  queued: ['running', 'success', 'failed'],
  running: ['success', 'failed', 'queued'],
  success: ['queued', 'failed'],
  failed: ['queued', 'success'],
}

/** True when the table allows the move; a run may always stay as it is. */
export const mayMoveRun = (from: RunState, to: RunState): boolean => from === to || RUN_MOVES[from].includes(to)

export const FINISHED_STATES: readonly TaskState[] = END

/** What a user may set an instance to. */
export const MARKS = ['success', 'failed', 'skipped'] as const
export type Mark = (typeof MARKS)[number]
