// `dag.if` and `dag.switch` (checklist 42, 44–46).

import { expect, test } from 'vitest'
import { Bundle, type Condition, Dag, type TaskRef } from '../../../sdk/facade/index.ts'
import { findBody } from '../../../sdk/serialize.ts'
import { edgesOf, place, read, taskOf } from './read.ts'

const decide = (dag: Dag, taskId: string, value: unknown) => findBody(dag, taskId)?.decide?.(value)

test('42. the side not taken is named to be skipped, and only that', () => {
  const dag = new Dag('d')
  const [yes, no, after] = [place(dag, 'yes'), place(dag, 'no'), place(dag, 'after')]
  dag
    .if(() => true, undefined, { taskId: 'both' })
    .then(yes)
    .else(no)
  dag.if(() => true, undefined, { taskId: 'one' }).then(yes)
  yes.before(after)
  expect(decide(dag, 'both', true)).toEqual({ value: true, skips: ['no'] })
  expect(decide(dag, 'both', false)).toEqual({ value: false, skips: ['yes'] })
  expect(decide(dag, 'one', true)).toEqual({ value: true, skips: [] })
  expect(decide(dag, 'one', false)).toEqual({ value: false, skips: ['yes'] })
  for (const value of [undefined, null, 1, 'true', {}])
    expect(() => decide(dag, 'both', value), String(value)).toThrow('must return true or false')
  expect(edgesOf(dag)).toEqual(['both → no', 'both → yes', 'one → yes', 'yes → after'])
  expect(taskOf(dag, 'both')).toMatchObject({ skips: true, inputs: [] })
})

test('42. a side has one task, no task has two sides, and a group is none', () => {
  const dag = new Dag('d')
  const [a, b] = [place(dag, 'a'), place(dag, 'b')]
  const decision = dag.if(() => true, undefined, { taskId: 'if' })
  const other = decision.then(a)
  expect(() => decision.then(b)).toThrow('names "a" already')
  expect(() => other.else(a)).toThrow('both sides')
  other.else(b)
  expect(() => other.else(b)).toThrow('names "b" already')
  const second = dag.if(() => true, undefined, { taskId: 'second' })
  expect(() => second.then(dag.taskGroup('g') as never)).toThrow('expected a task, found group "g"')
  expect(() => second.then(dag.task('uncalled', () => 1) as never)).toThrow('was not called')
})

test('42. a decider has its inputs second, its options third, and an id as every task', () => {
  const dag = new Dag('d')
  const n = dag.task('n', () => 3)()
  dag
    .if(
      function isBig({ total }: { total: number }) {
        return total > 2
      },
      { total: n },
      { retries: 2 },
    )
    .then(place(dag, 'a'))
  expect(taskOf(dag, 'isBig')).toMatchObject({ retries: 2, inputs: [{ name: 'total', kind: 'ref', taskId: 'n' }] })
  const other = new Dag('other')
  expect(() => other.if(() => true)).toThrow('has no name')
  expect(() => other.if('id' as never, (() => true) as never)).toThrow('the handler comes first')
  expect(() => other.if(() => true, undefined, null as never)).toThrow('found null')
})

test('44. awaiting a condition rejects with the hint; no then and no case are import errors', async () => {
  const dag = new Dag('d')
  const decision: unknown = dag.if(() => true, undefined, { taskId: 'if' })
  await expect((async () => await decision)()).rejects.toThrow(/was awaited.*drop the await/)
  dag.switch((): TaskRef => decision as TaskRef, undefined, { taskId: 'switch' })
  expect(() => read(dag)).toThrow(/"if": the condition names no branch.*\n.*"switch": the switch has no case/)
})

test('45. a switch chooses by DAG and task id; anything else fails and names what came and the cases', () => {
  const dag = new Dag('d')
  const [a, b, c] = [place(dag, 'a'), place(dag, 'b'), place(dag, 'c')]
  const choice = dag.switch(() => a, undefined, { taskId: 's' })
  expect(choice.case(a)).toBe(choice)
  choice.case(b)
  expect(() => choice.case(a)).toThrow('named already')
  expect(() => choice.case(new Dag('d').task('x', () => 1)())).toThrow('another DAG')
  expect(decide(dag, 's', b)).toEqual({ value: 'b', skips: ['a'] })
  expect(decide(dag, 's', { dagId: 'd', taskId: 'a' })).toEqual({ value: 'a', skips: ['b'] })
  for (const [value, found] of [
    ['b', '"b"'],
    [null, 'null'],
    [c, 'task "c"'],
    [{ dagId: 'other', taskId: 'a' }, 'object'],
  ] as const)
    expect(() => decide(dag, 's', value)).toThrow(`one of its cases ("a", "b"), found ${found}`)
})

test('46. a condition and a branch are targets of decisions and ends of edges', async () => {
  const dag = new Dag('d')
  const [a, b, c] = [place(dag, 'a'), place(dag, 'b'), place(dag, 'c')]
  const inner: Condition = dag.if(() => true, undefined, { taskId: 'inner' })
  inner.then(a)
  const branch = dag
    .switch(() => inner, undefined, { taskId: 'branch' })
    .case(b)
    .case(inner)
  dag
    .if(() => true, undefined, { taskId: 'outer' })
    .then(branch)
    .else(c)
  c.before(inner)
  expect(inner.before(c as never)).toBe(inner)
  expect(dag.spec).toEqual({})
  expect(decide(dag, 'outer', false)).toEqual({ value: false, skips: ['branch'] })
  // A condition has a `then`: what a handler returns must not be taken for a promise.
  const chosen = (await new Bundle(dag).getTaskHandler('d', 'branch')?.()) as unknown
  expect(decide(dag, 'branch', chosen)).toEqual({ value: 'inner', skips: ['b'] })
})
