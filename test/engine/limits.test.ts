// Slots at every instant: replayed from the ledger, no limit is ever exceeded; and whoever may start does, in order.

import { describe, expect, test } from 'vitest'
import { pauseDag } from '../../engine/dags/pause.ts'
import { nextReadyAt } from '../../store/postgres/task-queue.ts'
import { TEST_ACTOR, type TestEngine, type TestWorker } from '../support/engine.ts'
import { peaks, replay } from '../support/ledger.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

/** Works on several workers at once, with schedulers beside them, until every run has ended. */
async function workOff(engine: TestEngine, workers: readonly TestWorker[], parallelism = 0): Promise<void> {
  const schedulers = [engine.makeScheduler({ parallelism }), engine.makeScheduler({ parallelism })]
  const open = async () => (await engine.query("select 1 from dag_run where state in ('queued', 'running')")).length
  for (let round = 0; (await open()) > 0; round++) {
    if (round > 300) throw new Error('the runs do not end')
    await Promise.all([
      ...schedulers.map((scheduler) => scheduler.pass()),
      ...workers.map(async (worker, i) => {
        await worker.claim()
        if (worker.running.length > 0) await worker.end(worker.running.slice(0, 1 + ((round + i) % 3)))
      }),
    ])
  }
}

describe('no limit is exceeded at any instant', () => {
  test('pools of several sizes, with tasks of several slots, in several runs, on several workers', async () => {
    const engine = await makeEngine()
    await engine.makePool('small', 2)
    await engine.makePool('wide', 5)
    const tasks = Array.from({ length: 12 }, (_, i) =>
      makeTask(`t${i}`, { pool: i % 2 === 0 ? 'small' : 'wide', poolSlots: 1 + (i % 2) * (i % 3) }),
    )
    const edges = [0, 1, 2, 3].map((i) => [`t${i}`, `t${i + 4}`] as const)
    await engine.addDag(makeDag(tasks, edges, { dagId: 'pools', maxActiveTasks: 100 }))
    for (let i = 0; i < 4; i++) await engine.trigger('pools')
    await workOff(engine, await Promise.all([1, 2, 3].map(() => engine.makeWorker({ slots: 4 }))))
    const most = peaks(
      await replay(engine.database),
      (event) => event.pool ?? '',
      (event) => event.pool_slots ?? 0,
    )
    expect(most.get('small')).toBe(2)
    expect(most.get('wide')).toBeLessThanOrEqual(5)
    expect(most.get('wide')).toBeGreaterThanOrEqual(4)
  })

  test('parallelism of the deployment', async () => {
    const engine = await makeEngine()
    const ids = Array.from({ length: 10 }, (_, i) => `t${i}`)
    await engine.addDag(
      makeDag(
        ids,
        [
          ['t0', 't5'],
          ['t1', 't5'],
        ],
        { dagId: 'busy' },
      ),
    )
    for (let i = 0; i < 3; i++) await engine.trigger('busy')
    const workers = await Promise.all([1, 2, 3].map(() => engine.makeWorker({ slots: 8, parallelism: 5 })))
    await workOff(engine, workers, 5)
    expect(peaks(await replay(engine.database), () => 'all').get('all')).toBe(5)
  })

  test('maxActiveTasks of a run', async () => {
    const engine = await makeEngine()
    const ids = Array.from({ length: 10 }, (_, i) => `t${i}`)
    await engine.addDag(makeDag(ids, [], { dagId: 'narrow', maxActiveTasks: 2 }))
    for (let i = 0; i < 3; i++) await engine.trigger('narrow')
    await workOff(engine, await Promise.all([1, 2].map(() => engine.makeWorker())))
    const most = peaks(await replay(engine.database), (event) => event.run_id)
    expect([...most.values()]).toEqual([2, 2, 2])
  })

  test('maxActiveTisPerDag over all runs, and maxActiveTisPerDagrun in each', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        ['first', makeTask('api', { maxActiveTisPerDag: 2 }), makeTask('once', { maxActiveTisPerDagrun: 1 }), 'last'],
        [
          ['first', 'api'],
          ['api', 'last'],
          ['once', 'last'],
        ],
        { dagId: 'limited' },
      ),
    )
    for (let i = 0; i < 8; i++) await engine.trigger('limited')
    await workOff(engine, await Promise.all([1, 2, 3].map(() => engine.makeWorker())))
    const events = await replay(engine.database)
    expect(peaks(events, (event) => event.task_id ?? '').get('api')).toBe(2)
    const perRun = peaks(events, (event) => `${event.run_id} ${event.task_id}`)
    expect(Math.max(...perRun.values())).toBe(1)
  })
})

