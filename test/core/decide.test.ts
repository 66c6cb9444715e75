// What a run's tasks do next: `advance` (only what just ended) and `decide` (everything) lead every run to the same end.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advance, decide, runOutcome } from '../../core/decide.ts'
import { buildGraph } from '../../core/graph.ts'
import { RunModel, type TaskInstanceView } from '../../core/run-model.ts'
import type { SerializedDag } from '../../core/serialized.ts'
import { type Outcome, settle } from '../../core/settle.ts'
import { isFailed, isFinished, type TaskState } from '../../core/states.ts'
import { TRIGGER_RULES } from '../../core/trigger-rules.ts'
import { instanceOf, makeDag, makeFacts, makeInstance, makeModel, makeTask, statesOf } from '../support/make-dag.ts'

const OUTCOMES: readonly Outcome[] = [
  { kind: 'success' },
  { kind: 'skip', message: null },
  { kind: 'failure', message: 'no', isRetryable: true },
  { kind: 'failure', message: 'never', isRetryable: false },
  { kind: 'timeout', seconds: 1 },
  { kind: 'lost', worker: 'host' },
]

interface World {
  readonly dag: SerializedDag
  /** How each try of each task ends, by task index. */
  readonly fates: readonly (readonly Outcome[])[]
  /** Which of the tasks that could move does so next. */
  readonly luck: readonly number[]
}

/** Up to 12 tasks whose edges only lead on: any DAG of that size, with any rules, retries and ends. */
const worlds: fc.Arbitrary<World> = fc
  .record({
    rules: fc.array(fc.constantFrom(...TRIGGER_RULES), { minLength: 1, maxLength: 12 }),
    retries: fc.array(fc.nat(2), { minLength: 12, maxLength: 12 }),
    edges: fc.uniqueArray(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 30, selector: ([a, b]) => `${a} ${b}` }),
    fates: fc.array(fc.array(fc.constantFrom(...OUTCOMES), { minLength: 3, maxLength: 3 }), {
      minLength: 12,
      maxLength: 12,
    }),
    luck: fc.array(fc.nat(1_000), { minLength: 20, maxLength: 20 }),
  })
  .map(({ rules, retries, edges, fates, luck }) => ({
    dag: makeDag(
      rules.map((triggerRule, i) => makeTask(`t${i}`, { triggerRule, retries: retries[i] ?? 0 })),
      edges.flatMap(([a, b]) => (a < b && b < rules.length ? [[`t${a}`, `t${b}`] as const] : [])),
    ),
    fates,
    luck,
  }))

/** Runs to the end, taking up each attempt's end with `follow`. Returns the order in which instances moved. */
function runToEnd(world: World, model: RunModel, follow: (ended: TaskInstanceView) => void): string[] {
  const moves: string[] = []
  decide(model)
  for (let step = 0; ; step++) {
    if (step > 500) throw new Error('the run does not end')
    const busy = [...model.instances.values()].filter((ti) => ti.state === 'scheduled' || ti.state === 'up_for_retry')
    const ti = busy.sort((a, b) => (a.id < b.id ? -1 : 1))[
      (world.luck[step % world.luck.length] ?? 0) % (busy.length || 1)
    ]
    if (ti === undefined) return moves
    moves.push(`${ti.id} ${ti.state}`)
    if (ti.state === 'up_for_retry') {
      model.move(ti, 'scheduled', { code: 'retry_due' })
      continue
    }
    model.move(ti, 'queued', { code: 'admitted' })
    model.move(ti, 'running', { code: 'started', worker: 'host' })
    const fate = world.fates[Number(model.graph.tasks[ti.task]?.taskId.slice(1))]?.[ti.tryNumber - 1]
    settle(model, ti, fate ?? { kind: 'success' }, 0)
    if (isFinished(ti.state)) follow(ti)
  }
}

const modelOf = (world: World) => makeModel(world.dag)

