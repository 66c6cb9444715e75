// `why` of a run: what a queued one waits for, what a running one does, how an ended one ended.

import { markRun } from '../../../engine/control/mark.ts'
import { createBackfill, pauseBackfill } from '../../../engine/runs/backfill.ts'
import { useEngines } from '../../support/use-engine.ts'
import { actor, describeWhy, etl, FAILURE, ofRun, ofTask, type Situation, scheduled, two, type World } from './world.ts'

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
    /^Run r failed after .* at a: Failed on the last try: disk full$/,
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

describeWhy(useEngines(), 'run', RUNS)
