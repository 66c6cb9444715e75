// One OpenTelemetry trace a run, told when it ends by the process whose transaction ended it: a span for the run, a child for each
// attempt, with the times of their rows. Without an SDK nothing is read: its package is not ours (docs/monitoring.md#traces).
//
// A trace is told at most once: a process that dies between the commit and this has told none.

import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import { listTracedAttempts, readTracedRun } from '../../store/postgres/run-trace.ts'
import type { Sql } from '../../store/sql.ts'

/** Spans of one run; an SDK keeps 2,048 until it has sent them. */
const MOST_ATTEMPTS = 1_000

/** Where OpenTelemetry's API, of whatever copy, keeps what an SDK has registered (its `internal/global-utils`). */
const hasSdk = () => Reflect.has(globalThis, Symbol.for('opentelemetry.js.api.1'))

/** Tells of runs that have just ended. What fails is a line in the log: a run's end never waits for its trace. */
export async function traceEndedRuns(
  deps: { database: Sql; log: Logger },
  dagRunIds: readonly number[],
): Promise<void> {
  if (dagRunIds.length === 0 || !hasSdk()) return
  const { isTracing, tellSpans } = await import('./run-spans.ts')
  if (!isTracing()) return
  for (const id of dagRunIds) {
    try {
      const run = await readTracedRun(deps.database, id)
      if (run !== null) tellSpans(run, await listTracedAttempts(deps.database, id, MOST_ATTEMPTS))
    } catch (error) {
      deps.log.warn({ dagRunId: id, err: messageOf(error) }, 'the trace of a run could not be told')
    }
  }
}
