// Which finished runs go for their age, which stay, and that whoever looks, waits or is killed meanwhile finds no half of a run.

import { describe, expect, test } from 'vitest'
import { createBackfill } from '../../../engine/runs/backfill.ts'
import { triggerRun } from '../../../engine/runs/create.ts'
import { removeDag } from '../../../engine/runs/delete.ts'
import { type DeletedRuns, deleteOldRuns, PIECE_ROWS, previewOldRuns } from '../../../engine/runs/delete-old.ts'
import type { Database } from '../../../store/database.ts'
import { getRun, latestRuns } from '../../../store/postgres/read-runs.ts'
import { listInstances, listXComs } from '../../../store/postgres/read-task-instances.ts'
import { listResultTables } from '../../../store/postgres/result-tables.ts'
import { findXCom } from '../../../store/postgres/xcoms.ts'
import type { Sql } from '../../../store/sql.ts'
import type { TestEngine } from '../../support/engine.ts'
import { makeDag, makeTask } from '../../support/make-dag.ts'
import { addOldRuns } from '../../support/old-runs.ts'
import { backfillOf, daily, depsOf, kim } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const makeEngine = useEngines()
const YEAR_MS = 365 * 86_400_000
const old = () => ({ before: Date.now() - YEAR_MS, dagIds: null, exceptDagIds: [] })
const page = { limit: 100, offset: 0, order: [] } as const

/** Every table whose rows belong to a run. */
const OWNED = [
  'task_instance',
  'task_instance_history',
  'xcom',
  'ti_event',
  'rendered_task_instance_fields',
  'effect',
  'report',
]
const MORE = ['trigger', 'callback', 'deadline', 'task_queue', 'dag_run']

const runIds = async (engine: TestEngine, dagId = 'd') =>
  (await engine.query<{ run_id: string }>('select run_id from dag_run where dag_id = $1 order by id', [dagId])).map(
    (row) => row.run_id,
  )
