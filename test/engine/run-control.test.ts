// Clear, mark, backfill and delete on a live engine: what runs is stopped, what waits goes on, limits hold, nothing is lost.
// Which instances they mean is run-control-oracle.test.ts.

import { describe, expect, test } from 'vitest'
import { type ClearRequest, clear } from '../../engine/control/clear.ts'
import { mark, markRun } from '../../engine/control/mark.ts'
import { pauseDag } from '../../engine/dags/pause.ts'
import type { Engine } from '../../engine/engine.ts'
import {
  type BackfillRequest,
  cancelBackfill,
  createBackfill,
  noteBackfillEnds,
  pauseBackfill,
} from '../../engine/runs/backfill.ts'
import { removeDag, removeRun } from '../../engine/runs/delete.ts'
import type { TestEngine, TestScheduler } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const kim = { name: 'kim', via: 'cli' } as const
const depsOf = (engine: TestEngine, { transactions }: TestScheduler): Engine => ({
  database: engine.database,
  runCache: engine.runCache,
  transactions,
})
const DAY = 86_400_000
const FIRST = Date.parse('2026-01-01T00:00:00Z')
const daily = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: false } as const

const clearOf = (dagId: string, changes: Partial<ClearRequest> = {}): ClearRequest => ({
  dagId,
  runs: { kind: 'dates', from: null, to: null },
  tasks: { tasks: null, upstream: false, downstream: false },
  filter: { onlyFailed: false, onlyRunning: false },
  resetsRuns: true,
  onLatestVersion: false,
  refusesRunning: false,
  ...changes,
})
const markOf = (dagId: string, runId: string, taskId: string, to: 'success' | 'failed' | 'skipped') => ({
  dagId,
  runId,
  taskId,
  mapIndex: null,
  to,
  upstream: false,
  downstream: false,
  past: false,
  future: false,
})

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
    expect((await clear(depsOf(engine, scheduler), request, kim)).map((row) => row.map_index)).toEqual([1])
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

describe('marking', () => {
  test('what runs stops it; what it has still to say counts no more', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['slow', 'after'], [['slow', 'after']], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('one', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await mark(depsOf(engine, scheduler), markOf('one', 'r', 'slow', 'success'), kim)
    expect(await engine.states(run)).toEqual({ slow: 'success', after: 'queued' })
    await worker.end([worker.find('slow')], () => ({ kind: 'failure', message: 'killed', isRetryable: false }))
    await worker.drain()
    expect(await engine.states(run)).toEqual({ slow: 'success', after: 'success' })
    expect(await engine.runState(run)).toBe('success')
  })

  test('a failed task as success lets what had failed behind it go on, and its run with it', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        ['bad', 'after', 'last'],
        [
          ['bad', 'after'],
          ['after', 'last'],
        ],
        { dagId: 'chain' },
      ),
    )
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('chain', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.drain(() => ({ kind: 'failure', message: 'no', isRetryable: false }))
    expect(await engine.runState(run)).toBe('failed')
    const touched = await mark(depsOf(engine, scheduler), markOf('chain', 'r', 'bad', 'success'), kim)
    expect(touched.cleared.map((row) => row.task_id)).toEqual(['after', 'last'])
    await scheduler.pass()
    await worker.drain()
    expect(await engine.states(run)).toEqual({ bad: 'success', after: 'success', last: 'success' })
    expect(await engine.runState(run)).toBe('success')
    await expect(mark(depsOf(engine, scheduler), markOf('chain', 'r', 'bad', 'success'), kim)).rejects.toMatchObject({
      code: 'CONFLICT',
    })
  })

  test('a run ends everything of it: what works as the run, the rest skipped', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['done', 'slow', 'after'], [['slow', 'after']], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('one', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end([worker.find('done')])
    await markRun(depsOf(engine, scheduler), { dagId: 'one', runId: 'r', to: 'failed' }, kim)
    expect(await engine.states(run)).toEqual({ done: 'success', slow: 'failed', after: 'skipped' })
    expect(await engine.runState(run)).toBe('failed')
    await worker.end([worker.find('slow')])
    expect(await engine.states(run)).toMatchObject({ slow: 'failed' })
  })
})

