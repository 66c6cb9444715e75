// Deadlines are missed once, also when nothing was ever started and nobody was there to look; what ended in time misses none.

import { describe, expect, it } from 'vitest'
import type { OwnedDeadline, SerializedDeadline } from '../../../core/deadlines.ts'
import { createBackfill } from '../../../engine/runs/backfill.ts'
import type { TestEngine, TestScheduler } from '../../support/engine.ts'
import { TEST_ACTOR } from '../../support/engine.ts'
import { makeDag, makeTask } from '../../support/make-dag.ts'
import { backfillOf, depsOf, FIRST } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const start = useEngines()
const HOUR = 3_600
const hourly = { kind: 'cron', expression: '0 * * * *', timezone: 'Asia/Seoul', interval: true } as const
const by = (reference: OwnedDeadline['reference'], interval: number, more: Partial<SerializedDeadline> = {}) =>
  [{ key: `${reference}+${interval}`, reference, interval, callbacks: 1, ...more }] as const

const missed = (engine: TestEngine) =>
  engine.query<{ run_id: string | null; task_id: string | null; reason: string; slot: unknown }>(
    `select r.run_id, c.task_id, c.data ->> 'reason' as reason, c.data -> 'slot' is not null as slot
     from callback c left join dag_run r on r.id = c.dag_run_id where c.kind = 'deadline' order by c.created_at, c.dedup_key`,
  )
/** As if so many seconds had gone by: what is watched now was begun earlier. */
const pass = async (engine: TestEngine, scheduler: TestScheduler, seconds: number, mustPass = true) => {
  await engine.query(
    `update deadline set deadline_time = deadline_time - make_interval(secs => $1), counts_from = counts_from - make_interval(secs => $1),
       slot_start = slot_start - make_interval(secs => $1)`,
    [seconds],
  )
  if (mustPass) await scheduler.sweep()
}
/** The scheduler finds the DAG's next date far ahead, and makes no run. */
const blockRuns = (engine: TestEngine) =>
  engine.query("update dag set next_dagrun_create_after = now() + interval '1 year'")

describe('a deadline by slot', () => {
  const dag = makeDag(['a'], [], { timetable: hourly, timezone: 'Asia/Seoul', deadlines: by('slot', 600) })

  it('is missed once a slot though no run was ever made, and says which slot', async () => {
    const engine = await start()
    await engine.addDag(dag)
    const scheduler = engine.makeScheduler()
    await blockRuns(engine)
    await scheduler.sweep()
    const [watch] = await engine.query<{ due: Date; at: Date }>(
      'select counts_from as due, deadline_time as at from deadline',
    )
    expect([Number(watch?.due) % (HOUR * 1000), Number(watch?.at) - Number(watch?.due)]).toEqual([0, 600_000])
    expect(await missed(engine)).toEqual([])
    await pass(engine, scheduler, 2 * HOUR)
    await scheduler.sweep()
    expect(await missed(engine)).toEqual([
      {
        run_id: null,
        task_id: null,
        slot: true,
        reason: 'No run was made: nothing had ended 600 s after its due time.',
      },
    ])
    await pass(engine, scheduler, 3 * HOUR)
    expect(await missed(engine)).toHaveLength(2)
  })

  it('is told once for an outage of ten hours, and watches the next slot afterwards', async () => {
    const engine = await start()
    await engine.addDag(dag)
    const scheduler = engine.makeScheduler()
    await scheduler.sweep()
    await pass(engine, scheduler, 10 * HOUR, false)
    await scheduler.sweep()
    await scheduler.sweep()
    expect(await missed(engine)).toHaveLength(1)
    const [next] = await engine.query<{ ahead: boolean }>('select deadline_time > now() as ahead from deadline')
    expect(next?.ahead).toBe(true)
  })

  it.each([
    ['ended in time is met', -60, 0],
    ['ended too late is missed', 60, 1],
    ['goes on is missed', null, 1],
  ] as const)('whose run %s', async (_name, offset, count) => {
    const engine = await start()
    await engine.addDag(dag)
    const [scheduler, worker] = [engine.makeScheduler(), await engine.makeWorker()]
    await blockRuns(engine)
    await scheduler.sweep()
    await pass(engine, scheduler, 2 * HOUR, false)
    const [row] = await engine.query<{ at: Date }>('select slot_start as at from deadline')
    await engine.trigger('example', { runId: 'slot', logicalDate: Number(row?.at) })
    // Nobody looks at the deadline until the run stands as it shall.
    await engine.query("update deadline set deadline_time = deadline_time + interval '1 day'")
    await scheduler.pass()
    if (offset !== null) await worker.drain(() => ({ kind: 'failure', message: 'no', isRetryable: false }))
    await engine.query("update deadline set deadline_time = deadline_time - interval '1 day'")
    await engine.query(
      'update dag_run set end_date = (select deadline_time from deadline) + make_interval(secs => $1) where end_date is not null',
      [offset ?? 0],
    )
    await scheduler.sweep()
    const found = await missed(engine)
    expect(found.map(({ run_id }) => run_id)).toEqual(count === 0 ? [] : ['slot'])
  })

  it('of a paused DAG is not watched; resumed, it counts from then on', async () => {
    const engine = await start()
    await engine.addDag(dag)
    const scheduler = engine.makeScheduler()
    await scheduler.sweep()
    await engine.query('update dag set is_paused = true')
    await pass(engine, scheduler, 5 * HOUR)
    expect(await engine.query('select deadline_time from deadline')).toEqual([{ deadline_time: null }])
    await engine.query('update dag set is_paused = false')
    await scheduler.sweep()
    expect(await missed(engine)).toEqual([])
    expect(await engine.query('select 1 from deadline where counts_from > now()')).toHaveLength(1)
  })

  it('of a task is missed when the task had not ended, whatever the rest does', async () => {
    const engine = await start()
    const late = makeTask('late', { deadlines: by('slot', 600, { key: 'late: slot+600' }) })
    await engine.addDag(makeDag([late, 'other'], [], { timetable: hourly }))
    const scheduler = engine.makeScheduler()
    await scheduler.sweep()
    await pass(engine, scheduler, 2 * HOUR)
    expect(await missed(engine)).toMatchObject([{ task_id: 'late' }])
  })

  it('moves to the new schedule when its file changes, and goes when the file says nothing of it any more', async () => {
    const engine = await start()
    await engine.addDag(
      makeDag(['a'], [], { timetable: { ...hourly, expression: '0 0 1 1 *' }, deadlines: by('slot', 600) }),
    )
    const scheduler = engine.makeScheduler()
    await scheduler.sweep()
    await engine.addDag(dag, { moduleCode: '// two' })
    await scheduler.sweep()
    expect(await engine.query("select 1 from deadline where deadline_time < now() + interval '2 hours'")).toHaveLength(
      1,
    )
    await engine.addDag(makeDag(['a'], [], { timetable: hourly }), { moduleCode: '// three' })
    expect(await engine.query('select 1 from deadline')).toEqual([])
  })
})

