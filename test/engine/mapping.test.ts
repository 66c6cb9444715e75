// Mapped tasks in the database: how many instances come to be, when, and what they begin with.

import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../../core/json.ts'
import type { SerializedInput, SerializedTask, TaskMapping } from '../../core/serialized.ts'
import type { Fate } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

const ref = (name: string, taskId: string): SerializedInput => ({ name, kind: 'ref', taskId })
const over = (...lists: SerializedInput[]): TaskMapping => ({ kind: 'product', over: lists, fill: null })
const mapped = (taskId: string, mapping: TaskMapping, changes: Partial<SerializedTask> = {}) =>
  makeTask(taskId, { mapping, ...changes })

/** Ends tasks with success; those named push a value. */
const pushing =
  (values: Readonly<Record<string, JsonValue>>): Fate =>
  ({ task, mapIndex }) => {
    const value = values[task.taskId]
    const xcoms = value === undefined ? [] : [{ taskId: task.taskId, mapIndex, key: 'return_value', value }]
    return { outcome: { kind: 'success' }, xcoms }
  }

const INDEXES =
  'select task_id, array_agg(map_index order by map_index) as indexes, array_agg(distinct state) as states from task_instance group by 1 order by 1'

describe('a mapped task', () => {
  test('has one instance until its upstreams are done, then one for each item', async () => {
    const engine = await makeEngine()
    const dag = makeDag(
      ['list', mapped('each', over(ref('item', 'list'))), 'join'],
      [
        ['list', 'each'],
        ['each', 'join'],
      ],
      {
        dagId: 'mapped',
      },
    )
    await engine.addDag(dag)
    const run = await engine.trigger('mapped')
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    expect((await engine.query(INDEXES))[0]).toMatchObject({ task_id: 'each', indexes: [-1] })
    await worker.end([worker.find('list')], pushing({ list: ['a', 'b', 'c'] }))
    expect(worker.running.map((one) => one.mapIndex)).toEqual([0, 1, 2])
    expect(worker.running.map((one) => one.expandedCount)).toEqual([3, 3, 3])
    expect(await engine.states(run)).toMatchObject({ join: null })
    await worker.drain()
    expect(await engine.runState(run)).toBe('success')
    expect((await engine.query(INDEXES))[0]).toEqual({ task_id: 'each', indexes: [0, 1, 2], states: ['success'] })
  })

  test('over two lists has an instance for every combination; over a literal it needs no upstream', async () => {
    const engine = await makeEngine()
    const numbers: SerializedInput = { name: 'n', kind: 'literal', value: [1, 2, 3] }
    await engine.addDag(
      makeDag(['list', mapped('each', over(ref('item', 'list'), numbers))], [['list', 'each']], { dagId: 'product' }),
    )
    await engine.addDag(makeDag([mapped('alone', over(numbers))], [], { dagId: 'literal' }))
    const [product, literal] = [await engine.trigger('product'), await engine.trigger('literal')]
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    await worker.drain(pushing({ list: { x: 1, y: 2 } }))
    expect(await engine.runState(product)).toBe('success')
    expect(await engine.runState(literal)).toBe('success')
    const counts = await engine.query('select task_id, count(*)::int as n from task_instance group by 1 order by 1')
    expect(counts).toEqual([
      { task_id: 'alone', n: 3 },
      { task_id: 'each', n: 6 },
      { task_id: 'list', n: 1 },
    ])
  })

  test('over nothing is skipped, and with it what needs its success', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        ['list', mapped('each', over(ref('item', 'list'))), 'join', makeTask('always', { triggerRule: 'all_done' })],
        [
          ['list', 'each'],
          ['each', 'join'],
          ['each', 'always'],
        ],
        { dagId: 'empty' },
      ),
    )
    const run = await engine.trigger('empty')
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    await worker.drain(pushing({ list: [] }))
    expect(await engine.states(run)).toEqual({ list: 'success', each: 'skipped', join: 'skipped', always: 'success' })
    expect(await engine.runState(run)).toBe('success')
  })

  test('over what an upstream never returned is upstream_failed, and says so', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        [makeTask('list'), mapped('each', over(ref('item', 'list')), { triggerRule: 'all_done' })],
        [['list', 'each']],
        {
          dagId: 'nothing',
        },
      ),
    )
    const run = await engine.trigger('nothing')
    await engine.makeScheduler().pass()
    const worker = await engine.makeWorker()
    await worker.drain(() => ({ kind: 'failure', message: 'no', isRetryable: false }))
    expect(await engine.states(run)).toEqual({ list: 'failed', each: 'upstream_failed' })
    const [event] = await engine.query("select because from ti_event where to_state = 'upstream_failed'")
    expect(event).toEqual({ because: { code: 'map_missing', taskId: 'list' } })
    expect(await engine.runState(run)).toBe('failed')
  })

  test('over a mapped task has an instance for each value that one pushed', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        [
          'list',
          mapped('first', over(ref('item', 'list'))),
          mapped('second', over(ref('item', 'first')), { triggerRule: 'all_done' }),
        ],
        [
          ['list', 'first'],
          ['first', 'second'],
        ],
        { dagId: 'twice' },
      ),
    )
    const run = await engine.trigger('twice')
    await engine.makeScheduler().pass()
    const [one, two] = [await engine.makeWorker({ slots: 2 }), await engine.makeWorker({ slots: 2 })]
    // Index 1 pushes nothing: it is no item. Two workers pass the run on between them.
    const fate: Fate = (attempt) => {
      if (attempt.task.taskId === 'first' && attempt.mapIndex === 1) return { kind: 'success' }
      return pushing({ list: [1, 2, 3], first: 'value' })(attempt)
    }
    for (let round = 0; round < 20 && (await engine.runState(run)) === 'running'; round++) {
      for (const worker of [one, two]) {
        await worker.claim()
        if (worker.running.length > 0) await worker.end(worker.running.slice(0, 1), fate)
      }
    }
    expect(await engine.runState(run)).toBe('success')
    expect((await engine.query(INDEXES)).map((row) => (row as { indexes: number[] }).indexes)).toEqual([
      [0, 1, 2],
      [-1],
      [0, 1],
    ])
  })

  test('with more instances than allowed fails, and says the limit', async () => {
    const engine = await makeEngine()
    const many: SerializedInput = { name: 'n', kind: 'literal', value: Array.from({ length: 101 }, (_, i) => i) }
    await engine.addDag(makeDag([mapped('each', over(many, { ...many, name: 'm' }))], [], { dagId: 'too_long' }))
    const run = await engine.trigger('too_long')
    await engine.makeScheduler().pass()
    expect(await engine.states(run)).toEqual({ each: 'failed' })
    const [event] = await engine.query("select because from ti_event where to_state = 'failed' and ti_id is not null")
    expect(event).toEqual({ because: { code: 'map_too_long', length: 10_201, limit: 10_000 } })
    expect(await engine.runState(run)).toBe('failed')
  })

  test('never has more instances active than maxActiveTisPerDagrun, and all of them run', async () => {
    const engine = await makeEngine()
    const many: SerializedInput = { name: 'n', kind: 'literal', value: Array.from({ length: 40 }, (_, i) => i) }
    await engine.addDag(makeDag([mapped('each', over(many), { maxActiveTisPerDagrun: 3 })], [], { dagId: 'limited' }))
    const run = await engine.trigger('limited')
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    const worker = await engine.makeWorker({ slots: 16 })
    for (let round = 0; round < 100 && (await engine.runState(run)) === 'running'; round++) {
      await worker.claim()
      expect(worker.running.length).toBeLessThanOrEqual(3)
      if (worker.running.length > 0) await worker.end(worker.running.slice(0, 1))
      await scheduler.pass()
    }
    expect(await engine.runState(run)).toBe('success')
    expect(new Set(worker.started.map((one) => one.mapIndex)).size).toBe(40)
  })

  /** A run of `list → each → sum` with values, and cleared whole with others: what `sum` sees. */
  describe('whose list is another when its run begins again', () => {
    const lists = makeDag(
      [
        'list',
        mapped('each', over(ref('item', 'list'))),
        mapped('again', over(ref('item', 'each'))),
        makeTask('sum', { inputs: [ref('items', 'again')] }),
      ],
      [
        ['list', 'each'],
        ['each', 'again'],
        ['again', 'sum'],
      ],
      { dagId: 'lists' },
    )
    const INSTANCES = 'select map_index, state from task_instance where task_id = $1 order by 1'
    const numbered =
      (list: readonly number[], seen: string[]): Fate =>
      (attempt) => {
        const { taskId } = attempt.task
        if (taskId === 'sum') seen.push('sum')
        const value = taskId === 'list' ? [...list] : (list[Math.max(0, attempt.mapIndex)] ?? 0)
        return pushing({ [taskId]: value })(attempt)
      }

    test.each([
      [3, 1],
      [3, 0],
      [0, 2],
      [1, 3],
      [3, 2],
      [5, 5],
    ])('of %i items and then %i: exactly those, with their values, and nothing of before', async (before, after) => {
      const engine = await makeEngine()
      await engine.addDag(lists)
      const run = await engine.trigger('lists', { runId: 'r' })
      const scheduler = engine.makeScheduler()
      const worker = await engine.makeWorker()
      for (const [life, count] of [before, after, before].entries()) {
        if (life > 0) await engine.clear(scheduler, 'lists', 'r', ['list', 'each', 'again', 'sum'])
        const list = Array.from({ length: count }, (_, i) => 10 * life + i)
        const seen: string[] = []
        for (let round = 0; round < 20; round++) {
          await scheduler.pass()
          await worker.drain(numbered(list, seen), 1)
        }
        expect(await engine.runState(run)).toBe('success')
        for (const taskId of ['each', 'again']) {
          const rows = await engine.query<{ map_index: number; state: string }>(INSTANCES, [taskId])
          const open = rows.filter((row) => row.state !== 'removed')
          if (count === 0) expect(new Set(open.map((row) => row.state))).toEqual(new Set(['skipped']))
          else expect(open).toEqual(list.map((_, map_index) => ({ map_index, state: 'success' })))
          expect(
            await engine.query(
              "select value from xcom where task_id = $1 and key = 'return_value' order by map_index",
              [taskId],
            ),
          ).toEqual(list.map((value) => ({ value })))
        }
        expect([await engine.states(run), seen]).toMatchObject(
          count === 0 ? [{ sum: 'skipped' }, []] : [{ sum: 'success' }, ['sum']],
        )
      }
    })

    test('loses no item that is on its way: a slow one is waited for, also by a rule that lets go early', async () => {
      for (const triggerRule of ['all_success', 'one_success', 'one_done'] as const) {
        const engine = await makeEngine()
        await engine.addDag(
          makeDag(
            ['list', mapped('w1', over(ref('n', 'list'))), mapped('w2', over(ref('n', 'w1')), { triggerRule })],
            [
              ['list', 'w1'],
              ['w1', 'w2'],
            ],
            { dagId: 'early' },
          ),
        )
        await engine.trigger('early', { runId: 'r' })
        const scheduler = engine.makeScheduler()
        const worker = await engine.makeWorker()
        for (const list of [
          [1, 2, 3],
          [4, 5],
        ]) {
          if (list.length === 2) await engine.clear(scheduler, 'early', 'r', ['list', 'w1', 'w2'])
          await scheduler.pass()
          await worker.claim()
          await worker.end([worker.find('list')], pushing({ list }))
          await worker.claim()
          const [first, ...rest] = [...worker.running]
          if (first === undefined) throw new Error('nothing runs')
          await worker.end([first], pushing({ w1: 1 }))
          await worker.claim()
          expect(worker.running.map((one) => one.task.taskId)).toEqual(rest.map(() => 'w1'))
          await worker.drain(pushing({ w1: 1 }))
          const present = await engine.query(
            "select map_index, state from task_instance where task_id = 'w2' and state <> 'removed' order by 1",
          )
          expect(present).toEqual(list.map((_, map_index) => ({ map_index, state: 'success' })))
        }
      }
    })
  })

  test('an instance that fails is tried again alone, with its own index', async () => {
    const engine = await makeEngine()
    const list: SerializedInput = { name: 'n', kind: 'literal', value: ['a', 'b'] }
    await engine.addDag(makeDag([mapped('each', over(list), { retries: 1 })], [], { dagId: 'retried' }))
    const run = await engine.trigger('retried')
    const scheduler = engine.makeScheduler()
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.drain((one) =>
      one.mapIndex === 1 && one.tryNumber === 1
        ? { kind: 'failure', message: 'no', isRetryable: true }
        : { kind: 'success' },
    )
    await engine.passDelays()
    await scheduler.pass()
    await worker.drain()
    expect(worker.started.map((one) => [one.mapIndex, one.tryNumber])).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
    ])
    expect(await engine.runState(run)).toBe('success')
  })
})
