// Edges, groups and labels (checklist 14–19, 49).

import { expect, test } from 'vitest'
import { Dag, label } from '../../../sdk/facade/index.ts'
import { edgesOf, nothing, place, read } from './read.ts'

test('14. a.before(b).before(c) gives a → b and a → c, not b → c', () => {
  const dag = new Dag('d')
  const [a, b, c] = [place(dag, 'a'), place(dag, 'b'), place(dag, 'c')]
  expect(a.before(b).before(c)).toBe(a)
  expect(edgesOf(dag)).toEqual(['a → b', 'a → c'])
})

test('15. an edge to a group reaches its roots, one from it leaves its leaves; tasks added later count', () => {
  const dag = new Dag('d')
  const g = dag.taskGroup('g')
  place(dag, 'start').before(g)
  g.before(place(dag, 'end'))
  const [a, b, c] = [place(g, 'a'), place(g, 'b'), place(g, 'c')]
  b.after(a, c)
  expect(edgesOf(dag)).toEqual(['g.a → g.b', 'g.b → end', 'g.c → g.b', 'start → g.a', 'start → g.c'])
})

test('16. an empty group still orders its neighbours; a cycle is an import error', () => {
  const dag = new Dag('d')
  const empty = dag.taskGroup('empty')
  place(dag, 'x').before(empty)
  empty.before(place(dag, 'y'))
  expect(edgesOf(dag)).toEqual(['x → y'])
  const cyclic = new Dag('c')
  const [a, b] = [place(cyclic, 'a'), place(cyclic, 'b')]
  a.before(b)
  b.before(a)
  expect(() => read(cyclic)).toThrow('a -> b -> a')
})

test('16. an empty nested group that stands upstream falls back to the leaves of its parent', () => {
  const dag = new Dag('d')
  const g = dag.taskGroup('g')
  const inner = g.taskGroup('inner').taskGroup('innermost')
  place(g, 'a').before(place(g, 'b'))
  inner.before(place(dag, 'after'))
  expect(edgesOf(dag)).toEqual(['g.a → g.b', 'g.b → after'])
})

test('17. prefixGroupId false keeps ids as written; doubled ones then fail', () => {
  const dag = new Dag('d')
  const open = dag.taskGroup('open', { prefixGroupId: false })
  place(open, 'a')
  place(open.taskGroup('deep'), 'b')
  expect(dag.taskIds).toEqual(['a', 'deep.b'])
  expect(() => place(dag, 'a')).toThrow('already registered')
})

test('18. a task and a group of one id fail, and so does the id of a group’s join [K]', () => {
  const dag = new Dag('d')
  place(dag, 'a')
  const g = dag.taskGroup('g')
  expect(() => dag.taskGroup('a')).toThrow('already registered')
  expect(() => place(dag, 'g')).toThrow('already registered')
  expect(() => place(g, 'upstream_join_id')).toThrow('belongs to group "g" itself')
  expect(() => g.taskGroup('downstream_join_id')).toThrow('belongs to group "g" itself')
})

test('19. a group id of more than 200 characters, with a dot, or with a space fails', () => {
  for (const id of ['x'.repeat(201), 'a.b', 'a b', '']) expect(() => new Dag('d').taskGroup(id), id).toThrow(Error)
  new Dag('d').taskGroup('🚀'.length === 2 ? 'x'.repeat(200) : '')
  expect(() => new Dag('d').taskGroup('g', { defaultArgs: {} } as never)).toThrow('Unknown option')
})

test('49. a label stands on its edge, also on one an input drew, and on all edges into a group [B]', () => {
  const dag = new Dag('d')
  const a = dag.task('a', () => 1)()
  const b = dag.task('b', ({ x }: { x: number }) => x)({ x: a })
  const g = dag.taskGroup('g')
  place(g, 'one')
  place(g, 'two')
  a.before(label(b, 'first')).before(label(g, 'into'))
  b.after(label(a, 'second'))
  a.before(b)
  expect(read(dag).labels).toEqual([
    ['a', 'b', 'second'],
    ['a', 'g.one', 'into'],
    ['a', 'g.two', 'into'],
  ])
})

test('49. a blank label, one as input or target, and edges drawn from one are Errors [B]', () => {
  const dag = new Dag('d')
  const [a, b] = [place(dag, 'a'), place(dag, 'b')]
  for (const text of ['', ' \n', 5]) expect(() => label(b, text as string)).toThrow('must not be blank')
  expect(() => label({} as never, 'x')).toThrow('expected a task')
  const labelled = label(b, 'text')
  expect(() => (labelled as unknown as typeof a).before(a)).toThrow('draws no edges itself')
  expect(() => (labelled as unknown as typeof a).after(a)).toThrow('draws no edges itself')
  expect(() => dag.task('c', ({ x }: { x: number }) => x)({ x: labelled as never })).toThrow(
    'a label, which stands only',
  )
  expect(() => dag.task('e', ({ x }: { x: number }) => x)({ x: dag.task('u', nothing) as never })).not.toThrow()
  const decision = dag.if(() => true, undefined, { taskId: 'if' })
  expect(() => decision.then(labelled as never)).toThrow('a label, which stands only')
  expect(() => dag.switch(() => a, undefined, { taskId: 's' }).case(labelled as never)).toThrow('a label, which')
})