const rowsOf = async (engine: TestEngine, table: string) =>
  (await engine.query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n

/** Ended 400 days ago, the newest run apart. */
const makeOld = (engine: TestEngine, runId: string) =>
  engine.query("update dag_run set end_date = now() - interval '400 days' where run_id = $1", [runId])

async function engineWith(dagId = 'd', changes = {}) {
  const engine = await makeEngine()
  await engine.addDag(makeDag([makeTask('a')], [], { dagId, ...changes }))
  return engine
}

describe('runs that ended before an instant', () => {
  test('go with everything that belongs to them; younger ones and the newest of their DAG stay', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 5, instances: 3 })
    await addOldRuns(engine, { dagId: 'd', runs: 0 })
    await engine.query(
      `insert into effect (dag_run_id, task_id, try_number, kind, target, dag_id, run_id, rows_read, rows_written)
       select id, 'a', 1, 'lake', 'x', dag_id, run_id, 1, 1 from dag_run`,
    )
    await engine.query(
      `insert into report (dag_run_id, name, dag_id, run_id, task_id, body, row_count) select id, 'n', dag_id, run_id, 'a', '{}', 1 from dag_run`,
    )
    await engine.query(
      `insert into task_instance_history (dag_run_id, task_instance_id, task_id, dag_id, run_id, map_index, try_number, max_tries, pool,
         pool_slots, queue, priority_weight, operator)
       select dag_run_id, gen_random_uuid(), task_id, dag_id, run_id, map_index, 0, 1, pool, 1, queue, 1, operator from task_instance`,
    )
    await engine.query(
      `insert into trigger (dag_run_id, ti_id, try_number, epoch, kind, classpath, kwargs)
       select dag_run_id, id, 1, 1, 'time', 'c', '{}' from task_instance`,
    )
    await engine.query(
      `insert into callback (id, dedup_key, kind, dag_id, dag_version_id, dag_run_id, ordinal, data, state, end_date)
       select gen_random_uuid(), id::text, 'failure', dag_id, created_dag_version_id, id, 0, '{}', 'success', now() from dag_run`,
    )
    await engine.query(
      `insert into deadline (dag_id, dagrun_id, key, reference, interval_seconds, callbacks, deadline_time, missed)
       select dag_id, id, 'k', 'fixed', 1, 1, now(), true from dag_run`,
    )
    const done = await deleteOldRuns(engine.database, old())
    expect(done).toMatchObject({
      runs: 4,
      taskInstances: 12,
      kept: { newest: 1 },
      locked: 0,
      refused: [],
      isDone: true,
    })
    expect(await runIds(engine)).toEqual(['old-5'])
    for (const table of [...OWNED, ...MORE]) {
      const [row] = await engine.query<{ n: number }>(
        `select count(distinct ${table === 'dag_run' ? 'id' : table === 'deadline' ? 'dagrun_id' : 'dag_run_id'})::int as n from ${table}`,
      )
      expect(row?.n, table).toBe(table === 'task_queue' ? 0 : 1)
    }
    const again = await deleteOldRuns(engine.database, old())
    expect(again).toMatchObject({ runs: 0, rows: 0, kept: { newest: 1 }, isDone: true })
  })

  test('are those of the DAGs that were named, or of all but some', async () => {
    const engine = await engineWith('d')
    for (const dagId of ['e', 'f']) await engine.addDag(makeDag(['a'], [], { dagId }))
    for (const dagId of ['d', 'e', 'f']) await addOldRuns(engine, { dagId, runs: 3 })
    await deleteOldRuns(engine.database, { ...old(), dagIds: ['d', 'e'], exceptDagIds: ['e'] })
    expect([await runIds(engine, 'd'), await runIds(engine, 'e')]).toEqual([['old-3'], ['old-1', 'old-2', 'old-3']])
    await deleteOldRuns(engine.database, { ...old(), exceptDagIds: ['f'] })
    expect([await runIds(engine, 'e'), await runIds(engine, 'f')]).toEqual([['old-3'], ['old-1', 'old-2', 'old-3']])
  })

  test('go in the order of their ends, however many ended in the same instant', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 350 })
    await engine.query("update dag_run set end_date = '2020-01-01T00:00:00.000123Z'")
    expect(await previewOldRuns(engine.database, old())).toMatchObject([{ runs: 349, taskInstances: 349 }])
    expect(await deleteOldRuns(engine.database, old())).toMatchObject({ runs: 349, kept: { newest: 1 } })
  })

  test('keep their version: the next change of the file makes a new one', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 2 })
    await deleteOldRuns(engine.database, old())
    expect(await engine.query("select is_kept from dag_version where dag_id = 'd'")).toEqual([{ is_kept: true }])
  })
})

