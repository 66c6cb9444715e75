// Declaring tasks (checklist 7–13, 20–24, 26, 27, 29).

import { expect, test } from 'vitest'
import { Dag, triggerDagRun } from '../../../sdk/facade/index.ts'
import { edgesOf, nothing, place, read, taskOf } from './read.ts'

test('7. a task that was never called is an import error with its and its DAG’s id', () => {
  const dag = new Dag('d')
  dag.task('forgotten', nothing)
  expect(() => read(dag)).toThrow(/Dag "d", task "forgotten": .*never called/)
})

test('8. a factory called twice is an Error at once', () => {
  const factory = new Dag('d').task('a', nothing)
  factory()
  expect(() => factory()).toThrow('already called; reuse the reference')
})

test('9. a task takes the id of its function', () => {
  const dag = new Dag('d')
  dag.task(async function extract() {})()
  expect(dag.taskIds).toEqual(['extract'])
})

test('10. an anonymous handler without an id is an Error that says how to give one', () => {
  expect(() => new Dag('d').task(() => undefined)).toThrow("pass an id: task('my_id', handler)")
  expect(() => new Dag('d').task(nothing.bind(null))).toThrow('bound nothing')
})

test('11. an id both positional and in the options, or with a dot, is an Error', () => {
  expect(() => new Dag('d').task('a', nothing, { taskId: 'a' })).toThrow('give the id once')
  expect(() => new Dag('d').task('a.b', nothing)).toThrow('a dot, which belongs to groups')
})

test('12. taskIds are in declaration order, with group prefixes', () => {
  const dag = new Dag('d')
  place(dag, 'z')
  place(dag.taskGroup('g').taskGroup('inner'), 'a')
  dag.if(function choose() {
    return true
  })
  place(dag, 'b')
  expect(dag.taskIds).toEqual(['z', 'g.inner.a', 'choose', 'b'])
})

test('13. a data edge and an order edge between two tasks are one edge', () => {
  const dag = new Dag('d')
  const a = dag.task('a', () => 1)()
  const b = dag.task('b', ({ x }: { x: number }) => x)({ x: a })
  a.before(b)
  expect(edgesOf(dag)).toEqual(['a → b'])
})

test('20. a ref inside a literal is an Error; an object that looks like one is a literal', () => {
  const dag = new Dag('d')
  const ref = dag.task('a', () => 1)()
  const take = dag.task('b', ({ x }: { x: unknown }) => x)
  expect(() => take({ x: [{ deep: ref }] as never })).toThrow('draws no edge')
  take({ x: { dagId: 'd', taskId: 'a' } as never })
  expect(taskOf(dag, 'b').inputs).toEqual([{ name: 'x', kind: 'literal', value: { dagId: 'd', taskId: 'a' } }])
  expect(read(dag).edges).toEqual([])
})

test('21. a ref of another DAG, or of another DAG object of the same name, is an Error', () => {
  const foreign = new Dag('d').task('a', () => 1)()
  const dag = new Dag('d')
  expect(() => dag.task('b', ({ x }: { x: number }) => x)({ x: foreign })).toThrow('belongs to another DAG')
  const c = place(dag, 'c')
  expect(() => c.before(foreign)).toThrow('belongs to another DAG')
  // As a second copy of the package would make it.
  const copied = { dagId: 'd', taskId: 'a', before: nothing, after: nothing }
  expect(() => c.before(copied as never)).toThrow('a different copy of the package')
  expect(() => dag.task('e', ({ x }: { x: number }) => x)({ x: copied as never })).toThrow('a different copy')
})

test('22. a literal with a Date, Map or NaN is an import error; nested undefined becomes null', () => {
  for (const [value, what] of [
    [new Date(0), 'Date'],
    [{ m: new Map() }, 'Map'],
    [[Number.NaN], 'NaN'],
  ] as const) {
    const dag = new Dag('d')
    dag.task('a', ({ x }: { x: unknown }) => x)({ x: value as never })
    expect(() => read(dag)).toThrow(what)
  }
  const dag = new Dag('d')
  dag.task('a', ({ x }: { x: unknown }) => x)({ x: { y: undefined, z: [undefined] } as never })
  expect(taskOf(dag, 'a').inputs).toMatchObject([{ value: { y: null, z: [null] } }])
})

