// XComs that people write: what is decided next about the run is decided with them, in every process.

import { expect, test } from 'vitest'
import { updateXCom } from '../../../engine/control/xcoms.ts'
import { makeDag, makeTask } from '../../support/make-dag.ts'
import { depsOf, kim } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const makeEngine = useEngines()

test('a list that was changed by hand decides how many instances a mapped task gets', async () => {
  const engine = await makeEngine()
  const mapping = { kind: 'product', over: [{ name: 'item', kind: 'ref', taskId: 'list' }], fill: null } as const
  const tasks = ['list', 'slow', makeTask('each', { mapping })]
  const edges: [string, string][] = [
    ['list', 'each'],
    ['slow', 'each'],
  ]
  await engine.addDag(makeDag(tasks, edges, { dagId: 'mapped' }))
  const scheduler = engine.makeScheduler()
  await engine.trigger('mapped', { runId: 'r' })
  await scheduler.pass()
  const worker = await engine.makeWorker()
  await worker.claim()
  const at = { taskId: 'list', mapIndex: -1, key: 'return_value' }
  await worker.end([worker.find('list')], () => ({
    outcome: { kind: 'success' },
    xcoms: [{ ...at, value: ['a', 'b'] }],
  }))
  const value = ['a', 'b', 'c', 'd']
  await updateXCom(depsOf(engine, scheduler), { dagId: 'mapped', runId: 'r', ...at, value }, kim)
  await worker.drain()
  const rows = await engine.query("select map_index, state from task_instance where task_id = 'each' order by 1")
  expect(rows).toEqual([0, 1, 2, 3].map((map_index) => ({ map_index, state: 'success' })))
})
