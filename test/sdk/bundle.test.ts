// `Bundle`, `TaskHandler` and `serve()` (docs/compatibility.md#bundles), and what both doors export.

import { describe, expect, test } from 'vitest'
import { openLoadScope } from '../../sdk/bundle.ts'
import * as facade from '../../sdk/facade/index.ts'
import * as baram from '../../sdk/index.ts'

const nothing = () => undefined

describe('a bundle', () => {
  test('takes DAGs and handlers, all or nothing', () => {
    const bundle = new facade.Bundle(new facade.Dag('a'), new facade.TaskHandler('other', 't', nothing))
    expect(() => bundle.register(new facade.Dag('b'), new facade.Dag('a'))).toThrow('"a" is already registered')
    bundle.register(new facade.Dag('b'))
    expect(() => bundle.register(new facade.TaskHandler('other', 't', nothing))).toThrow('already registered')
    expect(() => bundle.register(new facade.TaskHandler('a', 't', nothing))).toThrow('cannot be both')
    expect(() => bundle.register({} as never)).toThrow('only Dag and TaskHandler')
    bundle.register()
    new baram.Bundle(new facade.Dag('x'), new baram.Dag('y'))
  })

  test('finds the very function of a task, also of one added later; none for unknown tasks', () => {
    const dag = new facade.Dag('a')
    const bundle = new facade.Bundle(dag, new facade.TaskHandler('other', 't', nothing))
    const body = () => 1
    dag.task('later', body)
    expect(bundle.getTaskHandler('a', 'later')).toBe(body)
    expect(bundle.getTaskHandler('other', 't')).toBe(nothing)
    expect(bundle.getTaskHandler('a', 'none')).toBeUndefined()
    expect(bundle.getTaskHandler('none', 't')).toBeUndefined()
  })

  test('serves once a file: a second serve is refused and the first stays; unused handlers are noticed', async () => {
    const scope = openLoadScope()
    const dag = new facade.Dag('a')
    await new facade.Bundle(dag, new facade.TaskHandler('python', 't', nothing)).serve()
    await expect(new facade.Bundle(new facade.Dag('b')).serve()).rejects.toThrow('already called')
    expect(scope.served).toEqual([dag])
    expect(scope.notices).toEqual([expect.stringContaining('"t" of DAG "python"')])
    openLoadScope()
    await new facade.Bundle(new facade.Dag('b')).serve()
  })
})

test('a handler for a Python DAG’s task has two keys, and checks what it is given', () => {
  expect(Object.keys(new facade.TaskHandler('d', 't', nothing))).toEqual(['dagId', 'taskId'])
  expect(() => new facade.TaskHandler('', 't', nothing)).toThrow('dagId')
  expect(() => new facade.TaskHandler('d', 5 as never, nothing)).toThrow('taskId')
  expect(() => new facade.TaskHandler('d', 't', 'x' as never)).toThrow('function')
})

test('the façade exports Airflow’s names and none that are gone; both doors share their classes', () => {
  for (const gone of [
    'registerTask',
    'startCoordinator',
    'DagRegistry',
    'serveDags',
    'getArgNames',
    'runInTaskScope',
    'cron',
    'SkipTask',
  ])
    expect(Object.keys(facade)).not.toContain(gone)
  expect(new baram.Dag('d')).toBeInstanceOf(facade.Dag)
  expect([baram.Bundle, baram.TaskHandler, baram.getContext]).toEqual([
    facade.Bundle,
    facade.TaskHandler,
    facade.getContext,
  ])
})

test('outside a task, the context and the client are refused by name', () => {
  expect(() => facade.getContext()).toThrow('getContext() works only inside a running task')
  expect(() => facade.getClient()).toThrow('getClient() works only inside a running task')
})
