// What is deleted for its age, and what never is.

import { expect, it } from 'vitest'
import { dropExpired, dropHistory } from '../../engine/admin/retention.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { addOldRuns } from '../support/old-runs.ts'
import { useEngines } from '../support/use-engine.ts'

const start = useEngines()
const DAYS = { jobDays: 7, versionDays: 30, callbackDays: 30 }

it('ended processes go after their days, running ones and young ones stay', async () => {
  const engine = await start()
  await engine.query(
    `insert into job (job_type, state, hostname, pid, boot_id, start_date, end_date)
     select 'WorkerJob', state, 'h', 1, 'b', now() - interval '1 year', case when state <> 'running' then now() - age end
     from (values ('success', interval '8 days'), ('failed', interval '9 days'), ('success', interval '6 days'),
       ('running', interval '1 day')) as v(state, age)`,
  )
  expect(await dropExpired(engine.database, { ...DAYS, jobDays: 0 })).toMatchObject({ jobs: 0 })
  expect(await dropExpired(engine.database, DAYS)).toMatchObject({ jobs: 2 })
  expect(await engine.query("select state from job where hostname = 'h' order by state")).toEqual([
    { state: 'running' },
    { state: 'success' },
  ])
})

it('a version goes when it was replaced long ago and nothing names it; its module goes with it', async () => {
  const engine = await start()
  await engine.addDag(makeDag([makeTask('a')], [], { dagId: 'd' }))
  const used = await engine.trigger('d')
  const versions = () =>
    engine.query<{ n: number }>("select version_number as n from dag_version where dag_id = 'd' order by 1")
  // Five more: 2 and 3 unused, 4 named by an earlier try, 5 and 6 replaced too recently or not at all.
  await engine.query(
    `with m as (insert into dag_module (hash, code, created_at) select 'm' || n, 'code', now() - interval '100 days'
      from generate_series(2, 6) n returning hash)
     insert into dag_version (id, dag_id, version_number, module_hash, version_hash, created_at)
     select gen_random_uuid(), 'd', substr(hash, 2)::int, hash, hash, now() - (case when hash = 'm6' then
       interval '29 days' else interval '90 days' end) from m`,
  )
  await engine.query(
    `update task_instance set dag_version_id = (select id from dag_version where dag_id = 'd' and version_number = 4) where dag_run_id = $1`,
    [used],
  )
  expect(await dropExpired(engine.database, { ...DAYS, versionDays: 0 })).toEqual({
    jobs: 0,
    versions: 0,
    modules: 0,
    callbacks: 0,
  })
  expect(await dropExpired(engine.database, DAYS)).toEqual({ jobs: 0, versions: 2, modules: 2, callbacks: 0 })
  expect((await versions()).map(({ n }) => n)).toEqual([1, 4, 5, 6])
  expect(await dropExpired(engine.database, DAYS)).toEqual({ jobs: 0, versions: 0, modules: 0, callbacks: 0 })
  expect(await engine.query("select hash from dag_module where hash like 'm_' order by 1")).toEqual([
    { hash: 'm4' },
    { hash: 'm5' },
    { hash: 'm6' },
  ])
})

const HISTORY = { runDays: 365, auditDays: 365 }

it('finished runs go after their days, the newest of a DAG never; 0 days keep them for ever', async () => {
  const engine = await start()
  await engine.addDag(makeDag([makeTask('a')], [], { dagId: 'd' }))
  await addOldRuns(engine, { dagId: 'd', runs: 3, days: 370 })
  const now = Date.now()
  expect(await dropHistory(engine.database, { ...HISTORY, runDays: 0 }, now)).toMatchObject({ runs: 0, hasMore: false })
  expect(await dropHistory(engine.database, { ...HISTORY, runDays: 371 }, now)).toMatchObject({ runs: 0 })
  expect(await dropHistory(engine.database, HISTORY, now)).toMatchObject({ runs: 2, taskInstances: 2, hasMore: false })
  expect(await engine.query('select run_id from dag_run')).toEqual([{ run_id: 'old-3' }])
})

