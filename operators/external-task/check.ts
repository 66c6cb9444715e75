// Whether what another DAG does is done: the rules of Airflow's ExternalTaskSensor, without the asking.

/**
 * States by name (a task id, or the DAG's own id for its run), one each map index; null when there is no such run yet.
 */
export type ExternalStates = { readonly [name: string]: readonly (string | null)[] } | null

export interface StateLists {
  readonly allowedStates: readonly string[]
  readonly skippedStates: readonly string[]
  readonly failedStates: readonly string[]
}

export type Verdict = 'wait' | 'done' | { readonly failed: string } | { readonly skipped: string }

const TASK_STATES = [
  ...[
    'removed',
    'scheduled',
    'queued',
    'running',
    'success',
    'restarting',
    'failed',
    'up_for_retry',
    'up_for_reschedule',
  ],
  ...['upstream_failed', 'skipped', 'deferred'],
]
const RUN_STATES = ['queued', 'running', 'success', 'failed']

/** @throws Error for a state that is none of its kind, or stands in two lists */
export function checkStates(lists: StateLists, isOfTasks: boolean): void {
  const states = [...lists.allowedStates, ...lists.skippedStates, ...lists.failedStates]
  const known = isOfTasks ? TASK_STATES : RUN_STATES
  const unknown = states.filter((state) => !known.includes(state))
  if (unknown.length > 0)
    throw new Error(
      `externalTaskSensor: ${unknown.join(', ')} is no state of a ${isOfTasks ? 'task' : 'run'}; they are ${known.join(', ')}`,
    )
  const twice = states.filter((state, i) => states.indexOf(state) !== i)
  if (twice.length > 0)
    throw new Error(
      `externalTaskSensor: ${twice.join(', ')} stands twice in allowedStates, skippedStates and failedStates`,
    )
}

/**
 * One failed state of any name and date fails, else one skipped state skips, else all must be allowed. A mapped task is
 * so when each of its instances is (Airflow counts instances against tasks and would wait for ever).
 */
export function judgeStates(runs: readonly ExternalStates[], names: readonly string[], lists: StateLists): Verdict {
  const found = runs.flatMap((run) => names.flatMap((name) => (run?.[name] ?? []).map((state) => ({ name, state }))))
  const within = (states: readonly string[]) => found.find(({ state }) => state !== null && states.includes(state))
  const failed = within(lists.failedStates)
  if (failed !== undefined) return { failed: `${failed.name} is ${failed.state}` }
  const skipped = within(lists.skippedStates)
  if (skipped !== undefined) return { skipped: `${skipped.name} is ${skipped.state}` }
  const isDone = runs.every((run) =>
    names.every((name) => {
      const states = run?.[name] ?? []
      return states.length > 0 && states.every((state) => state !== null && lists.allowedStates.includes(state))
    }),
  )
  return isDone ? 'done' : 'wait'
}

/** Tasks that a run which exists does not have: waiting for them would never end. */
export function missingTasks(runs: readonly ExternalStates[], names: readonly string[]): readonly string[] {
  return names.filter((name) => runs.some((run) => run !== null && !Object.hasOwn(run, name)))
}
