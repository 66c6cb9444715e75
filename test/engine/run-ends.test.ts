// Runs that end before their tasks: time limits, failing fast, branches that leave tasks out, DAGs that fail again and again.

import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../core/settle.ts'
import { resetRun } from '../../engine/control/clear.ts'
import { pauseDag } from '../../engine/dags/pause.ts'
import { TEST_ACTOR } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const FAILURE: Outcome = { kind: 'failure', message: 'no', isRetryable: false }

describe('a run that takes longer than its DAG allows', () => {
  test('fails; what runs, waits or has not begun is skipped, what has ended stays', async () => {
    const engine = await makeEngine()
    const tasks = ['done', 'slow', 'after', makeTask('retry', { retries: 1, retryDelay: 600 })]
    await engine.addDag(makeDag(tasks, [['slow', 'after']], { dagId: 'long', dagrunTimeout: 60 }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('long')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end([worker.find('done')])
    await worker.end([worker.find('retry')], () => ({ kind: 'failure', message: 'no', isRetryable: true }))
    await scheduler.sweep()
    expect(await engine.runState(run)).toBe('running')
    await engine.query('update dag_run set timeout_at = now()')
    await scheduler.pass()
    expect(await engine.states(run)).toEqual({ done: 'success', slow: 'skipped', after: 'skipped', retry: 'skipped' })
    expect(await engine.runState(run)).toBe('failed')
    const [event] = await engine.query("select because from ti_event where ti_id is null and to_state = 'failed'")
    expect(event).toEqual({ because: { code: 'run_timed_out', seconds: 60 } })
    // Its worker is late: the report of an attempt that was ended changes nothing.
    await worker.end([worker.find('slow')])
    expect(await engine.states(run)).toMatchObject({ slow: 'skipped' })
    expect(await engine.query('select 1 from task_queue')).toEqual([])
  })

  test('has no limit while it is queued: the time counts from its start', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one', dagrunTimeout: 60, maxActiveRuns: 1 }))
    const scheduler = engine.makeScheduler()
    await engine.trigger('one')
    await engine.trigger('one')
    await scheduler.pass()
    const rows = await engine.query('select state, timeout_at is not null as limited from dag_run order by id')
    expect(rows).toEqual([
      { state: 'running', limited: true },
      { state: 'queued', limited: false },
    ])
  })
})

describe('a DAG that fails fast', () => {
  test('ends with its first failure: what runs fails, the rest is skipped, the run has failed', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        ['bad', 'busy', 'early', 'after'],
        [
          ['bad', 'after'],
          ['busy', 'after'],
        ],
        { dagId: 'fast', failFast: true },
      ),
    )
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('fast')
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end([worker.find('early')])
    await worker.end([worker.find('bad')], () => FAILURE)
    expect(await engine.states(run)).toEqual({ bad: 'failed', busy: 'failed', early: 'success', after: 'skipped' })
    expect(await engine.runState(run)).toBe('failed')
  })

  test('goes on while a failed task has tries left', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag([makeTask('bad', { retries: 1 }), 'busy'], [], { dagId: 'fast', failFast: true }))
    const run = await engine.trigger('fast')
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end([worker.find('bad')], () => ({ kind: 'failure', message: 'no', isRetryable: true }))
    expect(await engine.states(run)).toEqual({ bad: 'up_for_retry', busy: 'running' })
  })
})

describe('a branch', () => {
  const choose = (...skips: string[]): Outcome => ({ kind: 'success', skips })

  test('skips exactly what it names, keeps that as its XCom, and a join that wants all done runs', async () => {
    const engine = await makeEngine()
    const tasks = [
      makeTask('choose', { skips: true }),
      'left',
      'right',
      'behind_right',
      makeTask('join', { triggerRule: 'all_done' }),
      'strict',
    ]
    const edges = [
      ['choose', 'left'],
      ['choose', 'right'],
      ['right', 'behind_right'],
      ['left', 'join'],
      ['right', 'join'],
      ['left', 'strict'],
      ['right', 'strict'],
    ] as const
    await engine.addDag(makeDag(tasks, edges, { dagId: 'branch' }))
    const run = await engine.trigger('branch', { runId: 'one' })
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    await worker.drain((one) => (one.task.taskId === 'choose' ? choose('right') : { kind: 'success' }))
    expect(await engine.states(run)).toEqual({
      choose: 'success',
      left: 'success',
      right: 'skipped',
      behind_right: 'skipped',
      join: 'success',
      strict: 'skipped',
    })
    expect(await engine.query("select value from xcom where key = 'skipmixin_key'")).toEqual([
      { value: { skipped: ['right'] } },
    ])
    expect(await engine.runState(run)).toBe('success')
  })

  test('may skip what is far behind it at once, also as another process reads it', async () => {
    const engine = await makeEngine()
    const far = makeTask('far', { triggerRule: 'all_done' })
    await engine.addDag(
      makeDag(
        [makeTask('stop', { skips: true }), 'near', far, 'beside'],
        [
          ['stop', 'near'],
          ['near', 'far'],
          ['beside', 'far'],
        ],
        {
          dagId: 'circuit',
        },
      ),
    )
    const run = await engine.trigger('circuit')
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    const [one, two] = [await engine.makeWorker({ slots: 1 }), await engine.makeWorker({ slots: 2 })]
    await one.claim()
    await two.claim()
    const holder = one.running.some((attempt) => attempt.task.taskId === 'stop') ? [one, two] : [two, one]
    await holder[0]?.end([holder[0].find('stop')], () => choose('near', 'far'))
    expect(await engine.states(run)).toMatchObject({ near: 'skipped', far: 'skipped', beside: 'running' })
    await holder[1]?.end([holder[1].find('beside')])
    expect(await engine.runState(run)).toBe('success')
  })

  test('that fails skips nothing', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag([makeTask('choose', { skips: true }), 'left'], [['choose', 'left']], { dagId: 'branch' }),
    )
    const run = await engine.trigger('branch', { runId: 'one' })
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    await worker.drain(() => FAILURE)
    expect(await engine.states(run)).toEqual({ choose: 'failed', left: 'upstream_failed' })
  })
})

