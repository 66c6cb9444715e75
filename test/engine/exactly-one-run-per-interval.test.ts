// A guarantee: every date that is due gets exactly one run, however many schedulers look; and users' runs beside them.

import { describe, expect, test, vi } from 'vitest'
import type { SerializedDag } from '../../core/serialized.ts'
import { pauseDag } from '../../engine/dags/pause.ts'
import { createDueRuns } from '../../engine/runs/create.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { explain } from '../../engine/why/why.ts'
import { TEST_ACTOR, type TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const HOUR = 3_600_000
/** The start of the current hour; the tests do not run across one, or they compare against the dates that exist. */
/** The schedule's minute lies half an hour from now: no date falls due while the tests run. */
const LAST_DUE = Math.floor((Date.now() - HOUR / 2) / 60_000) * 60_000
const HOURLY = `${new Date(LAST_DUE).getUTCMinutes()} * * * *`
const hourAgo = (n: number) => LAST_DUE - n * HOUR

const hourly = (startHoursAgo: number, changes: Partial<SerializedDag> = {}) =>
  makeDag(['a'], [], {
    dagId: 'hourly',
    timetable: { kind: 'cron', expression: HOURLY, timezone: 'UTC', interval: false },
    startDate: new Date(hourAgo(startHoursAgo)).toISOString(),
    ...changes,
  })

const datesOf = async (engine: TestEngine) =>
  (
    await engine.query<{ logical_date: number }>(
      "select logical_date from dag_run where run_type = 'scheduled' order by logical_date",
    )
  ).map((row) => row.logical_date)

/** Creates until nothing is due, as one scheduler does pass after pass. Fails instead of spinning. */
async function createAll(engine: TestEngine, runCache = new RunCache()): Promise<void> {
  for (let pass = 0; (await createDueRuns(engine.database, runCache)) > 0; pass++)
    if (pass > 100) throw new Error('run creation does not come to an end')
}

describe('scheduled runs', () => {
  test('four schedulers at once: with catchup exactly one run for every date since the start', async () => {
    const engine = await makeEngine()
    await engine.addDag(hourly(20, { catchup: true, maxActiveRuns: 100 }))
    await Promise.all([1, 2, 3, 4].map(() => createAll(engine)))
    await createAll(engine)
    const expected = Array.from({ length: 21 }, (_, i) => hourAgo(20 - i))
    expect(await datesOf(engine)).toEqual(expected)
    const rows = await engine.query<{ run_id: string }>('select run_id from dag_run order by logical_date limit 1')
    expect(rows).toEqual([{ run_id: `scheduled__${new Date(hourAgo(20)).toISOString().replace('.000Z', '+00:00')}` }])
  })

  test('without catchup exactly the latest date', async () => {
    const engine = await makeEngine()
    await engine.addDag(hourly(20))
    await Promise.all([1, 2, 3, 4].map(() => createAll(engine)))
    expect(await datesOf(engine)).toEqual([hourAgo(0)])
  })

  test('without catchup an outage is made up for by its latest date alone', async () => {
    const engine = await makeEngine()
    await engine.addDag(hourly(50))
    await createAll(engine)
    // As if that run had been of ten hours ago, and nobody had looked since.
    await engine.query(
      `update dag_run set logical_date = logical_date - interval '10 hours', data_interval_start =
         data_interval_start - interval '10 hours', data_interval_end = data_interval_end - interval '10 hours',
         run_id = 'scheduled__old'`,
    )
    await engine.query("update dag set next_dagrun_create_after = now() - interval '9 hours'")
    await createAll(engine)
    expect(await datesOf(engine)).toEqual([hourAgo(10), hourAgo(0)])
  })

  test('a date that a user’s run has taken is passed over, and the next ones come', async () => {
    const engine = await makeEngine()
    await engine.addDag(hourly(4, { catchup: true }))
    await pauseDag(engine, { dagId: 'hourly', isPaused: true }, TEST_ACTOR)
    await engine.trigger('hourly', { logicalDate: hourAgo(3) })
    await engine.trigger('hourly', { logicalDate: hourAgo(2) })
    await pauseDag(engine, { dagId: 'hourly', isPaused: false }, TEST_ACTOR)
    await createAll(engine)
    expect(await datesOf(engine)).toEqual([hourAgo(4), hourAgo(1), hourAgo(0)])
    const [dag] = await engine.query<{ next: number }>('select next_dagrun_create_after as next from dag')
    expect(dag?.next).toBe(hourAgo(-1))
  })

  test('at most maxActiveRuns are made and run; the next comes when one has ended', async () => {
    const engine = await makeEngine()
    await engine.addDag(hourly(10, { catchup: true, maxActiveRuns: 2 }))
    const schedulers = [engine.makeScheduler(), engine.makeScheduler(), engine.makeScheduler()]
    const worker = await engine.makeWorker()
    for (let round = 0; round < 30; round++) {
      await Promise.all(schedulers.map((scheduler) => scheduler.pass()))
      const [count] = await engine.query<{ n: number }>(
        "select count(*)::int as n from dag_run where state = 'running'",
      )
      expect(count?.n).toBeLessThanOrEqual(2)
      await worker.claim()
      await worker.end(worker.running.slice(0, 1))
    }
    await worker.drain()
    expect(await datesOf(engine)).toHaveLength(11)
    const moves = await engine.query<{ to_state: string }>(
      "select to_state from ti_event where ti_id is null order by at, (to_state = 'running')",
    )
    let running = 0
    for (const { to_state } of moves) {
      running += to_state === 'running' ? 1 : -1
      expect(running).toBeLessThanOrEqual(2)
    }
  })

  test('a paused or stale DAG gets none', async () => {
    const engine = await makeEngine()
    await engine.addDag(hourly(4, { catchup: true }))
    await pauseDag(engine, { dagId: 'hourly', isPaused: true }, TEST_ACTOR)
    await createAll(engine)
    await pauseDag(engine, { dagId: 'hourly', isPaused: false }, TEST_ACTOR)
    await engine.query('update dag set is_stale = true')
    await createAll(engine)
    expect(await datesOf(engine)).toEqual([])
  })
})

describe('a run by return the date of an interval', () => {
  const interval = (changes: Partial<SerializedDag> = {}) =>
    hourly(4, {
      timetable: { kind: 'cron', expression: HOURLY, timezone: 'UTC', interval: true },
      catchup: true,
      ...changes,
    })
  const askWhy = (engine: TestEngine, run: number) =>
    explain(engine.database, engine.runCache, { dagId: 'hourly', run, taskId: null, mapIndex: null })

  test('is refused while the interval lasts, so that its scheduled run comes', async () => {
    const engine = await makeEngine()
    await engine.addDag(interval())
    await expect(engine.trigger('hourly', { logicalDate: hourAgo(0) })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('which has not ended') as string,
    })
    expect(await engine.query('select 1 from dag_run')).toEqual([])
  })

  test('covers the interval once it has ended; the schedule makes the others, and `why` says who holds the date', async () => {
    const engine = await makeEngine()
    await engine.addDag(interval())
    await engine.trigger('hourly', { logicalDate: hourAgo(3), user: 'kim' })
    expect(
      await engine.query(
        'select logical_date as l, data_interval_start as s, data_interval_end as e, run_after as a from dag_run',
      ),
    ).toEqual([{ l: hourAgo(3), s: hourAgo(3), e: hourAgo(2), a: hourAgo(2) }])
    await createAll(engine)
    expect(await datesOf(engine)).toEqual([hourAgo(4), hourAgo(2), hourAgo(1)])
    expect((await askWhy(engine, hourAgo(3))).sentence).toMatch(
      /^\d\d:\d\d:00 UTC is held by manual__\S+: it was triggered by kim and covers \d\d:\d\d:00 UTC → \d\d:\d\d:00 UTC\. /,
    )
    expect((await askWhy(engine, hourAgo(4))).sentence).not.toContain('is held by')
  })

  test('leaves no date of the schedule uncovered, whatever date it has', async () => {
    const engine = await makeEngine()
    await engine.addDag(interval())
    const minutes = [0, 1, 30, 59, 60, 61, 120, 200, 240]
    await Promise.allSettled(minutes.map((m) => engine.trigger('hourly', { logicalDate: hourAgo(4) + m * 60_000 })))
    await createAll(engine)
    const covered = await engine.query<{ s: number }>(
      `select distinct data_interval_start as s from dag_run
       where data_interval_start = logical_date and data_interval_end = logical_date + interval '1 hour' order by 1`,
    )
    expect(covered.map((row) => row.s)).toEqual([hourAgo(4), hourAgo(3), hourAgo(2), hourAgo(1)])
  })
})