/** One of four old runs, `old-2`, is made such that it stays; the others show that the rest goes. */
const KEPT: Readonly<Record<string, readonly [because: string, prepare: (engine: TestEngine) => Promise<unknown>]>> = {
  'the newest by date': [
    'newest',
    (engine) => engine.query("update dag_run set logical_date = now() + interval '1 day' where run_id = 'old-2'"),
  ],
  'the newest in lists': [
    'newest',
    (engine) => engine.query("update dag_run set run_after = now() where run_id = 'old-2'"),
  ],
  'the newest scheduled one, below manual ones': [
    'newest',
    (engine) => engine.query("update dag_run set run_type = 'manual' where run_id in ('old-3', 'old-4')"),
  ],
  'the newest success, below failures': [
    'newest',
    (engine) =>
      engine.query(
        `with f as (update dag_run set state = 'failed' where run_id in ('old-3', 'old-4') returning id)
         update ti_event e set to_state = 'failed' from f where e.dag_run_id = f.id`,
      ),
  ],
  'one whose next run has not ended': [
    'past',
    async (engine) => {
      await engine.query(
        "update dag_run set state = 'queued', end_date = null, start_date = null where run_id = 'old-3'",
      )
      await engine.query("delete from ti_event where dag_run_id = (select id from dag_run where run_id = 'old-3')")
    },
  ],
  'one whose next run, without a date, has not ended': [
    'past',
    async (engine) => {
      await engine.query(
        `update dag_run set state = 'queued', end_date = null, start_date = null, logical_date = null, run_type = 'manual' where run_id = 'old-3'`,
      )
      await engine.query("delete from ti_event where dag_run_id = (select id from dag_run where run_id = 'old-3')")
    },
  ],
  'one of a backfill in progress': [
    'backfill',
    (engine) =>
      engine.query(
        `with b as (insert into backfill (dag_id, from_date, to_date, reprocess_behavior, max_active_runs) values ('d', now(), now(), 'none', 1)
           returning id)
         update dag_run set backfill_id = b.id from b where run_id = 'old-2'`,
      ),
  ],
  'one that such a backfill names': [
    'backfill',
    (engine) =>
      engine.query(
        `with b as (insert into backfill (dag_id, from_date, to_date, reprocess_behavior, max_active_runs) values ('d', now(), now(), 'none', 1)
           returning id)
         insert into backfill_dag_run (backfill_id, dag_run_id, logical_date, sort_ordinal)
           select b.id, r.id, now(), 1 from b, dag_run r where run_id = 'old-2'`,
      ),
  ],
  'one that the scheduler was asked to clear': [
    'requested',
    (engine) =>
      engine.query(
        "insert into inbox (kind, payload) select 'clear', jsonb_build_object('dag_run_id', id) from dag_run where run_id = 'old-2'",
      ),
  ],
  'one whose callback was not called yet': [
    'alert',
    (engine) =>
      engine.query(
        `insert into callback (id, dedup_key, kind, dag_id, dag_version_id, dag_run_id, ordinal, data)
         select gen_random_uuid(), 'k', 'failure', dag_id, created_dag_version_id, id, 0, '{}' from dag_run where run_id = 'old-2'`,
      ),
  ],
  'one that ended after its deadline, which nobody has judged': [
    'alert',
    (engine) =>
      engine.query(
        `insert into deadline (dag_id, dagrun_id, key, reference, interval_seconds, callbacks, deadline_time)
         select dag_id, id, 'k', 'fixed', 1, 1, end_date - interval '1 hour' from dag_run where run_id = 'old-2'`,
      ),
  ],
  'the one of a slot that is watched': [
    'alert',
    (engine) =>
      engine.query(
        `insert into deadline (dag_id, key, reference, interval_seconds, callbacks, slot_start, counts_from, deadline_time)
         select dag_id, 'k', 'slot', 1, 1, logical_date, now(), now() + interval '1 day' from dag_run where run_id = 'old-2'`,
      ),
  ],
}

describe('of old runs that ended, these stay', () => {
  test.each(Object.keys(KEPT))('%s', async (name) => {
    const [because, prepare] = KEPT[name] ?? ['', async () => undefined]
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 4 })
    await prepare(engine)
    await deleteOldRuns(engine.database, old(), {})
    const left = await runIds(engine)
    expect(left).toContain('old-2')
    expect(left).not.toContain('old-1')
    const [preview] = await previewOldRuns(engine.database, old())
    expect(preview?.runs).toBe(0)
    expect(preview?.kept).toHaveProperty(because)
  })

  test('none that is queued or runs, however old its dates', async () => {
    const engine = await engineWith('d', { maxActiveRuns: 1 })
    const scheduler = engine.makeScheduler()
    for (const day of [1, 2, 3]) await engine.trigger('d', { runId: `r${day}`, logicalDate: Date.UTC(2001, 0, day) })
    await scheduler.pass()
    expect(await deleteOldRuns(engine.database, { ...old(), before: Date.now() })).toMatchObject({ runs: 0, kept: {} })
    expect(await runIds(engine)).toEqual(['r1', 'r2', 'r3'])
  })

  test('the run that the timetable continues from: no date is made twice', async () => {
    const engine = await makeEngine()
    const startDate = new Date(Date.now() - 3 * 86_400_000).toISOString()
    await engine.addDag(makeDag(['a'], [], { dagId: 'd', timetable: daily, startDate, catchup: true }))
    const scheduler = engine.makeScheduler()
    const worker = await engine.makeWorker()
    for (let i = 0; i < 8; i++) {
      await scheduler.pass()
      await worker.drain()
    }
    const made = await runIds(engine)
    expect(made.length).toBeGreaterThan(1)
    await deleteOldRuns(engine.database, { ...old(), before: Date.now() + 1_000 })
    const left = await runIds(engine)
    expect(left).toEqual([made.at(-1)])
    for (let i = 0; i < 3; i++) await scheduler.sweep()
    expect(await runIds(engine)).toEqual(left)
  })
})

