// Mark on a live engine: what runs is stopped, what was waiting goes on.
// Which instances a request means is run-control-oracle.test.ts.

import { describe, expect, test } from 'vitest'
import { mark, markRun } from '../../../engine/control/mark.ts'
import { makeDag } from '../../support/make-dag.ts'
import { depsOf, kim, markOf } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const makeEngine = useEngines()

describe('marking', () => {
  test('what runs stops it; what it has still to say counts no more', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['slow', 'after'], [['slow', 'after']], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('one', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await mark(depsOf(engine, scheduler), markOf('one', 'r', 'slow', 'success'), kim)
    expect(await engine.states(run)).toEqual({ slow: 'success', after: 'queued' })
    await worker.end([worker.find('slow')], () => ({ kind: 'failure', message: 'killed', isRetryable: false }))
    await worker.drain()
    expect(await engine.states(run)).toEqual({ slow: 'success', after: 'success' })
    expect(await engine.runState(run)).toBe('success')
  })

  test('a failed task as success clears its failed downstream tasks and resumes the run', async () => {
    const engine = await makeEngine()
    await engine.addDag(
      makeDag(
        ['bad', 'after', 'last'],
        [
          ['bad', 'after'],
          ['after', 'last'],
        ],
        { dagId: 'chain' },
      ),
    )
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('chain', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.drain(() => ({ kind: 'failure', message: 'no', isRetryable: false }))
    expect(await engine.runState(run)).toBe('failed')
    const touched = await mark(depsOf(engine, scheduler), markOf('chain', 'r', 'bad', 'success'), kim)
    expect(touched.cleared.map((row) => row.taskId)).toEqual(['after', 'last'])
    await scheduler.pass()
    await worker.drain()
    expect(await engine.states(run)).toEqual({ bad: 'success', after: 'success', last: 'success' })
    expect(await engine.runState(run)).toBe('success')
    await expect(mark(depsOf(engine, scheduler), markOf('chain', 'r', 'bad', 'success'), kim)).rejects.toMatchObject({
      code: 'CONFLICT',
    })
  })

  test('a run ends everything of it: what works as the run, the rest skipped', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['done', 'slow', 'after'], [['slow', 'after']], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    const run = await engine.trigger('one', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await worker.end([worker.find('done')])
    await markRun(depsOf(engine, scheduler), { dagId: 'one', runId: 'r', to: 'failed' }, kim)
    expect(await engine.states(run)).toEqual({ done: 'success', slow: 'failed', after: 'skipped' })
    expect(await engine.runState(run)).toBe('failed')
    await worker.end([worker.find('slow')])
    expect(await engine.states(run)).toMatchObject({ slow: 'failed' })
  })
})
