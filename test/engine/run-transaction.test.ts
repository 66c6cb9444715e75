// The transaction's guards: what is written was decided on what is, and it is written whole or not at all.

import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { report } from '../../engine/attempts/report.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { RunTransactions } from '../../engine/transaction/run-transaction.ts'
import { type Report, settleAndAdvance } from '../../engine/transaction/settle-attempt.ts'
import type { Database } from '../../store/database.ts'
import { quietLog, type TestEngine, type TestWorker } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

/** A run of `a → b` whose `a` runs on a worker. */
async function startChain(engine: TestEngine): Promise<{ run: number; worker: TestWorker; success: Report }> {
  await engine.addDag(makeDag(['a', 'b'], [['a', 'b']], { dagId: 'chain' }))
  const run = await engine.trigger('chain')
  await engine.makeScheduler().pass()
  const worker = await engine.makeWorker()
  await worker.claim()
  const { tiId, epoch } = worker.find('a')
  const xcoms = [{ taskId: 'a', mapIndex: -1, key: 'return_value', value: { rows: 3 } }]
  return { run, worker, success: { dagRunId: run, tiId, epoch, outcome: { kind: 'success' }, xcoms } }
}

/** Everything a report may touch, as text. */
async function everything(engine: TestEngine): Promise<string> {
  const tables = ['dag_run', 'task_instance', 'task_instance_history', 'task_queue', 'ti_event', 'xcom']
  const rows = []
  for (const table of tables)
    rows.push(await engine.query(`select to_jsonb(t) as row from ${table} t order by to_jsonb(t)::text`))
  return JSON.stringify(rows)
}

describe('a report', () => {
  test('of an older epoch, of another run or of nobody changes nothing', async () => {
    const engine = await makeEngine()
    const { worker, success } = await startChain(engine)
    const before = await everything(engine)
    const stale: Report[] = [
      { ...success, epoch: success.epoch - 1 },
      { ...success, epoch: success.epoch + 1 },
      { ...success, tiId: '00000000-0000-7000-8000-000000000000' },
      { ...success, dagRunId: 999_999 },
    ]
    for (const one of stale) {
      const { dropped, started } = await report(worker.transactions, [one], worker.slots(0), Date.now())
      expect(dropped).toEqual([one])
      expect(started).toEqual([])
    }
    expect(await everything(engine)).toBe(before)
  })

  test('that comes twice, in one batch or two, counts once', async () => {
    const engine = await makeEngine()
    const { run, worker, success } = await startChain(engine)
    const first = await report(worker.transactions, [success, success], worker.slots(0), Date.now())
    expect(first.dropped).toHaveLength(1)
    const second = await report(worker.transactions, [success], worker.slots(0), Date.now())
    expect(second.dropped).toEqual([success])
    expect(await engine.states(run)).toEqual({ a: 'success', b: 'queued' })
  })

  test('of the same attempt by two at once: one wins, the other is told', async () => {
    const engine = await makeEngine()
    const { run, worker, success } = await startChain(engine)
    const other = await engine.makeWorker()
    const failure: Report = { ...success, outcome: { kind: 'failure', message: 'no', isRetryable: true }, xcoms: [] }
    const results = await Promise.all([
      report(worker.transactions, [success], worker.slots(0), Date.now()),
      report(other.transactions, [failure], other.slots(0), Date.now()),
    ])
    expect(results.map((result) => result.dropped.length).sort()).toEqual([0, 1])
    const states = await engine.states(run)
    const isSuccess = results[0].dropped.length === 0
    expect(states).toEqual(isSuccess ? { a: 'success', b: 'queued' } : { a: 'failed', b: 'upstream_failed' })
  })

  test('that releases more than one statement moves writes all of them, each with its ledger and its place in the queue', async () => {
    const engine = await makeEngine()
    const tasks = Array.from({ length: 150 }, (_, i) => `t${i}`)
    const edges = tasks.map((task) => ['root', task] as const)
    await engine.addDag(makeDag(['root', ...tasks], edges, { dagId: 'wide', maxActiveTasks: 100 }))
    const run = await engine.trigger('wide')
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker({ slots: 70 })
    await worker.claim()
    await worker.end([worker.find('root')])
    const counted = (sql: string) => engine.query(`${sql} group by 1 order by 1`)
    // The root's slots go to others at once; 70 start, 30 more have a slot, the DAG's own limit holds the rest.
    expect(await counted('select state as of, count(*)::int as n from task_instance')).toEqual([
      { of: 'queued', n: 30 },
      { of: 'running', n: 70 },
      { of: 'scheduled', n: 50 },
      { of: 'success', n: 1 },
    ])
    expect(await counted("select stage as of, count(*)::int as n from task_queue where stage <> 'throttled'")).toEqual([
      { of: 'queued', n: 30 },
      { of: 'running', n: 70 },
    ])
    expect(await counted('select to_state as of, count(*)::int as n from ti_event where ti_id is not null')).toEqual([
      { of: 'queued', n: 101 },
      { of: 'running', n: 71 },
      { of: 'scheduled', n: 151 },
      { of: 'success', n: 1 },
    ])
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
  })

  test('of what was rescued meanwhile is dropped, and the rescued try goes on', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('a', { retries: 1 })], [], { dagId: 'one' }))
    const run = await engine.trigger('one')
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    const [dead, alive] = [await engine.makeWorker(), await engine.makeWorker()]
    await dead.claim()
    const attempt = dead.find('a')
    await dead.die()
    await scheduler.sweep()
    await engine.passDelays()
    await scheduler.pass()
    await alive.claim()
    const late: Report = {
      dagRunId: run,
      tiId: attempt.tiId,
      epoch: attempt.epoch,
      outcome: { kind: 'success' },
      xcoms: [],
    }
    expect((await report(dead.transactions, [late], dead.slots(0), Date.now())).dropped).toEqual([late])
    expect(await engine.states(run)).toEqual({ a: 'running' })
    expect(alive.find('a')).toMatchObject({ tryNumber: 2, epoch: 2 })
    await alive.drain()
    expect(await engine.runState(run)).toBe('success')
  })
})

