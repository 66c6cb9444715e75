// The spans of one run, by OpenTelemetry's API. Loaded by a process in which an SDK has been started, and by no other.

import { context, ProxyTracerProvider, SpanStatusCode, trace } from '@opentelemetry/api'
import { productVersion } from '../../runtime/paths.ts'
import type { TracedAttempt, TracedRun } from '../../store/postgres/run-trace.ts'

/** The SDK that has been started is one of traces. */
export function isTracing(): boolean {
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

/** Tells a run that has ended. */
export function tellSpans(run: TracedRun, attempts: readonly TracedAttempt[]): void {
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
