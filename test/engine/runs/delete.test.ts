// Deleting runs and DAGs: everything of them goes, unless they run.

import { describe, expect, test } from 'vitest'
import { createBackfill } from '../../../engine/runs/backfill.ts'
import { removeDag, removeRun } from '../../../engine/runs/delete.ts'
import { makeDag } from '../../support/make-dag.ts'
import { backfillOf, daily, depsOf, kim } from '../../support/run-requests.ts'
import { useEngines } from '../../support/use-engine.ts'

const makeEngine = useEngines()

describe('deleting', () => {
  test('a run takes everything of it along, but not while it runs', async () => {
    const engine = await makeEngine()
    await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
    const scheduler = engine.makeScheduler()
    await engine.trigger('one', { runId: 'r' })
    await scheduler.pass()
    const worker = await engine.makeWorker()
    await worker.claim()
    await expect(removeRun(engine, { dagId: 'one', runId: 'r' }, kim)).rejects.toMatchObject({ code: 'CONFLICT' })
    await worker.end([worker.find('a')], () => ({
      outcome: { kind: 'success' },
      xcoms: [{ taskId: 'a', mapIndex: -1, key: 'return_value', value: 1 }],
    }))
    await removeRun(engine, { dagId: 'one', runId: 'r' }, kim)
    for (const table of ['dag_run', 'task_instance', 'xcom', 'ti_event', 'task_queue'])
      expect(await engine.query(`select 1 from ${table}`), table).toEqual([])
    await expect(removeRun(engine, { dagId: 'one', runId: 'r' }, kim)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a DAG takes its runs, versions and backfills along, and comes back with its file', async () => {
    const engine = await makeEngine()
    const dag = makeDag(['a'], [], { dagId: 'daily', timetable: daily })
    await engine.addDag(dag)
    const scheduler = engine.makeScheduler()
    await createBackfill(depsOf(engine, scheduler), backfillOf('daily', 3), kim)
    expect(await removeDag(engine, 'daily', kim)).toBe(3)
    for (const table of ['dag', 'dag_run', 'dag_version', 'backfill', 'task_instance'])
      expect(await engine.query(`select 1 from ${table}`), table).toEqual([])
    await engine.addDag(dag)
    expect(await engine.query('select 1 from dag')).toHaveLength(1)
  })
})
