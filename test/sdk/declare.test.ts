// Declaring a DAG (docs/compatibility.md#dag-files), at the door of Airflow's SDK and at ours.

import { describe, expect, test } from 'vitest'
import * as facade from '../../sdk/facade/index.ts'
import * as baram from '../../sdk/index.ts'
import { serializeDag } from '../../sdk/serialize.ts'

const SERVER = { maxActiveTasks: 16, maxActiveRuns: 16 }
const read = (dag: facade.Dag) => serializeDag(dag, SERVER)
const edgesOf = (dag: facade.Dag) => read(dag).edges.map(([from, to]) => `${from} → ${to}`)
const nothing = () => undefined
/** A task placed at once. */
const place = (dag: facade.Dag | facade.TaskGroupRef, id: string, spec: facade.TaskSpec = {}) =>
  dag.task(id, nothing, spec)()

describe.each([
  ['the façade', facade.Dag],
  ['baram', baram.Dag as unknown as typeof facade.Dag],
])('through %s', (_door, Dag) => {
  describe('a task id', () => {
    test('is given once, in the call or the options, or it is the function’s name', () => {
      const dag = new Dag('d')
      async function extract() {}
      dag.task(extract)()
      dag.task('first', nothing)()
      dag.task(nothing, { taskId: 'second' })()
      expect(dag.taskIds).toEqual(['extract', 'first', 'second'])
      expect(() => dag.task('third', nothing, { taskId: 'third' })).toThrow('give the id once')
      expect(() => dag.task(() => undefined)).toThrow('has no name')
      expect(() => dag.task(extract.bind(null))).toThrow('bound extract')
    })

    test.each(['a.b', '', 'a b', 'a/b', 'x'.repeat(251), '🚀'])('may not be %j', (id) =>
      expect(() => new Dag('d').task(id, nothing)).toThrow(Error),
    )

    test.each(['a', 'A-1_z', 'данные', '작업', 'x'.repeat(250), '__proto__'])('may be %j', (id) => {
      const dag = new Dag('d')
      place(dag, id)
      expect(read(dag).tasks.map((task) => task.taskId)).toEqual([id])
    })

    test('stands once in a DAG, of tasks and groups together', () => {
      const dag = new Dag('d')
      place(dag, 'a')
      dag.taskGroup('g')
      expect(() => dag.task('a', nothing)).toThrow('already registered')
      expect(() => dag.taskGroup('a')).toThrow('already registered')
      expect(() => dag.task('g', nothing)).toThrow('already registered')
    })
  })

  describe('a handler', () => {
    test('is a function of one object or of none', () => {
      const dag = new Dag('d')
      const two = (a: unknown, b: unknown) => [a, b]
      expect(() => dag.task('a', two as never)).toThrow('2 parameters')
      for (const body of [undefined, null, 'text', 5, {}])
        expect(() => dag.task('a', body as never), String(body)).toThrow('expected a function')
      expect(() => dag.task('a', nothing, null as never)).toThrow('found null')
    })
  })

  describe('a factory', () => {
    test('is called exactly once: again throws, never is told when the DAG is read, with task and DAG', () => {
      const dag = new Dag('d')
      const factory = dag.task('a', nothing)
      factory()
      expect(factory).toThrow('already called')
      dag.task('forgotten', nothing)
      expect(() => read(dag)).toThrow(/Dag "d", task "forgotten": .*never called/)
    })

    test('takes named refs and literals, in the order given; a ref draws an edge', () => {
      const dag = new Dag('d')
      const a = dag.task('a', () => 1)()
      dag.task(
        'b',
        (args: { z: number; a: string; n: null; m: { x: number } }) => args,
      )({ z: a, a: 'text', n: null, m: { x: 1 } })
      const task = read(dag).tasks.find((one) => one.taskId === 'b')
      expect(task?.inputs).toEqual([
        { name: 'z', kind: 'ref', taskId: 'a' },
        { name: 'a', kind: 'literal', value: 'text' },
        { name: 'n', kind: 'literal', value: null },
        { name: 'm', kind: 'literal', value: { x: 1 } },
      ])
      expect(edgesOf(dag)).toEqual(['a → b'])
    })

    test('refuses a bare ref, two arguments, no object, symbols, and a ref inside a literal', () => {
      const dag = new Dag('d')
      const ref = dag.task('a', () => 1)()
      const give =
        (...inputs: unknown[]) =>
        () =>
          (dag.task(`t${count++}`, (args: { x: number }) => args) as (...all: unknown[]) => unknown)(...inputs)
      let count = 0
      expect(give(ref)).toThrow('by name')
      expect(give({ x: 1 }, { y: 1 })).toThrow('2 arguments')
      for (const inputs of [5, 'x', [1], new Map()])
        expect(give(inputs), String(inputs)).toThrow('object of named arguments')
      expect(give({ [Symbol('x')]: 1 })).toThrow('symbol')
      expect(give({ x: [ref] })).toThrow('draws no edge')
      expect(give({ x: { deep: { er: [ref] } } })).toThrow('draws no edge')
      expect(give({ x: dag.task('uncalled', nothing) })).not.toThrow()
    })

    test('a literal that holds itself is told when the DAG is read, and takes no time', () => {
      const dag = new Dag('d')
      const loop: Record<string, unknown> = {}
      for (const key of 'abcdefgh') loop[key] = loop
      dag.task('a', (args: { x: unknown }) => args)({ x: loop as never })
      expect(() => read(dag)).toThrow('circle')
    })

    test('gives a frozen ref with exactly four keys', () => {
      const ref = place(new Dag('d'), 'a')
      expect(Object.keys(ref)).toEqual(['dagId', 'taskId', 'before', 'after'])
      expect(Object.isFrozen(ref)).toBe(true)
    })

    test.each<[string, unknown, string]>([
      ['a Date', new Date(0), 'Date'],
      ['a Map inside', { m: new Map() }, 'Map'],
      ['NaN', Number.NaN, 'NaN'],
      ['a function', () => 1, 'function'],
    ])('a literal with %s is told when the DAG is read', (_name, value, what) => {
      const dag = new Dag('d')
      dag.task('a', (args: { x: unknown }) => args)({ x: value as never })
      expect(() => read(dag)).toThrow(what)
    })
  })

  describe('edges', () => {
    test('fan out from the receiver; doubled ones, and a data edge beside an order edge, are one', () => {
      const dag = new Dag('d')
      const a = dag.task('a', () => 1)()
      const [b, c] = [place(dag, 'b'), place(dag, 'c')]
      const d = dag.task('d', (args: { x: number }) => args)({ x: a })
      expect(a.before(b).before(c)).toBe(a)
      a.before(b, c, d)
      c.after(a)
      expect(edgesOf(dag)).toEqual(['a → b', 'a → c', 'a → d'])
    })

    test('to itself or to anything else are refused; a cycle is told task by task', () => {
      const dag = new Dag('d')
      const [a, b] = [place(dag, 'a'), place(dag, 'b')]
      expect(() => a.before(a)).toThrow('itself')
      for (const other of [null, 'b', {}, { dagId: 'd', taskId: 'b' }, dag.task('u', nothing)])
        expect(() => a.before(other as never)).toThrow('expected a task or group')
      const cyclic = new Dag('c')
      const [x, y] = [place(cyclic, 'x'), place(cyclic, 'y')]
      x.before(y)
      y.before(x)
      expect(() => read(cyclic)).toThrow('x -> y -> x')
      a.before(b)
    })
  })

  describe('groups', () => {
    test('put their id before what is inside, nested too; without prefix ids stay as written', () => {
      const dag = new Dag('d')
      const outer = dag.taskGroup('outer')
      place(outer, 'a')
      place(outer.taskGroup('inner'), 'b')
      const open = dag.taskGroup('open', { prefixGroupId: false })
      place(open, 'c')
      place(open.taskGroup('deep'), 'e')
      const inside = outer.taskGroup('plain', { prefixGroupId: false })
      place(inside, 'f')
      expect(dag.taskIds).toEqual(['outer.a', 'outer.inner.b', 'c', 'deep.e', 'f'])
      expect(() => place(open, 'f')).toThrow('already registered')
      expect(inside.groupId).toBe('outer.plain')
    })

    test.each(['a.b', 'a b', '', 'x'.repeat(201)])('may not be called %j', (id) =>
      expect(() => new Dag('d').taskGroup(id)).toThrow(Error),
    )

    test('refuse unknown and mistyped options', () => {
      expect(() => new Dag('d').taskGroup('g', { tooltip: 'x' } as never)).toThrow('Unknown option')
      expect(() => new Dag('d').taskGroup('g', { prefixGroupId: 'yes' } as never)).toThrow('prefixGroupId')
      new Dag('d').taskGroup('x'.repeat(200))
    })

    test('an edge into one reaches its roots, one out of it leaves its leaves, also of tasks added later', () => {
      const dag = new Dag('d')
      const g = dag.taskGroup('g')
      const [start, end] = [place(dag, 'start'), place(dag, 'end')]
      start.before(g)
      g.before(end)
      const [a, b, c] = [place(g, 'a'), place(g, 'b'), place(g, 'c')]
      a.before(b)
      c.before(b)
      expect(edgesOf(dag)).toEqual(['g.a → g.b', 'g.b → end', 'g.c → g.b', 'start → g.a', 'start → g.c'])
    })

    test('edges between groups inside count: what stands behind a nested group is no root, what stands before it no leaf', () => {
      const dag = new Dag('d')
      const g = dag.taskGroup('g')
      const [one, two] = [g.taskGroup('one'), g.taskGroup('two')]
      place(one, 'a')
      place(two, 'b')
      const last = place(g, 'last')
      one.before(two)
      two.before(last)
      place(dag, 'start').before(g)
      g.before(place(dag, 'end'))
      expect(edgesOf(dag)).toEqual(['g.last → end', 'g.one.a → g.two.b', 'g.two.b → g.last', 'start → g.one.a'])
    })

    test('an empty one still orders its neighbours, and several in a row too', () => {
      const dag = new Dag('d')
      const [x, y] = [place(dag, 'x'), place(dag, 'y')]
      const [e, f] = [dag.taskGroup('e'), dag.taskGroup('f')]
      x.before(e)
      e.before(f)
      f.before(y)
      expect(edgesOf(dag)).toEqual(['x → y'])
    })

    test('empty ones in a circle do not hang the reader', () => {
      const dag = new Dag('d')
      const [e, f] = [dag.taskGroup('e'), dag.taskGroup('f')]
      e.before(f)
      f.before(e)
      place(dag, 'x').before(e)
      f.before(place(dag, 'y'))
      expect(edgesOf(dag)).toEqual(['x → y'])
    })

    test('of 3,000 tasks upstream and downstream of another are read in a second', () => {
      const dag = new Dag('d')
      const [g, h] = [dag.taskGroup('g'), dag.taskGroup('h')]
      const refs = Array.from({ length: 3_000 }, (_, i) => place(g, `t${i}`))
      for (const [i, ref] of refs.slice(1).entries()) refs[i]?.before(ref)
      place(h, 'a')
      g.before(h)
      const started = performance.now()
      expect(read(dag).edges).toHaveLength(3_000)
      expect(performance.now() - started).toBeLessThan(1_000)
    })
  })

  describe('options', () => {
    test('of a DAG must be a plain object with known keys', () => {
      for (const spec of [null, [], new Map(), 42, 'x', new (class Spec {})()])
        expect(() => new Dag('d', spec as never), String(spec)).toThrow('plain object')
      expect(() => new Dag('d', { scheduled: '@daily' } as never)).toThrow(
        'Unknown option "scheduled" of a Dag; did you mean "schedule"?',
      )
      expect(() => new Dag('d', { dag_display_name: 'x' } as never)).toThrow('did you mean "dagDisplayName"')
      expect(() => new Dag('d', { [Symbol('x')]: 1 } as never)).toThrow('Unknown option')
      expect(() => new Dag('')).toThrow('not empty')
      expect(() => new Dag(5 as never)).toThrow('text')
      new Dag('d', { description: undefined })
    })

    test('of a wrong type are told together when the DAG is read, each with its name and what was expected', () => {
      const dag = new Dag('d', {
        tags: 'x',
        dagrunTimeout: Number.NaN,
        startDate: new Date(Number.NaN),
        catchup: 'no',
      } as never)
      place(dag, 'a', {
        retries: '3',
        retryDelay: new Date(0),
        triggerRule: 'all_sucess',
        poolSlots: 0,
        executionTimeout: -1,
      } as never)
      let message = ''
      try {
        read(dag)
      } catch (error) {
        expect(error).toMatchObject({ code: 'DAG_INVALID' })
        message = (error as Error).message
      }
      const expected = [
        '"tags" must be an array of strings',
        '"dagrunTimeout" must be a finite number',
        '"startDate" must be a valid Date',
        '"catchup" must be true or false',
        '"retries" must be a finite number, found string',
        '"retryDelay" must be',
        '"all_sucess" does not exist',
        '"poolSlots" must be a whole number of at least 1',
        '"executionTimeout" must be more than 0',
      ]
      for (const sentence of expected) expect(message).toContain(sentence)
      expect(message.split('\n')).toHaveLength(expected.length)
    })

    test('wait for downstream means depend on past', () => {
      const dag = new Dag('d')
      place(dag, 'a', { waitForDownstream: true })
      expect(read(dag).tasks[0]).toMatchObject({ waitForDownstream: true, dependsOnPast: true })
    })

    test.each(['', ' ', 'every tuesday', '@midnight', '@annually', '@never', '* * *', '61 * * * *'])(
      'a schedule %j is told when the DAG is read',
      (schedule) => {
        const dag = new Dag('d', { schedule })
        expect(() => read(dag)).toThrow(expect.objectContaining({ code: 'DAG_INVALID' }))
      },
    )
  })

  test('once read, a DAG takes no task, group, edge or call any more', () => {
    const dag = new Dag('d')
    const g = dag.taskGroup('g')
    const [a, b] = [place(dag, 'a'), place(g, 'b')]
    read(dag)
    expect(() => dag.task('c', nothing)).toThrow('module is loading')
    expect(() => g.task('c', nothing)).toThrow('module is loading')
    expect(() => dag.taskGroup('h')).toThrow('module is loading')
    expect(() => a.before(b)).toThrow('module is loading')
  })

  test('read twice gives the same bytes, whatever the order of declaration', () => {
    const make = (ids: readonly string[]) => {
      const dag = new Dag('d', { tags: ['x', 'y'] })
      const refs = new Map(ids.map((id) => [id, place(dag, id)]))
      for (const id of ids) if (id !== 'a') refs.get('a')?.before(refs.get(id) as facade.TaskRef)
      return dag
    }
    const dag = make(['a', 'b', 'c'])
    expect(JSON.stringify(read(dag))).toBe(JSON.stringify(read(dag)))
    expect(JSON.stringify(read(make(['c', 'a', 'b'])))).toBe(JSON.stringify(read(dag)))
  })
})