describe('advance and decide', () => {
  test('lead every run to the same states, whichever is used', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const [byAdvance, byDecide] = [modelOf(world), modelOf(world)]
        const first = runToEnd(world, byAdvance, (ti) => void advance(byAdvance, [ti]))
        const second = runToEnd(world, byDecide, () => void decide(byDecide))
        expect(first).toEqual(second)
        expect(statesOf(byAdvance)).toEqual(statesOf(byDecide))
        expect(runOutcome(byAdvance)).toEqual(runOutcome(byDecide))
      }),
      { numRuns: 2_000 },
    )
  })

  test('a run always ends, whatever its tasks do', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const model = modelOf(world)
        runToEnd(world, model, (ti) => void advance(model, [ti]))
        const outcome = runOutcome(model)
        const states = Object.values(statesOf(model))
        if (outcome?.because === 'deadlock') {
          // Only what never got a state is left, and a task was removed: nothing else makes a rule wait for ever.
          expect(outcome.state).toBe('failed')
          expect(
            states.filter((state) => !isFinished(state as TaskState | null)).every((state) => state === null),
          ).toBe(true)
          expect(states).toContain('removed')
        } else {
          expect(outcome?.because).toBe('leaves')
          expect(states.every((state) => isFinished(state as TaskState | null))).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('without a removed task there is no deadlock: every run ends by its leaves', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const model = modelOf(world)
        runToEnd(world, model, (ti) => void advance(model, [ti]))
        expect(runOutcome(model)?.because).toBe('leaves')
      }),
    )
  })

  test('finished states never move', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const model = modelOf(world)
        const ended = new Map<string, TaskState | null>()
        const look = () => {
          for (const [id, state] of ended) expect(model.instances.get(id)?.state, id).toBe(state)
          for (const ti of model.instances.values()) if (isFinished(ti.state)) ended.set(ti.id, ti.state)
        }
        runToEnd(world, model, (ti) => {
          advance(model, [ti])
          look()
        })
        for (let again = 0; again < 3; again++) decide(model)
        look()
      }),
    )
  })

  test('decide until quiet stays quiet: a second look changes nothing', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const model = modelOf(world)
        runToEnd(world, model, () => {
          decide(model)
          expect(decide(model)).toEqual([])
        })
        expect(decide(model)).toEqual([])
      }),
    )
  })

  test('what moves stands behind what ended, and its reason names its own rule', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const model = modelOf(world)
        runToEnd(world, model, (ti) => {
          for (const { ti: moved, because } of advance(model, [ti])) {
            const task = model.graph.tasks[moved.task]
            expect(because).toMatchObject({ rule: task?.triggerRule })
            // Only what stands behind the ended task can have moved.
            expect(model.graph.rank[moved.task]).toBeGreaterThan(model.graph.rank[ti.task] ?? 0)
          }
        })
      }),
    )
  })

  test('the order in which tasks, edges and instances are written changes nothing', () => {
    fc.assert(
      fc.property(worlds, fc.infiniteStream(fc.nat()), (world, numbers) => {
        const shuffle = <T>(list: readonly T[]): T[] => {
          const keyed = list.map((item) => ({ item, key: numbers.next().value as number }))
          return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
        }
        const other: World = {
          ...world,
          dag: { ...world.dag, tasks: shuffle(world.dag.tasks), edges: shuffle(world.dag.edges) },
        }
        const graph = buildGraph(other.dag)
        const shuffled = new RunModel(
          graph,
          makeFacts(),
          shuffle(graph.tasks.map((_, i) => makeInstance(graph, i))),
          null,
        )
        const plain = modelOf(world)
        const first = runToEnd(world, plain, (ti) => void advance(plain, [ti]))
        const second = runToEnd(other, shuffled, (ti) => void advance(shuffled, [ti]))
        expect(second).toEqual(first)
        expect(statesOf(shuffled)).toEqual(statesOf(plain))
        const at = (model: RunModel) => model.graph.order.map((i) => model.graph.tasks[i]?.taskId)
        expect(at(shuffled)).toEqual(at(plain))
      }),
    )
  })

  test('a forced end goes through the whole graph at once: 10,000 tasks behind a failure', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `t${i}`)
    const model = makeModel(
      makeDag(
        ids.map((id) => makeTask(id, { weightRule: 'absolute' })),
        ids.slice(1).map((id, i) => [`t${i}`, id] as const),
      ),
    )
    decide(model)
    const root = instanceOf(model, 't0')
    model.move(root, 'queued', { code: 'admitted' })
    model.move(root, 'running', { code: 'started', worker: 'host' })
    settle(model, root, { kind: 'failure', message: 'no', isRetryable: true }, 0)
    expect(advance(model, [root])).toHaveLength(9_999)
    expect(runOutcome(model)).toEqual({ state: 'failed', because: 'leaves' })
  })
})