/** The database, whose writer connection meets `fault` at its nth statement. */
function faulty(database: Database, at: number, fault: (client: pg.Client) => Promise<void>) {
  let count = 0
  let hasStruck = false
  const wrapped: Database = {
    ...database,
    async connect(kind) {
      const client = await database.connect(kind)
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
      // What is sent after the statement it strikes waits for it: the client keeps the order.
      let struck: Promise<void> | null = null
      const meddle = async (...args: unknown[]): Promise<unknown> => {
        count++
        if (count === at && !hasStruck) {
          hasStruck = true
          struck = fault(client)
        }
        if (struck !== null) await struck
        return query(...args)
      }
      // The double stands for the client in the one call that RunTransactions makes of it.
      Object.assign(client, { query: meddle })
      return client
    },
  }
  return { database: wrapped, count: () => count, hasStruck: () => hasStruck }
}

function turnsOn(database: Database): RunTransactions {
  return new RunTransactions({
    database,
    runCache: new RunCache(),
    log: quietLog,
    limits: { parallelism: 0 },
    who: 'worker:faulty',
    onChange: () => undefined,
  })
}

describe('success, XCom, ledger and what follows are one transaction', () => {
  test('with the connection killed before any statement, nothing is written; the next report writes all of it', async () => {
    const engine = await makeEngine()
    const { run, worker, success } = await startChain(engine)
    const before = await everything(engine)
    let at = 1
    for (; at < 100; at++) {
      const kill = async (client: pg.Client) => {
        const pid = (client as unknown as { processID: number }).processID
        await engine.query('select pg_terminate_backend($1, 5000)', [pid])
      }
      const { database, hasStruck } = faulty(engine.database, at, kill)
      const transactions = turnsOn(database)
      const outcome = await report(transactions, [success], worker.slots(1), Date.now()).catch(
        (error: unknown) => error,
      )
      await transactions.close()
      if (!hasStruck()) break
      expect(outcome, `killed before statement ${at}`).toBeInstanceOf(Error)
      expect(await everything(engine), `killed before statement ${at}`).toBe(before)
    }
    // The loop left with the first transaction that had no statement left to kill: that one was whole.
    expect(at).toBeGreaterThan(10)
    expect(await engine.states(run)).toEqual({ a: 'success', b: 'running' })
    expect(await engine.query("select value from xcom where task_id = 'a'")).toEqual([{ value: { rows: 3 } }])
  })

  test('with a statement that fails, nothing is written and the same runner goes on', async () => {
    const engine = await makeEngine()
    const { run, worker, success } = await startChain(engine)
    const before = await everything(engine)
    // A value that Postgres refuses stands for any failing statement: it is sent after most others. (A batch would set
    // the run aside: test/engine/set-aside.test.ts.)
    const broken = worker.transactions.run({
      runs: [run],
      act(all) {
        const changes = all.get(run)
        if (changes === undefined) return
        changes.xcoms.push({ taskId: 'a', mapIndex: -1, key: 'return_value', value: 'a\u0000b' })
        settleAndAdvance(changes, changes.model.instances.get(success.tiId) as never, success.outcome, Date.now())
      },
    })
    await expect(broken).rejects.toMatchObject({ name: 'RunFault', dagRunId: run })
    expect(await everything(engine)).toBe(before)
    const { dropped } = await report(worker.transactions, [success], worker.slots(0), Date.now())
    expect(dropped).toEqual([])
    expect(await engine.states(run)).toEqual({ a: 'success', b: 'queued' })
  })

  test('a row that moved behind the copy’s back stops the whole transaction', async () => {
    const engine = await makeEngine()
    const { worker, success } = await startChain(engine)
    // Against the rules: state changed without a new revision. The guarded update must not match.
    await engine.query("update task_instance set state = 'failed' where task_id = 'a'")
    await expect(report(worker.transactions, [success], worker.slots(1), Date.now())).rejects.toMatchObject({
      code: 'SETTLED_ELSEWHERE',
    })
    expect(await engine.query('select 1 from xcom')).toEqual([])
    await engine.query("update task_instance set state = 'running' where task_id = 'a'")
  })
})

describe('a copy', () => {
  test('of a run that others moved on for many revisions is brought up to date by the ledger', async () => {
    const engine = await makeEngine()
    const ids = Array.from({ length: 10 }, (_, i) => `t${i}`)
    await engine.addDag(
      makeDag(
        [...ids, 'side'],
        ids.slice(1).map((id, i) => [`t${i}`, id] as const),
        { dagId: 'long' },
      ),
    )
    const run = await engine.trigger('long')
    await engine.makeScheduler().pass()
    const [slow, busy] = [await engine.makeWorker({ slots: 1 }), await engine.makeWorker({ slots: 1 })]
    await slow.claim()
    const held = slow.running[0]
    await busy.drain()
    if (held === undefined) throw new Error('nothing was claimed')
    await slow.end([held])
    await slow.drain()
    await busy.drain()
    expect(await engine.runState(run)).toBe('success')
  })
})
