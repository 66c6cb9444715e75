// What a process counts goes with its heartbeats, and never stands in their way.

import { afterEach, describe, expect, test } from 'vitest'
import { Lease } from '../../engine/process/lease.ts'
import { MOST_DAGS, ProcessMetrics } from '../../engine/process/metrics.ts'
import { eventually } from '../support/baram.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
let lease: Lease | null = null
afterEach(async () => {
  await lease?.end('success')
  lease = null
})

const take = async (engine: TestEngine, samples: () => Promise<string>, lost: string[] = []) => {
  lease = await Lease.take({
    ...{ jobType: 'WorkerJob', info: {}, heartbeatMs: 20, leaseMs: 60_000, log: quietLog, outageMs: 60_000 },
    ...{ session: 'metrics', sql: () => engine.database, samples, onLost: (reason: string) => lost.push(reason) },
  })
  return lease.jobId
}
const stored = async (engine: TestEngine) =>
  (await engine.query<{ samples: Record<string, unknown> }>('select samples from job_metrics'))[0]?.samples
const beats = async (engine: TestEngine) =>
  (await engine.query<{ hb_seq: number }>('select hb_seq from job'))[0]?.hb_seq ?? 0

describe('what a process counts', () => {
  test('is stored with a heartbeat', async () => {
    const engine = await makeEngine()
    const metrics = new ProcessMetrics('worker')
    metrics.add('airflow_ti_successes', {}, 3)
    metrics.onRead(() => metrics.set('baram_worker_attempts', {}, 2))
    await take(engine, () => metrics.samples())
    const found = await eventually('samples', () => stored(engine))
    expect(found).toMatchObject({
      airflow_ti_successes: [[{}, 3]],
      baram_worker_attempts: [[{}, 2]],
      airflow_ti_failures: [[{}, 0]],
    })
    expect(found['baram_worker_report_seconds']).toContainEqual([{ le: 5 }, 0, '_bucket'])
    expect(Object.keys(found)).not.toContain('airflow_scheduler_scheduler_loop_duration')
  })

  test.each([
    ['cannot be read', () => Promise.reject(new Error('no'))],
    ['is refused by the database', () => Promise.resolve('no JSON')],
  ])('and %s stops no heartbeat', async (_, samples) => {
    const engine = await makeEngine()
    const lost: string[] = []
    await take(engine, samples, lost)
    const before = await beats(engine)
    await eventually('more heartbeats', async () => (await beats(engine)) > before + 2)
    expect(lost).toEqual([])
    expect(await stored(engine)).toBeUndefined()
  })

  test('names the first DAGs whose runs end, and sums the rest', async () => {
    const metrics = new ProcessMetrics('scheduler')
    for (let i = 0; i < MOST_DAGS + 7; i += 1) {
      const model = { run: { dagId: `dag_${i}`, state: 'success' } }
      metrics.countChanges({ model, moved: new Map(), runStateBefore: 'running' } as never)
    }
    const samples = JSON.parse(await metrics.samples()) as Record<string, [object, number][]>
    const ended = samples['baram_runs_ended_total'] ?? []
    expect(ended).toHaveLength(MOST_DAGS + 1)
    expect(ended).toContainEqual([{ dag_id: 'other', state: 'success' }, 7])
  })

  test('is what run transactions bring about: attempts by their end, runs once', async () => {
    const metrics = new ProcessMetrics('worker')
    const moved = new Map(
      [
        { from: 'running', ti: { state: 'success' }, steps: [{ to: 'success' }] },
        { from: 'running', ti: { state: 'scheduled' }, steps: [{ to: 'up_for_retry' }, { to: 'scheduled' }] },
        { from: 'running', ti: { state: 'failed' }, steps: [{ to: 'failed' }] },
        { from: null, ti: { state: 'failed' }, steps: [{ to: 'failed' }] },
        { from: 'scheduled', ti: { state: 'success' }, steps: [{ to: 'success' }] },
      ].map((change, i) => [String(i), change]),
    )
    const model = { run: { dagId: 'one', state: 'running' } }
    metrics.countChanges({ model, moved, runStateBefore: 'running' } as never)
    const samples = JSON.parse(await metrics.samples()) as Record<string, unknown>
    expect(samples).toMatchObject({
      airflow_ti_successes: [[{}, 1]],
      airflow_ti_failures: [[{}, 2]],
      baram_runs_ended_total: [],
    })
  })

  test('is how late scheduled runs start, and no other run', async () => {
    const metrics = new ProcessMetrics('scheduler')
    const start = (runType: string, before: string) => {
      const run = { dagId: 'one', state: 'running', runType, runAfter: Date.now() - 2_000 }
      metrics.countChanges({ model: { run }, moved: new Map(), runStateBefore: before } as never)
    }
    start('scheduled', 'queued')
    start('scheduled', 'running')
    start('manual', 'queued')
    const samples = JSON.parse(await metrics.samples()) as Record<string, unknown>
    const delays = samples['airflow_dagrun_schedule_delay']
    expect(delays).toContainEqual([{}, 1, '_count'])
    expect(delays).toContainEqual([{ le: 1 }, 0, '_bucket'])
  })
})