describe('who may start does', () => {
  test.each(['maxActiveTisPerDag', 'maxActiveTisPerDagrun'] as const)(
    '%s counts deferred instances, and has room again when one ends',
    async (limit) => {
      const engine = await makeEngine()
      const mapping = { kind: 'product', over: [{ name: 'n', kind: 'literal', value: [1, 2, 3] }], fill: null } as const
      await engine.addDag(makeDag([makeTask('wait', { mapping, [limit]: 2 })], [], { dagId: 'waits' }))
      const run = await engine.trigger('waits')
      const scheduler = engine.makeScheduler()
      await scheduler.sweep()
      const worker = await engine.makeWorker()
      await worker.claim()
      const wait = { kind: 'trigger', name: 't', args: {} } as const
      await worker.end([...worker.running], () => ({ kind: 'defer', wait, timeoutMs: 60_000 }))
      await scheduler.sweep()
      expect(await worker.claim()).toBe(0)
      const states = `select state, count(*)::int as n from task_instance where dag_run_id = ${run} group by 1 order by 1`
      expect(await engine.query(states)).toEqual([
        { state: 'deferred', n: 2 },
        { state: 'scheduled', n: 1 },
      ])
      await engine.passDelays()
      await scheduler.sweep()
      expect(await worker.claim()).toBe(1)
    },
  )

  test('the heaviest of what is queued starts first, then the oldest run', async () => {
    const engine = await makeEngine()
    const tasks = [
      makeTask('light', { weightRule: 'absolute' }),
      makeTask('heavy', { weightRule: 'absolute', priorityWeight: 9 }),
    ]
    await engine.addDag(makeDag(tasks, [], { dagId: 'weights' }))
    const runs = [await engine.trigger('weights'), await engine.trigger('weights')]
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker({ slots: 1 })
    await worker.drain()
    expect(worker.started.map((one) => [one.task.taskId, runs.indexOf(one.dagRunId)])).toEqual([
      ['heavy', 0],
      ['heavy', 1],
      ['light', 0],
      ['light', 1],
    ])
  })

  test('a freed slot goes to the most urgent that waits, not to what the ended task released', async () => {
    const engine = await makeEngine()
    await engine.makePool('one', 1)
    const chain = ['a', 'b', 'c'].map((id) => makeTask(id, { pool: 'one', weightRule: 'absolute' }))
    await engine.addDag(
      makeDag(
        chain,
        [
          ['a', 'b'],
          ['b', 'c'],
        ],
        { dagId: 'chain' },
      ),
    )
    await engine.addDag(makeDag([makeTask('urgent', { pool: 'one', priorityWeight: 50 })], [], { dagId: 'urgent' }))
    const scheduler = engine.makeScheduler()
    await engine.trigger('chain')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await engine.trigger('urgent')
    await scheduler.pass()
    await worker.end([worker.find('a')])
    await scheduler.pass()
    await worker.claim()
    expect(worker.started.map((one) => one.task.taskId)).toEqual(['a', 'urgent'])
    await worker.end([worker.find('urgent')])
    await scheduler.pass()
    await worker.drain()
    expect(worker.started.map((one) => one.task.taskId)).toEqual(['a', 'urgent', 'b', 'c'])
  })

  test('a limited task of another run starts at the next pass after its limit has room', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag([makeTask('api', { maxActiveTisPerDag: 1 }), 'z'], [['api', 'z']], { dagId: 'limited' }),
    )
    const scheduler = engine.makeScheduler()
    const runs = [await engine.trigger('limited'), await engine.trigger('limited')]
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    expect(worker.started).toHaveLength(1)
    let wakeUps = 0
    const listener = await engine.database.connect('listen')
    listener.on('notification', () => wakeUps++)
    await listener.query('listen sched')
    // z replaces api in its slot; the limit of api has room all the same.
    await worker.end([worker.find('api')])
    await listener.query('select 1')
    await listener.end()
    expect(wakeUps, 'the scheduler hears of it at once').toBe(1)
    await scheduler.pass()
    await worker.claim()
    expect(worker.started.map((one) => [one.task.taskId, runs.indexOf(one.dagRunId)])).toEqual([
      ['api', 0],
      ['z', 0],
      ['api', 1],
    ])
    await worker.drain()
  })

  test('what a run has no room for yet starts as soon as it has, whatever limits it', async () => {
    const engine = await makeEngine()
    const tasks = ['a', 'b', 'c', 'd'].map((id) => makeTask(id, { maxActiveTisPerDagrun: 1 }))
    await engine.addDag(makeDag(tasks, [], { dagId: 'narrow', maxActiveTasks: 1 }))
    const run = await engine.trigger('narrow')
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    // No scheduler looks any more: a run in flight goes on by its worker alone.
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })

  test('what a run has no room for yet is not lost when others wait for the same pool', async () => {
    const engine = await makeEngine()
    await engine.makePool('one', 1)
    const ab = ['a', 'b'].map((id) => makeTask(id, { pool: 'one' }))
    await engine.addDag(makeDag([makeTask('x', { pool: 'one', priorityWeight: 5 })], [], { dagId: 'other' }))
    await engine.addDag(makeDag(ab, [], { dagId: 'narrow', maxActiveTasks: 1 }))
    const scheduler = engine.makeScheduler()
    const narrow = await engine.trigger('narrow')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await engine.trigger('other')
    await scheduler.pass()
    await worker.end(worker.running.slice())
    await scheduler.pass()
    await worker.drain()
    await scheduler.pass()
    await worker.drain()
    expect(await engine.runState(narrow)).toBe('success')
  })

  test('many that wait for one full limit do not hide those behind them', async () => {
    const engine = await makeEngine()
    await engine.makePool('full', 1)
    const tasks = Array.from({ length: 120 }, (_, i) => makeTask(`t${i}`, { pool: 'full', priorityWeight: 9 }))
    await engine.addDag(makeDag(tasks, [], { dagId: 'crowd', maxActiveTasks: 200 }))
    await engine.makePool('one', 1)
    await engine.addDag(makeDag([makeTask('p', { pool: 'one' })], [], { dagId: 'behind', maxActiveRuns: 10 }))
    const scheduler = engine.makeScheduler()
    await engine.trigger('crowd')
    const runs = [await engine.trigger('behind'), await engine.trigger('behind')]
    await scheduler.pass()
    const worker = await engine.makeWorker({ slots: 2 })
    await worker.claim()
    await worker.end([worker.find('p')])
    await scheduler.pass()
    await worker.claim()
    expect(worker.started.filter((one) => one.task.taskId === 'p').map((one) => one.dagRunId)).toEqual(runs)
  })
})

