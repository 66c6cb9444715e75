// What a running task writes counts only while its attempt is the current one (docs/reliability.md rule 21), and who holds a lock
// stops nobody else (docs/reliability.md rule 23).

import pg from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { Masker } from '../../core/masker.ts'
import type { CallOp } from '../../core/protocol.ts'
import { setVariable } from '../../engine/admin/variables.ts'
import { report } from '../../engine/attempts/report.ts'
import { rescue } from '../../engine/attempts/rescue.ts'
import { clearAsked } from '../../engine/control/clear.ts'
import { createDueRuns } from '../../engine/runs/create.ts'
import { decideAsked } from '../../engine/runs/sweep.ts'
import { type Caller, serveCall } from '../../engine/task-api/serve.ts'
import { openDatabase, sqlOf } from '../../store/database.ts'
import { databaseNow, insertJob, reapJob } from '../../store/postgres/jobs.ts'
import { lockAdmission } from '../../store/postgres/task-queue.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { type LateProxy, startLateProxy } from '../support/late-proxy.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'
import { vaultOf } from '../support/vault.ts'

const me = { name: 'me', via: 'cli' } as const

const makeEngine = useEngines()
const open: pg.Client[] = []
afterEach(async () => {
  for (const client of open.splice(0)) await client.end().catch(() => undefined)
})

async function connect(engine: TestEngine, application = 'frozen'): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: engine.url,
    options: '-c search_path=baram',
    application_name: application,
  })
  client.on('error', () => undefined)
  await client.connect()
  open.push(client)
  return client
}

/** A running attempt, and what it may call. */
async function startAttempt(engine: TestEngine) {
  await engine.addDag(makeDag([makeTask('x', { retries: 3 })], [], { dagId: 'one' }))
  await engine.addDag(makeDag(['y'], [], { dagId: 'other' }))
  const run = await engine.trigger('one', { runId: 'r' })
  const scheduler = engine.makeScheduler()
  await scheduler.pass()
  const worker = await engine.makeWorker()
  await worker.claim()
  const { tiId, epoch } = worker.find('x')
  const caller: Caller = { dagRunId: run, tiId, epoch, dagId: 'one', runId: 'r', taskId: 'x', mapIndex: -1 }
  const { database, runCache } = engine
  const deps = { database, runCache, transactions: worker.transactions, vault: vaultOf(engine), masker: new Masker() }
  return {
    run,
    scheduler,
    worker,
    caller,
    deps,
    call: (op: CallOp, args: object) => serveCall(deps, caller, op, args as never),
  }
}

const WRITES: readonly (readonly [CallOp, object])[] = [
  ['setXCom', { key: 'k', value: 'old' }],
  ['setVariable', { key: 'v', value: 'old' }],
  ['deleteVariable', { key: 'kept' }],
  ['triggerRun', { dagId: 'other', conf: {} }],
  ['triggerRun', { dagId: 'other', runId: 'named', conf: {} }],
  ['recordEffect', { kind: 'table', target: 't', rowsRead: 1, rowsWritten: 1 }],
  ['publishReport', { name: 'n', columns: [{ name: 'a', type: 'text' }], rows: [['x']] }],
]

async function written(engine: TestEngine): Promise<unknown> {
  const counts = ['xcom', 'variable', 'effect', 'report', 'dag_run'].map(
    (table) => `(select count(*)::int from ${table}) as ${table}`,
  )
  return (await engine.query(`select ${counts.join(', ')}`))[0]
}

describe('a write of an attempt that was taken over', () => {
  test.each(WRITES)('%s is refused and changes nothing', async (op, args) => {
    const engine = await makeEngine()
    const { scheduler, worker, call } = await startAttempt(engine)
    await setVariable(engine, { key: 'kept', value: '1', description: null }, me)
    await worker.die()
    await scheduler.sweep()
    const before = await written(engine)
    await expect(call(op, args)).rejects.toThrow('taken over')
    expect(await written(engine)).toEqual(before)
  })

  test.each(WRITES)('%s of the current one counts', async (op, args) => {
    const engine = await makeEngine()
    const { call } = await startAttempt(engine)
    await setVariable(engine, { key: 'kept', value: '1', description: null }, me)
    const before = await written(engine)
    await call(op, args)
    expect(await written(engine)).not.toEqual(before)
  })

  test('setXCom that waits for the rescue of its own attempt is refused when that is stored', async () => {
    const engine = await makeEngine()
    const { run, caller, call } = await startAttempt(engine)
    const rescuer = await connect(engine)
    await rescuer.query('begin')
    await rescuer.query(
      "update task_instance set state = 'up_for_retry', ready_at = now(), end_date = now(), duration = 1 where dag_run_id = $1 and id = $2",
      [run, caller.tiId],
    )
    const writing = call('setXCom', { key: 'return_value', value: 'of the old try' }).then(
      () => 'stored',
      (error: unknown) => String(error),
    )
    const waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%insert into xcom%'"
    while ((await engine.query(waits)).length === 0);
    await rescuer.query('commit')
    expect(await writing).toContain('taken over')
    expect(await engine.query('select 1 from xcom')).toEqual([])
    await engine.query("update task_instance set state = 'running', end_date = null, duration = null where id = $1", [
      caller.tiId,
    ])
  })
})