const backfillOf = (dagId: string, days: number, changes: Partial<BackfillRequest> = {}): BackfillRequest => ({
  dagId,
  from: FIRST,
  to: FIRST + (days - 1) * DAY,
  isReverse: false,
  reprocess: 'none',
  conf: null,
  maxActiveRuns: 2,
  onLatestVersion: true,
  ...changes,
})

describe('a backfill', () => {
  test('has a limit of its own: it takes no place of the schedule, and the schedule none of it', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'daily', timetable: daily, maxActiveRuns: 1 }))
    const scheduler = engine.makeScheduler()
    await createBackfill(depsOf(engine, scheduler), backfillOf('daily', 5), kim)
    await engine.trigger('daily', { runId: 'mine' })
    await scheduler.pass()
    const running = () =>
      engine.query("select run_id from dag_run where state = 'running' and run_id not like 'scheduled%' order by id")
    expect(await running()).toEqual([
      { run_id: 'backfill__2026-01-01T00:00:00+00:00' },
      { run_id: 'backfill__2026-01-02T00:00:00+00:00' },
      { run_id: 'mine' },
    ])
  })

  test('goes behind everything else that waits for the same slots', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'daily', timetable: daily }))
    await engine.addDag(makeDag(['a'], [], { dagId: 'other' }))
    const scheduler = engine.makeScheduler({ parallelism: 1 })
    await createBackfill(depsOf(engine, scheduler), backfillOf('daily', 4, { maxActiveRuns: 4 }), kim)
    await scheduler.pass()
    for (const runId of ['one', 'two']) await engine.trigger('other', { runId })
    await scheduler.pass()
    const worker = await engine.makeWorker({ slots: 1, parallelism: 1 })
    while ((await worker.claim()) + worker.running.length > 0) {
      await worker.end([...worker.running])
      await scheduler.pass()
    }
    const order = worker.started.map((one) => one.run.dagId)
    // The first of the backfill was admitted before the others came; they pass all the rest of it.
    expect(order.slice(0, 3)).toEqual(['daily', 'other', 'other'])
    expect(order.filter((dagId) => dagId === 'daily').length).toBeGreaterThanOrEqual(4)
  })

  test('backwards starts with the newest date, and is over when its last run is', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'daily', timetable: daily, isPausedUponCreation: false }))
    const scheduler = engine.makeScheduler()
    await createBackfill(depsOf(engine, scheduler), backfillOf('daily', 3, { isReverse: true, maxActiveRuns: 1 }), kim)
    const worker = await engine.makeWorker()
    const done: (string | undefined)[] = []
    for (let i = 0; i < 3; i++) {
      await scheduler.pass()
      await worker.claim()
      const own = worker.running.filter((one) => one.run.runType === 'backfill')
      done.push(own[0]?.run.runId.slice(10, 20))
      expect(await engine.query('select 1 from backfill where completed_at is not null')).toEqual([])
      await worker.end(own)
    }
    expect(done).toEqual(['2026-01-03', '2026-01-02', '2026-01-01'])
    await scheduler.pass()
    expect(await engine.query('select 1 from backfill where completed_at is not null')).toHaveLength(1)
  })

  test('takes over runs that have failed, with their dates, and clears them whole', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a', 'b'], [['a', 'b']], { dagId: 'daily', timetable: daily }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('daily', { runId: 'mine', logicalDate: FIRST })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.drain((one) =>
      one.run.runId === 'mine' ? { kind: 'failure', message: 'no', isRetryable: false } : { kind: 'success' },
    )
    expect(await engine.runState(run)).toBe('failed')
    const conf = { why: 'again' }
    await createBackfill(depsOf(engine, scheduler), backfillOf('daily', 2, { reprocess: 'failed', conf }), kim)
    // Not cleared yet: it has not ended before that.
    await scheduler.sweep()
    await worker.drain()
    await scheduler.sweep()
    expect(await engine.runState(run)).toBe('success')
    const [row] = await engine.query('select run_type, conf, triggered_by from dag_run where id = $1', [run])
    expect(row).toEqual({ run_type: 'backfill', conf, triggered_by: 'backfill' })
    expect(await engine.query('select 1 from backfill where completed_at is not null')).toHaveLength(1)
  })

  test('that is paused starts nothing; cancelled, its queued runs fail and those that run go on', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'daily', timetable: daily }))
    const scheduler = engine.makeScheduler()
    const deps = depsOf(engine, scheduler)
    const id = await createBackfill(deps, backfillOf('daily', 4, { maxActiveRuns: 1 }), kim)
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await pauseBackfill(engine, { id, isPaused: true }, kim)
    const own = () => worker.running.filter((one) => one.run.runType === 'backfill')
    const [first] = own()
    if (first === undefined) throw new Error('the first run of the backfill does not run')
    await worker.end([first])
    await scheduler.pass()
    await worker.claim()
    expect(own()).toEqual([])
    await pauseBackfill(engine, { id, isPaused: false }, kim)
    await scheduler.pass()
    await worker.claim()
    expect(own()).toHaveLength(1)
    await cancelBackfill(deps, id, kim)
    const states = await engine.query("select state from dag_run where run_type = 'backfill' order by id")
    expect(states.map((row) => (row as { state: string }).state)).toEqual(['success', 'running', 'failed', 'failed'])
    await worker.end(own())
    await expect(cancelBackfill(deps, id, kim)).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('is cancelled also when the sweep finds in that moment that nothing is left of it', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'daily', timetable: daily }))
    const scheduler = engine.makeScheduler()
    const deps = depsOf(engine, scheduler)
    const id = await createBackfill(deps, backfillOf('daily', 3, { maxActiveRuns: 1 }), kim)
    const transactions: Pick<typeof deps.transactions, 'run'> = {
      run: async (transaction) => {
        const ended = await deps.transactions.run(transaction)
        await noteBackfillEnds(engine.database)
        return ended
      },
    }
    await cancelBackfill({ ...deps, transactions: transactions as typeof deps.transactions }, id, kim)
    expect(await engine.query('select 1 from backfill where completed_at is not null')).toHaveLength(1)
  })

  test('is one at a time for a DAG, however many ask at once', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'daily', timetable: daily }))
    const scheduler = engine.makeScheduler()
    const asked = await Promise.allSettled(
      Array.from({ length: 5 }, () => createBackfill(depsOf(engine, scheduler), backfillOf('daily', 3), kim)),
    )
    expect(asked.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'CONFLICT' })
    expect(await engine.query("select 1 from dag_run where run_type = 'backfill'")).toHaveLength(3)
  })
})

