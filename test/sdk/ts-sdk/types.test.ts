// The types of the SDK, as its own tests compare them, and every mistake that must be a compile error (checklist 51).

import { expect, expectTypeOf, test } from 'vitest'
import type * as hitl from '../../../sdk/facade/hitl.ts'
import * as sdk from '../../../sdk/facade/index.ts'

/** Types are the test: the code inside need not run. */
const onlyTypes = (_body: () => void) => expect(_body).toBeTypeOf('function')
type StringKeys<T> = Extract<keyof T, string>

test('51. the types have exactly the keys of Airflow’s', () => {
  expectTypeOf<StringKeys<sdk.TaskRef>>().toEqualTypeOf<'dagId' | 'taskId' | 'before' | 'after'>()
  expectTypeOf<StringKeys<sdk.TaskGroupRef>>().toEqualTypeOf<
    'dagId' | 'groupId' | 'task' | 'taskGroup' | 'before' | 'after'
  >()
  expectTypeOf<StringKeys<sdk.Condition>>().toEqualTypeOf<'dagId' | 'taskId' | 'then' | 'before' | 'after'>()
  expectTypeOf<StringKeys<sdk.Branch>>().toEqualTypeOf<'dagId' | 'taskId' | 'case' | 'before' | 'after'>()
  expectTypeOf<keyof sdk.ConditionElse>().toEqualTypeOf<'else'>()
  expectTypeOf<keyof sdk.Bundle>().toEqualTypeOf<'register' | 'serve' | 'getTaskHandler'>()
  expectTypeOf<keyof sdk.Dag>().toEqualTypeOf<'dagId' | 'spec' | 'taskIds' | 'task' | 'if' | 'switch' | 'taskGroup'>()
  expectTypeOf<sdk.TaskContext>().toEqualTypeOf<{
    readonly dagId: string
    readonly taskId: string
    readonly runId: string
    readonly tryNumber: number
    readonly mapIndex: number
    readonly signal: AbortSignal
  }>()
  expectTypeOf<sdk.GetXComOpts>().toEqualTypeOf<{
    readonly key: string
    readonly dagId?: string
    readonly runId?: string
    readonly taskId?: string
    readonly mapIndex?: number | null
    readonly includePriorDates?: boolean
  }>()
  expectTypeOf<keyof sdk.SetXComOpts>().toEqualTypeOf<'key' | 'value' | 'dagId' | 'runId' | 'taskId' | 'mapIndex'>()
  expectTypeOf<keyof sdk.ConnectionResult>().toEqualTypeOf<
    'id' | 'type' | 'host' | 'schema' | 'login' | 'password' | 'port' | 'extra'
  >()
  expectTypeOf<sdk.TaskGroupOptions>().toEqualTypeOf<{ readonly prefixGroupId?: boolean }>()
  expectTypeOf<sdk.DagRunState>().toEqualTypeOf<'queued' | 'running' | 'success' | 'failed'>()
  expectTypeOf<sdk.TaskOptions>().toEqualTypeOf<sdk.TaskSpec>()
  expectTypeOf<keyof hitl.HITLResult>().toEqualTypeOf<
    'chosenOptions' | 'paramsInput' | 'respondedAt' | 'respondedByUser' | 'timedout'
  >()
})

test('51. any ref is accepted for any argument, a single TaskInput checks its type', () => {
  onlyTypes(() => {
    const dag = new sdk.Dag('d')
    const text = dag.task('text', () => 'x')()
    const none = dag.task('none', () => {})()
    dag.task('m', (args: { n: number }) => args.n)({ n: text })
    dag.task('v', (args: { n: number }) => args.n)({ n: none })
    dag.task('at', (args: { at: Date }) => String(args.at))({ at: text })
    expectTypeOf<sdk.TaskRef<boolean>>().toExtend<sdk.TaskRef>()
    expectTypeOf<sdk.TaskRef>().not.toExtend<sdk.TaskRef<boolean>>()
    expectTypeOf<sdk.TaskRef<string>>().not.toExtend<sdk.TaskInput<number>>()
    expectTypeOf<5>().toExtend<sdk.TaskInput<number>>()
    const map: sdk.ArgNameMap<{ a: string }> = { a: 'b' }
    dag.task(
      'w',
      sdk.withArgNames(map, (args: { a: string }) => args.a),
    )({ a: 'x' })
    dag.task(sdk.triggerDagRun({ dagId: 'x' }), { taskId: 'go' })()
    dag.task('go', sdk.triggerDagRun({ dagId: 'x', allowedStates: ['success'] }))()
    text.before(sdk.label(none, 'text'), dag.taskGroup('g'))
    new sdk.Bundle(dag, new sdk.TaskHandler('p', 't', (args: { n: number }) => args.n))
    const yes = dag.if(() => true)
    const choice: sdk.Branch = dag.switch(async () => text, undefined, { taskId: 'c' }).case(yes)
    yes.then(choice).else(text)
  })
})

