// Lists of states as statements need them, made from the tables of core/states.ts.

import { FINISHED_STATES, isActive, isRunFinished, RUN_STATES, TASK_STATES } from '../../core/states.ts'

/** `'success', 'failed'`: for `in (…)`. The order is that of core's table, as in the partial indexes. */
const listed = (states: readonly string[]): string => states.map((state) => `'${state}'`).join(', ')

/** Task states that only a user's verb moves on. */
export const FINISHED = listed(FINISHED_STATES)
/** Task states that the engine moves on. */
export const UNFINISHED = listed(TASK_STATES.filter((state) => !FINISHED_STATES.includes(state)))
/** Task states whose try has ended. */
export const TRY_ENDED = listed([...FINISHED_STATES, 'up_for_retry'])
/** Task states that hold a slot of their pool. */
export const ACTIVE = listed(TASK_STATES.filter(isActive))
/** Run states. */
export const RUN_ACTIVE = listed(RUN_STATES.filter((state) => !isRunFinished(state)))
export const RUN_FINISHED = listed(RUN_STATES.filter(isRunFinished))
