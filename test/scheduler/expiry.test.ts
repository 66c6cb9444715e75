// What a scheduler deletes beside its passes: how often it looks, and that it believes no clock which jumped.

import { expect, test } from 'vitest'
import { Expiry } from '../../scheduler/expiry.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
import { addOldRuns } from '../support/old-runs.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

const DAYS = {
  runRetentionDays: 365,
  auditRetentionDays: 365,
  jobRetentionDays: 7,
  versionRetentionDays: 30,
  callbackRetentionDays: 30,
}

/** An expiry whose time a test passes: `next` runs what is planned, and returns after how many ms it was. */
function watch({ database }: TestEngine, clock = { isHeld: false, trusts: () => true }) {
  const planned: { readonly ms: number; readonly run: () => void }[] = []
  const beside: Promise<unknown>[] = []
  const expiry = new Expiry({
    ...{ database, log: quietLog, config: DAYS, clock },
    after: (ms, run) => planned.push({ ms, run }),
    runBeside: (_failure, work) => beside.push(work()),
  })
  expiry.start()
  return async () => {
    const plan = planned.shift()
    expect(planned).toEqual([])
    plan?.run()
    const ended = await Promise.allSettled(beside.splice(0))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    return plan?.ms
  }
}

const left = async (engine: TestEngine) => (await engine.query('select 1 from dag_run')).length

test('a backlog drains in calls with a pause of a second, and then it looks every ten minutes', async () => {
  const engine = await makeEngine()
  await engine.addDag(makeDag(['a'], [], { dagId: 'd' }))
  await addOldRuns(engine, { dagId: 'd', runs: 20, instances: 500 })
  const next = watch(engine)
  const pauses = [await next()]
  while ((await left(engine)) > 1) pauses.push(await next())
  expect(pauses[0]).toBe(600_000)
  expect(pauses.length).toBeGreaterThan(1)
  expect(new Set(pauses.slice(1))).toEqual(new Set([1_000]))
  await next()
  expect([await next(), await next()]).toEqual([600_000, 600_000])
})

test.each([
  ['is held', { isHeld: true, trusts: () => true }],
  ['is doubted with the very instant', { isHeld: false, trusts: () => false }],
])('nothing expires by a clock that %s', async (_what, clock) => {
  const engine = await makeEngine()
  await engine.addDag(makeDag(['a'], [], { dagId: 'd' }))
  await addOldRuns(engine, { dagId: 'd', runs: 3 })
  await engine.query(
    "insert into job (job_type, state, hostname, pid, boot_id, end_date) values ('WorkerJob', 'failed', 'h', 1, 'b', now() - interval '1 year')",
  )
  await watch(engine, clock)()
  expect(await left(engine)).toBe(3)
  expect(await engine.query("select 1 from job where hostname = 'h'")).toHaveLength(1)
})

test('a database that does not answer is asked again at the next look', async () => {
  const engine = await makeEngine()
  await engine.addDag(makeDag(['a'], [], { dagId: 'd' }))
  await addOldRuns(engine, { dagId: 'd', runs: 3 })
  await engine.query('alter table dag_run rename to away')
  const next = watch(engine)
  await expect(next()).rejects.toThrow('dag_run')
  await engine.query('alter table away rename to dag_run')
  expect(await next()).toBe(600_000)
  expect(await left(engine)).toBe(1)
})
