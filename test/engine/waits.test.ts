// Tries that give their slot back: put off for a while, or deferred until a date or a trigger.

import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../core/settle.ts'
import { fire } from '../../engine/attempts/fire.ts'
import { databaseNow, endJob, insertJob } from '../../store/postgres/jobs.ts'
import { loadContinuation, takeWaits } from '../../store/postgres/triggers.ts'
import type { TestEngine } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

const forTrigger = (timeoutMs: number | null = null): Outcome => ({
  kind: 'defer',
  wait: { kind: 'trigger', name: 'file', args: { path: '/x' } },
  timeoutMs,
})

async function startOne(engine: TestEngine, changes: Parameters<typeof makeTask>[1] = {}) {
  await engine.addDag(makeDag([makeTask('wait', changes), 'after'], [['wait', 'after']], { dagId: 'waits' }))
  const scheduler = engine.makeScheduler()
  const run = await engine.trigger('waits')
  await scheduler.pass()
  const worker = await engine.makeWorker({ slots: 1 })
  await worker.claim()
  return { run, scheduler, worker, first: worker.find('wait') }
}

const takeJob = (engine: TestEngine) =>
  insertJob(engine.database, {
    jobType: 'TriggererJob',
    hostname: 'test',
    pid: 1,
    bootId: 'boot',
    pidStarted: null,
    info: {},
  })

describe('a try that is put off', () => {
  test('holds no slot, goes on when it is time, and stays the same try with its start and its XComs', async () => {
    const engine = await makeEngine()
    const { run, scheduler, worker, first } = await startOne(engine)
    const xcoms = [{ taskId: 'wait', mapIndex: -1, key: 'note', value: 'kept' }]
    await worker.end([first], () => ({ outcome: { kind: 'reschedule', afterMs: 60_000 }, xcoms }))
    expect(await engine.states(run)).toEqual({ wait: 'up_for_reschedule', after: null })
    await scheduler.sweep()
    expect(await engine.states(run)).toEqual({ wait: 'up_for_reschedule', after: null })
    await engine.passDelays()
    await scheduler.pass()
    await worker.claim()
    const second = worker.find('wait')
    expect([second.tryNumber, second.epoch, second.isContinued]).toEqual([1, 2, true])
    const found = await loadContinuation(engine.database, second.dagRunId, second.tiId)
    expect(found).toMatchObject({ rescheduleCount: 1, isResumed: false, event: null })
    expect(found?.startDate).toBeLessThan(await databaseNow(engine.database))
    expect(await engine.query('select value from xcom')).toEqual([{ value: 'kept' }])
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })
})

describe('the start of the first try', () => {
  const FIRST = "select first_start_date as first, start_date as current from task_instance where task_id = 'wait'"

  test('is kept over failures and interruptions, and begins anew when the task is cleared', async () => {
    const engine = await makeEngine()
    const { scheduler, worker, first } = await startOne(engine, { retries: 3 })
    const [began] = await engine.query<{ first: number; current: number }>(FIRST)
    expect(began?.first).toBe(began?.current)
    const again = async () => {
      await engine.passDelays()
      await scheduler.pass()
      await worker.claim()
      return worker.find('wait')
    }
    await worker.end([first], () => ({ kind: 'failure', message: 'blip', isRetryable: true }))
    await worker.end([await again()], () => ({ kind: 'interrupted', worker: 'test' }))
    await worker.end([await again()], () => ({ kind: 'reschedule', afterMs: 60_000 }))
    const { dagRunId, tiId } = await again()
    const found = await loadContinuation(engine.database, dagRunId, tiId)
    expect(found?.firstStartDate).toBe(began?.first)
    expect(found?.startDate).toBeGreaterThan(began?.first ?? 0)
    await worker.end([worker.find('wait')], () => ({ kind: 'failure', message: 'no', isRetryable: false }))
    const [{ run_id: runId } = { run_id: '' }] = await engine.query<{ run_id: string }>('select run_id from dag_run')
    await engine.clear(scheduler, 'waits', runId, ['wait'])
    expect(await engine.query(FIRST)).toEqual([{ first: null, current: null }])
  })
})