it('a backlog of runs goes over several calls, each of which says that there is more', async () => {
  const engine = await start()
  await engine.addDag(makeDag([makeTask('a')], [], { dagId: 'd' }))
  await addOldRuns(engine, { dagId: 'd', runs: 20, instances: 500 })
  const calls: number[] = []
  for (let hasMore = true; hasMore; ) {
    const done = await dropHistory(engine.database, HISTORY, Date.now())
    calls.push(done.runs)
    hasMore = done.hasMore
  }
  expect(calls.length).toBeGreaterThan(1)
  expect(calls.reduce((a, b) => a + b)).toBe(19)
})

it('what a killed call has begun to delete is deleted to the end, also when runs are kept for ever', async () => {
  const engine = await start()
  await engine.addDag(makeDag([makeTask('a')], [], { dagId: 'd' }))
  await addOldRuns(engine, { dagId: 'd', runs: 2 })
  await engine.query("update dag_run set dag_id = '', created_dag_version_id = null where run_id = 'old-1'")
  const done = await dropHistory(engine.database, { ...HISTORY, runDays: 0 }, Date.now())
  expect(done).toMatchObject({ runs: 1, taskInstances: 1, hasMore: false })
  expect(await engine.query('select run_id from dag_run')).toEqual([{ run_id: 'old-2' }])
})

it('rows of the audit log go after their days, the oldest first', async () => {
  const engine = await start()
  await engine.query(
    `insert into log (dttm, event, owner) select now() - make_interval(days => d), 'e' || d, 'o' from unnest('{400,366,364,0}'::int[]) d`,
  )
  expect(await dropHistory(engine.database, { ...HISTORY, auditDays: 0 }, Date.now())).toMatchObject({ auditRows: 0 })
  expect(await dropHistory(engine.database, HISTORY, Date.now())).toMatchObject({ auditRows: 2, hasMore: false })
  expect(await engine.query('select event from log order by id')).toEqual([{ event: 'e364' }, { event: 'e0' }])
  await engine.query('delete from log')
  await engine.query(
    "insert into log (dttm, event, owner) select now() - interval '2 years', 'many', 'o' from generate_series(1, 1500)",
  )
  const calls = [
    await dropHistory(engine.database, HISTORY, Date.now()),
    await dropHistory(engine.database, HISTORY, Date.now()),
  ]
  expect(calls.map(({ auditRows, hasMore }) => [auditRows, hasMore])).toEqual([
    [1_000, true],
    [500, false],
  ])
})

it('a backfill goes when it was over for its days and none of its runs is left', async () => {
  const engine = await start()
  await engine.addDag(makeDag([makeTask('a')], [], { dagId: 'd' }))
  await addOldRuns(engine, { dagId: 'd', runs: 2 })
  const [run] = await engine.query<{ id: number }>("select id from dag_run where run_id = 'old-2'")
  const add = async (completed: string | null, dagRunId: number | null) => {
    const [row] = await engine.query<{ id: number }>(
      `insert into backfill (dag_id, from_date, to_date, reprocess_behavior, max_active_runs, completed_at)
       values ('d', now(), now(), 'none', 1, now() - $1::interval) returning id`,
      [completed],
    )
    await engine.query(
      `insert into backfill_dag_run (backfill_id, dag_run_id, logical_date, sort_ordinal)
       select $1, case when i = 1 then $2::bigint end, now(), i from generate_series(1, 600) i`,
      [row?.id, dagRunId],
    )
    return row?.id
  }
  await add('400 days', null)
  await add('400 days', null)
  const stay = [await add('400 days', run?.id ?? 0), await add('300 days', null), await add(null, null)]
  const first = await dropHistory(engine.database, HISTORY, Date.now())
  expect(first).toMatchObject({ backfills: 1, hasMore: true })
  expect(await dropHistory(engine.database, HISTORY, Date.now())).toMatchObject({ backfills: 1, hasMore: false })
  expect((await engine.query<{ id: number }>('select id from backfill order by id')).map(({ id }) => id)).toEqual(stay)
  expect(await engine.query('select count(*)::int as n from backfill_dag_run')).toEqual([{ n: 1_800 }])
})
