// `why` of a task that has not ended: what it waits for, or how it runs.

import { makeTask } from '../../support/make-dag.ts'
import { useEngines } from '../../support/use-engine.ts'
import { describeWhy, etl, FAILURE, ofTask, type Situation, scheduled, two } from './world.ts'

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
    'a rescheduled sensor',
    async (w) => {
      await w.run(etl([makeTask('a', { options: { timeout: 3600 } })]))
      await w.end('a', { kind: 'reschedule', afterMs: 60_000 })
      return ofTask('a')
    },
    'up_for_reschedule',
    /^a: Pokes again in .*It has poked once since .* and gives up at /,
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

describeWhy(useEngines(), 'task', TASKS)