describe('a deferred try', () => {
  test('until a date goes on by itself, with that date as its event', async () => {
    const engine = await makeEngine()
    const { run, scheduler, worker, first } = await startOne(engine)
    const at = (await databaseNow(engine.database)) - 1_000
    await worker.end([first], () => ({ kind: 'defer', wait: { kind: 'time', at }, timeoutMs: null }))
    expect(await engine.states(run)).toEqual({ wait: 'deferred', after: null })
    await scheduler.pass()
    await worker.claim()
    const second = worker.find('wait')
    expect([second.tryNumber, second.isContinued]).toEqual([1, true])
    const found = await loadContinuation(engine.database, second.dagRunId, second.tiId)
    expect(found).toMatchObject({ isResumed: true, event: new Date(at).toISOString() })
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })

  test('until a trigger belongs to one triggerer, goes on with its event once, and is not lost when that one dies', async () => {
    const engine = await makeEngine()
    const { run, worker, scheduler, first } = await startOne(engine)
    await worker.end([first], () => forTrigger())
    const [one, two] = [await takeJob(engine), await takeJob(engine)]
    const [wait] = await takeWaits(engine.database, one, 10)
    expect(wait).toMatchObject({ name: 'file', args: { path: '/x' }, taskId: 'wait', tryNumber: 1 })
    expect(await takeWaits(engine.database, two, 10)).toEqual([])
    await endJob(engine.database, one, 'failed')
    expect(await takeWaits(engine.database, two, 10)).toHaveLength(1)
    const event = { dagRunId: run, tiId: first.tiId, epoch: 1, result: { event: { found: true } } }
    const now = await databaseNow(engine.database)
    await fire(scheduler.transactions, [event], now)
    await fire(scheduler.transactions, [{ ...event, result: { event: 'late' } }], now)
    await worker.claim()
    const second = worker.find('wait')
    const found = await loadContinuation(engine.database, second.dagRunId, second.tiId)
    expect(found).toMatchObject({ isResumed: true, event: { found: true } })
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })

  test('that is deferred again takes no event of its earlier wait, though it is the same try', async () => {
    const engine = await makeEngine()
    const { run, worker, scheduler, first } = await startOne(engine)
    await worker.end([first], () => forTrigger())
    const now = await databaseNow(engine.database)
    const event = { dagRunId: run, tiId: first.tiId, result: { event: 'x' } }
    await fire(scheduler.transactions, [{ ...event, epoch: 1 }], now)
    await worker.claim()
    await worker.end([worker.find('wait')], () => forTrigger())
    await fire(scheduler.transactions, [{ ...event, epoch: 1 }], now)
    expect(await engine.states(run)).toEqual({ wait: 'deferred', after: null })
    await fire(scheduler.transactions, [{ ...event, epoch: 2 }], now)
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
    const [row] = await engine.query("select try_number from task_instance where task_id = 'wait'")
    expect(row).toEqual({ try_number: 1 })
  })

  test('whose trigger fails fails its try: retried while tries are left, as a try from its beginning', async () => {
    const engine = await makeEngine()
    const { run, worker, scheduler, first } = await startOne(engine, { retries: 1 })
    await worker.end([first], () => forTrigger())
    const error = { dagRunId: run, tiId: first.tiId, epoch: 1, result: { error: 'no such host' } }
    await fire(scheduler.transactions, [error], await databaseNow(engine.database))
    expect(await engine.states(run)).toEqual({ wait: 'up_for_retry', after: null })
    await engine.passDelays()
    await scheduler.pass()
    await worker.claim()
    expect([worker.find('wait').tryNumber, worker.find('wait').isContinued]).toEqual([2, false])
    await worker.end([worker.find('wait')], () => forTrigger())
    await fire(scheduler.transactions, [{ ...error, epoch: 1 }], await databaseNow(engine.database))
    expect(await engine.states(run), 'the first try’s error is late').toEqual({ wait: 'deferred', after: null })
    await fire(scheduler.transactions, [{ ...error, epoch: 2 }], await databaseNow(engine.database))
    expect(await engine.states(run)).toEqual({ wait: 'failed', after: 'upstream_failed' })
  })

  test('fails its try when nothing came in time', async () => {
    const engine = await makeEngine()
    const { run, worker, scheduler, first } = await startOne(engine)
    await worker.end([first], () => forTrigger(60_000))
    await scheduler.sweep()
    expect(await engine.states(run)).toEqual({ wait: 'deferred', after: null })
    await engine.passDelays()
    await scheduler.pass()
    expect(await engine.states(run)).toEqual({ wait: 'failed', after: 'upstream_failed' })
    const [event] = await engine.query("select because from ti_event where to_state = 'failed' and ti_id is not null")
    expect(event).toEqual({ because: { code: 'wait_timed_out', triesLeft: 0 } })
  })

  test('fails its try as timed out when what was over is the limit of the whole try', async () => {
    const engine = await makeEngine()
    const { run, worker, scheduler, first } = await startOne(engine, { executionTimeout: 30, retries: 1 })
    await worker.end([first], () => forTrigger(10_000))
    await engine.query("update task_instance set start_date = now() - interval '31 seconds' where task_id = 'wait'")
    await engine.passDelays()
    await scheduler.pass()
    expect(await engine.states(run), 'retries apply').toEqual({ wait: 'up_for_retry', after: null })
    const [event] = await engine.query("select because from ti_event where to_state = 'up_for_retry'")
    expect(event).toEqual({ because: { code: 'timed_out', seconds: 30, triesLeft: 1 } })
  })

  test('counts in its pool only where the pool says so', async () => {
    const engine = await makeEngine()
    await engine.makePool('small', 1)
    const { run, worker, scheduler, first } = await startOne(engine, { pool: 'small' })
    await worker.end([first], () => forTrigger())
    await engine.addDag(makeDag([makeTask('next', { pool: 'small' })], [], { dagId: 'other' }))
    await engine.query("update slot_pool set include_deferred = true where pool = 'small'")
    const other = await engine.trigger('other')
    await scheduler.pass()
    expect(await worker.claim()).toBe(0)
    expect(await engine.states(other)).toEqual({ next: 'scheduled' })
    await engine.query("update slot_pool set include_deferred = false where pool = 'small'")
    await scheduler.pass()
    expect(await worker.claim()).toBe(1)
    await worker.drain()
    expect(await engine.runState(other)).toBe('success')
    expect(await engine.states(run)).toEqual({ wait: 'deferred', after: null })
  })
})