describe('what only baram has', () => {
  test('the façade refuses', () => {
    expect(() => new facade.Dag('d', { timezone: 'Asia/Seoul' } as never)).toThrow('Unknown option')
    expect(() => new facade.Dag('d', { defaultArgs: {} } as never)).toThrow('Unknown option')
    expect(() => new facade.Dag('d').task('a', nothing, { isolate: 'process' } as never)).toThrow('Unknown option')
    expect(() => read(new facade.Dag('d', { schedule: baram.cron('0 6 * * *') } as never))).toThrow('"schedule"')
  })

  test('default arguments stand below a task’s own, and are copied and checked', () => {
    const defaultArgs = { retries: 3, queue: 'q', owner: 'me' }
    const dag = new baram.Dag('d', { defaultArgs })
    dag.task('a', nothing)()
    dag.task('b', nothing, { retries: 0, owner: undefined })()
    defaultArgs.retries = 99
    expect(read(dag).tasks).toMatchObject([
      { retries: 3, queue: 'q', owner: 'me' },
      { retries: 0, queue: 'q', owner: 'me' },
    ])
    expect(() => read(new baram.Dag('d', { defaultArgs: { retry_delay: 1 } as never }))).toThrow(
      'did you mean "retryDelay"',
    )
    expect(() => read(new baram.Dag('d', { defaultArgs: { taskId: 'x' } }))).toThrow('cannot be a default')
    expect(() => read(new baram.Dag('d', { defaultArgs: { retries: 'x' } as never }))).toThrow(
      'must be a finite number',
    )
  })

  test('zoned schedules, spans and a zone to read dates in', () => {
    const zoned = new baram.Dag('d', { schedule: baram.cron('0 6 * * *', { timezone: 'Asia/Seoul', interval: true }) })
    expect(read(zoned)).toMatchObject({
      timezone: 'Asia/Seoul',
      timetable: { kind: 'cron', timezone: 'Asia/Seoul', interval: true },
    })
    expect(read(new baram.Dag('d', { schedule: baram.every({ hours: 1, minutes: 30 }) })).timetable).toEqual({
      kind: 'delta',
      everyMs: 5_400_000,
      interval: false,
    })
    expect(() => baram.cron('0 6 * * *', { timezone: 'Mars/Olympus' })).toThrow('not a time zone')
    expect(() => baram.every({})).toThrow()
    expect(() => read(new baram.Dag('d', { timezone: 'Nowhere' }))).toThrow('not a time zone')
  })

  test('an operator stands where a handler may, needs an id, and shows its options', () => {
    const put = baram.defineOperator({
      name: 'PutOperator',
      options: { path: '/x', format: undefined, check: () => true },
      execute: () => 1,
    })
    const dag = new baram.Dag('d')
    dag.task('put', put)()
    expect(read(dag).tasks[0]).toMatchObject({ operator: 'PutOperator', options: { path: '/x' } })
    expect(() => new baram.Dag('d').task(put)).toThrow("PutOperator needs an id: write task('my_id', …)")
  })
})
