// One OpenTelemetry trace a run, told when it ends by the process whose transaction ended it: a span for the run, a child for each
// attempt, with the times of their rows. Without an SDK nothing is read: its package is not ours (docs/monitoring.md#traces).
//
// A trace is told at most once: a process that dies between the commit and this has told none.

import { context, ProxyTracerProvider, SpanStatusCode, trace } from '@opentelemetry/api'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import { productVersion } from '../../runtime/paths.ts'
import {
  listTracedAttempts,
  readTracedRun,
  type TracedAttempt,
  type TracedRun,
} from '../../store/postgres/run-trace.ts'
import type { Sql } from '../../store/sql.ts'

/** Spans of one run; an SDK keeps 2,048 until it has sent them. */
const MOST_ATTEMPTS = 1_000

/** An SDK has been started in this process. */
function isTracing(): boolean {
  const provider = trace.getTracerProvider()
  return (
    !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== new ProxyTracerProvider().getDelegate()
  )
}

const statusOf = (state: string | null) => ({
  code: state === 'success' ? SpanStatusCode.OK : state === 'skipped' ? SpanStatusCode.UNSET : SpanStatusCode.ERROR,
})

/** Seconds and nanoseconds: a number that is before this process's start would be taken for one since then. */
const timeOf = (epochMs: number): [seconds: number, nanoseconds: number] => {
  const seconds = Math.floor(epochMs / 1_000)
  return [seconds, Math.round((epochMs - seconds * 1_000) * 1e6)]
}

function tell(run: TracedRun, attempts: readonly TracedAttempt[]): void {
  const tracer = trace.getTracer('baram', productVersion)
  const own = { dag_id: run.dagId, run_id: run.runId }
  const root = tracer.startSpan(run.dagId, {
    root: true,
    startTime: timeOf(run.startDate ?? run.endDate),
    attributes: { ...own, run_type: run.runType, state: run.state },
  })
  const parent = trace.setSpan(context.active(), root)
  for (const { taskId, mapIndex, tryNumber, state, hostname, startDate, endDate } of attempts) {
    const attributes = { ...own, task_id: taskId, map_index: mapIndex, try_number: tryNumber, state: state ?? 'none' }
    const host = hostname === null ? {} : { 'host.name': hostname }
    const span = tracer.startSpan(
      taskId,
      { startTime: timeOf(startDate), attributes: { ...attributes, ...host } },
      parent,
    )
    span.setStatus(statusOf(state))
    span.end(timeOf(endDate))
  }
  root.setStatus(statusOf(run.state))
  root.end(timeOf(run.endDate))
}

/** Tells of runs that have just ended. What fails is a line in the log: a run's end never waits for its trace. */
export async function traceEndedRuns(
  deps: { database: Sql; log: Logger },
  dagRunIds: readonly number[],
): Promise<void> {
  if (dagRunIds.length === 0 || !isTracing()) return
  for (const id of dagRunIds) {
    try {
      const run = await readTracedRun(deps.database, id)
      if (run !== null) tell(run, await listTracedAttempts(deps.database, id, MOST_ATTEMPTS))
    } catch (error) {
      deps.log.warn({ dagRunId: id, err: messageOf(error) }, 'the trace of a run could not be told')
    }
  }
}
