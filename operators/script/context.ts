// What a script is told of its attempt, in BARAM_CONTEXT.

import type { JsonObject, OperatorContext } from '../../sdk/index.ts'
import { instantText } from '../subprocess/environment.ts'

const instant = (at: Date | null): string | null => (at === null ? null : instantText(at))

/** As `getRun()` and `getContext()` tell a function; instants are texts in UTC. */
export function scriptContext(op: OperatorContext): JsonObject {
  const { run } = op
  return {
    dagId: op.dagId,
    taskId: op.taskId,
    runId: op.runId,
    runType: run.runType,
    tryNumber: op.tryNumber,
    mapIndex: op.mapIndex,
    logicalDate: instant(run.logicalDate),
    // Of the logical date in UTC, as Airflow's `ds`; `local.ds` is that of the DAG's zone.
    ds: run.logicalDate?.toISOString().slice(0, 10) ?? null,
    dataInterval: run.dataInterval && {
      start: instantText(run.dataInterval.start),
      end: instantText(run.dataInterval.end),
    },
    runAfter: instantText(run.runAfter),
    timezone: run.timezone,
    local: { ...run.local },
    conf: run.conf,
    params: run.params,
  }
}
