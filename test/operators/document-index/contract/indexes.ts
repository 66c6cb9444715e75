// Indexes: their fields, their names, templates, and what happens when one is missing.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { DocumentIndexError, UnknownIndexError } from '../../../../operators/document-index/document-index.ts'
import { fields, type IndexSubject, stocks } from './subject.ts'

export function describeIndexes(subject: IndexSubject): void {
  const { client, put, outcome, found } = subject
  describe('an index', () => {
    test('is made once, and gets fields it lacks', async () => {
      expect(await subject.documents.ensureIndex(subject.index, { fields })).toBe(false)
      expect(await outcome({ Dept: 'x' })).toMatch(/not mapped/)
      expect(await subject.documents.ensureIndex(subject.index, { fields: { ...fields, Dept: 'keyword' } })).toBe(false)
      await put([{ id: 'd', source: { Dept: 'x' } }])
      expect(await found({ term: { field: 'Dept', value: 'x' } })).toEqual(['d'])
    })

    test('does not change the type of a field', async () => {
      await expect(subject.documents.ensureIndex(subject.index, { fields: { Marcap: 'double' } })).rejects.toThrow(
        /Marcap is long and cannot become double/,
      )
    })

    test('that is not strict keeps other fields, and does not search them', async () => {
      const loose = `loose-${randomUUID()}`
      await subject.documents.ensureIndex(loose, { fields: { a: 'long' }, strict: false })
      await put([{ id: '1', source: { a: 1, more: { deep: ['x'] } } }], loose)
      expect(await subject.documents.get(loose, '1')).toEqual({ a: 1, more: { deep: ['x'] } })
      await expect(subject.documents.count(loose, { term: { field: 'more', value: 'x' } })).rejects.toThrow(
        /there is no field more/,
      )
      expect(await outcome({ a: 1, more: Number.NaN }, loose)).toMatch(/JSON cannot hold/)
      await subject.documents.deleteIndex(loose)
    })

    test('is made by a template when its first document comes, otherwise by nobody', async () => {
      const run = randomUUID()
      await subject.documents.ensureTemplate(`weather-${run}`, {
        patterns: [`weather-${run}-*`],
        fields: { tm: 'date' },
      })
      const monthly = `weather-${run}-2024.03`
      await put([{ id: '108:1', source: { tm: '2024-03-18' } }], monthly)
      expect(await outcome({ tm: 'x' }, monthly)).toMatch(/ISO date/)
      expect(await subject.documents.count(monthly)).toBe(1)
      await subject.documents.deleteIndex(monthly)
      await expect(subject.documents.bulk(`weather-${run}`, [])).rejects.toThrow(UnknownIndexError)
    })

    test('that is missing is told, and can be deleted once', async () => {
      const missing = `missing-${randomUUID()}`
      await expect(subject.documents.search(missing)).rejects.toThrow(UnknownIndexError)
      await expect(subject.documents.get(missing, 'x')).rejects.toThrow(UnknownIndexError)
      await expect(subject.documents.bulk(missing, stocks)).rejects.toThrow(UnknownIndexError)
      await subject.documents.ensureIndex(missing, { fields })
      expect(await subject.documents.deleteIndex(missing)).toBe(true)
      expect(await subject.documents.deleteIndex(missing)).toBe(false)
    })

    test.each(['', 'Stock', '_x', 'a b', 'a/b', '가', 'a,b', '*'])('cannot be named %j', async (bad) => {
      await expect(subject.documents.ensureIndex(bad, { fields })).rejects.toThrow(DocumentIndexError)
    })

    test('is made once by two who want it at once', async () => {
      const shared = `shared-${randomUUID()}`
      const other = await client()
      const made = await Promise.all([
        subject.documents.ensureIndex(shared, { fields }),
        other.ensureIndex(shared, { fields }),
      ])
      expect(made.sort()).toEqual([false, true])
      await subject.documents.deleteIndex(shared)
    })
  })
}