test('51. a mistake in a DAG or its options is a compile error', () => {
  onlyTypes(() => {
    const dag = new sdk.Dag('d')
    // @ts-expect-error the id is missing
    new sdk.Dag({ schedule: '@daily' })
    // @ts-expect-error no such option
    new sdk.Dag('d', { scheduled: '@daily' })
    // @ts-expect-error options are camelCase
    new sdk.Dag('d', { dag_display_name: 'x' })
    // @ts-expect-error an option of baram
    new sdk.Dag('d', { timezone: 'UTC' })
    // @ts-expect-error a handler is missing
    dag.task('a')
    // @ts-expect-error no such option
    dag.task('a', () => 1, { retry: 1 })
    // @ts-expect-error seconds, not a Date
    dag.task('a', () => 1, { retryDelay: new Date() })
    // @ts-expect-error options are an object
    dag.task('a', () => 1, 42)
    // @ts-expect-error inputs belong into the call
    dag.task('a', () => 1, { inputs: {} })
    // @ts-expect-error an option of baram
    dag.task('a', () => 1, { isolate: 'process' })
    // @ts-expect-error groups have no decisions
    dag.taskGroup('g').if
    // @ts-expect-error no such option
    dag.taskGroup('g', { tooltip: 'x' })
    // @ts-expect-error a state that no run has
    sdk.triggerDagRun({ dagId: 'x', allowedStates: ['done'] })
    // @ts-expect-error dagId is missing
    sdk.triggerDagRun({ runId: 'x' })
  })
})

test('51. a mistake in the inputs of a call is a compile error', () => {
  onlyTypes(() => {
    const dag = new sdk.Dag('d')
    const ref = dag.task('ref', () => 1)()
    const one = dag.task('one', (args: { n: number; s: string }) => args.n)
    // @ts-expect-error a task without arguments takes no inputs
    dag.task('none', () => 1)({ n: 1 })
    // @ts-expect-error s is missing
    one({ n: 1 })
    // @ts-expect-error there is no input x
    one({ n: 1, s: 'x', x: 1 })
    // @ts-expect-error a literal of the wrong type
    one({ n: 'one', s: 'x' })
    // @ts-expect-error a ref needs a name
    one(ref)
    // @ts-expect-error inputs are named, not positional
    one(1, 'x')
    // @ts-expect-error a Date cannot be written as a literal
    dag.task('at', (args: { at: Date }) => String(args.at))({ at: new Date() })
    // @ts-expect-error a trigger takes no inputs
    dag.task('go', sdk.triggerDagRun({ dagId: 'x' }))({ n: 1 })
    // @ts-expect-error the handler has no such argument
    sdk.withArgNames({ other: 'x' }, (args: { a: string }) => args.a)
  })
})

test('51. a mistake in a decision is a compile error', () => {
  onlyTypes(() => {
    const dag = new sdk.Dag('d')
    const ref = dag.task('ref', () => 1)()
    // @ts-expect-error a condition returns a boolean
    dag.if(() => 'yes')
    // @ts-expect-error a switch returns a task
    dag.switch(() => 'ref')
    // @ts-expect-error its inputs are left out
    dag.if((args: { n: number }) => args.n > 1)
    // @ts-expect-error its inputs are left out, too
    dag.switch((args: { n: number }) => (args.n > 1 ? ref : ref))
    // @ts-expect-error a group is no target
    dag.if(() => true).then(dag.taskGroup('g'))
    // @ts-expect-error nor is a label
    dag.if(() => true).then(sdk.label(ref, 'x'))
    // @ts-expect-error nor a task that was not called
    dag.switch(() => ref).case(dag.task('u', () => 1))
    // @ts-expect-error a label draws no edges
    sdk.label(ref, 'x').before
  })
})

test('51. a mistake with bundles, handlers and the client is a compile error', () => {
  onlyTypes(() => {
    const dag = new sdk.Dag('d')
    // @ts-expect-error a bundle takes DAGs and handlers, not factories
    new sdk.Bundle(dag.task('b', () => 1))
    // @ts-expect-error serve takes nothing
    void new sdk.Bundle(dag).serve(dag)
    const handler = new sdk.TaskHandler('d', 't', () => 1)
    // @ts-expect-error a handler is no function
    handler()
    // @ts-expect-error what it holds is its own
    handler.handler
    // @ts-expect-error three arguments, no object
    new sdk.TaskHandler({ dagId: 'd', taskId: 't', handler: () => 1 })
    // @ts-expect-error the task id is missing
    new sdk.TaskHandler('d', () => 1)
    const client = sdk.getClient()
    // @ts-expect-error options are camelCase
    void client.getXCom({ key: 'k', dag_id: 'd' })
    // @ts-expect-error options are camelCase here, too
    void client.getXCom({ key: 'k', include_prior_dates: true })
    // @ts-expect-error a Date is not JSON
    void client.setXCom({ key: 'k', value: new Date() })
  })
})
