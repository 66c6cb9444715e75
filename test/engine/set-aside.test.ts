// One bad item never stops the rest (docs/reliability.md rule 20): whatever the database refuses for good, its neighbours go on,
// and it ends with a reason that a person reads.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fire } from '../../engine/attempts/fire.ts'
import { report } from '../../engine/attempts/report.ts'
import { rescue } from '../../engine/attempts/rescue.ts'
import { createDueRuns, RUN_REFUSED } from '../../engine/runs/create.ts'
import type { Report } from '../../engine/transaction/settle-attempt.ts'
import { whyDag } from '../../engine/why/dag.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import type { TestEngine, TestWorker } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const NUL = 'a\u0000b'

/** Runs of one task each, all running on one worker. */
async function startRunsOf(engine: TestEngine, dagIds: readonly string[], options = {}) {
  const runs = new Map<string, number>()
  for (const dagId of dagIds) {
    await engine.addDag(makeDag([makeTask('x', options)], [], { dagId }))
    runs.set(dagId, await engine.trigger(dagId))
  }
  const scheduler = engine.makeScheduler()
  await scheduler.pass()
  const worker = await engine.makeWorker()
  await worker.claim()
  return { runs, scheduler, worker }
}

function reportOf(worker: TestWorker, dagRunId: number, changes: Partial<Report> = {}): Report {
  const attempt = worker.running.find((one) => one.dagRunId === dagRunId)
  if (attempt === undefined) throw new Error(`run ${dagRunId} does not run here`)
  return { dagRunId, tiId: attempt.tiId, epoch: attempt.epoch, outcome: { kind: 'success' }, xcoms: [], ...changes }
}

const xcom = (key: string, value: unknown) => ({ taskId: 'x', mapIndex: -1, key, value: value as never })

/** A run's copy that cannot be read. */
async function breakRun(engine: TestEngine, dagRunId: number): Promise<void> {
  await engine.query(
    `update serialized_dag set data = '{"format": 99}' where dag_version_id =
       (select created_dag_version_id from dag_run where id = $1)`,
    [dagRunId],
  )
}

async function reasonOf(engine: TestEngine, dagRunId: number): Promise<string> {
  const [row] = await engine.query<{ because: { code: string; message?: string } }>(
    "select because from ti_event where dag_run_id = $1 and to_state in ('failed', 'up_for_retry') and ti_id is not null order by rev desc limit 1",
    [dagRunId],
  )
  return `${row?.because.code}: ${row?.because.message ?? ''}`
}

/** What a child that is not trusted may report, with the reason that is kept. */
const POISON: readonly (readonly [string, Partial<Report>, RegExp])[] = [
  [
    'a value with a NUL',
    { xcoms: [xcom('return_value', { deep: [NUL] })] },
    /could not be stored: unsupported Unicode/,
  ],
  [
    'a value with half a pair',
    { xcoms: [xcom('return_value', '\ud800')] },
    /could not be stored: invalid input syntax/,
  ],
  ['a key that is too long', { xcoms: [xcom('k'.repeat(600), 1)] }, /value too long for type/],
  ['a key with a NUL', { xcoms: [xcom(NUL, 1)] }, /could not be stored: invalid byte sequence/],
  ['a map index beyond int4', { xcoms: [{ ...xcom('k', 1), mapIndex: 2 ** 40 }] }, /out of range/],
  [
    'a wait for no date',
    { outcome: { kind: 'defer', wait: { kind: 'time', at: 1e300 }, timeoutMs: null } },
    /could not be stored|Invalid time value|years 1 to 9999/,
  ],
  [
    'a trigger with a NUL in its name',
    { outcome: { kind: 'defer', wait: { kind: 'trigger', name: NUL, args: null }, timeoutMs: 1000 } },
    /could not be stored/,
  ],
]

