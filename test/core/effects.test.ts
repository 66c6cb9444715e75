// Row counts and reports as a task tells them: what is accepted, and what is refused with a sentence.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { missingRows, readEffect } from '../../core/effects.ts'
import type { JsonObject } from '../../core/json.ts'
import { checkResultTableName, readResultTable } from '../../core/result-table.ts'

const effect: JsonObject = { kind: 'lake', target: '/candle/x.parquet', rowsRead: 3, rowsWritten: 3 }

describe('an effect', () => {
  test('keeps what it was given, and rejects nothing unless it says so', () => {
    const stream = { lag: 0, rowsPerSecond: 12.5, freshness: null }
    const full = {
      ...effect,
      rowsRejected: 1,
      bytes: 4,
      checksum: 'sha256:ab',
      offsets: { 0: [0, 9], 1: [4, 4] },
      stream,
    }
    expect(readEffect(full)).toEqual(full)
    expect(readEffect(effect)).toEqual({ ...effect, rowsRejected: 0 })
  })

  test.each([
    [{ kind: 'ftp' }, /kind must be one of .*lake.* found "ftp"/],
    [{ target: '' }, /target must be text of 1 to 1000 characters/],
    [{ target: 'x'.repeat(1001) }, /target must be text/],
    [{ rowsRead: -1 }, /rowsRead must be a whole number/],
    [{ rowsWritten: 1.5 }, /rowsWritten must be a whole number/],
    [{ rowsWritten: '3' }, /rowsWritten must be a whole number/],
    [{ bytes: -1 }, /bytes must be/],
    [{ offsets: [1] }, /offsets must be an object/],
    [{ stream: { lag: -1, rowsPerSecond: 1, freshness: 1 } }, /stream must be \{ lag, rowsPerSecond, freshness \}/],
    [{ stream: { lag: 1, rowsPerSecond: '1', freshness: 1 } }, /stream must be/],
    [{ stream: [1] }, /stream must be/],
    [{ stream: { lag: 2 ** 53, rowsPerSecond: 1, freshness: 1 } }, /stream must be/],
    [{ offsets: { 0: [1] } }, /offsets must be an object of \[first, last\]/],
  ])('with %j is refused', (change, reason) => {
    expect(() => readEffect({ ...effect, ...change })).toThrow(reason)
  })

  test('adds up exactly when what was read was written or rejected', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.integer({ min: -100, max: 100 }), (written, rejected, off) => {
        fc.pre(written + rejected + off >= 0)
        const counts = { rowsRead: written + rejected + off, rowsWritten: written, rowsRejected: rejected }
        expect(missingRows(readEffect({ ...effect, ...counts }))).toBe(off)
      }),
    )
  })
})

const report: JsonObject = {
  title: '가격',
  columns: [
    { name: 'at', type: 'instant' },
    { name: 'price', type: 'number', unit: 'KRW' },
    { name: 'market', type: 'text' },
  ],
  rows: [
    [1710720000000, 96_000_000, 'KRW-BTC'],
    ['2024-03-18T00:01:00Z', null, null],
  ],
  charts: [{ kind: 'line', x: 'at', y: ['price'] }],
}

describe('a report', () => {
  test('keeps what it was given', () => {
    expect(readResultTable(report)).toEqual(report)
  })

  test.each([
    [{ columns: [] }, /needs 1 to 100 columns/],
    [{ columns: [{ name: 'a', type: 'money' }] }, /a column is \{ name, type/],
    [
      {
        columns: [
          { name: 'a', type: 'text' },
          { name: 'a', type: 'text' },
        ],
        rows: [],
      },
      /two columns have one name/,
    ],
    [{ rows: [[1]] }, /row 0 must be a list of 3 values/],
    [{ rows: [[1, 'dear', 'KRW-BTC']] }, /row 0, column price must be number or null, found "dear"/],
    [{ rows: [[1, 2, { a: 1 }]] }, /column market must be text or null/],
    [{ charts: [{ kind: 'pie', x: 'at', y: ['price'] }] }, /a chart is/],
    [{ charts: [{ kind: 'line', x: 'at', y: ['market'] }] }, /each y of a chart must be a number column/],
    [{ charts: [{ kind: 'line', x: 'market', y: ['price'] }] }, /x of a line must be a number or instant/],
    [{ rows: Array.from({ length: 30_000 }, (_, i) => [i, i, 'x'.repeat(40)]) }, /at most 1048576 bytes/],
  ])('with a fault is refused (%#)', (change, reason) => {
    expect(() => readResultTable({ ...report, ...(change as JsonObject) })).toThrow(reason)
  })

  test.each(['', '-a', 'a b', 'a/b', '../x', 'x'.repeat(101), 5])('cannot be named %j', (name) => {
    expect(() => checkResultTableName(name)).toThrow(/its name must be/)
  })
})
