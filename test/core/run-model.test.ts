// The counts a run model keeps are those of a recount, whatever moved.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildGraph } from '../../core/graph.ts'
import { RunModel, type TaskInstanceView } from '../../core/run-model.ts'
import { isActive, isFinished, MOVES, TASK_STATES, type TaskState } from '../../core/states.ts'
import { makeDag, makeFacts, makeInstance, makeModel } from '../support/make-dag.ts'

function recount(model: RunModel) {
  const all = [...model.instances.values()]
  const upstreamOf = (ti: TaskInstanceView) =>
    (model.graph.upstream[ti.task] ?? []).flatMap((task) => all.filter((other) => other.task === task))
  return {
    active: all.filter((ti) => isActive(ti.state)).length,
    unfinished: all.filter((ti) => !isFinished(ti.state)).length,
    undecided: all.filter((ti) => ti.state === null).length,
    scheduled: all.flatMap((ti) => (ti.state === 'scheduled' ? [ti.id] : [])).sort(),
    counts: all.map((ti) => {
      const upstream = upstreamOf(ti)
      const of = (state: TaskState) => upstream.filter((other) => other.state === state).length
      return {
        total: upstream.length,
        success: of('success'),
        failed: of('failed'),
        upstreamFailed: of('upstream_failed'),
        skipped: of('skipped'),
        removed: of('removed'),
        setups: { total: 0, success: 0, skipped: 0 },
      }
    }),
  }
}

const kept = (model: RunModel) => ({
  active: model.activeCount,
  unfinished: model.unfinishedCount,
  undecided: model.undecidedCount,
  scheduled: model.readyLists.flatMap((list) => list.first(list.size).map((ti) => ti.id)).sort(),
  counts: [...model.instances.values()].map((ti) => model.countsFor(ti)),
})

/** A diamond with a mapped middle: five instances of `m`. */
const mappedModel = () => {
  const graph = buildGraph(
    makeDag(
      ['a', 'm', 'z'],
      [
        ['a', 'm'],
        ['a', 'z'],
        ['m', 'z'],
      ],
    ),
  )
  const instances = graph.tasks.flatMap((task, i) =>
    task.taskId === 'm'
      ? [0, 1, 2, 3, 4].map((mapIndex) => makeInstance(graph, i, { mapIndex }))
      : [makeInstance(graph, i)],
  )
  return new RunModel(graph, makeFacts(), instances, null)
}

describe('a run model', () => {
  test('counts what a recount counts after any sequence of legal moves and remote ones', () => {
    const step = fc.record({
      ti: fc.nat(6),
      choice: fc.nat(20),
      remote: fc.option(fc.constantFrom(null, ...TASK_STATES), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = mappedModel()
        const all = [...model.instances.values()]
        for (const { ti: index, choice, remote } of steps) {
          const ti = all[index]
          if (ti === undefined) throw new Error('no such instance')
          const legal = MOVES[ti.state ?? 'none']
          if (remote !== undefined)
            model.applyRemote({ id: ti.id, state: remote, tryNumber: ti.tryNumber, epoch: ti.epoch })
          else {
            const to = legal[choice % legal.length] ?? 'none'
            model.move(ti, to === 'none' ? null : to, { code: 'admitted' })
          }
        }
        expect(kept(model)).toEqual(recount(model))
      }),
    )
  })

  test('starts from instances in any state with the right counts', () => {
    const graph = buildGraph(
      makeDag(
        ['a', 'b', 'c'],
        [
          ['a', 'c'],
          ['b', 'c'],
        ],
      ),
    )
    for (const a of TASK_STATES) {
      for (const b of TASK_STATES) {
        const model = new RunModel(
          graph,
          makeFacts(),
          [makeInstance(graph, 0, { state: a }), makeInstance(graph, 1, { state: b }), makeInstance(graph, 2)],
          null,
        )
        expect(kept(model)).toEqual(recount(model))
      }
    }
  })

  test('refuses a change of an instance it does not have: its owner must read the run anew', () => {
    expect(() =>
      makeModel(makeDag(['a'])).applyRemote({ id: 'other', state: 'success', tryNumber: 1, epoch: 1 }),
    ).toThrow(expect.objectContaining({ code: 'SETTLED_ELSEWHERE' }))
  })
})
