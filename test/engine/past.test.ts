// Tasks that look at the run before: depends_on_past and wait_for_downstream.

import { describe, expect, test } from 'vitest'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const day = (n: number) => ({ logicalDate: Date.UTC(2024, 0, n) })

describe('depends_on_past', () => {
  test('a task waits for itself in the run before, and starts at the next pass after it', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { dependsOnPast: true }), 'free'], [], { dagId: 'past' }))
    const scheduler = engine.makeScheduler()
    const [first, second] = [await engine.trigger('past', day(1)), await engine.trigger('past', day(2))]
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    expect(await engine.states(first)).toEqual({ a: 'running', free: 'running' })
    expect(await engine.states(second)).toEqual({ a: null, free: 'running' })
    await worker.end(worker.running.filter((one) => one.task.taskId === 'free'))
    expect(await engine.runState(second), 'waiting for the past is no deadlock').toBe('running')
    await worker.end([worker.find('a')])
    await scheduler.pass()
    await worker.drain()
    expect(await engine.runState(second)).toBe('success')
  })

  test('a failed past holds the next run, whatever its order of creation', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { dependsOnPast: true })], [], { dagId: 'past' }))
    const scheduler = engine.makeScheduler()
    const later = await engine.trigger('past', day(9))
    const earlier = await engine.trigger('past', day(1))
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    expect(await engine.states(later)).toEqual({ a: null })
    await worker.end([worker.find('a')], () => ({ kind: 'failure', message: 'no', isRetryable: true }))
    for (let i = 0; i < 3; i++) await scheduler.sweep()
    expect(await engine.runState(earlier)).toBe('failed')
    expect(await engine.states(later)).toEqual({ a: null })
    expect(await engine.runState(later)).toBe('running')
  })

  test('a long line of runs goes on one after the other', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { dependsOnPast: true })], [], { dagId: 'past' }))
    const scheduler = engine.makeScheduler()
    const runs = []
    for (let i = 1; i <= 6; i++) runs.push(await engine.trigger('past', day(i)))
    const worker = await engine.makeWorker()
    for (let i = 0; i < 6; i++) {
      await scheduler.pass()
      await worker.claim()
      expect(worker.running.map((one) => one.dagRunId)).toEqual([runs[i]])
      await worker.end(worker.running.slice())
    }
    for (const run of runs) expect(await engine.runState(run)).toBe('success')
  })

  test('runs that wait for their past for ever do not hide others from the sweep', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { dependsOnPast: true })], [], { dagId: 'stuck', maxActiveRuns: 500 }))
    const scheduler = engine.makeScheduler()
    const worker = await engine.makeWorker()
    for (let i = 1; i <= 130; i++) await engine.trigger('stuck', { logicalDate: Date.UTC(2024, 0, i) })
    await scheduler.pass()
    await scheduler.pass()
    await worker.claim()
    await worker.end(worker.running.slice(), () => ({ kind: 'failure', message: 'no', isRetryable: true }))
    await engine.addDag(makeDag(['x'], [], { dagId: 'other' }))
    const other = await engine.trigger('other')
    await scheduler.pass()
    // As after a lost wake-up: decided on by nobody, nothing of it is live.
    await engine.query("delete from task_queue where task_id = 'x'")
    await engine.query("update task_instance set state = null, try_number = 0 where task_id = 'x'")
    await engine.query('delete from ti_event where dag_run_id = $1 and ti_id is not null', [other])
    await engine.query('update dag_run set rev = rev + 1 where id = $1', [other])
    const fresh = engine.makeScheduler()
    for (let i = 0; i < 3; i++) await fresh.sweep()
    await worker.drain()
    expect(await engine.runState(other)).toBe('success')
  })
})

describe('wait_for_downstream', () => {
  test('a task also waits for what stands directly behind it in the run before', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag([makeTask('a', { waitForDownstream: true, dependsOnPast: true }), 'b'], [['a', 'b']], { dagId: 'past' }),
    )
    const scheduler = engine.makeScheduler()
    const [, second] = [await engine.trigger('past', day(1)), await engine.trigger('past', day(2))]
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end([worker.find('a')])
    await scheduler.sweep()
    expect(await engine.states(second)).toEqual({ a: null, b: null })
    await worker.end([worker.find('b')])
    await scheduler.pass()
    await worker.drain()
    expect(await engine.runState(second)).toBe('success')
  })
})