describe('a report that the database refuses', () => {
  test.each(POISON)('%s fails its own try; the others of the batch are settled', async (_, poison, reason) => {
    const engine = await makeEngine()
    const { runs, worker } = await startRunsOf(engine, ['a', 'bad', 'z'])
    const [a, bad, z] = ['a', 'bad', 'z'].map((dagId) => runs.get(dagId) ?? 0) as [number, number, number]
    const batch = [reportOf(worker, a), reportOf(worker, bad, poison), reportOf(worker, z)]
    await report(worker.transactions, batch, worker.slots(0), Date.now())
    expect([await engine.runState(a), await engine.runState(bad), await engine.runState(z)]).toEqual([
      'success',
      'failed',
      'success',
    ])
    expect(await reasonOf(engine, bad)).toMatch(reason)
    expect(await engine.query('select 1 from task_queue')).toEqual([])
  })

  test('is tried again as far as its task has tries', async () => {
    const engine = await makeEngine()
    const { runs, worker } = await startRunsOf(engine, ['bad'], { retries: 1 })
    const bad = runs.get('bad') ?? 0
    await report(worker.transactions, [reportOf(worker, bad, { xcoms: [xcom(NUL, 1)] })], worker.slots(0), Date.now())
    expect(await engine.states(bad)).toEqual({ x: 'up_for_retry' })
  })

  test('words that cannot be stored are repaired: the try fails as it would have', async () => {
    const engine = await makeEngine()
    const { runs, worker } = await startRunsOf(engine, ['bad', 'skips'])
    const [bad, skips] = [runs.get('bad') ?? 0, runs.get('skips') ?? 0]
    const outcome = { kind: 'failure', message: NUL, isRetryable: true } as const
    const batch = [
      reportOf(worker, bad, { outcome }),
      reportOf(worker, skips, { outcome: { kind: 'skip', message: '\ud83d' } }),
    ]
    const { refused } = await report(worker.transactions, batch, worker.slots(0), Date.now())
    expect(refused.size).toBe(0)
    expect(await reasonOf(engine, bad)).toBe('failed: a\ufffdb')
    expect(await engine.states(skips)).toEqual({ x: 'skipped' })
  })

  test('a delay in milliseconds by mistake is cut to a year', async () => {
    const engine = await makeEngine()
    const { runs, worker } = await startRunsOf(engine, ['late'], { retries: 3 })
    const late = runs.get('late') ?? 0
    const outcome = { kind: 'failure', message: 'x', isRetryable: true, retryAfterMs: 1.8e15 } as const
    await report(worker.transactions, [reportOf(worker, late, { outcome })], worker.slots(0), Date.now())
    const [row] = await engine.query<{ days: number }>(
      "select extract(day from ready_at - now())::int as days from task_queue where stage = 'waiting'",
    )
    expect(row?.days).toBeGreaterThanOrEqual(365)
    expect(row?.days).toBeLessThanOrEqual(366)
  })

  test('at any places of any batch stops nobody else', async () => {
    const engine = await makeEngine()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.nat(POISON.length - 1)), { minLength: 1, maxLength: 6 }),
        async (kinds) => {
          const prefix = `d${Math.trunc(performance.now() * 1000)}`
          const ids = kinds.map((_, i) => `${prefix}_${i}`)
          const { runs, worker } = await startRunsOf(engine, ids)
          const batch = kinds.map((kind, i) =>
            reportOf(worker, runs.get(ids[i] ?? '') ?? 0, kind === null ? {} : POISON[kind]?.[1]),
          )
          await report(worker.transactions, batch, worker.slots(0), Date.now())
          for (const [i, kind] of kinds.entries())
            expect(await engine.runState(runs.get(ids[i] ?? '') ?? 0)).toBe(kind === null ? 'success' : 'failed')
        },
      ),
      { numRuns: 6 },
    )
  })
})

