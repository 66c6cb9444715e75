// Colours of states, of tasks and of runs, on a terminal. One table: words in the log of a trial and cells have the same.

import type { RunState, TaskState } from '../core/states.ts'
import { style } from './style.ts'

const plain = (text: string): string => text

const COLORS: Readonly<Record<RunState | TaskState, (text: string) => string>> = {
  success: style.green,
  failed: style.red,
  upstream_failed: style.red,
  running: style.cyan,
  restarting: style.yellow,
  up_for_retry: style.yellow,
  up_for_reschedule: style.yellow,
  deferred: style.yellow,
  awaiting_input: style.yellow,
  queued: plain,
  scheduled: plain,
  skipped: style.dim,
  removed: style.dim,
}

/** What is none of ours stays as it is. */
export const colorOfState = (state: string): ((text: string) => string) =>
  Object.hasOwn(COLORS, state) ? COLORS[state as keyof typeof COLORS] : plain
