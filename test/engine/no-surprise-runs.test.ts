// Which runs come to be is told before they do: for every case the plan says exactly what the scheduler then makes.

import { describe, expect, test } from 'vitest'
import type { SerializedDag } from '../../core/serialized.ts'
import type { TimetableSpec } from '../../core/timetables/timetable.ts'
import { pauseDag } from '../../engine/dags/pause.ts'
import { planDag } from '../../engine/dags/preview-schedule.ts'
import { createDueRuns } from '../../engine/runs/create.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { TEST_ACTOR, type TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const HOUR = 3_600_000
const HALF_HOUR = HOUR / 2
/** The last due date, half an hour ago, as is the next one ahead: no run falls due between a plan and its making. */
const LAST_DUE = Math.floor((Date.now() - HALF_HOUR) / 60_000) * 60_000
const MINUTE = new Date(LAST_DUE).getUTCMinutes()
const HOURLY = `${MINUTE} * * * *`
const hoursAgo = (n: number) => LAST_DUE - n * HOUR
const iso = (instant: number) => new Date(instant).toISOString()

const cron = (expression: string, timezone = 'UTC', interval = false): TimetableSpec => ({
  kind: 'cron',
  expression,
  timezone,
  interval,
})
const dagOf = (timetable: TimetableSpec, changes: Partial<SerializedDag> = {}) =>
  makeDag(['a'], [], { dagId: 'planned', timetable, maxActiveRuns: 1000, ...changes })

async function createAll(engine: TestEngine): Promise<void> {
  const runCache = new RunCache()
  for (let pass = 0; (await createDueRuns(engine.database, runCache)) > 0; pass++)
    if (pass > 100) throw new Error('run creation does not come to an end')
}

const datesOf = async (engine: TestEngine, type = 'scheduled') =>
  (
    await engine.query<{ at: number }>('select logical_date as at from dag_run where run_type = $1 order by 1', [type])
  ).map((row) => row.at)

/** What the plan tells, what is then made beyond what was there, and what the plan tells after that. */
async function planAndMake(engine: TestEngine) {
  const before = await datesOf(engine)
  const plan = await planDag(engine.database, new RunCache(), 'planned', 1000)
  await createAll(engine)
  const made = (await datesOf(engine)).filter((date) => !before.includes(date))
  const after = await planDag(engine.database, new RunCache(), 'planned', 3)
  return { plan, planned: plan.due.map((run) => run.logicalDate), made, after }
}

/** Age of what the DAG has already run, if anything. */
interface Case {
  readonly title: string
  readonly dag: SerializedDag
  readonly before?: (engine: TestEngine) => Promise<void>
  readonly dueCount: number
  readonly sentence: RegExp
}

const START_10 = { startDate: iso(hoursAgo(10)) }
const CASES: readonly Case[] = [
  {
    title: 'catchup makes every date since the start',
    dag: dagOf(cron(HOURLY), { ...START_10, catchup: true }),
    dueCount: 11,
    sentence:
      /^11 runs are made, the oldest first, at most 1000 at a time, from the one for .* to the one for .*; the next one is due/,
  },
  {
    title: 'no catchup makes the latest date alone',
    dag: dagOf(cron(HOURLY), START_10),
    dueCount: 1,
    sentence: /^1 run is made at once, for .*; the next one is due .* Times are UTC\.$/,
  },
  {
    title: 'no catchup with intervals makes the last complete one',
    dag: dagOf(cron(HOURLY, 'Asia/Seoul', true), START_10),
    dueCount: 1,
    sentence: /^1 run is made at once, for .* to .*; the next one is due .* Times are UTC\.$/,
  },
  {
    title: 'a start date in the future makes nothing yet',
    dag: dagOf(cron(HOURLY), { startDate: iso(hoursAgo(-5)) }),
    dueCount: 0,
    sentence: /^No run is due; the next one is due/,
  },
  {
    title: 'an end date that has passed leaves nothing to come',
    dag: dagOf(cron(HOURLY), { ...START_10, endDate: iso(hoursAgo(5)), catchup: true }),
    dueCount: 6,
    sentence: /^6 runs are made.*; no run follows\./,
  },
  {
    title: 'a fixed span counts from the start date',
    dag: dagOf({ kind: 'delta', everyMs: 3 * HOUR, interval: true }, { ...START_10, catchup: true }),
    dueCount: 3,
    sentence: /^3 runs are made/,
  },
  { title: '@once makes one run', dag: dagOf({ kind: 'once' }, START_10), dueCount: 1, sentence: /no run follows/ },
  {
    title: 'no schedule makes nothing',
    dag: dagOf({ kind: 'none' }),
    dueCount: 0,
    sentence: /^It has no schedule: it runs when it is triggered\.$/,
  },
  {
    title: 'dates that users have run by hand are passed over',
    dag: dagOf(cron(HOURLY), { ...START_10, catchup: true }),
    async before(engine) {
      await engine.trigger('planned', { logicalDate: hoursAgo(3) })
      await engine.trigger('planned', { logicalDate: hoursAgo(7) })
    },
    dueCount: 9,
    sentence: /^9 runs are made/,
  },
]