/** A database that notes how many rows each statement and each transaction deletes. */
function counting(database: Database) {
  const most = { statement: 0, transaction: 0 }
  const counted = async <T>(body: (tx: Sql) => Promise<T>, tx: Sql) => {
    let all = 0
    const result = await body({
      async query(text, values, name) {
        const answer = await tx.query<never>(text, values, name)
        if (/^\s*delete/.test(text)) {
          most.statement = Math.max(most.statement, answer.rowCount)
          all += answer.rowCount
        }
        return answer
      },
    })
    most.transaction = Math.max(most.transaction, all)
    return result
  }
  const spied: Database = { ...database, transaction: (body) => database.transaction((tx) => counted(body, tx)) }
  return { database: spied, most }
}

/** Nothing shows a deleted run, nor what belongs to it. */
async function expectUnseen({ database }: TestEngine, runId: string) {
  expect(await getRun(database, 'd', runId)).toBeNull()
  expect((await latestRuns(database, 'd', 100)).map((run) => run.runId)).not.toContain(runId)
  expect((await listInstances(database, 'd', runId, {}, page)).total).toBe(0)
  expect((await listXComs(database, { dagId: 'd', runId, taskId: null }, {}, page)).total).toBe(0)
  const at = { dagId: 'd', runId, taskId: 'a', mapIndex: 0, key: 'return_value', includePriorDates: false }
  expect(await findXCom(database, at)).toBeNull()
  expect((await listResultTables(database, 'd')).map((row) => row.runId)).not.toContain(runId)
}

class Killed extends Error {}

describe('a large run', () => {
  const large = { dagId: 'd', runs: 2, instances: 3 * PIECE_ROWS }

  test('goes in pieces: no transaction deletes more rows than a piece has', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, large)
    const { database, most } = counting(engine.database)
    const done = await deleteOldRuns(database, old())
    expect(done).toMatchObject({ runs: 1, taskInstances: large.instances })
    expect(most.statement).toBe(PIECE_ROWS)
    expect(most.transaction).toBeLessThanOrEqual(PIECE_ROWS + 50)
  })

  test.each([1, 2, 5, 9, 10])(
    'is seen whole or not at all when the call is killed after piece %i; the next call finishes it',
    async (k) => {
      const engine = await engineWith()
      await addOldRuns(engine, large)
      await engine.query(
        `insert into report (dag_run_id, name, dag_id, run_id, task_id, body, row_count)
       select id, run_id, dag_id, run_id, 'a', '{}', 1 from dag_run`,
      )
      let pieces = 0
      const onPiece = () => {
        if (++pieces === k) throw new Killed()
      }
      await expect(deleteOldRuns(engine.database, old(), { onPiece })).rejects.toThrow(Killed)
      await expectUnseen(engine, 'old-1')
      expect(await runIds(engine)).toEqual(['old-2'])
      expect(await deleteOldRuns(engine.database, { ...old(), before: 0 })).toMatchObject({ isDone: true })
      for (const table of ['task_instance', 'xcom', 'rendered_task_instance_fields', 'report'])
        expect((await engine.query(`select distinct dag_run_id from ${table}`)).length, table).toBe(1)
      expect(await rowsOf(engine, 'dag_run')).toBe(1)
    },
  )

  test('ends a call that has used up its pieces; calls add up to all of it', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, large)
    const calls: DeletedRuns[] = []
    while (calls.at(-1)?.isDone !== true) calls.push(await deleteOldRuns(engine.database, old(), { pieces: 3 }))
    expect(calls.length).toBeGreaterThan(2)
    const sum = (of: (call: DeletedRuns) => number) => calls.reduce((n, call) => n + of(call), 0)
    expect([sum((call) => call.runs), sum((call) => call.taskInstances)]).toEqual([1, large.instances])
  })

  test('gives its names free at once: a run of the same id and date is made while its rows go', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, large)
    const [before] = await engine.query<{ at: number }>("select logical_date as at from dag_run where run_id = 'old-1'")
    await deleteOldRuns(engine.database, old(), { pieces: 2 })
    await triggerRun(engine, { dagId: 'd', runId: 'old-1', logicalDate: before?.at ?? 0 }, kim)
    expect((await listXComs(engine.database, { dagId: 'd', runId: 'old-1', taskId: null }, {}, page)).total).toBe(0)
    await deleteOldRuns(engine.database, old())
    expect(await runIds(engine)).toEqual(['old-2', 'old-1'])
  })
})

