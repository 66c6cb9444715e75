// `why` of a DAG: whether it makes runs, when the next, and what prevents it.

import { pauseDag } from '../../../engine/dags/pause.ts'
import { recordImportError } from '../../../engine/dags/sync.ts'
import { insertAudit } from '../../../store/postgres/audit.ts'
import { useEngines } from '../../support/use-engine.ts'
import { actor, daily, describeWhy, etl, hourly, type Situation, scheduled } from './world.ts'

/** Half a day away at any time: for hours after its date a daily schedule makes the run of a new DAG at once. */
const inHalfADay = () => {
  const hour = (new Date().getUTCHours() + 9 + 12) % 24
  return scheduled({ timetable: { ...daily, expression: `0 ${hour} * * *` } })
}

const DAGS: readonly Situation[] = [
  [
    'a paused DAG, by whom and since when',
    async (w) => {
      await w.engine.addDag(scheduled())
      await w.pause(true, 'kim')
      return undefined
    },
    'paused',
    /^etl makes no runs: it is paused since [\d:]+ KST by kim\. `dagctl dags unpause etl` lets it go on\.$/,
  ],
  [
    'a DAG paused because it failed again and again',
    async (w) => {
      await w.engine.addDag(scheduled())
      await pauseDag(w.engine, { dagId: 'etl', isPaused: true }, actor('admin'))
      await insertAudit(w.engine.database, {
        event: 'paused_after_failures',
        owner: 'scheduler',
        dagId: 'etl',
        extra: 'its last 3 runs failed (maxConsecutiveFailedDagRuns)',
      })
      return undefined
    },
    'paused',
    /by scheduler: its last 3 runs failed/,
  ],
  [
    'a DAG whose file is gone',
    async (w) => {
      await w.engine.addDag(scheduled())
      await w.sql('update dag set is_stale = true')
      return undefined
    },
    'stale',
    /no file declares it any more \(it was in etl\.ts\)/,
  ],
  [
    'a DAG without schedule',
    async (w) => {
      await w.engine.addDag(etl(['a']))
      return undefined
    },
    'no_schedule',
    /has no schedule: it runs when it is triggered/,
  ],
  [
    'no scheduler',
    async (w) => {
      await w.engine.addDag(scheduled())
      return undefined
    },
    'no_scheduler',
    /no scheduler is running\. Start one with `dagctl scheduler`/,
  ],
  [
    'a file that cannot be read, while the last good version runs on',
    async (w) => {
      await w.engine.addDag(inHalfADay())
      await w.schedulerLives()
      await recordImportError(w.engine.database, 'etl.ts', 'etl.ts:3:1 cron is not a function', {})
      return undefined
    },
    'import_error',
    /makes its next run .* cannot be read \(etl\.ts:3:1 cron is not a function\): its last good version runs on/,
  ],
  [
    'the next run, and when',
    async (w) => {
      await w.engine.addDag(inHalfADay())
      await w.schedulerLives()
      return undefined
    },
    'next_run',
    /^etl makes its next run .*:00.* KST \(in .+\)\.$/,
  ],
  [
    'the next run of an interval, and which',
    async (w) => {
      await w.engine.addDag(etl(['a'], [], { timetable: hourly }))
      await w.schedulerLives()
      await w.scheduler.pass()
      return undefined
    },
    'next_run',
    /for the interval from .* KST\.$/,
  ],
  [
    'a start date ahead',
    async (w) => {
      await w.engine.addDag(scheduled({ startDate: '2999-01-01T00:00:00.000Z' }))
      await w.schedulerLives()
      return undefined
    },
    'starts_later',
    /makes its first run .*2999.*: its startDate is .*2999/,
  ],
  [
    'a schedule that is over',
    async (w) => {
      await w.engine.addDag(scheduled({ endDate: '2020-01-01T00:00:00.000Z', startDate: '2019-12-01T00:00:00.000Z' }))
      await w.schedulerLives()
      await w.scheduler.pass()
      return undefined
    },
    'schedule_over',
    /makes no more runs: its schedule has no date left/,
  ],
  [
    'a due run that waits for others to end',
    async (w) => {
      await w.engine.addDag(scheduled({ maxActiveRuns: 1, startDate: '2026-01-01T00:00:00.000Z', catchup: true }))
      await w.schedulerLives()
      await w.scheduler.pass()
      return undefined
    },
    'waits_for_max_active_runs',
    /next run waits: 1 of 1 runs are active \(scheduled__2026-01-01/,
  ],
]

describeWhy(useEngines(), 'dag', DAGS)
