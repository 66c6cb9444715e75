// `why` of a task that has ended: its state, and what or who brought it there.

import { mark } from '../../../engine/control/mark.ts'
import { makeTask } from '../../support/make-dag.ts'
import { useEngines } from '../../support/use-engine.ts'
import { actor, describeWhy, etl, FAILURE, mapped, ofTask, type Situation } from './world.ts'

const ENDED: readonly Situation[] = [
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
    /^a: Failed on the last try: disk full$/,
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
    /Skipped by branch choose/,
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
    /^each\[1\]: Failed on the last try: disk full$/,
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
]

describeWhy(useEngines(), 'ended task', ENDED)
