// A run that ends is one trace, told by whoever ended it; without an SDK nothing is read.

import { SpanStatusCode, trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, expect, test } from 'vitest'
import { traceEndedRuns } from '../../engine/process/traces.ts'
import { quietLog } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const exporter = new InMemorySpanExporter()
afterEach(() => {
  trace.disable()
  exporter.reset()
})

const startSdk = () =>
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))

test('a run is a span with its attempts below it, at the times of their rows', async () => {
  startSdk()
  const engine = await makeEngine()
  await engine.addDag(makeDag([makeTask('first', { retries: 1 }), 'second'], [['first', 'second']], { dagId: 'one' }))
  const run = await engine.trigger('one', { runId: 'r' })
  await engine.query(
    `update task_instance set state = 'success', try_number = 2, hostname = 'seoul-1', start_date = to_timestamp(101), end_date = to_timestamp(102)
     where dag_run_id = $1 and task_id = 'first'`,
    [run],
  )
  await engine.query(
    "update dag_run set state = 'failed', start_date = to_timestamp(100), end_date = to_timestamp(110) where id = $1",
    [run],
  )
  await traceEndedRuns({ database: engine.database, log: quietLog }, [run])
  // As the ledger has it, which is compared with the rows at the end.
  await engine.query(
    'update task_instance set state = null, try_number = 0, hostname = null, start_date = null, end_date = null where dag_run_id = $1',
    [run],
  )
  await engine.query("update dag_run set state = 'queued', start_date = null, end_date = null where id = $1", [run])
  const [attempt, root] = exporter.getFinishedSpans()
  expect(exporter.getFinishedSpans()).toHaveLength(2)
  expect(root).toMatchObject({
    name: 'one',
    startTime: [100, 0],
    endTime: [110, 0],
    status: { code: SpanStatusCode.ERROR },
  })
  expect(root?.attributes).toMatchObject({ dag_id: 'one', run_id: 'r', state: 'failed' })
  expect(attempt).toMatchObject({
    name: 'first',
    startTime: [101, 0],
    endTime: [102, 0],
    status: { code: SpanStatusCode.OK },
  })
  expect(attempt?.attributes).toMatchObject({
    task_id: 'first',
    try_number: 2,
    state: 'success',
    'host.name': 'seoul-1',
  })
  expect(attempt?.parentSpanContext?.spanId).toBe(root?.spanContext().spanId)
})

test('a run that has not ended has no trace, and one that cannot be read disturbs no other', async () => {
  startSdk()
  const engine = await makeEngine()
  await engine.addDag(makeDag(['x'], [], { dagId: 'one' }))
  const run = await engine.trigger('one', { runId: 'r' })
  await traceEndedRuns({ database: engine.database, log: quietLog }, [Number.NaN, run])
  expect(exporter.getFinishedSpans()).toEqual([])
})

test('without an SDK the database is not asked', async () => {
  const database = { query: () => Promise.reject(new Error('asked')) }
  const warned: unknown[] = []
  await traceEndedRuns({ database, log: { warn: (...args: unknown[]) => warned.push(args) } as never }, [1])
  expect(warned).toEqual([])
})
