// What the compiler says to authors: each `@ts-expect-error` names its reason, and tsc fails where it says nothing.

import { expect, expectTypeOf, test } from 'vitest'
import * as facade from '../../sdk/facade/index.ts'
import {
  branch,
  cron,
  Dag,
  defineParams,
  expand,
  expandEach,
  getParams,
  type JsonValue,
  param,
  sensor,
  type TaskRef,
  t,
  tpl,
  zip,
} from '../../sdk/index.ts'

/** Types are the test: the code inside need not run. */
const onlyTypes = (_body: () => void) => expect(_body).toBeTypeOf('function')

test('a handler’s return type is its ref’s, awaited', () => {
  onlyTypes(() => {
    const dag = new Dag('d')
    expectTypeOf(dag.task('a', async () => ({ rows: 3 }))()).toEqualTypeOf<TaskRef<{ rows: number }>>()
  })
})

test('a wrongly typed ref is an error through baram, and accepted by the façade', () => {
  onlyTypes(() => {
    const [ours, theirs] = [new Dag('d'), new facade.Dag('d')]
    const text = ours.task('text', () => 'x')()
    ours.task('n', (args: { n: string }) => args.n)({ n: text })
    // @ts-expect-error a ref of a string where a number is taken
    ours.task('m', (args: { n: number }) => args.n)({ n: text })
    const their = theirs.task('text', () => 'x')()
    theirs.task('m', (args: { n: number }) => args.n)({ n: their })
  })
})

test('a return value that is not JSON is an error through baram', () => {
  onlyTypes(() => {
    const dag = new Dag('d')
    // @ts-expect-error a Date does not survive JSON
    dag.task('a', () => new Date())()
    // @ts-expect-error nor does a Map inside
    dag.task('b', () => ({ m: new Map<string, string>() }))()
    // @ts-expect-error nor a bigint in a list
    dag.task('c', async () => [1n])()
    dag.task('d', () => undefined)()
    dag.task('e', () => {})()
    interface Row {
      readonly id: number
      readonly note?: string
    }
    dag.task('f', (): readonly Row[] => [])()
  })
})

test('inputs are complete, named as the handler names them, and of its types, at the façade’s door', () => {
  onlyTypes(() => {
    for (const dag of [new facade.Dag('d')]) {
      const one = dag.task('one', (args: { n: number; s: string }) => args.n)
      one({ n: 1, s: 'x' })
      // @ts-expect-error s is missing
      one({ n: 1 })
      // @ts-expect-error there is no input x
      one({ n: 1, s: 'x', x: 1 })
      // @ts-expect-error a literal of the wrong type
      one({ n: 'one', s: 'x' })
      // @ts-expect-error inputs are left out
      one()
      // @ts-expect-error a task without arguments takes no inputs
      dag.task('none', () => 1)({ n: 1 })
      // @ts-expect-error a Date cannot be written as a literal
      dag.task('at', (args: { at: Date }) => String(args.at))({ at: new Date() })
    }
  })
})

test('options that only baram has are checked as well', () => {
  onlyTypes(() => {
    new Dag('d', {
      timezone: 'UTC',
      schedule: cron(['0 6 * * *', '0 18 * * *']),
      params: { limit: param(5), day: 'x' },
    })
    // @ts-expect-error only 'process' isolates
    new Dag('d').task('a', () => 1, { isolate: 'thread' })
    // @ts-expect-error a policy answers with an object
    new Dag('d').task('a', () => 1, { retryPolicy: () => true })
    new Dag('d').taskGroup('g', { defaultArgs: { retries: 3 } }).taskGroup('inner', { defaultArgs: { pool: 'p' } })
    // @ts-expect-error the façade’s groups have no defaults
    new facade.Dag('d').taskGroup('g', { defaultArgs: { retries: 3 } })
    // @ts-expect-error a param is JSON
    new Dag('d', { params: { at: new Date() } })
  })
})

test('deciders check the refs they take', () => {
  onlyTypes(() => {
    const dag = new Dag('d')
    const text = dag.task('text', () => 'x')()
    dag.if(({ s }: { s: string }) => s === '', { s: text }, { isolate: 'process' })
    // @ts-expect-error a ref of a string where a number is taken
    dag.if(({ n }: { n: number }) => n > 1, { n: text })
  })
})