describe('a call whose connection breaks', () => {
  let proxy: LateProxy
  afterEach(() => proxy.close())

  async function behindProxy(engine: TestEngine) {
    const started = await startAttempt(engine)
    proxy = await startLateProxy(engine.url)
    const database = openDatabase({ url: proxy.url, poolSize: 2, log: quietLog, application: 'call' })
    const call = (op: CallOp, args: object) =>
      serveCall({ ...started.deps, database }, started.caller, op, args as never)
    return { database, call }
  }

  test('is made again: a run without a name is made once, though its COMMIT was cut off', async () => {
    const engine = await makeEngine()
    const { database, call } = await behindProxy(engine)
    const held = proxy.holdBack('commit')
    const calling = call('triggerRun', { dagId: 'other', conf: {} })
    const late = await held
    const answer = (await calling) as { runId: string; exists: boolean }
    await late.letThrough()
    expect(answer.exists).toBe(false)
    expect(await engine.query("select run_id from dag_run where dag_id = 'other'")).toEqual([{ run_id: answer.runId }])
    await database.close()
  })

  test('reads again when it comes back', async () => {
    const engine = await makeEngine()
    await setVariable(engine, { key: 'v', value: '42', description: null }, me)
    const { database, call } = await behindProxy(engine)
    await proxy.refuse(true)
    const reading = call('getVariable', { key: 'v' })
    await proxy.refuse(false)
    expect(await reading).toBe('42')
    await database.close()
  })
})

