// Backfills on a live engine: their limit, their order, the runs they take over, pausing and cancelling.

import { describe, expect, test } from 'vitest'
import { cancelBackfill, createBackfill, noteBackfillEnds, pauseBackfill } from '../../../engine/runs/backfill.ts'
import { makeDag } from '../../support/make-dag.ts'
import { backfillOf, daily, depsOf, FIRST, kim } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const makeEngine = useEngines()

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