describe('a run whose copy cannot be read', () => {
  test('is left out of claims: others start, and no worker waits for it', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('x', { priorityWeight: 9 })], [], { dagId: 'broken' }))
    await engine.addDag(makeDag(['y'], [], { dagId: 'fine' }))
    const broken = await engine.trigger('broken')
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    await breakRun(engine, broken)
    const fine = await engine.trigger('fine')
    await scheduler.pass()
    const worker = await engine.makeWorker({ slots: 1 })
    expect(await worker.claim()).toBe(1)
    await worker.drain()
    expect(await engine.runState(fine)).toBe('success')
    expect(await engine.states(broken)).toEqual({ x: 'queued' })
  })

  test('ends the attempt that reports, by its row alone, with the reason', async () => {
    const engine = await makeEngine()
    const { runs, worker } = await startRunsOf(engine, ['broken', 'fine'])
    const [broken, fine] = [runs.get('broken') ?? 0, runs.get('fine') ?? 0]
    const batch = [reportOf(worker, broken), reportOf(worker, fine)]
    await breakRun(engine, broken)
    // Another worker has no copies yet: it reads both runs anew.
    const other = await engine.makeWorker()
    await report(other.transactions, batch, other.slots(0), Date.now())
    expect(await engine.runState(fine)).toBe('success')
    expect(await engine.states(broken)).toEqual({ x: 'failed' })
    expect(await reasonOf(engine, broken)).toMatch(/^set_aside: a stored DAG has format 99/)
    expect(await engine.query('select 1 from task_queue')).toEqual([])
  })

  test('lets the scheduler start, decide and rescue the others', async () => {
    const engine = await makeEngine()
    const { runs, worker } = await startRunsOf(engine, ['broken', 'lost'])
    const [broken, lost] = [runs.get('broken') ?? 0, runs.get('lost') ?? 0]
    await engine.addDag(makeDag(['y'], [], { dagId: 'queued' }))
    const queued = await engine.trigger('queued')
    await breakRun(engine, broken)
    await worker.die()
    const scheduler = engine.makeScheduler()
    await rescue(engine.database, scheduler.transactions, await databaseNow(engine.database))
    await scheduler.pass()
    await scheduler.sweep()
    expect(await engine.states(lost)).toEqual({ x: 'failed' })
    expect(await engine.states(broken)).toEqual({ x: 'failed' })
    expect(await engine.states(queued)).toEqual({ y: 'queued' })
    const [note] = await engine.query<{ because: { code: string } }>(
      'select because from ti_event where dag_run_id = $1 and ti_id is null order by rev desc, at desc limit 1',
      [broken],
    )
    expect(note?.because.code).toBe('set_aside')
  })
})

describe('an event that the database refuses', () => {
  test('fails its own try; other waits resume', async () => {
    const engine = await makeEngine()
    const { runs, scheduler, worker } = await startRunsOf(engine, ['bad', 'good'])
    const ids = ['bad', 'good'].map((dagId) => runs.get(dagId) ?? 0)
    const outcome = { kind: 'defer', wait: { kind: 'trigger', name: 't', args: null }, timeoutMs: null } as const
    const batch = ids.map((id) => reportOf(worker, id, { outcome }))
    await report(worker.transactions, batch, worker.slots(0), Date.now())
    const fired = batch.map(({ dagRunId, tiId, epoch }, i) => ({
      ...{ dagRunId, tiId, epoch },
      result: { event: i === 0 ? { text: NUL } : { ok: true } },
    }))
    await fire(scheduler.transactions, fired, Date.now())
    expect(await engine.states(ids[1] ?? 0)).toEqual({ x: 'queued' })
    expect(await engine.states(ids[0] ?? 0)).toEqual({ x: 'failed' })
    expect(await reasonOf(engine, ids[0] ?? 0)).toMatch(/its trigger failed: its event could not be stored/)
  })
})

describe('a DAG whose run cannot be made', () => {
  test('has none and says why; every other DAG has its run, and nobody looks at it without end', async () => {
    const engine = await makeEngine()
    const timetable = { kind: 'cron', expression: '* * * * *', timezone: 'UTC', interval: false } as const
    const paused = { isPausedUponCreation: false, timetable }
    await engine.addDag(makeDag([makeTask('x', { retries: 2 ** 40 })], [], { dagId: 'forever', ...paused }))
    await engine.addDag(makeDag(['x'], [], { dagId: 'ok', ...paused }))
    const refusals: string[] = []
    await engine.query("update dag set next_dagrun_create_after = now() - interval '1 second'")
    const created = await createDueRuns(engine.database, engine.runCache, {
      tellRefusal: (dagId) => refusals.push(dagId),
    })
    expect([created, refusals]).toEqual([1, ['forever']])
    expect(
      await createDueRuns(engine.database, engine.runCache, { tellRefusal: (dagId) => refusals.push(dagId) }),
    ).toBe(0)
    expect(refusals).toEqual(['forever'])
    const [warning] = await engine.query<{ message: string }>(
      "select message from dag_warning where dag_id = 'forever' and warning_type = $1",
      [RUN_REFUSED],
    )
    expect(warning?.message).toMatch(/its next run could not be made: value ".*" is out of range/)
    await engine.query(
      "insert into job (job_type, state, hostname, pid, boot_id) values ('SchedulerJob', 'running', 'h', 1, 'b')",
    )
    const why = await whyDag(engine.database, engine.runCache, 'forever', await databaseNow(engine.database))
    expect(why?.code).toBe('run_refused')
  })
})