describe('a deadline of a run', () => {
  it('is missed once by a run that never started, and met by one that ended', async () => {
    const engine = await start()
    await engine.addDag(makeDag(['a'], [], { deadlines: by('queued_at', 60), maxActiveRuns: 1 }))
    const [scheduler, worker] = [engine.makeScheduler(), await engine.makeWorker()]
    await engine.trigger('example', { runId: 'done' })
    await scheduler.pass()
    await worker.drain()
    await engine.trigger('example', { runId: 'first' })
    await engine.trigger('example', { runId: 'waits' })
    await scheduler.pass()
    expect(await missed(engine)).toEqual([])
    await engine.query("update dag_run set end_date = end_date - interval '120 s' where run_id = 'done'")
    await pass(engine, scheduler, 61)
    await scheduler.sweep()
    expect((await missed(engine)).map(({ run_id, reason }) => `${run_id} ${reason}`).sort()).toEqual([
      'first The run had not ended 60 s after it was queued.',
      'waits The run had not ended 60 s after it was queued.',
    ])
    // What was met is forgotten, what was missed is kept.
    expect(await engine.query('select missed from deadline')).toEqual([{ missed: true }, { missed: true }])
  })

  it('by logical date, a fixed date and the usual duration; a run of the past has none', async () => {
    const engine = await start()
    const at = (ms: number) => new Date(Date.now() + ms).toISOString()
    const deadlines = [
      ...by('logical_date', 2 * HOUR),
      ...by('fixed', -60, { key: 'soon', at: at(HOUR * 1000) }),
      ...by('fixed', 0, { key: 'over', at: at(-HOUR * 1000) }),
      ...by('average_runtime', 60, { maxRuns: 3, minRuns: 2 }),
    ]
    await engine.addDag(makeDag(['a'], [], { timetable: { ...hourly, interval: false }, deadlines }))
    const keys = async () =>
      (await engine.query<{ key: string }>('select key from deadline order by key')).map(({ key }) => key)
    const [scheduler, worker] = [engine.makeScheduler(), await engine.makeWorker()]
    const hour = Math.floor(Date.now() / (HOUR * 1000)) * HOUR * 1000
    await engine.trigger('example', { runId: 'now', logicalDate: hour })
    expect(await keys()).toEqual(['logical_date+7200', 'soon'])
    await scheduler.pass()
    await worker.drain()
    await engine.query("update dag_run set start_date = end_date - interval '10 minutes' where state = 'success'")
    await engine.trigger('example', { runId: 'second' })
    await scheduler.pass()
    await worker.drain()
    await engine.query('delete from deadline')
    await engine.query("update dag_run set start_date = end_date - interval '20 minutes' where run_id = 'second'")
    await engine.trigger('example', { runId: 'old', logicalDate: hour - 100 * HOUR * 1000 })
    expect(await keys()).toEqual(['average_runtime+60', 'soon'])
    const [usual] = await engine.query<{ seconds: number }>(
      "select round(extract(epoch from deadline_time - now()))::int as seconds from deadline where reference = 'average_runtime'",
    )
    expect(Math.abs((usual?.seconds ?? 0) - 960)).toBeLessThan(30)
  })

  it('of a backfill is each run’s own', async () => {
    const engine = await start()
    const daily = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: false } as const
    await engine.addDag(
      makeDag(['a'], [], {
        timetable: daily,
        deadlines: by('queued_at', 60),
        startDate: new Date(FIRST).toISOString(),
      }),
    )
    await createBackfill(depsOf(engine, engine.makeScheduler()), backfillOf('example', 3), TEST_ACTOR)
    expect(await engine.query("select 1 from deadline where reference = 'queued_at'")).toHaveLength(3)
  })

  it('of a task is met by its end, though the run goes on', async () => {
    const engine = await start()
    const quick = makeTask('quick', { deadlines: by('queued_at', 60, { key: 'quick: queued_at+60' }) })
    await engine.addDag(makeDag([quick, 'slow']))
    await engine.trigger('example')
    const [scheduler, worker] = [engine.makeScheduler(), await engine.makeWorker()]
    await scheduler.pass()
    await worker.claim()
    await worker.end([worker.find('quick')])
    await engine.query("update task_instance set end_date = end_date - interval '120 s' where task_id = 'quick'")
    await pass(engine, scheduler, 61)
    expect([await missed(engine), await engine.query('select 1 from deadline')]).toEqual([[], []])
  })
})

