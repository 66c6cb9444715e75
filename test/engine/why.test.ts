// `why`: every situation in which somebody asks, and the one sentence that is told. The list is the test.

import { describe, expect, test } from 'vitest'
import type { SerializedDag } from '../../core/serialized.ts'
import type { Outcome } from '../../core/settle.ts'
import { clear } from '../../engine/control/clear.ts'
import { mark, markRun } from '../../engine/control/mark.ts'
import { pauseDag } from '../../engine/dags/pause.ts'
import { recordImportError } from '../../engine/dags/sync.ts'
import { createBackfill, pauseBackfill } from '../../engine/runs/backfill.ts'
import { removeRun } from '../../engine/runs/delete.ts'
import { explain, type WhyQuestion } from '../../engine/why/why.ts'
import { insertAudit } from '../../store/postgres/audit.ts'
import type { TestEngine, TestScheduler, TestWorker } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const FAILURE: Outcome = { kind: 'failure', message: 'disk full', isRetryable: true }
const daily = { kind: 'cron', expression: '0 2 * * *', timezone: 'Asia/Seoul', interval: false } as const
const hourly = { kind: 'cron', expression: '0 * * * *', timezone: 'Asia/Seoul', interval: true } as const

class World {
  readonly engine: TestEngine
  readonly scheduler: TestScheduler
  readonly worker: TestWorker
  constructor(engine: TestEngine, scheduler: TestScheduler, worker: TestWorker) {
    this.engine = engine
    this.scheduler = scheduler
    this.worker = worker
  }
  get deps() {
    return { database: this.engine.database, runCache: this.engine.runCache, transactions: this.scheduler.transactions }
  }
  /** A DAG `etl` with a run `r` that has been looked at. */
  async run(dag: SerializedDag): Promise<number> {
    await this.engine.addDag(dag)
    const id = await this.engine.trigger('etl', { runId: 'r' })
    await this.scheduler.pass()
    return id
  }
  async pause(isPaused = true, owner = 'admin'): Promise<void> {
    await pauseDag(this.engine, { dagId: 'etl', isPaused }, actor(owner))
  }
  /** A scheduler that lives, as its job row tells. */
  async schedulerLives(from = "now() - interval '30 days'"): Promise<void> {
    await this.sql(
      `insert into job (job_type, state, hostname, pid, boot_id, start_date, latest_heartbeat) values ('SchedulerJob', 'running', 'h', 1, 'b', ${from}, now())`,
    )
  }
  sql(text: string) {
    return this.engine.query(text)
  }
  /** Every task of run `r`. */
  async clear(): Promise<void> {
    const tasks = { tasks: null, upstream: false, downstream: false }
    const filter = { onlyFailed: false, onlyRunning: false }
    const runs = { kind: 'run', runId: 'r', past: false, future: false } as const
    const flags = { resetsRuns: true, onLatestVersion: false, refusesRunning: false }
    const request = { dagId: 'etl', runs, tasks, filter, ...flags }
    await clear(this.deps, request, actor('kim'))
  }
  async end(taskId: string, outcome: Outcome): Promise<void> {
    await this.worker.claim()
    await this.worker.end([this.worker.find(taskId)], () => outcome)
  }
}

const actor = (name: string) => ({ name, via: 'cli' as const })
const etl = (
  tasks: Parameters<typeof makeDag>[0],
  edges: Parameters<typeof makeDag>[1] = [],
  more: Parameters<typeof makeDag>[2] = {},
) => makeDag(tasks, edges, { dagId: 'etl', timezone: 'Asia/Seoul', ...more })
const scheduled = (more: Parameters<typeof makeDag>[2] = {}) => etl(['a'], [], { timetable: daily, ...more })
const mapped = (over: readonly number[]) =>
  makeTask('each', {
    mapping: { kind: 'product', over: [{ name: 'n', kind: 'literal', value: [...over] }], fill: null },
  })
/** Half a day away at any time: for hours after its date a daily schedule makes the run of a new DAG at once. */
const inHalfADay = () => {
  const hour = (new Date().getUTCHours() + 9 + 12) % 24
  return scheduled({ timetable: { ...daily, expression: `0 ${hour} * * *` } })
}
/** 2 o'clock in Seoul of a day. */
const two = (day: string) => Date.parse(`${day}T02:00:00+09:00`)

type Situation = readonly [
  name: string,
  arrange: (world: World) => Promise<Partial<WhyQuestion> | undefined>,
  code: string,
  sentence: RegExp,
]
const ofTask = (taskId: string, more: Partial<WhyQuestion> = {}): Partial<WhyQuestion> => ({
  run: 'r',
  taskId,
  ...more,
})
const ofRun: Partial<WhyQuestion> = { run: 'r' }

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

