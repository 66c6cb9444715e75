// The database's clock, held against the machine's uptime: a jump holds the creation of runs until it is undone or confirmed.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ClockGuard, MOST_MOVED_MS } from '../../engine/process/clock-guard.ts'
import { createDueRuns } from '../../engine/runs/create.ts'
import { ClockHold } from '../../scheduler/clock-hold.ts'
import { confirmClock, findClockDoubt } from '../../store/postgres/clock-holds.ts'
import { databaseNow, insertJob } from '../../store/postgres/jobs.ts'
import { eventually } from '../support/baram.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const HOUR = 3_600_000
const MINUTE = 60_000

describe('the guard', () => {
  const guardAt = () => {
    const state = { uptime: 1_000_000, clock: 1.7e12 }
    const guard = new ClockGuard(() => state.uptime)
    const pass = (ms: number, jump = 0) => {
      state.uptime += ms
      state.clock += ms + jump
      return guard.look(state.clock)
    }
    return { guard, pass, state }
  }

  test.each([
    ['+90 min', 90 * MINUTE, false],
    ['−90 min', -90 * MINUTE, false],
    ['+1 day', 24 * HOUR, false],
    ['+10 years', 87_600 * HOUR, false],
    ['+59 min, as a correction may be', 59 * MINUTE, true],
    ['−59 min', -59 * MINUTE, true],
    ['nothing', 0, true],
  ])('believes a clock that moved by %s: see the table', (_what, jump, isBelieved) => {
    const { pass } = guardAt()
    expect(pass(1000)).toBe(true)
    expect(pass(1000, jump)).toBe(isBelieved)
    expect(pass(1000)).toBe(isBelieved)
  })

  test('believes the clock again when it is back, also a while later', () => {
    const { guard, pass } = guardAt()
    pass(1000)
    expect(pass(1000, 90 * MINUTE)).toBe(false)
    expect(guard.moved).toBe(90 * MINUTE)
    expect(pass(35_000, -90 * MINUTE)).toBe(true)
    expect(guard.moved).toBe(0)
  })

  test('takes a machine that slept ten hours for one that slept, not for a jump', () => {
    const { pass } = guardAt()
    pass(1000)
    expect(pass(10 * HOUR)).toBe(true)
  })

  test('takes a clock that was confirmed for right from then on', () => {
    const { guard, pass, state } = guardAt()
    pass(1000)
    pass(1000, 5 * HOUR)
    guard.confirm(state.clock)
    expect(pass(1000)).toBe(true)
    expect(pass(1000, -5 * HOUR)).toBe(false)
  })

  test('follows any drift, and never believes a clock further than an hour from the last one it believed', () => {
    const step = fc.record({
      ms: fc.integer({ min: 0, max: 10 * HOUR }),
      jump: fc.oneof(fc.integer({ min: -MINUTE, max: MINUTE }), fc.integer({ min: -50 * HOUR, max: 50 * HOUR })),
    })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { pass, state } = guardAt()
        pass(0)
        let believed = state.clock - state.uptime
        for (const { ms, jump } of steps) {
          const isBelieved = pass(ms, jump)
          const offset = state.clock - state.uptime
          expect(isBelieved).toBe(Math.abs(offset - believed) <= MOST_MOVED_MS)
          if (isBelieved) believed = offset
        }
      }),
    )
  })
})

describe('a scheduler', () => {
  const everyMinute = makeDag(['a'], [], {
    timetable: { kind: 'cron', expression: '* * * * *', timezone: 'UTC', interval: false },
    catchup: true,
  })
  const runs = async (engine: TestEngine) => (await engine.query('select 1 from dag_run')).length
  const jobOf = (engine: TestEngine) =>
    insertJob(engine.database, {
      jobType: 'SchedulerJob',
      hostname: 'test',
      pid: 1,
      bootId: 'boot',
      pidStarted: null,
      info: {},
    })
  /** The uptime is ours to move: to the guard that is a jump of the clock, in the other direction. */
  const start = async (engine: TestEngine, machine: { uptime: number; released: number }) => {
    const jobId = await jobOf(engine)
    const hold = new ClockHold({
      database: engine.database,
      runCache: engine.runCache,
      log: quietLog,
      bootId: 'boot',
      uptimeMs: () => machine.uptime,
      onRelease: () => machine.released++,
    })
    await hold.start(jobId, await databaseNow(engine.database))
    const beat = async () => hold.observe(await databaseNow(engine.database))
    return { hold, beat, jobId }
  }
  const due = async (engine: TestEngine) => {
    await engine.addDag(everyMinute)
    await engine.query("update dag set is_paused = false, next_dagrun_create_after = now() - interval '1 second'")
  }

  test('creates no run while the clock is ahead by 90 minutes, says so, and goes on by the right date when it is back', async () => {
    const engine = await makeEngine()
    await due(engine)
    const machine = { uptime: 100 * HOUR, released: 0 }
    const { hold, beat } = await start(engine, machine)
    expect(hold.isHeld).toBe(false)
    machine.uptime -= 90 * MINUTE
    // Also between two heartbeats: the instant that makes a run due is looked at itself.
    expect(await createDueRuns(engine.database, engine.runCache, { trusts: (now) => hold.trusts(now) })).toBe(0)
    expect(await runs(engine)).toBe(0)
    await eventually('the hold to be noted', async () => {
      await beat()
      return (await findClockDoubt(engine.database)) !== null
    })
    expect(Math.round(((await findClockDoubt(engine.database)) ?? 0) / MINUTE)).toBe(90)
    // What a file that was read meanwhile made of the wrong clock.
    await engine.query("update dag set next_dagrun_create_after = now() + interval '90 minutes'")
    machine.uptime += 90 * MINUTE
    await eventually('the hold to end', async () => {
      await beat()
      return machine.released > 0
    })
    expect(await findClockDoubt(engine.database)).toBeNull()
    const [row] = await engine.query<{ seconds: number }>(
      'select extract(epoch from next_dagrun_create_after - now())::float8 as seconds from dag',
    )
    expect(row?.seconds).toBeLessThanOrEqual(60)
    await hold.stop()
  })

  test('that is started again on the same machine still holds, until somebody confirms the clock', async () => {
    const engine = await makeEngine()
    await due(engine)
    const machine = { uptime: 100 * HOUR, released: 0 }
    const first = await start(engine, machine)
    machine.uptime -= 5 * HOUR
    await eventually('the hold to be noted', async () => {
      await first.beat()
      return (await findClockDoubt(engine.database)) !== null
    })
    await first.hold.stop()
    await engine.query("update job set state = 'failed', end_date = now() where id = $1", [first.jobId])
    const second = await start(engine, machine)
    expect(second.hold.isHeld).toBe(true)
    await eventually('the hold to be noted', async () => {
      await second.beat()
      return (await findClockDoubt(engine.database)) !== null
    })
    expect(await confirmClock(engine.database)).toBe(1)
    await eventually('the hold to end', async () => {
      await second.beat()
      return machine.released > 0
    })
    expect(second.hold.isHeld).toBe(false)
    await second.hold.stop()
  })
})
