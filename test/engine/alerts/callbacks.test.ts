// Callbacks as rows: stored with what they tell of, taken by one scheduler, called until they succeed or have no try left.

import { describe, expect, it } from 'vitest'
import { CALLBACK_TRIES } from '../../../core/alerts.ts'
import type { SerializedDag } from '../../../core/serialized.ts'
import { type CallResult, endCall } from '../../../engine/alerts/deliver.ts'
import { report } from '../../../engine/attempts/report.ts'
import { mark, markRun } from '../../../engine/control/mark.ts'
import { type ClaimedCallback, claimCallbacks, releaseLostCallbacks } from '../../../store/postgres/callbacks.ts'
import { endJob, insertJob } from '../../../store/postgres/jobs.ts'
import { TEST_ACTOR, type TestEngine } from '../../support/engine.ts'
import { makeDag, makeTask } from '../../support/make-dag.ts'
import { depsOf, markOf } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const start = useEngines()
const ALL = { failure: 1, success: 1, retry: 1, skipped: 1 }
const told = async (engine: TestEngine) =>
  (
    await engine.query<{ kind: string; task_id: string | null; try_number: number | null; ordinal: number }>(
      'select kind, task_id, try_number, ordinal from callback order by created_at, kind, ordinal',
    )
  ).map(({ kind, task_id, try_number, ordinal }) => `${kind} ${task_id} ${try_number} #${ordinal}`)

const makeJob = (engine: TestEngine) =>
  insertJob(engine.database, { jobType: 'CallbackJob', hostname: 't', pid: 1, bootId: 'b', pidStarted: null, info: {} })

/** A DAG whose runs call back, and so many runs of it that have failed. */
async function failRuns(engine: TestEngine, dagId: string, count: number): Promise<void> {
  await engine.addDag(makeDag([makeTask('a', { callbacks: { failure: 1 } })], [], { dagId }))
  const worker = await engine.makeWorker()
  for (let i = 0; i < count; i++) await engine.trigger(dagId)
  await engine.makeScheduler().pass()
  await worker.drain(() => ({ kind: 'failure', message: 'no', isRetryable: false }))
}