describe('a session that freezes while it holds', () => {
  test('a run: others are reported, claimed and started, and the held report is told again', async () => {
    const engine = await makeEngine()
    for (const dagId of ['frozen', 'free']) await engine.addDag(makeDag(['x'], [], { dagId }))
    const [frozen, free] = [await engine.trigger('frozen'), await engine.trigger('free')]
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    const holder = await connect(engine)
    await holder.query('begin')
    await holder.query('select 1 from dag_run where id = $1 for update', [frozen])
    const batch = worker.running.map(({ dagRunId, tiId, epoch }) => ({
      ...{ dagRunId, tiId, epoch, xcoms: [] },
      outcome: { kind: 'success' } as const,
    }))
    const { lockedElsewhere } = await report(worker.transactions, batch, worker.slots(0), Date.now())
    expect(lockedElsewhere.map((one) => one.dagRunId)).toEqual([frozen])
    expect(await engine.runState(free)).toBe('success')
    const later = await engine.trigger('free')
    await scheduler.pass()
    expect(await engine.runState(later)).toBe('running')
    await holder.query('rollback')
    expect((await report(worker.transactions, lockedElsewhere, worker.slots(0), Date.now())).lockedElsewhere).toEqual(
      [],
    )
    expect(await engine.runState(frozen)).toBe('success')
  })

  test('the admission lock: its session is ended by the server, and growth goes on', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['x'], [], { dagId: 'd' }))
    const run = await engine.trigger('d')
    const scheduler = engine.makeScheduler()
    const holder = await connect(engine)
    const ended = new Promise<unknown>((resolve) => holder.once('error', resolve))
    await holder.query('begin')
    await lockAdmission(sqlOf(holder))
    await scheduler.pass()
    expect(await ended).toMatchObject({ code: '25P03' })
    expect(await engine.states(run)).toEqual({ x: 'queued' })
  })

  test('a DAG: every other DAG has its run made and started', async () => {
    const engine = await makeEngine()
    const timetable = { kind: 'cron', expression: '* * * * *', timezone: 'UTC', interval: false } as const
    for (const dagId of ['held', 'free'])
      await engine.addDag(makeDag(['x'], [], { dagId, timetable, isPausedUponCreation: false }))
    await engine.query("update dag set next_dagrun_create_after = now() - interval '1 second'")
    const holder = await connect(engine)
    await holder.query('begin')
    await holder.query("select 1 from dag where dag_id = 'held' for update")
    expect(await createDueRuns(engine.database, engine.runCache)).toBe(1)
    await engine.makeScheduler().pass()
    expect(await engine.query('select dag_id, state from dag_run')).toEqual([{ dag_id: 'free', state: 'running' }])
    await holder.query('rollback')
    // Its date is not lost.
    expect(await createDueRuns(engine.database, engine.runCache)).toBe(1)
  })

  test('a lost attempt: it is rescued at the next look, others at once', async () => {
    const engine = await makeEngine()
    for (const dagId of ['held', 'free']) await engine.addDag(makeDag([makeTask('x', { retries: 1 })], [], { dagId }))
    const [held, free] = [await engine.trigger('held'), await engine.trigger('free')]
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.die()
    const holder = await connect(engine)
    await holder.query('begin')
    await holder.query('select 1 from dag_run where id = $1 for update', [held])
    expect(await rescue(engine.database, scheduler.transactions, await databaseNow(engine.database))).toBe(1)
    expect(await engine.states(free)).toEqual({ x: 'up_for_retry' })
    expect(scheduler.transactions.takeMissed()).toBe(true)
    await holder.query('rollback')
    expect(await rescue(engine.database, scheduler.transactions, await databaseNow(engine.database))).toBe(1)
    expect([await engine.states(held), await engine.states(free)]).toEqual([
      { x: 'up_for_retry' },
      { x: 'up_for_retry' },
    ])
  })

  test('a run that is to be decided or cleared on request: other requests are served, its own stays', async () => {
    const engine = await makeEngine()
    for (const dagId of ['held', 'free', 'gone']) await engine.addDag(makeDag(['x'], [], { dagId }))
    const [held, free, gone] = [
      await engine.trigger('held'),
      await engine.trigger('free'),
      await engine.trigger('gone'),
    ]
    const { transactions } = engine.makeScheduler()
    const { database, runCache } = engine
    for (const kind of ['decide', 'clear'])
      for (const id of [held, free, gone])
        await engine.query('insert into inbox (kind, payload) values ($1, $2)', [
          kind,
          { dag_run_id: id, by: 'test', latest: false },
        ])
    await engine.query('delete from dag_run where id = $1', [gone])
    const holder = await connect(engine)
    await holder.query('begin')
    await holder.query('select 1 from dag_run where id = $1 for update', [held])
    const serve = async () => [
      await decideAsked(database, transactions),
      await clearAsked({ database, runCache, transactions }),
    ]
    expect(await serve()).toEqual([2, 2])
    expect(transactions.takeMissed()).toBe(true)
    expect(await serve()).toEqual([0, 0])
    await holder.query('rollback')
    expect(await serve()).toEqual([1, 1])
    expect(await engine.query('select 1 from inbox')).toEqual([])
  })

  test.each([
    ['the run', 'select 1 from dag_run where id = $1 for update'],
    ['its DAG', 'select 1 from dag where dag_id = (select dag_id from dag_run where id = $1) for update'],
  ])('%s, to be cleared with the latest version: others are, and one at fault says why', async (_, hold) => {
    const engine = await makeEngine()
    const runs: number[] = []
    const names = ['held', 'free', 'broken']
    for (const dagId of names) {
      await engine.addDag(makeDag(['x'], [], { dagId }))
      runs.push(await engine.trigger(dagId))
    }
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    await (await engine.makeWorker()).drain()
    for (const dagId of names) await engine.addDag(makeDag(['x', 'y'], [], { dagId }))
    const [held = 0, , broken = 0] = runs
    await engine.query(
      `update serialized_dag set data = '{"format": 99}' where dag_version_id =
         (select v.id from dag_version v where v.dag_id = 'broken' order by version_number desc limit 1)`,
    )
    for (const id of runs)
      await engine.query("insert into inbox (kind, payload) values ('clear', $1)", [
        { dag_run_id: id, by: 'test', latest: true },
      ])
    const holder = await connect(engine)
    await holder.query('begin')
    await holder.query(hold, [held])
    const { transactions } = scheduler
    const { database, runCache } = engine
    const states = () =>
      engine.query(
        `select r.dag_id, r.state, count(t.id)::int as tasks from dag_run r join task_instance t on t.dag_run_id = r.id
         group by r.id order by r.id`,
      )
    expect(await clearAsked({ database, runCache, transactions })).toBe(2)
    expect(transactions.takeMissed()).toBe(true)
    expect(await states()).toEqual([
      { dag_id: 'held', state: 'success', tasks: 1 },
      { dag_id: 'free', state: 'queued', tasks: 2 },
      { dag_id: 'broken', state: 'success', tasks: 1 },
    ])
    const notes = await engine.query(
      "select because ->> 'message' as why from ti_event where dag_run_id = $1 and because ->> 'code' = 'set_aside'",
      [broken],
    )
    expect(notes).toEqual([{ why: expect.stringContaining('a stored DAG has format 99') as unknown }])
    await holder.query('rollback')
    expect(await clearAsked({ database, runCache, transactions })).toBe(1)
    expect((await states())[0]).toEqual({ dag_id: 'held', state: 'queued', tasks: 2 })
    expect(await engine.query('select 1 from inbox')).toEqual([])
  })

  test('and whose process is declared dead is ended, with its locks', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['x'], [], { dagId: 'd' }))
    const run = await engine.trigger('d')
    const holder = await connect(engine, 'baram worker of a dead process')
    await holder.query('begin')
    await holder.query('select 1 from dag_run where id = $1 for update', [run])
    const identity = { hostname: 'h', pid: 1, bootId: 'b', pidStarted: null }
    const info = { session: 'baram worker of a dead process' }
    const job = await insertJob(engine.database, { jobType: 'WorkerJob', ...identity, info })
    expect(await reapJob(engine.database, job, 0)).toBe(true)
    // Nothing holds it any more: an update that waits would meet the lock timeout.
    await engine.query('update dag_run set note = null where id = $1', [run])
  })
})