describe('beside others', () => {
  test('a DAG can be deleted while rows of its old runs go', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 2, instances: PIECE_ROWS })
    await deleteOldRuns(engine.database, old(), { pieces: 2 })
    expect(await removeDag(engine, 'd', kim)).toBe(1)
    expect(await deleteOldRuns(engine.database, old())).toMatchObject({ runs: 1, isDone: true })
    for (const table of OWNED) expect(await rowsOf(engine, table), table).toBe(0)
  })

  test('a run that somebody holds is passed over, and goes with the next call', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 5 })
    await engine.database.transaction(async (tx) => {
      await tx.query("select 1 from dag_run where run_id = 'old-2' for update")
      expect(await deleteOldRuns(engine.database, old())).toMatchObject({ runs: 3, locked: 1 })
    })
    expect(await runIds(engine)).toEqual(['old-2', 'old-5'])
    expect(await deleteOldRuns(engine.database, old())).toMatchObject({ runs: 1, locked: 0 })
  })

  test('calls at the same time share the work', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 300, instances: 30 })
    const calls = await Promise.all([1, 2, 3].map(() => deleteOldRuns(engine.database, old())))
    await deleteOldRuns(engine.database, old())
    expect(await runIds(engine)).toEqual(['old-300'])
    expect(calls.reduce((n, call) => n + call.taskInstances, 0)).toBe(299 * 30)
    expect(await rowsOf(engine, 'ti_event')).toBe(1)
  })

  test('a run that the database will not delete is set aside, and the others go', async () => {
    const engine = await engineWith()
    await addOldRuns(engine, { dagId: 'd', runs: 5 })
    await engine.query('create table mine (run bigint references dag_run)')
    await engine.query("insert into mine select id from dag_run where run_id = 'old-2'")
    const done = await deleteOldRuns(engine.database, old())
    expect(done).toMatchObject({ runs: 3, isDone: true })
    expect(done.refused.map(({ because }) => because)).toEqual([expect.stringContaining('mine')])
    await engine.query('drop table mine')
    expect(await deleteOldRuns(engine.database, old())).toMatchObject({ runs: 1, refused: [] })
  })

  test('a run that ended for real, with tries, mapped instances and XComs, leaves nothing', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(['list', makeTask('each', { retries: 1, retryDelay: 0, inputs: [] })], [['list', 'each']], {
        dagId: 'd',
      }),
    )
    const scheduler = engine.makeScheduler()
    const worker = await engine.makeWorker()
    await engine.trigger('d', { runId: 'r1' })
    await engine.trigger('d', { runId: 'r2' })
    let failures = 0
    for (let i = 0; i < 4; i++) {
      await scheduler.pass()
      await worker.drain(() =>
        failures++ < 2 ? { kind: 'failure', message: 'no', isRetryable: true } : { kind: 'success' },
      )
      await engine.passDelays()
    }
    await makeOld(engine, 'r1')
    expect(await deleteOldRuns(engine.database, old())).toMatchObject({ runs: 1, taskInstances: 2 })
    expect(await runIds(engine)).toEqual(['r2'])
    for (const table of OWNED)
      expect(
        await engine.query(
          `select 1 from ${table} where dag_run_id not in (select id from dag_run where dag_id = 'd')`,
        ),
        table,
      ).toEqual([])
  })

  test('a backfill that is over keeps its dates without the runs that went', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'daily', timetable: daily, maxActiveRuns: 5 }))
    const scheduler = engine.makeScheduler()
    await createBackfill(depsOf(engine, scheduler), backfillOf('daily', 3, { maxActiveRuns: 5 }), kim)
    const worker = await engine.makeWorker()
    for (let i = 0; i < 3; i++) {
      await scheduler.pass()
      await worker.drain()
    }
    await engine.query("update dag_run set end_date = now() - interval '400 days'")
    expect(await deleteOldRuns(engine.database, old())).toMatchObject({ runs: 2 })
    expect(
      await engine.query('select count(dag_run_id)::int as runs, count(*)::int as dates from backfill_dag_run'),
    ).toEqual([{ runs: 1, dates: 3 }])
  })
})