test('23. editing the options afterwards does not change the DAG, and a Date is copied', () => {
  const startDate = new Date('2024-01-01T00:00:00Z')
  const tags = ['b', 'a']
  const dag = new Dag('d', { startDate, tags })
  startDate.setUTCFullYear(1999)
  tags.push('z')
  place(dag, 'a')
  expect(read(dag)).toMatchObject({ startDate: '2024-01-01T00:00:00.000Z', tags: ['a', 'b'] })
  expect(() => Object.assign(dag.spec, { tags: [] })).toThrow()
})

test('24. an unknown option is an Error at once, a wrong type an import error that names the field', () => {
  expect(() => new Dag('d', { scheduled: '@daily' } as never)).toThrow('Unknown option "scheduled"')
  expect(() => new Dag('d').task('a', nothing, { [Symbol('x')]: 1 } as never)).toThrow('Unknown option')
  for (const value of [() => 1, new Map(), null, 5n])
    expect(() => new Dag('d', { description: value } as never), String(value)).toThrow(
      '"description" must be text, a number',
    )
  const loop: unknown[] = []
  loop.push(loop)
  expect(() => new Dag('d', { tags: loop } as never)).toThrow('contains itself')
  const dag = new Dag('d', { maxActiveRuns: '3' } as never)
  place(dag, 'a', { retries: Number.NaN })
  expect(() => read(dag)).toThrow(/"maxActiveRuns" must be a finite number, found string\n.*"retries" must be/)
})

test('26. unset options have the defaults of Airflow', () => {
  const dag = new Dag('d')
  place(dag, 'a')
  expect(taskOf(dag, 'a')).toMatchObject({
    owner: 'airflow',
    triggerRule: 'all_success',
    retries: 0,
    retryDelay: 300,
    maxRetryDelay: null,
    retryExponentialBackoff: 0,
    executionTimeout: null,
    dependsOnPast: false,
    waitForDownstream: false,
    queue: 'default',
    pool: 'default_pool',
    poolSlots: 1,
    priorityWeight: 1,
    weightRule: 'downstream',
    doXcomPush: true,
  })
})

test('27. @daily is 0 0 * * * in UTC; other presets, blanks and prose are import errors; six fields are taken', () => {
  const daily = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: false }
  expect(read(new Dag('d', { schedule: '@daily' })).timetable).toEqual(daily)
  expect(read(new Dag('d', { schedule: '30 6 * * MON-FRI 0' })).timetable).toMatchObject({ kind: 'cron' })
  for (const schedule of ['@midnight', '@annually', '', ' ', 'every tuesday'])
    expect(() => read(new Dag('d', { schedule })), schedule).toThrow(expect.objectContaining({ code: 'DAG_INVALID' }))
})

test('29. plain, decider and trigger tasks take their DAG’s queue; a task’s own wins; undefined inherits [B]', () => {
  const dag = new Dag('d', { queue: 'typescript' })
  place(dag, 'plain')
  place(dag, 'own', { queue: 'own' })
  place(dag, 'unset', { queue: undefined })
  const decision = dag.if(() => true, undefined, { taskId: 'decider' })
  decision.then(place(dag, 'then'))
  dag.task('trigger', triggerDagRun({ dagId: 'x' }))()
  expect(Object.fromEntries(read(dag).tasks.map((task) => [task.taskId, task.queue]))).toEqual({
    plain: 'typescript',
    own: 'own',
    unset: 'typescript',
    decider: 'typescript',
    // biome-ignore lint/suspicious/noThenProperty: a task's id
    then: 'typescript',
    trigger: 'typescript',
  })
})
