// A guarantee: no two workers ever start the same attempt, and nothing queued is forgotten.

import { expect, test } from 'vitest'
import { expectSoundLedger } from '../support/ledger.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

test('100 queued attempts and four workers that claim at once: each starts exactly once', async () => {
  const engine = await makeEngine()
  const tasks = Array.from({ length: 20 }, (_, i) => `t${i}`)
  await engine.addDag(makeDag(tasks, [], { dagId: 'wide', maxActiveTasks: 100, maxActiveRuns: 10 }))
  const runs = []
  for (let i = 0; i < 5; i++) runs.push(await engine.trigger('wide'))
  await engine.makeScheduler().pass()
  const queued = await engine.query("select 1 from task_queue where stage = 'queued'")
  expect(queued).toHaveLength(100)

  const workers = await Promise.all([1, 2, 3, 4].map(() => engine.makeWorker({ slots: 7 })))
  const left = async () => (await engine.query("select 1 from task_queue where stage = 'queued'")).length
  const work = async (worker: (typeof workers)[number]): Promise<void> => {
    while ((await left()) > 0) {
      await worker.claim()
      if (worker.running.length > 0) await worker.end([...worker.running])
    }
    while (worker.running.length > 0) await worker.end([...worker.running])
  }
  await Promise.all(workers.map(work))

  const events = await expectSoundLedger(engine.database)
  const starts = events.filter((event) => event.to_state === 'running' && event.ti_id !== null)
  expect(starts).toHaveLength(100)
  expect(new Set(starts.map((event) => event.ti_id)).size).toBe(100)
  const started = workers.flatMap((worker) => worker.started.map((attempt) => `${attempt.tiId} ${attempt.epoch}`))
  expect(new Set(started).size).toBe(100)
  expect(started).toHaveLength(100)
  expect(await engine.query('select 1 from task_queue')).toEqual([])
  for (const run of runs) expect(await engine.runState(run)).toBe('success')
})

test('workers that share one run and its fan-in pass it on between them: every copy catches up', async () => {
  const engine = await makeEngine()
  const middle = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, '0')}`)
  const edges = middle.flatMap((id) => [['first', id] as const, [id, 'last'] as const])
  await engine.addDag(makeDag(['first', ...middle, 'last'], edges, { dagId: 'diamond' }))
  const run = await engine.trigger('diamond')
  await engine.makeScheduler().pass()
  const [a, b] = [await engine.makeWorker({ slots: 6 }), await engine.makeWorker({ slots: 6 })]
  await a.claim()
  await a.end([a.find('first')])
  await b.claim()
  expect([a.running.length, b.running.length]).toEqual([6, 6])
  // Turn about, each with a copy that the other has just made stale.
  while (a.running.length + b.running.length > 0) {
    for (const worker of [a, b]) if (worker.running.length > 0) await worker.end([worker.running[0] as never])
  }
  expect(await engine.runState(run)).toBe('success')
  expect(Object.values(await engine.states(run))).toEqual(Array.from({ length: 14 }, () => 'success'))
})

test('a worker takes only what stands in its queues', async () => {
  const engine = await makeEngine()
  await engine.addDag(makeDag([makeTask('cpu'), makeTask('gpu', { queue: 'gpu' })], [], { dagId: 'queues' }))
  const run = await engine.trigger('queues')
  await engine.makeScheduler().pass()
  const plain = await engine.makeWorker()
  await plain.drain()
  expect(await engine.states(run)).toEqual({ cpu: 'success', gpu: 'queued' })
  const special = await engine.makeWorker({ queues: ['gpu', 'other'] })
  await special.drain()
  expect(await engine.states(run)).toEqual({ cpu: 'success', gpu: 'success' })
})

test('a worker that was declared dead and does not know it yet starts nothing, and what it would take is free for others', async () => {
  const engine = await makeEngine()
  await engine.addDag(makeDag(['a', 'b'], [['a', 'b']], { dagId: 'thaw' }))
  const run = await engine.trigger('thaw')
  await engine.makeScheduler().pass()
  const [thawed, other] = [await engine.makeWorker(), await engine.makeWorker()]
  await thawed.die()
  await expect(thawed.claim()).rejects.toThrow(/changed while a decision on it was written/)
  expect(await engine.states(run)).toEqual({ a: 'queued', b: null })

  expect(await other.claim()).toBe(1)
  await other.end([other.find('a')])
  expect(other.running.map((attempt) => attempt.task.taskId)).toEqual(['b'])
})