describe('the plan of a DAG', () => {
  test.each(CASES.map((one) => [one.title, one] as const))('%s', async (_, one) => {
    const engine = await makeEngine()
    await engine.addDag(one.dag)
    await one.before?.(engine)
    const { plan, planned, made, after } = await planAndMake(engine)
    expect(made).toEqual(planned)
    expect(plan.dueCount).toBe(one.dueCount)
    expect(plan.sentence).toMatch(one.sentence)
    expect(after.due, 'nothing is due once it was made').toEqual([])
    expect(after.upcoming[0], 'what was to come still is').toEqual(plan.upcoming[0])
  })

  test('of a paused DAG is what unpausing makes: after a long pause the latest date, or with catchup all of them', async () => {
    for (const [catchup, missed] of [
      [false, 1],
      [true, 6],
    ] as const) {
      const engine = await makeEngine()
      await engine.addDag(dagOf(cron(HOURLY), { ...START_10, catchup }))
      await createAll(engine)
      // As if it had been paused for six hours.
      await engine.query('delete from dag_run where logical_date > $1', [iso(hoursAgo(6))])
      await pauseDag(engine, { dagId: 'planned', isPaused: true }, TEST_ACTOR)
      if (!catchup)
        await engine.query(
          `insert into dag_run (dag_id, run_id, run_type, state, logical_date, data_interval_start, data_interval_end, run_after)
           values ('planned', 'old', 'scheduled', 'queued', $1, $1, $1, $1)`,
          [iso(hoursAgo(6))],
        )
      await createAll(engine)
      const paused = await planDag(engine.database, new RunCache(), 'planned', 100)
      expect(paused).toMatchObject({ isPaused: true, dueCount: missed })
      await pauseDag(engine, { dagId: 'planned', isPaused: false }, TEST_ACTOR)
      expect((await planAndMake(engine)).made).toEqual(paused.due.map((run) => run.logicalDate))
    }
  })

  test('after the schedule was edited goes on from the last run, and makes no date twice', async () => {
    const engine = await makeEngine()
    await engine.addDag(dagOf(cron(HOURLY), { ...START_10, catchup: true }))
    await createAll(engine)
    const old = await datesOf(engine)
    await engine.addDag(dagOf(cron('*/30 * * * *'), { ...START_10, catchup: true }), { moduleCode: '// edited' })
    const { planned, made } = await planAndMake(engine)
    expect(made).toEqual(planned)
    expect(made.every((date) => !old.includes(date) && date > Math.max(...old))).toBe(true)
  })

  test('after the zone was edited goes on from the last run, and makes no date twice', async () => {
    const engine = await makeEngine()
    await engine.addDag(dagOf(cron('30 6 * * *', 'UTC', true), { startDate: iso(hoursAgo(24 * 5)), catchup: true }))
    await createAll(engine)
    const old = await datesOf(engine)
    const moved = dagOf(cron('30 6 * * *', 'Asia/Seoul', true), { startDate: iso(hoursAgo(24 * 5)), catchup: true })
    await engine.addDag(moved, { moduleCode: '// moved' })
    const { planned, made } = await planAndMake(engine)
    expect(made).toEqual(planned)
    expect(new Set([...old, ...made]).size).toBe(old.length + made.length)
  })

  test('of an unknown DAG says so', async () => {
    const engine = await makeEngine()
    await expect(planDag(engine.database, engine.runCache, 'nope', 1)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
