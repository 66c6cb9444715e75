// Seeded worlds of runs with mapped tasks, sensors, waits, retries and every limit: nothing goes above a limit, everything
// goes on, no run is lost or doubled. A seed that fails is in the name of its test.

import { describe, expect, test } from 'vitest'
import type { TaskMapping } from '../../core/serialized.ts'
import type { Outcome } from '../../core/settle.ts'
import type { StartedAttempt } from '../../engine/transaction/start-attempts.ts'
import type { TestEngine } from '../support/engine.ts'
import { peaks, replay } from '../support/ledger.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

/** Numbers below 1 that a seed repeats (mulberry32). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const LIMITS = { parallelism: 7, pool: 4, runTasks: 5, perRun: 2, perDag: 3, runs: 2 }
const RUNS = 4

function worldOf(random: () => number) {
  const pick = (most: number) => Math.floor(random() * most)
  const items = Array.from({ length: 4 + pick(6) }, (_, i) => i)
  const literal: TaskMapping = { kind: 'product', over: [{ name: 'n', kind: 'literal', value: items }], fill: null }
  const pushed: TaskMapping = { kind: 'product', over: [{ name: 'n', kind: 'ref', taskId: 'list' }], fill: null }
  const rule = random() < 0.5 ? 'all_done' : 'none_failed'
  return makeDag(
    [
      makeTask('list', { pool: 'small' }),
      makeTask('wide', { mapping: literal, maxActiveTisPerDagrun: LIMITS.perRun, retries: 1, retryDelay: 0 }),
      makeTask('deep', { mapping: pushed, maxActiveTisPerDag: LIMITS.perDag, pool: 'small', triggerRule: rule }),
      makeTask('sensor', { pool: 'small', poolSlots: 2 }),
      makeTask('join', { triggerRule: 'all_done' }),
    ],
    [
      ['list', 'deep'],
      ['wide', 'join'],
      ['deep', 'join'],
      ['sensor', 'join'],
    ],
    { dagId: 'world', maxActiveTasks: LIMITS.runTasks, maxActiveRuns: LIMITS.runs },
  )
}

function fateOf(random: () => number, { task, mapIndex, isMapSource }: StartedAttempt) {
  const luck = random()
  const end = (outcome: Outcome) => ({ outcome, xcoms: [] })
  if (task.taskId !== 'list' && luck < 0.15) return end({ kind: 'reschedule', afterMs: 0 })
  if (task.taskId !== 'list' && luck < 0.3)
    return end({ kind: 'defer', wait: { kind: 'time', at: 0 }, timeoutMs: null })
  if (luck < 0.4) return end({ kind: 'failure', message: 'bad luck', isRetryable: true })
  if (luck < 0.45) return end({ kind: 'skip', message: null })
  const value = Array.from({ length: Math.floor(luck * 9) }, (_, i) => i)
  const xcoms = isMapSource ? [{ taskId: task.taskId, mapIndex, key: 'return_value', value }] : []
  return { outcome: { kind: 'success' as const }, xcoms }
}

async function expectWithinLimits(engine: TestEngine): Promise<void> {
  const events = await replay(engine.database)
  const most = (map: ReadonlyMap<string, number>) => Math.max(0, ...map.values())
  expect(most(peaks(events, () => 'all'))).toBeLessThanOrEqual(LIMITS.parallelism)
  expect(most(peaks(events, (event) => event.run_id))).toBeLessThanOrEqual(LIMITS.runTasks)
  const slots = peaks(
    events,
    (event) => event.pool ?? '',
    (event) => event.pool_slots ?? 1,
  )
  expect(slots.get('small') ?? 0).toBeLessThanOrEqual(LIMITS.pool)
  const wide = events.filter((event) => event.task_id === 'wide')
  expect(most(peaks(wide, (event) => event.run_id))).toBeLessThanOrEqual(LIMITS.perRun)
  const deep = events.filter((event) => event.task_id === 'deep')
  expect(most(peaks(deep, () => 'deep'))).toBeLessThanOrEqual(LIMITS.perDag)
}

describe('a world of mapped tasks, sensors and limits', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('of seed %i goes on to its end within every limit', async (seed) => {
    const random = chance(seed)
    const engine = await makeEngine()
    await engine.makePool('small', LIMITS.pool)
    await engine.addDag(worldOf(random))
    const scheduler = engine.makeScheduler({ parallelism: LIMITS.parallelism })
    const workers = [
      await engine.makeWorker({ slots: 3, parallelism: LIMITS.parallelism }),
      await engine.makeWorker({ slots: 6, parallelism: LIMITS.parallelism }),
    ]
    for (let i = 0; i < RUNS; i++) await engine.trigger('world')
    const left = async () =>
      (await engine.query("select 1 from dag_run where state not in ('success', 'failed')")).length
    for (let round = 0; (await left()) > 0; round++) {
      expect(round, 'it goes on').toBeLessThan(400)
      await engine.passDelays()
      await scheduler.pass()
      for (const worker of workers) {
        await worker.claim()
        const count = Math.floor(random() * (worker.running.length + 1))
        if (count > 0) await worker.end(worker.running.slice(0, count), (attempt) => fateOf(random, attempt))
      }
      const [running] = await engine.query<{ n: number }>(
        "select count(*)::int as n from dag_run where state = 'running'",
      )
      expect(running?.n).toBeLessThanOrEqual(LIMITS.runs)
    }
    expect(await engine.query('select count(*)::int as n from dag_run')).toEqual([{ n: RUNS }])
    const open = await engine.query(
      "select task_id, state from task_instance where state is null or state not in ('success', 'failed', 'skipped', 'upstream_failed', 'removed')",
    )
    expect(open).toEqual([])
    expect(await engine.query('select 1 from task_queue')).toEqual([])
    await expectWithinLimits(engine)
  })
})