describe('a DAG whose last runs have all failed', () => {
  test('is paused after as many as it allows, with an audit row; unpausing it is not undone', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'failing', maxConsecutiveFailedDagRuns: 2 }))
    const scheduler = engine.makeScheduler()
    const worker = await engine.makeWorker()
    const isPaused = async () => (await engine.query<{ p: boolean }>('select is_paused as p from dag'))[0]?.p
    const runOnce = async (outcome: Outcome) => {
      await engine.trigger('failing')
      await scheduler.pass()
      await worker.drain(() => outcome)
      await scheduler.pass()
    }
    await runOnce(FAILURE)
    await runOnce({ kind: 'success' })
    await runOnce(FAILURE)
    expect(await isPaused()).toBe(false)
    await runOnce(FAILURE)
    expect(await isPaused()).toBe(true)
    expect(await engine.query("select event, dag_id from log where owner = 'scheduler'")).toEqual([
      { event: 'paused_after_failures', dag_id: 'failing' },
    ])
    await pauseDag(engine, { dagId: 'failing', isPaused: false }, TEST_ACTOR)
    await scheduler.sweep()
    expect(await isPaused()).toBe(false)
  })
})

describe('a run that begins again', () => {
  test('runs every task anew, keeps the tries that ended, grants new ones, and measures its mapped tasks anew', async () => {
    const engine = await makeEngine()
    const mapping = { kind: 'product', over: [{ name: 'n', kind: 'ref', taskId: 'list' }], fill: null } as const
    await engine.addDag(
      makeDag([makeTask('list', { retries: 1 }), makeTask('each', { mapping })], [['list', 'each']], {
        dagId: 'again',
        maxActiveTasks: 100,
      }),
    )
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('again')
    const [one, two] = [await engine.makeWorker(), await engine.makeWorker()]
    for (const items of [3, 2, 4]) {
      await scheduler.pass()
      // Either worker may hold a copy of the run's earlier life.
      await one.drain(({ task, mapIndex }) => ({
        outcome: { kind: 'success' },
        xcoms:
          task.taskId === 'list'
            ? [{ taskId: 'list', mapIndex, key: 'return_value', value: Array(items).fill(1) }]
            : [],
      }))
      await two.drain()
      expect(await engine.runState(run)).toBe('success')
      const rows = await engine.query(
        "select map_index from task_instance where task_id = 'each' and state = 'success' order by 1",
      )
      expect(rows.map((row) => (row as { map_index: number }).map_index)).toEqual([...Array(items).keys()])
      if (items !== 4) await resetRun(scheduler.transactions, run, 'test')
    }
    const tries = await engine.query(
      "select map_index, array_agg(try_number order by try_number) as tries from task_instance_history where task_id = 'each' group by 1 order by 1",
    )
    expect(tries).toEqual([
      { map_index: 0, tries: [1, 2] },
      { map_index: 1, tries: [1, 2] },
      { map_index: 2, tries: [1] },
    ])
    const [list] = await engine.query("select try_number, max_tries from task_instance where task_id = 'list'")
    expect(list).toEqual({ try_number: 3, max_tries: 3 })
  })

  test('is refused while it goes on', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'busy' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('busy')
    await scheduler.pass()
    await expect(resetRun(scheduler.transactions, run, 'test')).rejects.toMatchObject({ code: 'REFUSED' })
  })

  test('42. at a task that a branch left out leaves it out again; at the branch, its new choice counts', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        [makeTask('choose', { skips: true }), 'left', 'right'],
        [
          ['choose', 'left'],
          ['choose', 'right'],
        ],
        {
          dagId: 'branch',
        },
      ),
    )
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('branch', { runId: 'one' })
    const worker = await engine.makeWorker()
    const go = async (outcome: Outcome) => {
      await scheduler.pass()
      await worker.drain((one) => (one.task.taskId === 'choose' ? outcome : { kind: 'success' }))
    }
    await go({ kind: 'success', skips: ['right'] })
    expect(await engine.states(run)).toEqual({ choose: 'success', left: 'success', right: 'skipped' })
    await engine.clear(scheduler, 'branch', 'one', ['right'])
    await go(FAILURE)
    expect(await engine.states(run)).toEqual({ choose: 'success', left: 'success', right: 'skipped' })
    await engine.clear(scheduler, 'branch', 'one', ['choose', 'left', 'right'])
    await go({ kind: 'success' })
    expect(await engine.states(run)).toEqual({ choose: 'success', left: 'success', right: 'success' })
  })
})
