// Clear on a live engine: what runs is stopped, what waits goes on, limits hold, nothing is lost.
// Which instances a request means is run-control-oracle.test.ts.

import { describe, expect, test } from 'vitest'
import { clear } from '../../../engine/control/clear.ts'
import { pauseDag } from '../../../engine/dags/pause.ts'
import { makeDag, makeTask } from '../../support/make-dag.ts'
import { clearOf, depsOf, kim } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const makeEngine = useEngines()

describe('clearing a task that runs', () => {
  async function cleared() {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('slow', { retries: 0 }), 'after'], [['slow', 'after']], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('one', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await clear(depsOf(engine, scheduler), clearOf('one'), kim)
    return { engine, scheduler, run, worker, attempt: worker.find('slow') }
  }

  test('asks its attempt to end, and begins again when it has, whatever it says and whatever tries are left', async () => {
    const { engine, scheduler, run, worker, attempt } = await cleared()
    expect(await engine.states(run)).toEqual({ slow: 'restarting', after: null })
    // Its slot is held until the process is dead.
    expect(await engine.query('select stage from task_queue')).toEqual([{ stage: 'restarting' }])
    await scheduler.sweep()
    expect(await engine.states(run)).toMatchObject({ slow: 'restarting' })
    await worker.end([attempt], () => ({ kind: 'failure', message: 'stopped', isRetryable: false }))
    await scheduler.pass()
    await worker.drain()
    expect(await engine.states(run)).toEqual({ slow: 'success', after: 'success' })
    expect(await engine.runState(run)).toBe('success')
    const tries = await engine.query(
      "select try_number, state from task_instance_history where task_id = 'slow' order by 1",
    )
    expect(tries).toEqual([{ try_number: 1, state: 'failed' }])
  })

  test('begins again elsewhere when its worker dies before it has ended it', async () => {
    const { engine, scheduler, run, worker } = await cleared()
    await worker.die()
    await scheduler.sweep()
    const other = await engine.makeWorker()
    await other.drain()
    expect(await engine.runState(run)).toBe('success')
    expect(other.started.map((one) => [one.task.taskId, one.tryNumber])).toEqual([
      ['slow', 2],
      ['after', 1],
    ])
  })

  test('is refused when the user says so, and nothing has changed', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['slow', 'done'], [], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('one')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end([worker.find('done')])
    const request = clearOf('one', { refusesRunning: true })
    await expect(clear(depsOf(engine, scheduler), request, kim)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await engine.states(run)).toEqual({ slow: 'running', done: 'success' })
    expect(await engine.query("select 1 from log where event = 'task_instance.clear'")).toEqual([])
  })
})

describe('clearing', () => {
  test('takes back what waits for its retry, a slot or a worker, and lets it begin at once', async () => {
    const engine = await makeEngine()
    await engine.makePool('one', 1)
    const pooled = (id: string) => makeTask(id, { pool: 'one' })
    await engine.addDag(
      makeDag([makeTask('retry', { retries: 1, retryDelay: 9_000 }), pooled('a'), pooled('b')], [], { dagId: 'many' }),
    )
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('many')
    await scheduler.pass()
    const worker = await engine.makeWorker({ slots: 1 })
    await worker.claim()
    for (const one of [...worker.running])
      await worker.end([one], () => ({ kind: 'failure', message: 'no', isRetryable: true }))
    await clear(depsOf(engine, scheduler), clearOf('many'), kim)
    await scheduler.sweep()
    for (const one of [...worker.running]) await worker.end([one])
    await worker.drain()
    expect(await engine.states(run)).toEqual({ retry: 'success', a: 'success', b: 'success' })
  })

  test('of a paused DAG waits for its person, and the run does not end meanwhile', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a', 'b'], [['a', 'b']], { dagId: 'paused' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('paused')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await pauseDag(engine, { dagId: 'paused', isPaused: true }, kim)
    await clear(depsOf(engine, scheduler), clearOf('paused'), kim)
    await worker.end([worker.find('a')])
    await scheduler.sweep()
    expect(await engine.runState(run)).toBe('running')
    expect(await worker.claim()).toBe(0)
    await pauseDag(engine, { dagId: 'paused', isPaused: false }, kim)
    await scheduler.sweep()
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })

  test('one index of a mapped task leaves its siblings as they are', async () => {
    const engine = await makeEngine()
    const mapping = { kind: 'product', over: [{ name: 'n', kind: 'literal', value: [1, 2, 3] }], fill: null } as const
    await engine.addDag(makeDag([makeTask('each', { mapping })], [], { dagId: 'mapped' }))
    const scheduler = engine.makeScheduler()
    await engine.trigger('mapped', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.drain()
    const request = clearOf('mapped', {
      tasks: { tasks: [{ taskId: 'each', mapIndex: 1 }], upstream: false, downstream: false },
    })
    expect((await clear(depsOf(engine, scheduler), request, kim)).map((row) => row.mapIndex)).toEqual([1])
    await scheduler.pass()
    await worker.drain()
    const rows = await engine.query('select map_index, try_number from task_instance order by 1')
    expect(rows).toEqual([
      { map_index: 0, try_number: 1 },
      { map_index: 1, try_number: 2 },
      { map_index: 2, try_number: 1 },
    ])
  })

  test('with the latest version runs new tasks, removes those that are gone, and keeps what has ended', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['first', 'gone'], [['first', 'gone']], { dagId: 'changed' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('changed', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.drain()
    const next = makeDag(['first', makeTask('added', { pool: 'default_pool' })], [['first', 'added']], {
      dagId: 'changed',
    })
    await engine.addDag(next, { moduleCode: '// 2' })
    const tasks = { tasks: [{ taskId: 'added' }], upstream: false, downstream: false }
    // By its own version the run has no such task.
    expect(await clear(depsOf(engine, scheduler), clearOf('changed', { tasks }), kim)).toEqual([])
    const request = clearOf('changed', {
      tasks: { tasks: [{ taskId: 'first' }], upstream: false, downstream: true },
      onLatestVersion: true,
    })
    await clear(depsOf(engine, scheduler), request, kim)
    await scheduler.pass()
    await worker.drain()
    expect(await engine.states(run)).toEqual({ first: 'success', gone: 'removed', added: 'success' })
    expect(await engine.runState(run)).toBe('success')
    expect(worker.started.map((one) => one.task.taskId)).toEqual(['first', 'gone', 'first', 'added'])
  })
})