test('mapping: each list fits its argument, nothing is missing or unknown, and the result is a list', () => {
  onlyTypes(() => {
    const dag = new Dag('d')
    const numbers = dag.task('numbers', () => [1, 2])()
    const texts = dag.task('texts', () => ['a'])()
    const jobs = dag.task('jobs', () => [{ n: 1, s: 'x' }])()
    const pairs = dag.task('pairs', () => ({ a: 1 }))()
    const make = (id: string) => dag.task(id, ({ n, s }: { n: number; s: string; note?: string }) => ({ n, s }))
    expectTypeOf(expand(make('a'), { n: numbers, s: ['x'] })).toEqualTypeOf<TaskRef<{ n: number; s: string }[]>>()
    expand(make('b'), { n: [1, 2] }, { partial: { s: texts as never, note: 'x' } })
    expand(make('c'), { n: numbers }, { partial: { s: 'x' } })
    expand(make('d'), zip({ n: numbers, s: texts }, { fill: null }))
    expand(make('e'), zip({ n: numbers }), { partial: { s: 'x' } })
    expandEach(make('f'), jobs)
    expandEach(make('g'), [{ n: 1 }], { partial: { s: 'x' } })
    expand(
      dag.task('h', ({ pair: [key, value] }: { pair: readonly [string, number] }) => [key, value]),
      { pair: pairs },
    )
    // @ts-expect-error a list of texts where numbers are taken
    expand(make('i'), { n: texts, s: texts })
    // @ts-expect-error s is missing
    expand(make('j'), { n: numbers })
    // @ts-expect-error there is no argument x
    expand(make('k'), { n: numbers, s: texts, x: texts })
    // @ts-expect-error not a list
    expand(make('l'), { n: 5, s: texts })
    // @ts-expect-error a list of texts side by side with texts
    expand(make('m'), zip({ n: texts, s: texts }))
    // @ts-expect-error zip lacks s
    expand(make('n'), zip({ n: numbers }))
    // @ts-expect-error zip has an unknown list
    expand(make('o'), zip({ n: numbers, s: texts, x: texts }))
    // @ts-expect-error the objects lack s
    expandEach(make('p'), [{ n: 1 }])
    // @ts-expect-error a task that was called is no task to map
    expand(make('q')({ n: 1, s: 'x' }), { n: numbers })
    // @ts-expect-error s stands in partial with a wrong type
    expand(make('r'), { n: numbers }, { partial: { s: 5 } })
  })
})

test('params: the schema’s type, else the default’s, is what a task reads', () => {
  onlyTypes(() => {
    const params = defineParams({
      limit: param(5, { type: 'integer', minimum: 1 }),
      day: '2024-01-01',
      note: param(null, { type: ['null', 'string'] }),
      mode: param('fast', { enum: ['fast', 'slow'] }),
      must: param.required({ type: 'boolean' }),
      list: param([1, 2]),
      any: param.required({}),
    })
    new Dag('d', { params })
    expectTypeOf(getParams(params)).toEqualTypeOf<{
      readonly limit: number
      readonly day: string
      readonly note: string | null
      readonly mode: 'fast' | 'slow'
      readonly must: boolean
      readonly list: number[]
      readonly any: JsonValue
    }>()
    // @ts-expect-error no such param
    getParams(params).size
    // @ts-expect-error a schema is JSON
    param(5, { type: () => 'integer' })
  })
})

test('operators: what they take and give flows as with functions', () => {
  onlyTypes(() => {
    const dag = new Dag('d')
    const found = dag.task(
      'found',
      sensor({ poke: ({ path }: { path: string }) => ({ done: true, value: path.length }) }),
    )
    expectTypeOf(found({ path: '/in' })).toEqualTypeOf<TaskRef<number | undefined>>()
    // @ts-expect-error path is missing
    found({})
    // @ts-expect-error a poke says true, false or { done }
    sensor({ poke: () => 'yes' })
    const chosen = dag.task(
      'chosen',
      branch(() => 'a' as const),
    )()
    expectTypeOf(chosen).toEqualTypeOf<TaskRef<'a'>>()
    // @ts-expect-error a branch returns ids
    branch(() => 5)
    expectTypeOf(tpl`/x/${t.local.ds}/${t.params['x']}/${t.macros['ds_add']?.(t.ds, 1) ?? ''}`).toEqualTypeOf<string>()
    // @ts-expect-error no such name
    t.local.dss
  })
})
