// `why` of a run that is not there, asked for by its time; and of a DAG, run or task that does not exist.

import { describe, expect, test } from 'vitest'
import { removeRun } from '../../../engine/runs/delete.ts'
import { explain, type WhyQuestion } from '../../../engine/why/why.ts'
import { useEngines } from '../../support/use-engine.ts'
import { AT_LEAST, actor, describeWhy, etl, type Situation, scheduled, two } from './world.ts'

const makeEngine = useEngines()

const MISSING: readonly Situation[] = [
  [
    'a time that is no date of the schedule',
    async (w) => {
      await w.engine.addDag(scheduled())
      return { run: Date.parse('2026-01-05T03:13:00+09:00') }
    },
    'no_date',
    /no date of etl's schedule; the nearest are .*02:00 KST and .*02:00 KST/,
  ],
  [
    'a time of a DAG without schedule',
    async (w) => {
      await w.engine.addDag(etl(['a']))
      return { run: two('2026-01-05') }
    },
    'no_schedule',
    /has no schedule/,
  ],
  [
    'a time before the start date',
    async (w) => {
      await w.engine.addDag(scheduled({ startDate: '2026-01-10T00:00:00.000Z' }))
      return { run: two('2026-01-05') }
    },
    'before_start',
    /before the DAG's startDate/,
  ],
  [
    'a time after the end date',
    async (w) => {
      await w.engine.addDag(scheduled({ endDate: '2026-01-01T00:00:00.000Z' }))
      return { run: two('2026-01-05') }
    },
    'after_end',
    /after the DAG's endDate/,
  ],
  [
    'a time to come',
    async (w) => {
      await w.engine.addDag(scheduled())
      return { run: two('2999-01-05') }
    },
    'in_future',
    /its time has not come/,
  ],
  [
    'a time before the DAG was there',
    async (w) => {
      await w.engine.addDag(scheduled())
      return { run: two('2026-01-05') }
    },
    'not_yet_there',
    /the DAG was first seen at .*, and catchup is off/,
  ],
  [
    'a time in a pause',
    async (w) => {
      await w.engine.addDag(scheduled())
      await w.sql("update dag set created_at = '2025-01-01'")
      for (const [event, at] of [
        ['dag.pause', '2026-01-05T01:50:00+09:00'],
        ['dag.unpause', '2026-01-05T03:10:00+09:00'],
      ])
        await w.sql(`insert into log (event, owner, dag_id, dttm) values ('${event}', 'admin', 'etl', '${at}')`)
      return { run: two('2026-01-05') }
    },
    'was_paused',
    /^No run at .*02:00 KST: the DAG was paused .*01:50 KST to .*03:10 KST by admin\.$/,
  ],
  [
    'a time while no scheduler ran',
    async (w) => {
      await w.engine.addDag(scheduled())
      await w.sql("update dag set created_at = '2025-01-01'")
      await w.sql(
        `insert into job (job_type, state, hostname, pid, boot_id, start_date, end_date, latest_heartbeat) values
         ('SchedulerJob', 'failed', 'h', 1, 'b', '2026-01-01', '2026-01-05T01:00:00+09:00', '2026-01-05T01:00:00+09:00')`,
      )
      await w.schedulerLives("'2026-01-05T04:00:00+09:00'")
      return { run: two('2026-01-05') }
    },
    'scheduler_was_away',
    /no scheduler ran from .*01:00 KST to .*04:00 KST; without catchup only the latest date/,
  ],
  [
    'a time at which the DAG was full',
    async (w) => {
      await w.engine.addDag(scheduled({ maxActiveRuns: 1 }))
      await w.sql("update dag set created_at = '2025-01-01'")
      await w.schedulerLives("'2026-01-01'")
      await w.engine.trigger('etl', { runId: 'long' })
      await w.sql("update dag_run set queued_at = '2026-01-04', start_date = '2026-01-04'")
      return { run: two('2026-01-05') }
    },
    'was_full',
    /1 of 1 runs were active then \(long\)/,
  ],
  [
    'a run that somebody has deleted',
    async (w) => {
      await w.engine.addDag(scheduled())
      await w.engine.trigger('etl', { runId: 'mine', logicalDate: two('2026-01-05') })
      await removeRun(w.engine, { dagId: 'etl', runId: 'mine' }, actor('lee'))
      return { run: two('2026-01-05') }
    },
    'deleted',
    /run mine was deleted by lee at /,
  ],
  [
    'a time that a run has: that run',
    async (w) => {
      await w.engine.addDag(scheduled())
      await w.engine.trigger('etl', { runId: 'mine', logicalDate: two('2026-01-05') })
      await w.schedulerLives()
      return { run: two('2026-01-05') }
    },
    'starting',
    /^.+ is held by mine: it was triggered by \S+\. Run mine waits to start: the scheduler starts it now\.$/,
  ],
]

describeWhy(makeEngine, 'missing run', MISSING)

describe('why', () => {
  test('knows at least forty situations, and names what is not there', async () => {
    expect(Object.values(AT_LEAST).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(40)
    const engine = await makeEngine()
    await engine.addDag(etl(['a']))
    const ask = (question: Partial<WhyQuestion>) =>
      explain(engine.database, engine.runCache, { dagId: 'etl', run: null, taskId: null, mapIndex: null, ...question })
    await expect(ask({ dagId: 'nope' })).rejects.toThrow('there is no DAG nope')
    await expect(ask({ run: 'nope' })).rejects.toThrow('DAG etl has no run nope')
    await expect(ask({ taskId: 'a' })).rejects.toThrow('DAG etl has no run yet')
    await engine.trigger('etl', { runId: 'r' })
    await expect(ask({ run: 'r', taskId: 'b' })).rejects.toThrow('run r of etl (version 1) has no task b')
  })
})