const RUNS: readonly Situation[] = [
  [
    'a queued run of a paused DAG',
    async (w) => {
      await w.engine.addDag(etl(['a']))
      await w.pause()
      await w.engine.trigger('etl', { runId: 'r' })
      return ofRun
    },
    'paused',
    /waits to start: etl is paused/,
  ],
  [
    'a task of a run that was cleared and cannot start, since its DAG is paused',
    async (w) => {
      await w.run(etl(['a']))
      await w.end('a', FAILURE)
      await w.pause()
      await w.clear()
      return ofTask('a')
    },
    'paused',
    /^a: Run r waits to start: etl is paused/,
  ],
  [
    'a queued run whose time has not come',
    async (w) => {
      await w.engine.addDag(etl(['a']))
      await w.engine.trigger('etl', { runId: 'r', runAfter: Date.parse('2999-01-01T00:00:00Z') })
      return ofRun
    },
    'later',
    /it may start at .*2999/,
  ],
  [
    'a queued run behind others',
    async (w) => {
      await w.engine.addDag(etl(['a'], [], { maxActiveRuns: 1 }))
      await w.schedulerLives()
      await w.engine.trigger('etl', { runId: 'first' })
      await w.engine.trigger('etl', { runId: 'r' })
      await w.scheduler.pass()
      return ofRun
    },
    'max_active_runs',
    /1 of 1 runs of etl are running \(first\)/,
  ],
  [
    'a queued run without scheduler',
    async (w) => {
      await w.engine.addDag(etl(['a']))
      await w.engine.trigger('etl', { runId: 'r' })
      return ofRun
    },
    'no_scheduler',
    /no scheduler is running/,
  ],
  [
    'a queued run of a paused backfill',
    async (w) => {
      const id = await backfill(w)
      await pauseBackfill(w.engine, { id, isPaused: true }, actor('kim'))
      return { run: 'backfill__2026-01-04T17:00:00+00:00' }
    },
    'backfill_paused',
    /its backfill \d+ is paused/,
  ],
  [
    'a queued run of a backfill that is full',
    async (w) => {
      await backfill(w)
      await w.scheduler.pass()
      return { run: 'backfill__2026-01-05T17:00:00+00:00' }
    },
    'backfill_full',
    /1 of 1 runs of its backfill \d+ are running/,
  ],
  [
    'a running run: what is at work and what waits',
    async (w) => {
      await w.run(etl(['a', 'b', 'c'], [['a', 'c']]))
      await w.worker.claim()
      return ofRun
    },
    'running',
    /^Run r runs since [\d:]+ KST: running: a and b; 1 task waits for others\.$/,
  ],
  [
    'a failed run: where and why',
    async (w) => {
      await w.run(etl(['a', 'b'], [['a', 'b']]))
      await w.worker.drain(() => FAILURE)
      return ofRun
    },
    'failed',
    /^Run r failed after .* at a: Failed, no try left: disk full$/,
  ],
  [
    'a run that took too long',
    async (w) => {
      await w.run(etl(['a'], [], { dagrunTimeout: 60 }))
      await w.sql('update dag_run set timeout_at = now()')
      await w.scheduler.pass()
      return ofRun
    },
    'run_timed_out',
    /its run took longer than 60 s/,
  ],
  [
    'a run that a person has set',
    async (w) => {
      await w.run(etl(['a']))
      await markRun(w.deps, { dagId: 'etl', runId: 'r', to: 'failed' }, actor('kim'))
      return ofRun
    },
    'run_marked',
    /is failed: Ended because kim set its run to failed/,
  ],
  [
    'a run that succeeded, and what it left out',
    async (w) => {
      await w.run(etl(['a', 'b'], [['a', 'b']]))
      await w.worker.drain(() => ({ kind: 'skip', message: 'nothing new' }))
      return ofRun
    },
    'success',
    /^Run r succeeded after .*; skipped: a and b\.$/,
  ],
]

async function backfill(w: World): Promise<number> {
  await w.engine.addDag(scheduled())
  await w.schedulerLives()
  return createBackfill(
    w.deps,
    {
      dagId: 'etl',
      from: two('2026-01-05'),
      to: two('2026-01-07'),
      isReverse: false,
      reprocess: 'none',
      conf: null,
      maxActiveRuns: 1,
      onLatestVersion: true,
    },
    actor('kim'),
  )
}

const pooled = (id: string, more: object = {}) => makeTask(id, { pool: 'upbit', ...more })

