// When a file that is no longer listed counts as gone.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MissingFiles, WHOLE_FOLDER_FACTOR } from '../../scheduler/missing-files.ts'

const make = () => new MissingFiles({ thresholdMs: 50_000, longestStepMs: 60_000, prefixes: ['', 'examples/'] })
const set = (...names: string[]) => new Set(names)

describe('a missing file', () => {
  test.each([
    ['beside others', ['a.ts', 'b.ts'], ['b.ts'], 1],
    ['the last one of the folder', ['a.ts'], [], WHOLE_FOLDER_FACTOR],
    ['the last one of a folder below', ['team/a.ts', 'b.ts'], ['b.ts'], WHOLE_FOLDER_FACTOR],
    ['beside others in a folder below', ['team/a.ts', 'team/b.ts'], ['team/b.ts'], 1],
    [
      'of the own folder, while the examples are there',
      ['a.ts', 'examples/x.ts'],
      ['examples/x.ts'],
      WHOLE_FOLDER_FACTOR,
    ],
  ])('%s is gone after its time and not before', (_what, known, present, factor) => {
    const missing = make()
    const gone: number[] = []
    for (let at = 0; at <= 400_000 && gone.length === 0; at += 10_000)
      if (missing.note(set(...present), set(...known), at).length > 0) gone.push(at)
    expect(gone).toEqual([50_000 * factor])
  })

  test('of a root that is no longer listed at all waits no longer than one of several', () => {
    const missing = new MissingFiles({ thresholdMs: 50_000, longestStepMs: 60_000, prefixes: ['dags/'] })
    for (const at of [0, 25_000]) expect(missing.note(set('dags/a.ts'), set('examples/x.ts'), at)).toEqual([])
    expect(missing.note(set('dags/a.ts'), set('examples/x.ts'), 50_000)).toEqual(['examples/x.ts'])
  })

  test('is forgotten neither by three quick listings nor by one after a long silence', () => {
    const missing = make()
    for (const at of [0, 1, 2, 3, 4]) expect(missing.note(set('b.ts'), set('a.ts', 'b.ts'), at)).toEqual([])
    const other = make()
    for (const at of [0, 3_600_000]) expect(other.note(set('b.ts'), set('a.ts', 'b.ts'), at)).toEqual([])
  })

  test('that comes back begins anew', () => {
    const missing = make()
    for (const at of [0, 20_000, 40_000]) missing.note(set('b.ts'), set('a.ts', 'b.ts'), at)
    missing.note(set('a.ts', 'b.ts'), set('a.ts', 'b.ts'), 45_000)
    for (const at of [50_000, 70_000, 90_000]) expect(missing.note(set('b.ts'), set('a.ts', 'b.ts'), at)).toEqual([])
  })

  test('is never gone before three complete listings and the time between complete ones, whatever happens', () => {
    const step = fc.record({
      ms: fc.integer({ min: 0, max: 200_000 }),
      kind: fc.constantFrom('without', 'with', 'failed'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const missing = make()
        let [at, listings, seenMs, last] = [0, 0, 0, null as number | null]
        for (const { ms, kind } of steps) {
          at += ms
          if (kind === 'failed') {
            missing.interrupt()
            last = null
            continue
          }
          const gone = missing.note(kind === 'with' ? set('a.ts', 'b.ts') : set('b.ts'), set('a.ts', 'b.ts'), at)
          if (kind === 'with') [listings, seenMs] = [0, 0]
          else {
            if (listings > 0 && last !== null) seenMs += Math.min(at - last, 60_000)
            listings++
          }
          last = at
          expect(gone.includes('a.ts')).toBe(listings >= 3 && seenMs >= 50_000)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
