// What is deleted for its age, and what never is.

import { expect, it } from 'vitest'
import { dropExpired } from '../../engine/admin/retention.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
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
