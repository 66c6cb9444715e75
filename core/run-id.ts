// Names of runs, as Airflow 3 makes them: type and `run_after`, not the logical date.

import { pythonIso } from './retry.ts'
import { RUN_TYPES, type RunType } from './states.ts'

/** `[scheduler] allowed_run_id_pattern`. */
export const RUN_ID_PATTERN = /^[A-Za-z0-9_.~:+-]+$/

/** The default run id. A run without logical date gets `suffix` (8 characters), since two may share an instant. */
export function makeRunId(type: RunType, runAfter: number, suffix?: string): string {
  return `${type}__${pythonIso(runAfter)}${suffix === undefined ? '' : `_${suffix}`}`
}

/** Airflow infers the type from the prefix; anything else is manual. */
export function runTypeOf(runId: string): RunType {
  return RUN_TYPES.find((type) => runId.startsWith(`${type}__`)) ?? 'manual'
}
