// What the compiler says to authors: each `@ts-expect-error` names its reason, and tsc fails where it says nothing.

import { expect, expectTypeOf, test } from 'vitest'
import * as facade from '../../sdk/facade/index.ts'
import { Dag, type TaskRef } from '../../sdk/index.ts'

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

test('inputs are complete, named as the handler names them, and of its types, at both doors', () => {
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

test('unknown and mistyped options, and what is no handler, are errors', () => {
  onlyTypes(() => {
    const dag = new facade.Dag('d')
    // @ts-expect-error no such option
    new facade.Dag('d', { scheduled: '@daily' })
    // @ts-expect-error options are camelCase
    new facade.Dag('d', { dag_display_name: 'x' })
    // @ts-expect-error the façade has no zone
    new facade.Dag('d', { timezone: 'UTC' })
    new Dag('d', { timezone: 'UTC' })
    // @ts-expect-error the id is missing
    new facade.Dag({ schedule: '@daily' })
    // @ts-expect-error seconds, not a Date
    dag.task('a', () => 1, { retryDelay: new Date() })
    // @ts-expect-error options are an object
    dag.task('a', () => 1, 42)
    // @ts-expect-error a handler is missing
    dag.task('a')
    // @ts-expect-error only 'process' isolates
    new Dag('d').task('a', () => 1, { isolate: 'thread' })
    // @ts-expect-error a bundle takes DAGs and handlers, not factories
    new facade.Bundle(dag.task('b', () => 1))
  })
})

test('the façade’s types have exactly Airflow’s keys', () => {
  expectTypeOf<Extract<keyof facade.TaskRef, string>>().toEqualTypeOf<'dagId' | 'taskId' | 'before' | 'after'>()
  expectTypeOf<Extract<keyof facade.TaskGroupRef, string>>().toEqualTypeOf<
    'dagId' | 'groupId' | 'task' | 'taskGroup' | 'before' | 'after'
  >()
  expectTypeOf<keyof facade.Bundle>().toEqualTypeOf<'register' | 'serve' | 'getTaskHandler'>()
  expectTypeOf<keyof facade.TaskContext>().toEqualTypeOf<
    'dagId' | 'taskId' | 'runId' | 'tryNumber' | 'mapIndex' | 'signal'
  >()
  expectTypeOf<keyof facade.TaskGroupOptions>().toEqualTypeOf<'prefixGroupId'>()
  expect(facade.SUPERVISOR_API_VERSION).toBe('2026-10-30')
})
