// Which errors are one, as a table and as properties over messages.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fingerprint, groupErrors, type Happened } from '../../webserver/pages/home/fingerprint.ts'

describe('two messages are one error', () => {
  const same: readonly (readonly [string, string, string])[] = [
    ['whatever row they name', 'no price in row 17', 'no price in row 21344'],
    ['whatever date they name', 'no file of 2026-01-05T12:00:00Z', 'no file of 2026-01-06T13:00:00+09:00'],
    ['whatever id they name', 'lost 3f2b8c1e-9d10-4c55-8f0a-1b2c3d4e5f60', 'lost 0a2b8c1e9d104c558f0a1b2c3d4e5f61'],
    ['whatever they quote', 'no column \'price\' in "a.csv"', 'no column \'item\' in "b.csv"'],
    ['in any case, with any spaces', 'Cannot  connect', 'cannot connect'],
    ['whatever follows the first line', 'failed\nat a', 'failed\nat b'],
  ]
  it.each(same)('%s', (_name, one, other) => {
    expect(fingerprint(one)).toBe(fingerprint(other))
  })

  const different: readonly (readonly [string, string])[] = [
    ['HTTP 403 of host', 'HTTP 503 of host'],
    ['no price', 'no item'],
  ]
  it.each(different)('and %s is not %s', (one, other) => {
    expect(fingerprint(one)).not.toBe(fingerprint(other))
  })
})

describe('errors in groups', () => {
  const errors = fc.array(
    fc.record({
      dagId: fc.constantFrom('a', 'b', 'c'),
      runId: fc.string(),
      taskId: fc.string(),
      endDate: fc.nat(),
      message: fc.oneof(fc.constantFrom('no price in row 1', 'no price in row 2', 'HTTP 503'), fc.string()),
    }),
  )
  it('are each in one, with the first and the newest time', () => {
    fc.assert(
      fc.property(errors, (all: readonly Happened[]) => {
        const groups = groupErrors(all)
        expect(groups.reduce((sum, { runs }) => sum + runs, 0)).toBe(all.length)
        for (const { first, newest, dags } of groups) {
          expect(first).toBeLessThanOrEqual(newest.endDate)
          expect(dags).toContain(newest.dagId)
        }
      }),
    )
  })
})
