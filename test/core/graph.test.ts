// Order, weights and cycles, against brute force; and graphs of the size docs/reliability.md fault F4 asks for.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildGraph } from '../../core/graph.ts'
import type { SerializedDag, WeightRule } from '../../core/serialized.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'

const randomDags: fc.Arbitrary<SerializedDag> = fc
  .record({
    tasks: fc.array(
      fc.record({
        priorityWeight: fc.integer({ min: -5, max: 10 }),
        weightRule: fc.constantFrom<WeightRule>('downstream', 'upstream', 'absolute'),
      }),
      { minLength: 1, maxLength: 40 },
    ),
    edges: fc.uniqueArray(fc.tuple(fc.nat(39), fc.nat(39)), { maxLength: 120, selector: ([a, b]) => `${a} ${b}` }),
  })
  .map(({ tasks, edges }) =>
    makeDag(
      tasks.map((changes, i) => makeTask(`t${i}`, changes)),
      edges.flatMap(([a, b]) => (a < b && b < tasks.length ? [[`t${a}`, `t${b}`] as const] : [])),
    ),
  )

/** Own weight and that of everything reachable, by walking names: no index, no bits. */
function bruteWeight(dag: SerializedDag, taskId: string): number {
  const task = dag.tasks.find((one) => one.taskId === taskId)
  if (task === undefined) throw new Error(taskId)
  if (task.weightRule === 'absolute') return task.priorityWeight
  const [from, to] = task.weightRule === 'downstream' ? [0, 1] : [1, 0]
  const seen = new Set([taskId])
  for (const id of seen) for (const edge of dag.edges) if (edge[from] === id) seen.add(edge[to] ?? '')
  return dag.tasks.reduce((sum, one) => sum + (seen.has(one.taskId) ? one.priorityWeight : 0), 0)
}

describe('a graph', () => {
  test('orders every task after its upstreams, names the leaves, and knows both sides of each edge', () => {
    fc.assert(
      fc.property(randomDags, (dag) => {
        const graph = buildGraph(dag)
        expect([...graph.order].sort((a, b) => a - b)).toEqual(dag.tasks.map((_, i) => i))
        expect(graph.order.map((i) => graph.rank[i])).toEqual(dag.tasks.map((_, i) => i))
        for (const [from, to] of dag.edges) {
          const [a, b] = [graph.indexOf.get(from) ?? -1, graph.indexOf.get(to) ?? -1]
          expect(graph.rank[a]).toBeLessThan(graph.rank[b] ?? -1)
          expect(graph.downstream[a]).toContain(b)
          expect(graph.upstream[b]).toContain(a)
        }
        const leaves = dag.tasks.filter(({ taskId }) => dag.edges.every(([from]) => from !== taskId))
        expect(graph.leaves.map((i) => graph.tasks[i]?.taskId).sort()).toEqual(leaves.map((t) => t.taskId).sort())
      }),
    )
  })

  test('weighs by each rule what brute force weighs', () => {
    fc.assert(
      fc.property(randomDags, (dag) => {
        expect(buildGraph(dag).weight).toEqual(dag.tasks.map(({ taskId }) => bruteWeight(dag, taskId)))
      }),
      { numRuns: 300 },
    )
  })

  test('counts a task once in a weight, however many ways lead to it', () => {
    const dag = makeDag(
      ['a', 'b', 'c', 'd'],
      [
        ['a', 'b'],
        ['a', 'c'],
        ['b', 'd'],
        ['c', 'd'],
      ],
    )
    expect(buildGraph(dag).weight).toEqual([4, 2, 2, 1])
  })

  test('keeps a weight within 32 bits, as the column does', () => {
    const heavy = { priorityWeight: 2_000_000_000 }
    const light = { priorityWeight: -2_000_000_000 }
    expect(buildGraph(makeDag([makeTask('a', heavy), makeTask('b', heavy)], [['a', 'b']])).weight).toEqual([
      2_147_483_647, 2_000_000_000,
    ])
    expect(buildGraph(makeDag([makeTask('a', light), makeTask('b', light)], [['a', 'b']])).weight[0]).toBe(
      -2_147_483_648,
    )
  })

  test('tells a cycle task by task', () => {
    const dag = makeDag(
      ['a', 'b', 'c', 'd'],
      [
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'd'],
        ['d', 'b'],
      ],
    )
    expect(() => buildGraph(dag)).toThrow(
      expect.objectContaining({ code: 'DAG_CYCLE', message: 'DAG example has a cycle: b -> c -> d -> b' }),
    )
    expect(() => buildGraph(makeDag(['a'], [['a', 'a']]))).toThrow('a -> a')
  })

  test('finds every cycle: a graph with an edge that closes a way is refused', () => {
    fc.assert(
      fc.property(randomDags, fc.nat(), (dag, pick) => {
        const edge = dag.edges[pick % (dag.edges.length || 1)]
        fc.pre(edge !== undefined)
        if (edge === undefined) return
        const closed = { ...dag, edges: [...dag.edges, [edge[1], edge[0]] as const] }
        expect(() => buildGraph(closed)).toThrow(expect.objectContaining({ code: 'DAG_CYCLE' }))
      }),
    )
  })

  test('refuses an edge to a task it lacks', () => {
    expect(() => buildGraph(makeDag(['a'], [['a', 'b']]))).toThrow(
      expect.objectContaining({ code: 'SERIALIZED_INVALID' }),
    )
  })

  test('task ids that are names of every object are ordinary ids', () => {
    const graph = buildGraph(
      makeDag(
        ['__proto__', 'constructor', '🚀'],
        [
          ['__proto__', 'constructor'],
          ['constructor', '🚀'],
        ],
      ),
    )
    expect(graph.order.map((i) => graph.tasks[i]?.taskId)).toEqual(['__proto__', 'constructor', '🚀'])
  })
})

describe('a large graph', () => {
  const ids = Array.from({ length: 10_000 }, (_, i) => `t${i}`)
  const inTime = <T>(make: () => T): T => {
    const started = performance.now()
    const made = make()
    expect(performance.now() - started).toBeLessThan(5_000)
    return made
  }

  test('of one chain of 10,000 tasks is built in 5 s, and its cycle found, without overflowing', () => {
    const edges = ids.slice(1).map((id, i) => [`t${i}`, id] as const)
    const graph = inTime(() => buildGraph(makeDag(ids, edges)))
    expect(graph.weight[0]).toBe(10_000)
    expect(graph.weight[9_999]).toBe(1)
    expect(() => inTime(() => buildGraph(makeDag(ids, [...edges, ['t9999', 't0']])))).toThrow(
      'has a cycle: t0 -> t1 -> ',
    )
  })

  test('of 10,000 tasks and 50,000 edges is built in 5 s', () => {
    const edges = ids.flatMap((id, i) =>
      [1, 7, 31, 211, 1_009].flatMap((step) => (i + step < ids.length ? [[id, `t${i + step}`] as const] : [])),
    )
    const graph = inTime(() => buildGraph(makeDag(ids, edges)))
    expect(edges.length).toBeGreaterThan(48_000)
    expect(graph.weight[0]).toBe(10_000)
  })
})