describe('the outcome of a run', () => {
  const ended = (states: Record<string, TaskState>, edges: readonly (readonly [string, string])[]) => {
    const model = makeModel(makeDag(Object.keys(states), edges))
    for (const [taskId, state] of Object.entries(states))
      model.applyRemote({ id: instanceOf(model, taskId).id, state: state, tryNumber: 1, epoch: 1 })
    return runOutcome(model)
  }

  test('is that of its leaves: a failure that a leaf survived does not fail the run', () => {
    expect(ended({ a: 'failed', z: 'success' }, [['a', 'z']])).toEqual({ state: 'success', because: 'leaves' })
    expect(ended({ a: 'success', z: 'failed' }, [['a', 'z']])).toEqual({ state: 'failed', because: 'leaves' })
    expect(ended({ a: 'failed', z: 'upstream_failed' }, [['a', 'z']])).toEqual({ state: 'failed', because: 'leaves' })
    expect(ended({ a: 'success', y: 'success', z: 'failed' }, [])).toEqual({ state: 'failed', because: 'leaves' })
  })

  test('is success when every leaf was skipped, and when there is no task at all', () => {
    expect(ended({ a: 'skipped', z: 'skipped' }, [['a', 'z']])).toEqual({ state: 'success', because: 'leaves' })
    expect(ended({}, [])).toEqual({ state: 'success', because: 'leaves' })
  })

  test('is open as long as anything can still move by itself', () => {
    for (const state of ['scheduled', 'queued', 'running', 'up_for_retry', 'deferred'] as const) {
      const model = makeModel(makeDag(['a', 'z'], [['a', 'z']]))
      model.applyRemote({ id: instanceOf(model, 'a').id, state: state, tryNumber: 1, epoch: 1 })
      expect(runOutcome(model), state).toBeNull()
    }
  })

  test('is a deadlock when what is left waits for a removed task to be skipped', () => {
    const model = makeModel(makeDag(['a', makeTask('z', { triggerRule: 'all_skipped' })], [['a', 'z']]))
    model.applyRemote({ id: instanceOf(model, 'a').id, state: 'removed', tryNumber: 1, epoch: 1 })
    expect(decide(model)).toEqual([])
    expect(runOutcome(model)).toEqual({ state: 'failed', because: 'deadlock' })
  })

  test('is no deadlock while an earlier run may still wake it', () => {
    const model = makeModel(makeDag([makeTask('a', { dependsOnPast: true })]), {
      past: new Map([['a', { state: 'running', isDownstreamDone: false }]]),
    })
    expect(decide(model)).toEqual([])
    expect(runOutcome(model)).toBeNull()
  })
})

describe('depends_on_past', () => {
  type Past = { state: TaskState | null; isDownstreamDone: boolean }
  const decided = (changes: Parameters<typeof makeTask>[1], past: Past | null) => {
    const model = makeModel(makeDag([makeTask('a', changes)]), { past: new Map(past === null ? [] : [['a', past]]) })
    decide(model)
    return instanceOf(model, 'a').state
  }

  test('starts once the task of the run before succeeded or was skipped', () => {
    for (const state of ['success', 'skipped'] as const)
      expect(decided({ dependsOnPast: true }, { state, isDownstreamDone: false }), state).toBe('scheduled')
    for (const state of [
      null,
      'scheduled',
      'queued',
      'running',
      'failed',
      'upstream_failed',
      'removed',
      'up_for_retry',
    ] as const)
      expect(decided({ dependsOnPast: true }, { state, isDownstreamDone: true }), String(state)).toBeNull()
  })

  test('the first instance ever has no past to wait for', () => {
    expect(decided({ dependsOnPast: true }, null)).toBe('scheduled')
    expect(decided({ dependsOnPast: true, waitForDownstream: true }, null)).toBe('scheduled')
  })

  test('wait_for_downstream also waits for everything directly behind it in the run before', () => {
    const changes = { dependsOnPast: true, waitForDownstream: true }
    expect(decided(changes, { state: 'success', isDownstreamDone: false })).toBeNull()
    expect(decided(changes, { state: 'success', isDownstreamDone: true })).toBe('scheduled')
  })

  test('a forced skip waits for the past only when the task asks for it', () => {
    const skippedBehind = (changes: Parameters<typeof makeTask>[1]) => {
      const model = makeModel(makeDag(['a', makeTask('z', { dependsOnPast: true, ...changes })], [['a', 'z']]), {
        past: new Map([['z', { state: 'running' as const, isDownstreamDone: false }]]),
      })
      model.applyRemote({ id: instanceOf(model, 'a').id, state: 'skipped', tryNumber: 1, epoch: 1 })
      decide(model)
      return instanceOf(model, 'z').state
    }
    expect(skippedBehind({})).toBe('skipped')
    expect(skippedBehind({ waitForPastDependsBeforeSkipping: true })).toBeNull()
  })

  test('a failure forces its end without waiting for the past', () => {
    const model = makeModel(makeDag(['a', makeTask('z', { dependsOnPast: true })], [['a', 'z']]), {
      past: new Map([['z', { state: 'running' as const, isDownstreamDone: false }]]),
    })
    model.applyRemote({ id: instanceOf(model, 'a').id, state: 'failed', tryNumber: 1, epoch: 1 })
    decide(model)
    expect(instanceOf(model, 'z').state).toBe('upstream_failed')
    expect(isFailed(instanceOf(model, 'z').state)).toBe(true)
  })
})
