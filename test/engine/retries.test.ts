// Tries: a failed one waits its delay and comes again as the next; a dead worker's are rescued; nothing is lost.

import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../core/settle.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const FAILURE: Outcome = { kind: 'failure', message: 'no', isRetryable: true }
const xcomsOf = (taskId: string, value: string) => [{ taskId, mapIndex: -1, key: 'note', value }]

describe('a failed task with retries left', () => {
  test('waits its delay, then comes again as the next try: its XComs cleared, its old try kept', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { retries: 2, retryDelay: 60 }), 'b'], [['a', 'b']], { dagId: 'flaky' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('flaky')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    for (const tryNumber of [1, 2]) {
      await worker.claim()
      expect(worker.find('a').tryNumber).toBe(tryNumber)
      await worker.end([worker.find('a')], () => ({ outcome: FAILURE, xcoms: xcomsOf('a', `try ${tryNumber}`) }))
      expect(await engine.states(run)).toEqual({ a: 'up_for_retry', b: null })
      const [waiting] = await engine.query<{ seconds: number }>(
        "select extract(epoch from ready_at - now())::int as seconds from task_queue where stage = 'waiting'",
      )
      expect(waiting?.seconds).toBeGreaterThan(50)
      expect(waiting?.seconds).toBeLessThanOrEqual(60)
      // Not due yet: a pass moves nothing, and what it pushed can still be read.
      await scheduler.sweep()
      expect(await engine.states(run)).toEqual({ a: 'up_for_retry', b: null })
      expect(await engine.query('select value from xcom')).toEqual([{ value: `try ${tryNumber}` }])
      await engine.passDelays()
      await scheduler.pass()
      expect(await engine.query('select value from xcom'), 'a new try begins without the old one’s values').toEqual([])
    }
    await worker.claim()
    expect(worker.find('a').tryNumber).toBe(3)
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
    const history = await engine.query(
      'select try_number, state, end_date is not null as ended from task_instance_history order by 1',
    )
    expect(history).toEqual([
      { try_number: 1, state: 'failed', ended: true },
      { try_number: 2, state: 'failed', ended: true },
    ])
  })

  test('keeps its own tries when its worker was told to stop: an interruption costs none', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { retries: 1, retryDelay: 0 })], [], { dagId: 'stopped' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('stopped')
    await scheduler.pass()
    // Two workers: the second one's copy of the run learns of the granted try from the row.
    const [first, second] = [await engine.makeWorker(), await engine.makeWorker()]
    const next = async (worker: typeof first, outcome: Outcome) => {
      await engine.passDelays()
      await scheduler.pass()
      await worker.claim()
      await worker.end([worker.find('a')], () => outcome)
    }
    await next(first, { kind: 'interrupted', worker: 'host-1' })
    await next(second, FAILURE)
    expect(await engine.states(run), 'its one retry is still there').toEqual({ a: 'up_for_retry' })
    await next(first, FAILURE)
    expect(await engine.states(run)).toEqual({ a: 'failed' })
    expect(await engine.query('select try_number, max_tries from task_instance')).toEqual([
      { try_number: 3, max_tries: 2 },
    ])
  })

  test('fails for good after its last try, with exactly retries + 1 starts', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { retries: 3, retryDelay: 0 }), 'b'], [['a', 'b']], { dagId: 'bad' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('bad')
    const worker = await engine.makeWorker()
    for (let pass = 0; pass < 8; pass++) {
      await engine.passDelays()
      await scheduler.pass()
      await worker.drain(() => FAILURE)
    }
    expect(worker.started.map((one) => one.tryNumber)).toEqual([1, 2, 3, 4])
    expect(await engine.states(run)).toEqual({ a: 'failed', b: 'upstream_failed' })
    expect(await engine.runState(run)).toBe('failed')
  })

  test('is tried again whatever tries are left when its worker was stopped', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('one')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end(worker.running.slice(), () => ({ kind: 'interrupted', worker: 'host' }))
    expect(await engine.states(run)).toEqual({ a: 'up_for_retry' })
    await scheduler.pass()
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })

  test('several waiting retries of one run are woken together, those of others are not touched', async () => {
    const engine = await makeEngine()
    const tasks = ['a', 'b', 'c'].map((id) => makeTask(id, { retries: 1, retryDelay: 600 }))
    await engine.addDag(makeDag(tasks, [], { dagId: 'three' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('three')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end(worker.running.slice(), () => FAILURE)
    await engine.query("update task_queue set ready_at = now() where task_id in ('a', 'b')")
    await scheduler.pass()
    expect(await engine.states(run)).toEqual({ a: 'queued', b: 'queued', c: 'up_for_retry' })
  })
})

describe('no attempt is lost', () => {
  test('what a dead worker ran is tried again, or failed when no try is left; what follows is released', async () => {
    const engine = await makeEngine()
    const tasks = [
      makeTask('again', { retries: 1, retryDelay: 0 }),
      'last',
      makeTask('after', { triggerRule: 'all_done' }),
    ]
    await engine.addDag(
      makeDag(
        tasks,
        [
          ['again', 'after'],
          ['last', 'after'],
        ],
        { dagId: 'lost' },
      ),
    )
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('lost')
    await scheduler.pass()
    const [dead, alive] = [await engine.makeWorker(), await engine.makeWorker()]
    await dead.claim()
    await scheduler.sweep()
    expect(await engine.states(run), 'a living worker is left alone').toEqual({
      after: null,
      again: 'running',
      last: 'running',
    })
    await dead.die()
    await scheduler.sweep()
    await scheduler.pass()
    expect((await engine.states(run))['last']).toBe('failed')
    await engine.passDelays()
    await scheduler.pass()
    await alive.drain()
    expect(await engine.states(run)).toEqual({ after: 'success', again: 'success', last: 'failed' })
    expect(alive.started.map((one) => `${one.task.taskId} ${one.tryNumber}`)).toEqual(['again 2', 'after 1'])
    expect(await engine.query('select 1 from task_queue')).toEqual([])
  })

  test('two schedulers that rescue at once rescue once', async () => {
    const engine = await makeEngine()
    const tasks = Array.from({ length: 8 }, (_, i) => makeTask(`t${i}`, { retries: 1, retryDelay: 0 }))
    await engine.addDag(makeDag(tasks, [], { dagId: 'lost' }))
    const schedulers = [engine.makeScheduler(), engine.makeScheduler()]
    const run = await engine.trigger('lost')
    await schedulers[0]?.pass()
    const dead = await engine.makeWorker()
    await dead.claim()
    await dead.die()
    await Promise.all(schedulers.map((scheduler) => scheduler.sweep()))
    await engine.passDelays()
    await Promise.all(schedulers.map((scheduler) => scheduler.pass()))
    const alive = await engine.makeWorker()
    await alive.drain()
    expect(alive.started).toHaveLength(8)
    expect(await engine.runState(run)).toBe('success')
  })
})
