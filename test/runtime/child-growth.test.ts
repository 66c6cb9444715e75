// How many processes a pool starts, as a table and as properties over every way it can stand.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Demand, patienceMs, processesToStart } from '../../runtime/child-growth.ts'

const CALM: Demand = { waiting: 0, coming: 0, starting: 0, size: 0, cores: 2, longestWaitMs: 0, idleShare: 0 }

describe('a pool of children', () => {
  const cases: readonly (readonly [string, Partial<Demand>, number])[] = [
    ['starts none while nobody waits', { size: 1 }, 0],
    ['starts the first at once', { waiting: 1 }, 1],
    ['starts one a core at once for many', { waiting: 16 }, 2],
    ['starts none for those who get one that is coming', { waiting: 2, coming: 2, starting: 2, size: 2 }, 0],
    ['starts no third on two busy cores', { waiting: 14, size: 2 }, 0],
    ['starts more where processors have time left', { waiting: 14, size: 2, idleShare: 0.5, longestWaitMs: 30 }, 2],
    [
      'starts a fifth beside one that keeps one of two cores busy for hours',
      { waiting: 9, size: 4, idleShare: 0.48, longestWaitMs: 100 },
      2,
    ],
    [
      'lets the next one wait for longer, the more there are beyond the cores',
      { waiting: 14, size: 6, idleShare: 0.7, longestWaitMs: 100 },
      0,
    ],
    ['and starts it then', { waiting: 14, size: 6, idleShare: 0.7, longestWaitMs: 125 }, 2],
    [
      'starts a fifth on two cores only where most of their time is left',
      { waiting: 9, size: 4, idleShare: 0.3, longestWaitMs: 900 },
      0,
    ],
    [
      'starts none for those who are served at once, whatever time is left',
      { waiting: 14, size: 2, idleShare: 0.5, longestWaitMs: 8 },
      0,
    ],
    [
      'starts more on busy cores when long ones keep the others waiting',
      { waiting: 14, size: 2, longestWaitMs: 600 },
      2,
    ],
    ['starts no more than one a core at a time', { waiting: 14, coming: 2, starting: 2, size: 4, idleShare: 1 }, 0],
  ]
  it.each(cases)('%s', (_name, demand, count) => {
    expect(processesToStart({ ...CALM, ...demand })).toBe(count)
  })

  const demands = fc.record({
    waiting: fc.nat(64),
    coming: fc.nat(64),
    starting: fc.nat(8),
    size: fc.nat(64),
    cores: fc.integer({ min: 1, max: 8 }),
    longestWaitMs: fc.nat(2_000),
    idleShare: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  it('never starts more than wait for one, nor more than one a core at a time', () => {
    fc.assert(
      fc.property(demands, (demand) => {
        const count = processesToStart(demand)
        expect(count).toBeGreaterThanOrEqual(0)
        expect(count).toBeLessThanOrEqual(Math.max(0, demand.waiting - demand.coming))
        expect(demand.starting + count).toBeLessThanOrEqual(Math.max(demand.starting, demand.cores))
      }),
    )
  })

  it('sees to it that whoever waits long enough gets one', () => {
    fc.assert(
      fc.property(demands, (demand) => {
        const isStuck = demand.waiting > demand.coming && demand.starting === 0
        const longestWaitMs = patienceMs(Math.max(1, demand.size - demand.cores + 1), true)
        if (isStuck) expect(processesToStart({ ...demand, longestWaitMs })).toBeGreaterThan(0)
      }),
    )
  })
})