test('a run by hand without a date keeps the interval that its tasks are told', async () => {
  const engine = await makeEngine()
  await engine.addDag(
    hourly(4, {
      timetable: { kind: 'cron', expression: HOURLY, timezone: 'UTC', interval: true },
      isPausedUponCreation: true,
    }),
  )
  const run = await engine.trigger('hourly')
  const [row] = await engine.query(
    'select data_interval_start as s, data_interval_end as e from dag_run where id = ' + run,
  )
  expect(row).toEqual({ s: hourAgo(1), e: hourAgo(0) })
})

describe('triggered runs', () => {
  test('of the same id or the same logical date conflict, also when asked for at once', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
    const results = await Promise.allSettled([
      ...[1, 2, 3].map(() => engine.trigger('one', { runId: 'mine' })),
      ...[1, 2, 3].map((i) => engine.trigger('one', { runId: `other-${i}`, logicalDate: 0 })),
    ])
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(2)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CONFLICT' })
  })

  test('without a name get one each, however many are made in one instant', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
    const at = Date.UTC(2024, 0, 1)
    await Promise.all(Array.from({ length: 20 }, () => engine.trigger('one', { runAfter: at })))
    const ids = (await engine.query<{ run_id: string }>('select run_id from dag_run')).map((row) => row.run_id)
    expect(new Set(ids).size).toBe(20)
    for (const id of ids) expect(id).toMatch(/^manual__2024-01-01T00:00:00\+00:00_[A-Za-z2-9]{8}$/)
  })

  test.each(['', 'a b', 'a/b', 'ä', '../x', 'x'.repeat(251), 'scheduled__x', 'backfill__x'])(
    'may not be called %j',
    async (runId) => {
      const engine = await makeEngine()
      await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
      if (runId === '') expect(await engine.trigger('one', { runId })).toBe(1)
      else await expect(engine.trigger('one', { runId })).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    },
  )

  test('of an unknown DAG are not found, of a stale one refused, of a paused one made and queued', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
    await expect(engine.trigger('none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await pauseDag(engine, { dagId: 'one', isPaused: true }, TEST_ACTOR)
    const run = await engine.trigger('one')
    await engine.makeScheduler().sweep()
    expect(await engine.runState(run)).toBe('queued')
    await engine.query('update dag set is_stale = true')
    await expect(engine.trigger('one')).rejects.toMatchObject({ code: 'REFUSED' })
  })

  test('start by the database’s clock, whatever the clock of who asks says', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 5 * HOUR)
    const run = await engine.trigger('one').finally(() => vi.restoreAllMocks())
    await engine.makeScheduler().pass()
    expect(await engine.runState(run)).toBe('running')
  })

  test('of a DAG without tasks end at once, with a start and an end', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([], [], { dagId: 'empty' }))
    const run = await engine.trigger('empty')
    await engine.makeScheduler().pass()
    expect(
      await engine.query('select state, start_date is not null as s, end_date is not null as e from dag_run'),
    ).toEqual([{ state: 'success', s: true, e: true }])
    expect(run).toBe(1)
  })

  test('have instances of the tasks whose own dates hold the logical date', async () => {
    const engine = await makeEngine()
    const { makeTask } = await import('../support/make-dag.ts')
    await engine.addDag(
      makeDag(
        [
          'always',
          makeTask('until', { endDate: '2024-01-01T00:00:00.000Z' }),
          makeTask('since', { startDate: '2024-01-02T00:00:00.000Z' }),
        ],
        [],
        { dagId: 'dated' },
      ),
    )
    const at = async (logicalDate: number) =>
      Object.keys(await engine.states(await engine.trigger('dated', { logicalDate })))
    expect(await at(Date.UTC(2024, 0, 1))).toEqual(['always', 'until'])
    expect(await at(Date.UTC(2024, 0, 1, 12))).toEqual(['always'])
    expect(await at(Date.UTC(2024, 0, 2))).toEqual(['always', 'since'])
  })
})