describe('a paused DAG', () => {
  test('starts nothing, lets what runs run on, and goes on at the next pass after it is resumed', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a', 'b'], [['a', 'b']], { dagId: 'chain' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('chain')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await pauseDag(engine, { dagId: 'chain', isPaused: true }, TEST_ACTOR)
    const second = await engine.trigger('chain')
    await worker.end([worker.find('a')])
    await scheduler.sweep()
    await worker.claim()
    expect(worker.running).toEqual([])
    expect((await engine.states(run))['b']).toBe('scheduled')
    expect(await engine.runState(second)).toBe('queued')
    await pauseDag(engine, { dagId: 'chain', isPaused: false }, TEST_ACTOR)
    await scheduler.pass()
    await worker.claim()
    expect(worker.running.map((one) => one.task.taskId).sort()).toEqual(['a', 'b'])
    await worker.drain()
  })

  test('does not wake a retry, and does not keep the scheduler awake for it', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { retries: 3 })], [], { dagId: 'flaky' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('flaky')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end(worker.running.slice(), () => ({ kind: 'failure', message: 'no', isRetryable: true }))
    expect(await nextReadyAt(engine.database)).not.toBeNull()
    await engine.passDelays()
    await pauseDag(engine, { dagId: 'flaky', isPaused: true }, TEST_ACTOR)
    await scheduler.sweep()
    expect(await engine.states(run)).toEqual({ a: 'up_for_retry' })
    // A due time that nobody may serve would make the scheduler look again at once, for ever.
    expect(await nextReadyAt(engine.database)).toBeNull()
    await pauseDag(engine, { dagId: 'flaky', isPaused: false }, TEST_ACTOR)
    expect(await nextReadyAt(engine.database)).not.toBeNull()
    await scheduler.pass()
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })
})