describe('what ends', () => {
  const run = async (engine: TestEngine, dag: SerializedDag, fails: (tryNumber: number) => boolean) => {
    await engine.addDag(dag)
    const id = await engine.trigger(dag.dagId)
    const [scheduler, worker] = [engine.makeScheduler(), await engine.makeWorker()]
    for (let round = 0; round < 4; round++) {
      await scheduler.pass()
      await worker.drain(({ tryNumber }) =>
        fails(tryNumber) ? { kind: 'failure', message: 'no', isRetryable: true } : { kind: 'success' },
      )
      await engine.passDelays()
    }
    return id
  }

  it('calls each callback once a try and kind, and the run’s with its end', async () => {
    const engine = await start()
    const tasks = [makeTask('a', { retries: 2, callbacks: ALL })]
    await run(engine, makeDag(tasks, [], { callbacks: { failure: 2, success: 1 } }), () => true)
    expect((await told(engine)).sort()).toEqual([
      'failure a 3 #0',
      'failure null null #0',
      'failure null null #1',
      'retry a 1 #0',
      'retry a 2 #0',
    ])
  })

  it('calls again when it was cleared and ends once more', async () => {
    const engine = await start()
    const dag = makeDag([makeTask('a', { callbacks: ALL })], [], { callbacks: { success: 1 } })
    await engine.addDag(dag)
    await engine.trigger('example', { runId: 'one' })
    const [scheduler, worker] = [engine.makeScheduler(), await engine.makeWorker()]
    for (let i = 0; i < 2; i++) {
      await scheduler.sweep()
      await worker.drain()
      if (i === 0) await engine.clear(scheduler, 'example', 'one', ['a'])
    }
    expect((await told(engine)).sort()).toEqual([
      'success a 1 #0',
      'success a 2 #0',
      'success null null #0',
      'success null null #0',
    ])
  })

  it('calls nobody for what a person has marked, nor in a DAG without callbacks', async () => {
    const engine = await start()
    await engine.addDag(makeDag([makeTask('a', { callbacks: ALL })]))
    await engine.addDag(makeDag(['a'], [], { dagId: 'run', callbacks: { failure: 1, success: 1 } }))
    const scheduler = engine.makeScheduler()
    await engine.trigger('example', { runId: 'one' })
    await engine.trigger('run', { runId: 'one' })
    await scheduler.pass()
    const deps = depsOf(engine, scheduler)
    await mark(deps, markOf('example', 'one', 'a', 'failed'), TEST_ACTOR)
    await markRun(deps, { dagId: 'run', runId: 'one', to: 'failed' }, TEST_ACTOR)
    await run(engine, makeDag(['a'], [], { dagId: 'quiet' }), () => true)
    expect(await told(engine)).toEqual([])
  })

  it('calls also when the end can be stored by its row alone', async () => {
    const engine = await start()
    await engine.addDag(makeDag([makeTask('a', { callbacks: { failure: 2 } }), makeTask('b')]))
    const id = await engine.trigger('example')
    const worker = await engine.makeWorker()
    await engine.makeScheduler().pass()
    await worker.claim()
    // Whatever moves an instance through its run's copy is refused from now on.
    await engine.query(`create function refuse() returns trigger language plpgsql as $$ begin
      if (select count(*) from ti_event where dag_run_id = new.dag_run_id and rev = new.rev) > 0 or new.because ->> 'code' <> 'set_aside'
      then raise exception using errcode = '23514', message = 'refused'; end if; return new; end $$`)
    await engine.query('create trigger refuse before insert on ti_event for each row execute function refuse()')
    const attempt = worker.find('a')
    const failed = { kind: 'failure', message: 'no', isRetryable: false } as const
    const { dagRunId, tiId, epoch } = attempt
    await report(
      worker.transactions,
      [{ dagRunId, tiId, epoch, outcome: failed, xcoms: [] }],
      worker.slots(0),
      Date.now(),
    )
    await engine.query('drop trigger refuse on ti_event')
    expect(await engine.states(id)).toMatchObject({ a: 'failed' })
    expect(await told(engine)).toEqual(['failure a 1 #0', 'failure a 1 #1'])
  })

  it('is stored with its transaction or not at all', async () => {
    const engine = await start()
    await engine.addDag(makeDag([makeTask('a', { callbacks: ALL })]))
    await engine.trigger('example')
    const worker = await engine.makeWorker()
    await engine.makeScheduler().pass()
    await worker.claim()
    const [attempt] = worker.running
    // The report is refused after everything was decided: nothing of it is there.
    const failing = worker.transactions.run({
      runs: [attempt?.dagRunId ?? 0],
      act: (all) => {
        const changes = all.get(attempt?.dagRunId ?? 0)
        const ti = changes?.model.instances.get(attempt?.tiId ?? '')
        if (ti !== undefined) changes?.add([changes.model.move(ti, 'success', { code: 'succeeded' })])
      },
      also: () => Promise.reject(new Error('the disk is full')),
    })
    await expect(failing).rejects.toThrow('the disk is full')
    expect(await told(engine)).toEqual([])
    await worker.end([...worker.running])
    expect(await told(engine)).toEqual(['success a 1 #0'])
  })
})