describe('a stream', () => {
  const stream = (reference: 'last_success' | 'last_rows') =>
    makeDag(['a'], [], { timetable: { kind: 'continuous' }, maxActiveRuns: 1, deadlines: by(reference, 60) })
  const runOnce = async (engine: TestEngine, scheduler: TestScheduler, fails = false) => {
    const worker = await engine.makeWorker()
    await scheduler.pass()
    await worker.drain(() => (fails ? { kind: 'failure', message: 'no', isRetryable: false } : { kind: 'success' }))
  }

  it('that stalls is told once, and again only after it has moved and stalled again', async () => {
    const engine = await start()
    await engine.addDag(stream('last_success'))
    const scheduler = engine.makeScheduler()
    await runOnce(engine, scheduler)
    await pass(engine, scheduler, 61)
    // It had succeeded meanwhile: it counts from there.
    expect(await missed(engine)).toEqual([])
    await engine.query("update dag_run set end_date = end_date - interval '61 s' where state = 'success'")
    await pass(engine, scheduler, 61)
    // Nothing new has come: a look writes nothing.
    const row = () => engine.query('select missed, xmin::text as written from deadline')
    const before = await row()
    await scheduler.sweep()
    expect([before, await row()]).toEqual([[{ missed: true, written: expect.any(String) as string }], before])
    for (let i = 0; i < 3; i++) await scheduler.sweep()
    await runOnce(engine, scheduler, true)
    await scheduler.sweep()
    expect((await missed(engine)).map(({ reason }) => reason)).toEqual(['No run has succeeded for 60 s.'])
    await runOnce(engine, scheduler)
    await scheduler.sweep()
    expect(await engine.query('select missed, deadline_time > now() as ahead from deadline')).toEqual([
      { missed: false, ahead: true },
    ])
    await engine.query("update dag_run set end_date = end_date - interval '61 s' where state = 'success'")
    await pass(engine, scheduler, 61)
    expect(await missed(engine)).toHaveLength(2)
  })

  it('that has never succeeded is late from when it was first watched', async () => {
    const engine = await start()
    await engine.addDag(stream('last_success'))
    const scheduler = engine.makeScheduler()
    await scheduler.sweep()
    await pass(engine, scheduler, 61)
    await scheduler.sweep()
    expect(await missed(engine)).toHaveLength(1)
  })

  it('by last_rows stalls though its runs succeed, as long as they tell of no rows', async () => {
    const engine = await start()
    await engine.addDag(stream('last_rows'))
    const scheduler = engine.makeScheduler()
    await runOnce(engine, scheduler)
    const record = (rows: number) =>
      engine.query(
        `insert into effect (dag_run_id, task_id, try_number, kind, target, dag_id, run_id, rows_read, rows_written)
         select id, 'a', 1, 'event_log', 't', dag_id, run_id, $1, $1 from dag_run order by id desc limit 1
         on conflict (dag_run_id, task_id, map_index, try_number, kind, target) do update set rows_read = $1`,
        [rows],
      )
    await record(0)
    await pass(engine, scheduler, 61)
    await scheduler.sweep()
    expect((await missed(engine)).map(({ reason }) => reason)).toEqual(['No task has told of a row for 60 s.'])
    expect(await engine.query('select missed from deadline')).toEqual([{ missed: true }])
    await record(5)
    await scheduler.sweep()
    expect(await engine.query('select missed from deadline')).toEqual([{ missed: false }])
  })
})

it('two schedulers that look at once call once', async () => {
  const engine = await start()
  await engine.addDag(makeDag(['a'], [], { timetable: hourly, deadlines: by('slot', 600, { callbacks: 2 }) }))
  const [one, two] = [engine.makeScheduler(), engine.makeScheduler()]
  await one.sweep()
  await pass(engine, one, 2 * HOUR, false)
  await Promise.all([one.sweep(), two.sweep(), one.sweep(), two.sweep()])
  expect(await missed(engine)).toHaveLength(2)
})
