// Task instances that are taken out of a run: what is left of it is decided as if they had never been there.

import { expect, test } from 'vitest'
import { removeInstances } from '../../../engine/control/remove.ts'
import { makeDag, makeTask } from '../../support/make-dag.ts'
import { depsOf, kim } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const makeEngine = useEngines()

async function failedFirst() {
  const engine = await makeEngine()
  const tasks = [makeTask('first', { retries: 1, retryDelay: 3600 }), 'second', 'other']
  await engine.addDag(makeDag(tasks, [['first', 'second']], { dagId: 'one' }))
  const scheduler = engine.makeScheduler()
  const run = await engine.trigger('one', { runId: 'r' })
  await scheduler.pass()
  const worker = await engine.makeWorker()
  await worker.drain(({ task }) =>
    task.taskId === 'first' ? { kind: 'failure', message: 'no', isRetryable: true } : { kind: 'success' },
  )
  const deps = depsOf(engine, scheduler)
  const remove = (taskId: string) => removeInstances(deps, { dagId: 'one', runId: 'r', taskId, mapIndex: null }, kim)
  return { engine, scheduler, run, worker, remove }
}

test('a task runs when the upstream that it waits for is deleted, and the run ends', async () => {
  const { engine, scheduler, run, worker, remove } = await failedFirst()
  expect(await engine.states(run)).toEqual({ first: 'up_for_retry', second: null, other: 'success' })
  await remove('first')
  await scheduler.pass()
  await worker.drain()
  expect(await engine.states(run)).toEqual({ second: 'success', other: 'success' })
  expect(await engine.runState(run)).toBe('success')
  expect(await engine.query('select count(*)::int as n from task_queue')).toEqual([{ n: 0 }])
})

test('a run ends when everything of it that was open is deleted', async () => {
  const { engine, scheduler, run, remove } = await failedFirst()
  await remove('first')
  await remove('second')
  await scheduler.pass()
  expect(await engine.runState(run)).toBe('success')
})

test('a run from which every task was deleted ends', async () => {
  const { engine, scheduler, run, remove } = await failedFirst()
  for (const task of ['first', 'second', 'other']) await remove(task)
  await scheduler.pass()
  expect(await engine.states(run)).toEqual({})
  expect(await engine.runState(run)).not.toBe('running')
})
