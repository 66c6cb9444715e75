// Slots: never more than any limit allows, and always to the most urgent that fit.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admit, type Candidate, compareCandidates, dagTaskKey, runTaskKey, type Usage } from '../../core/admit.ts'

const makeCandidate = (id: string, changes: Partial<Candidate> = {}): Candidate => ({
  id,
  dagRunId: 1,
  dagId: 'example',
  taskId: 'a',
  mapIndex: -1,
  pool: 'default_pool',
  poolSlots: 1,
  priorityWeight: 1,
  isBackfill: false,
  runAfter: 0,
  maxActiveTisPerDag: null,
  maxActiveTisPerDagrun: null,
  ...changes,
})

const makeUsage = (changes: Partial<Usage> = {}): Usage => ({
  pools: new Map([['default_pool', { slots: 128, used: 0 }]]),
  parallelism: { limit: 0, used: 0 },
  runs: new Map(),
  tasks: new Map(),
  ...changes,
})

const ids = (list: readonly Candidate[]) => list.map((candidate) => candidate.id)

describe('admit', () => {
  test('never goes above any limit: pools, parallelism, run, task per DAG, task per run', () => {
    const candidate = fc.record({
      dagRunId: fc.integer({ min: 1, max: 4 }),
      taskId: fc.constantFrom('a', 'b', 'c'),
      pool: fc.constantFrom('default_pool', 'small', 'open', 'missing'),
      poolSlots: fc.integer({ min: 1, max: 4 }),
      priorityWeight: fc.integer({ min: -3, max: 3 }),
      maxActiveTisPerDag: fc.option(fc.integer({ min: 1, max: 3 })),
      maxActiveTisPerDagrun: fc.option(fc.integer({ min: 1, max: 2 })),
    })
    const limits = fc.record({
      slots: fc.nat(12),
      used: fc.nat(12),
      small: fc.nat(3),
      parallelism: fc.nat(10),
      perRun: fc.integer({ min: 1, max: 5 }),
    })
    fc.assert(
      fc.property(
        fc.array(candidate, { maxLength: 30 }),
        limits,
        (list, { slots, used, small, parallelism, perRun }) => {
          const candidates = list.map((changes, i) =>
            makeCandidate(`c${i}`, { ...changes, dagId: `d${changes.dagRunId % 2}` }),
          )
          const usage = makeUsage({
            pools: new Map([
              ['default_pool', { slots, used }],
              ['small', { slots: small, used: 0 }],
              ['open', { slots: -1, used: 0 }],
            ]),
            parallelism: { limit: parallelism, used: 1 },
            runs: new Map([1, 2, 3, 4].map((id) => [id, { limit: perRun, used: 0 }])),
          })
          const { admitted, throttled } = admit(candidates, usage)
          expect([...ids(admitted), ...throttled.map(({ candidate: c }) => c.id)].sort()).toEqual(
            ids(candidates).sort(),
          )
          const sum = (of: readonly Candidate[]) => of.reduce((total, c) => total + c.poolSlots, 0)
          const inPool = (pool: string) => admitted.filter((c) => c.pool === pool)
          if (inPool('default_pool').length > 0) expect(used + sum(inPool('default_pool'))).toBeLessThanOrEqual(slots)
          expect(sum(inPool('small'))).toBeLessThanOrEqual(small)
          expect(inPool('missing')).toEqual([])
          if (parallelism > 0) expect(admitted.length + 1).toBeLessThanOrEqual(Math.max(parallelism, 1))
          for (const c of admitted) {
            expect(admitted.filter((o) => o.dagRunId === c.dagRunId).length).toBeLessThanOrEqual(perRun)
            const same = admitted.filter((o) => o.dagId === c.dagId && o.taskId === c.taskId)
            const limitsOfSame = same.flatMap((o) => o.maxActiveTisPerDag ?? [])
            // The last one admitted saw all the others, so the largest limit among them bounds those that have one.
            if (limitsOfSame.length === same.length) expect(same.length).toBeLessThanOrEqual(Math.max(...limitsOfSame))
          }
          // Nothing that fits was held: asking again gives the same answer.
          expect(
            admit(
              throttled.map(({ candidate: c }) => c),
              usage,
            ).admitted,
          ).toEqual([])
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('goes by weight, then the older run, then the map index', () => {
    const list = [
      makeCandidate('light', { priorityWeight: 1 }),
      makeCandidate('young', { priorityWeight: 5, runAfter: 2, dagRunId: 2 }),
      makeCandidate('third', { priorityWeight: 5, runAfter: 1, mapIndex: 2 }),
      makeCandidate('second', { priorityWeight: 5, runAfter: 1, mapIndex: 1 }),
      makeCandidate('heavy', { priorityWeight: 9, runAfter: 9, dagRunId: 9 }),
    ]
    const order = ['heavy', 'second', 'third', 'young', 'light']
    expect(ids(admit(list, makeUsage()).admitted)).toEqual(order)
    expect(ids([...list].reverse().sort(compareCandidates))).toEqual(order)
    const { admitted } = admit(list, makeUsage({ parallelism: { limit: 2, used: 0 } }))
    expect(ids(admitted)).toEqual(['heavy', 'second'])
  })

  test('the order is total: two candidates are never equal unless they are one', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ id: fc.string(), w: fc.nat(2), at: fc.nat(2), index: fc.nat(2) }), {
          selector: ({ id }) => id,
        }),
        (list) => {
          const candidates = list.map(({ id, w, at, index }) =>
            makeCandidate(id, { priorityWeight: w, runAfter: at, mapIndex: index }),
          )
          const sorted = [...candidates].sort(compareCandidates)
          expect([...candidates].reverse().sort(compareCandidates)).toEqual(sorted)
        },
      ),
    )
  })

  test('one held by its pool lets lighter ones of other pools pass', () => {
    const usage = makeUsage({
      pools: new Map([
        ['default_pool', { slots: 1, used: 0 }],
        ['full', { slots: 2, used: 2 }],
      ]),
    })
    const { admitted, throttled } = admit(
      [makeCandidate('heavy', { priorityWeight: 9, pool: 'full' }), makeCandidate('light')],
      usage,
    )
    expect(ids(admitted)).toEqual(['light'])
    expect(throttled).toEqual([
      {
        candidate: expect.objectContaining({ id: 'heavy' }) as Candidate,
        because: { code: 'waits_for_pool', pool: 'full', slots: 2, used: 2 },
      },
    ])
  })

  test('each one held says which limit holds it', () => {
    const reason = (changes: Partial<Candidate>, usage: Partial<Usage>) =>
      admit([makeCandidate('x', changes)], makeUsage(usage)).throttled[0]?.because
    const key = { dagId: 'example', taskId: 'a', dagRunId: 1 }
    expect(reason({ pool: 'gone' }, {})).toEqual({ code: 'pool_missing', pool: 'gone' })
    expect(reason({ poolSlots: 129 }, {})).toMatchObject({ code: 'pool_too_small', slots: 128, needs: 129 })
    expect(reason({}, { parallelism: { limit: 3, used: 3 } })).toEqual({ code: 'waits_for_parallelism', limit: 3 })
    expect(reason({}, { runs: new Map([[1, { limit: 2, used: 2 }]]) })).toEqual({
      code: 'waits_for_run_limit',
      limit: 2,
    })
    expect(reason({ maxActiveTisPerDag: 2 }, { tasks: new Map([[dagTaskKey(key), 2]]) })).toEqual({
      code: 'waits_for_task_limit',
      limit: 2,
      per: 'dag',
    })
    expect(reason({ maxActiveTisPerDagrun: 1 }, { tasks: new Map([[runTaskKey(key), 1]]) })).toEqual({
      code: 'waits_for_task_limit',
      limit: 1,
      per: 'dagrun',
    })
  })

  test('an unlimited pool and parallelism 0 hold nobody', () => {
    const list = Array.from({ length: 500 }, (_, i) => makeCandidate(`c${i}`))
    const usage = makeUsage({ pools: new Map([['default_pool', { slots: -1, used: 9_999 }]]) })
    expect(admit(list, usage).admitted).toHaveLength(500)
  })
})
