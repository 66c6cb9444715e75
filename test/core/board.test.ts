// The counts a board keeps are those of a recount, whatever moved.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RunBoard, type TaskInstanceView } from '../../core/board.ts'
import { buildGraph } from '../../core/graph.ts'
import { isActive, isFinished, MOVES, TASK_STATES, type TaskState } from '../../core/states.ts'
import { makeBoard, makeDag, makeFacts, makeInstance } from '../support/make-dag.ts'

function recount(board: RunBoard) {
  const all = [...board.instances.values()]
  const upstreamOf = (ti: TaskInstanceView) =>
    (board.graph.upstream[ti.task] ?? []).flatMap((task) => all.filter((other) => other.task === task))
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

const kept = (board: RunBoard) => ({
  active: board.activeCount,
  unfinished: board.unfinishedCount,
  undecided: board.undecidedCount,
  scheduled: [...board.scheduled].map((ti) => ti.id).sort(),
  counts: [...board.instances.values()].map((ti) => board.countsFor(ti)),
})

/** A diamond with a mapped middle: five instances of `m`. */
const mappedBoard = () => {
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
  return new RunBoard(graph, makeFacts(), instances, null)
}

describe('a board', () => {
  test('counts what a recount counts after any sequence of legal moves and adopted changes', () => {
    const step = fc.record({
      ti: fc.nat(6),
      choice: fc.nat(20),
      adopted: fc.option(fc.constantFrom(null, ...TASK_STATES), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const board = mappedBoard()
        const all = [...board.instances.values()]
        for (const { ti: index, choice, adopted } of steps) {
          const ti = all[index]
          if (ti === undefined) throw new Error('no such instance')
          const legal = MOVES[ti.state ?? 'none']
          if (adopted !== undefined)
            board.adopt({ id: ti.id, state: adopted, tryNumber: ti.tryNumber, epoch: ti.epoch })
          else {
            const to = legal[choice % legal.length] ?? 'none'
            board.move(ti, to === 'none' ? null : to, { code: 'admitted' })
          }
        }
        expect(kept(board)).toEqual(recount(board))
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
        const board = new RunBoard(
          graph,
          makeFacts(),
          [makeInstance(graph, 0, { state: a }), makeInstance(graph, 1, { state: b }), makeInstance(graph, 2)],
          null,
        )
        expect(kept(board)).toEqual(recount(board))
      }
    }
  })

  test('refuses a change of an instance it does not have: its owner must read the run anew', () => {
    expect(() => makeBoard(makeDag(['a'])).adopt({ id: 'other', state: 'success', tryNumber: 1, epoch: 1 })).toThrow(
      expect.objectContaining({ code: 'SETTLED_ELSEWHERE' }),
    )
  })
})