describe('a call', () => {
  const claim = (engine: TestEngine, job: number, limit = 8, perDag = 2) =>
    claimCallbacks(engine.database, job, limit, perDag)
  const end = (engine: TestEngine, call: ClaimedCallback | undefined, job: number, result: CallResult) =>
    endCall(engine.database, call as ClaimedCallback, job, result)
  const failed = (isRetryable = true): CallResult => ({ kind: 'failure', message: 'nobody there', isRetryable })
  const states = async (engine: TestEngine) =>
    (await engine.query<{ state: string }>('select state from callback order by id')).map(({ state }) => state)

  it('takes at most two of a DAG, so that a flood of one leaves room for the others', async () => {
    const engine = await start()
    await failRuns(engine, 'flood', 12)
    await failRuns(engine, 'calm', 1)
    const job = await makeJob(engine)
    const first = await claim(engine, job, 4)
    expect(first.map(({ dagId }) => dagId).sort()).toEqual(['calm', 'flood', 'flood'])
    expect(await claim(engine, job, 4)).toEqual([])
    await end(
      engine,
      first.find(({ dagId }) => dagId === 'flood'),
      job,
      { kind: 'success' },
    )
    expect((await claim(engine, job, 4)).map(({ dagId }) => dagId)).toEqual(['flood'])
  })

  it('is found without reading the flood: 20,000 of one DAG cost no more than a few pages of the index', async () => {
    const engine = await start()
    await failRuns(engine, 'flood', 1)
    await engine.query(
      `insert into callback (id, dedup_key, kind, dag_id, dag_version_id, ordinal, data)
       select gen_random_uuid(), 'flood/' || n, kind, dag_id, dag_version_id, 0, data from callback, generate_series(1, 20000) n`,
    )
    await engine.query('analyze callback')
    const job = await makeJob(engine)
    const read = await engine.database.transaction(async (tx) => {
      const look = async () => {
        const { rows } = await tx.query<{ all: number; some: number }>(
          `select seq_tup_read::int as all, idx_tup_fetch::int as some from pg_stat_xact_user_tables where relname = 'callback'`,
        )
        return rows[0] ?? { all: 0, some: 0 }
      }
      // What this connection has read a moment ago may not be handed over yet: then it counts here too.
      const before = await look()
      expect(await claimCallbacks(tx, job, 8, 2)).toHaveLength(2)
      const after = await look()
      return { all: after.all - before.all, some: after.some - before.some }
    })
    expect(read.all).toBe(0)
    expect(read.some).toBeLessThan(100)
  })

  it('is one scheduler’s, however many ask at once', async () => {
    const engine = await start()
    await failRuns(engine, 'd', 6)
    const jobs = await Promise.all(Array.from({ length: 4 }, () => makeJob(engine)))
    const all = (await Promise.all(jobs.map((job) => claim(engine, job, 6, 6)))).flat()
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    expect(all.length).toBe(6)
  })

  it('that fails waits and is called again with the same id, so often and no more; then the DAG says so', async () => {
    const engine = await start()
    await failRuns(engine, 'd', 1)
    const job = await makeJob(engine)
    const ids = new Set<string>()
    for (let n = 1; n <= CALLBACK_TRIES; n++) {
      await engine.query("update callback set ready_at = now() where state = 'pending'")
      const [call] = await claim(engine, job)
      ids.add(call?.id ?? '')
      const again = await end(engine, call, job, failed())
      expect(again === null).toBe(n === CALLBACK_TRIES)
      expect(await claim(engine, job)).toEqual([])
    }
    expect([ids.size, await states(engine)]).toEqual([1, ['failed']])
    const warnings = await engine.query<{ message: string }>('select message from dag_warning')
    expect(warnings[0]?.message).toMatch(
      /^the onFailureCallback of d.a failed: an alert of run \S+ was not delivered in 8 tries: nobody there$/,
    )
    expect(
      await engine.query("select 1 from log where event = 'callback.failed' and dag_id = 'd' and task_id = 'a'"),
    ).toHaveLength(1)
  })

  it('that cannot succeed is not called again; the next success of the same callback takes the warning away', async () => {
    const engine = await start()
    await failRuns(engine, 'd', 2)
    const job = await makeJob(engine)
    const [one, two] = await claim(engine, job)
    expect(await end(engine, one, job, failed(false))).toBe(null)
    expect(await engine.query('select 1 from dag_warning')).toHaveLength(1)
    expect(await end(engine, two, job, { kind: 'success' })).toBe(null)
    expect(await engine.query('select 1 from dag_warning')).toEqual([])
  })

  it('of a scheduler that died is called again with the same id; what the dead one says no longer counts', async () => {
    const engine = await start()
    await failRuns(engine, 'd', 1)
    const [dead, next] = [await makeJob(engine), await makeJob(engine)]
    const [lost] = await claim(engine, dead)
    expect(await releaseLostCallbacks(engine.database)).toBe(0)
    await endJob(engine.database, dead, 'failed')
    expect(await releaseLostCallbacks(engine.database)).toBe(1)
    const [again] = await claim(engine, next)
    expect([again?.id, again?.tries]).toEqual([lost?.id, 2])
    expect(await end(engine, lost, dead, { kind: 'success' })).toBe(undefined)
    expect(await states(engine)).toEqual(['running'])
  })

  it('goes with its run', async () => {
    const engine = await start()
    await failRuns(engine, 'd', 1)
    await engine.query('delete from dag_run')
    expect(await states(engine)).toEqual([])
  })
})