describe('deleting', () => {
  test('a run takes everything of it along, but not while it runs', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    await engine.trigger('one', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await expect(removeRun(engine, { dagId: 'one', runId: 'r' }, kim)).rejects.toMatchObject({ code: 'CONFLICT' })
    await worker.end([worker.find('a')], () => ({
      outcome: { kind: 'success' },
      xcoms: [{ taskId: 'a', mapIndex: -1, key: 'return_value', value: 1 }],
    }))
    await removeRun(engine, { dagId: 'one', runId: 'r' }, kim)
    for (const table of ['dag_run', 'task_instance', 'xcom', 'ti_event', 'task_queue'])
      expect(await engine.query(`select 1 from ${table}`), table).toEqual([])
    await expect(removeRun(engine, { dagId: 'one', runId: 'r' }, kim)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a DAG takes its runs, versions and backfills along, and comes back with its file', async () => {
    const engine = await makeEngine()
    const dag = makeDag(['a'], [], { dagId: 'daily', timetable: daily })
    await engine.addDag(dag)
    const scheduler = engine.makeScheduler()
    await createBackfill(depsOf(engine, scheduler), backfillOf('daily', 3), kim)
    expect(await removeDag(engine, 'daily', kim)).toBe(3)
    for (const table of ['dag', 'dag_run', 'dag_version', 'backfill', 'task_instance'])
      expect(await engine.query(`select 1 from ${table}`), table).toEqual([])
    await engine.addDag(dag)
    expect(await engine.query('select 1 from dag')).toHaveLength(1)
  })
})