const TASKS: readonly Situation[] = [
  [
    'a task behind others',
    async (w) => {
      await w.run(etl(['fetch', 'clean'], [['fetch', 'clean']]))
      await w.worker.claim()
      return ofTask('clean')
    },
    'waits_for_upstream',
    /^clean: Waits for fetch, which is running\.$/,
  ],
  [
    'a task behind others with a rule of its own',
    async (w) => {
      await w.run(
        etl(
          ['x', 'y', makeTask('clean', { triggerRule: 'all_done' })],
          [
            ['x', 'clean'],
            ['y', 'clean'],
          ],
        ),
      )
      await w.worker.claim()
      await w.worker.end([w.worker.find('x')])
      return ofTask('clean')
    },
    'waits_for_upstream',
    /^clean: Waits for y, which is running \(trigger rule all_done\)\.$/,
  ],
  [
    'a task that waits for its own past',
    async (w) => {
      await w.engine.addDag(scheduled({ tasks: [makeTask('a', { dependsOnPast: true })] }))
      await w.engine.trigger('etl', { runId: 'before', logicalDate: two('2026-01-04') })
      await w.engine.trigger('etl', { runId: 'r', logicalDate: two('2026-01-05') })
      await w.scheduler.pass()
      await w.worker.claim()
      return ofTask('a')
    },
    'waits_for_past',
    /^a: Waits for a of the run before, before, which is running \(dependsOnPast\)\.$/,
  ],
  [
    'a task that waits for what follows its past',
    async (w) => {
      const tasks = [makeTask('a', { waitForDownstream: true, dependsOnPast: true }), makeTask('b')]
      await w.engine.addDag(scheduled({ tasks, edges: [['a', 'b']] }))
      await w.engine.trigger('etl', { runId: 'before', logicalDate: two('2026-01-04') })
      await w.engine.trigger('etl', { runId: 'r', logicalDate: two('2026-01-05') })
      await w.scheduler.pass()
      await w.worker.claim()
      await w.worker.end([w.worker.find('a')])
      return ofTask('a')
    },
    'waits_for_past_downstream',
    /^a: Waits for what follows a in the run before, before \(waitForDownstream\)\.$/,
  ],
  [
    'a pool that is full, and who holds it',
    async (w) => {
      await w.engine.makePool('upbit', 1)
      await w.run(etl([pooled('one', { priorityWeight: 9 }), pooled('two')]))
      await w.worker.claim()
      return ofTask('two')
    },
    'waits_for_pool',
    /^two: Waits for a slot in pool upbit, 1 of 1 in use, held by etl\.one of run r\.$/,
  ],
  [
    'a pool that is not there',
    async (w) => {
      await w.run(etl([pooled('one')]))
      return ofTask('one')
    },
    'pool_missing',
    /^one: Waits for pool upbit, which does not exist\.$/,
  ],
  [
    'a pool that is too small',
    async (w) => {
      await w.engine.makePool('upbit', 1)
      await w.run(etl([pooled('one', { poolSlots: 2 })]))
      return ofTask('one')
    },
    'pool_too_small',
    /Can never start: needs 2 slots, pool upbit has 1/,
  ],
  [
    'a task of a DAG that was paused meanwhile',
    async (w) => {
      await w.run(etl(['a', 'b'], [['a', 'b']]))
      await w.worker.claim()
      await w.pause()
      await w.worker.end([w.worker.find('a')])
      return ofTask('b')
    },
    'waits_while_paused',
    /^b: Waits: its DAG is paused\.$/,
  ],
  [
    'a run that has as many active tasks as it may',
    async (w) => {
      await w.run(etl([makeTask('a', { priorityWeight: 9 }), 'b'], [], { maxActiveTasks: 1 }))
      return ofTask('b')
    },
    'ready',
    /^b: Ready: waits for room in its own run \(maxActiveTasks\)\.$/,
  ],
  [
    'a task with a limit of its own',
    async (w) => {
      await w.engine.addDag(etl([makeTask('a', { maxActiveTisPerDag: 1 })]))
      await w.engine.trigger('etl', { runId: 'first' })
      await w.scheduler.pass()
      await w.engine.trigger('etl', { runId: 'r' })
      await w.scheduler.pass()
      return ofTask('a')
    },
    'waits_for_task_limit',
    /^a: Waits: 1 of 1 instances of a are active in all runs, held by etl\.a of run first\.$/,
  ],
  [
    'a task that has a slot and no worker takes its queue',
    async (w) => {
      await w.run(etl([makeTask('a', { queue: 'gpu' })]))
      await w.sql(`update job set info = '{"queues": ["default"], "concurrency": 8}' where job_type = 'WorkerJob'`)
      return ofTask('a')
    },
    'no_worker_for_queue',
    /a worker that takes queue gpu: none of the 1 running ones does\. Start one with `dagctl worker --queues gpu`/,
  ],
  [
    'a task that has a slot and there is no worker',
    async (w) => {
      await w.run(etl(['a']))
      await w.worker.die()
      return ofTask('a')
    },
    'no_worker',
    /Waits for a worker, and none is running/,
  ],
  [
    'a task that has a slot and all workers are busy',
    async (w) => {
      await w.run(etl([makeTask('a', { priorityWeight: 9 }), 'b']))
      await w.sql(`update job set info = '{"concurrency": 1}' where job_type = 'WorkerJob'`)
      await w.worker.transactions.run({ runs: [], slots: w.worker.slots(1), act: () => undefined })
      return ofTask('b')
    },
    'workers_busy',
    /^b: Waits for a worker: all 1 slots of 1 worker are in use\.$/,
  ],
  [
    'a task that runs',
    async (w) => {
      await w.run(etl([makeTask('a', { retries: 2 })]))
      await w.worker.claim()
      return ofTask('a')
    },
    'running',
    /^a: Runs since [\d:]+ KST on host-\d+, try 1 of 3\.$/,
  ],
  [
    'a task that waits for its retry, and what it failed with',
    async (w) => {
      await w.run(etl([makeTask('a', { retries: 1, retryDelay: 600 })]))
      await w.end('a', FAILURE)
      return ofTask('a')
    },
    'up_for_retry',
    /^a: Tries again in 1?\d min.*, at [\d:]+ KST \(try 2 of 2\)\. Failed, 1 try left: disk full$/,
  ],
  [
    'a sensor that gave its slot back',
    async (w) => {
      await w.run(etl([makeTask('a', { options: { timeout: 3600 } })]))
      await w.end('a', { kind: 'reschedule', afterMs: 60_000 })
      return ofTask('a')
    },
    'up_for_reschedule',
    /^a: Looks again in .*It has looked once since .* and gives up at /,
  ],
  [
    'a task that waits for a time',
    async (w) => {
      await w.run(etl(['a']))
      await w.end('a', {
        kind: 'defer',
        wait: { kind: 'time', at: Date.parse('2999-01-01T00:00:00Z') },
        timeoutMs: null,
      })
      return ofTask('a')
    },
    'deferred',
    /Waits without a slot since .*, until .*2999/,
  ],
  [
    'a task that waits for a trigger that nobody has taken',
    async (w) => {
      await w.run(etl(['a']))
      const wait = { kind: 'trigger', name: 'FileTrigger', args: { path: '/x', password: 'hush' } } as const
      await w.end('a', { kind: 'defer', wait, timeoutMs: null })
      return ofTask('a')
    },
    'deferred',
    /for the trigger FileTrigger with path=\/x, password=\*\*\*\. No triggerer has taken it yet\.$/,
  ],
  [
    'a task that was cleared while it runs',
    async (w) => {
      await w.run(etl(['a']))
      await w.worker.claim()
      await w.clear()
      return ofTask('a')
    },
    'restarting',
    /Was cleared while it ran: its attempt is being ended/,
  ],
  [
    'a task that a person has set',
    async (w) => {
      await w.run(etl(['a', 'b']))
      const flags = { upstream: false, downstream: false, past: false, future: false }
      const place = { dagId: 'etl', runId: 'r', taskId: 'a', mapIndex: null }
      await mark(w.deps, { ...place, to: 'success', ...flags }, actor('kim'))
      return ofTask('a')
    },
    'marked',
    /^a: Set by kim\.$/,
  ],
  [
    'a task that succeeded',
    async (w) => {
      await w.run(etl(['a']))
      await w.worker.drain()
      return ofTask('a')
    },
    'succeeded',
    /^a: Ended with success at [\d:]+ KST, at try 1 of 1\.$/,
  ],
  [
    'a task that failed',
    async (w) => {
      await w.run(etl(['a']))
      await w.worker.drain(() => FAILURE)
      return ofTask('a')
    },
    'failed',
    /^a: Failed, no try left: disk full$/,
  ],
  [
    'a task that failed for good',
    async (w) => {
      await w.run(etl([makeTask('a', { retries: 3 })]))
      await w.worker.drain(() => ({ kind: 'failure', message: 'no such market', isRetryable: false }))
      return ofTask('a')
    },
    'failed_for_good',
    /Failed, and asked for no retry: no such market/,
  ],
  [
    'a task that took too long',
    async (w) => {
      await w.run(etl(['a']))
      await w.end('a', { kind: 'timeout', seconds: 30 })
      return ofTask('a')
    },
    'timed_out',
    /Took longer than its limit of 30 s/,
  ],
  [
    'a task whose worker died',
    async (w) => {
      await w.run(etl(['a']))
      await w.worker.claim()
      await w.worker.die()
      await w.scheduler.sweep()
      return ofTask('a')
    },
    'lost',
    /Its worker .* died, no try left/,
  ],
  [
    'a task before which something failed',
    async (w) => {
      await w.run(etl(['a', 'b'], [['a', 'b']]))
      await w.worker.drain(() => FAILURE)
      return ofTask('b')
    },
    'rule_impossible',
    /^b: Did not start, since its trigger rule all_success can no longer be met: a is failed\.$/,
  ],
  [
    'a task before which something was skipped',
    async (w) => {
      await w.run(etl(['a', 'b'], [['a', 'b']]))
      await w.worker.drain(() => ({ kind: 'skip', message: null }))
      return ofTask('b')
    },
    'rule_impossible',
    /^b: Was skipped, since its trigger rule all_success can no longer be met: a is skipped\.$/,
  ],
  [
    'a task that skipped itself',
    async (w) => {
      await w.run(etl(['a']))
      await w.worker.drain(() => ({ kind: 'skip', message: 'a holiday' }))
      return ofTask('a')
    },
    'skipped_itself',
    /Skipped itself: a holiday/,
  ],
  [
    'a task that a branch left out',
    async (w) => {
      await w.run(etl([makeTask('choose', { skips: true }), 'left'], [['choose', 'left']]))
      await w.worker.drain(() => ({ kind: 'success', skips: ['left'] }))
      return ofTask('left')
    },
    'skipped_by',
    /Skipped: choose chose another way/,
  ],
  [
    'a mapped task with nothing to map over',
    async (w) => {
      await w.run(etl([mapped([])]))
      await w.scheduler.sweep()
      return ofTask('each')
    },
    'map_empty',
    /there is nothing to map over/,
  ],
  [
    'a mapped task: of its instances the one that failed',
    async (w) => {
      await w.run(etl([mapped([1, 2, 3])]))
      await w.worker.drain(({ mapIndex }) => (mapIndex === 1 ? FAILURE : { kind: 'success' }))
      return ofTask('each')
    },
    'failed',
    /^each\[1\]: Failed, no try left: disk full$/,
  ],
  [
    'an instance of a mapped task by its index',
    async (w) => {
      await w.run(etl([mapped([1, 2, 3])]))
      await w.worker.drain(({ mapIndex }) => (mapIndex === 1 ? FAILURE : { kind: 'success' }))
      return ofTask('each', { mapIndex: 2 })
    },
    'succeeded',
    /^each\[2\]: Ended with success/,
  ],
  [
    'a task ended by a DAG that fails fast',
    async (w) => {
      await w.run(etl(['a', 'b'], [], { failFast: true }))
      await w.worker.claim()
      await w.worker.end([w.worker.find('a')], () => FAILURE)
      return ofTask('b')
    },
    'stopped_by_fail_fast',
    /Ended because a failed and the DAG fails fast/,
  ],
  [
    'a task that has no part in a run of that date',
    async (w) => {
      const tasks = [makeTask('a'), makeTask('late', { startDate: '2027-01-01T00:00:00.000Z' })]
      await w.engine.addDag(scheduled({ tasks }))
      await w.engine.trigger('etl', { runId: 'r', logicalDate: two('2026-01-05') })
      return ofTask('late')
    },
    'no_instance',
    /late has no part in run r: the run's date is outside/,
  ],
]

describe('why', () => {
  test.each([...DAGS, ...MISSING, ...RUNS, ...TASKS])('tells %s', async (_name, arrange, code, sentence) => {
    const engine = await makeEngine()
    const world = new World(engine, engine.makeScheduler(), await engine.makeWorker())
    const question = await arrange(world)
    const asked = { dagId: 'etl', run: null, taskId: null, mapIndex: null, ...question }
    const answer = await explain(engine.database, engine.runCache, asked)
    expect([answer.code, answer.sentence]).toEqual([code, expect.stringMatching(sentence)])
  })

  test('knows at least forty situations, and names what is not there', async () => {
    expect(DAGS.length + MISSING.length + RUNS.length + TASKS.length).toBeGreaterThanOrEqual(40)
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
