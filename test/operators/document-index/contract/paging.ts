// Pages that follow one on another, and an export beyond the limit of a search.

import { beforeEach, describe, expect, test } from 'vitest'
import type { IndexedDocument, SearchRequest } from '../../../../operators/document-index/document-index.ts'
import { type IndexSubject, ids } from './subject.ts'

export function describePaging(subject: IndexSubject): void {
  const { put, pages } = subject
  describe('pages', () => {
    const many = Array.from({ length: 57 }, (_, i) => ({
      id: `d${String(i).padStart(3, '0')}`,
      source: {
        ...(i % 5 !== 0 && { Marcap: (i * 37) % 11 }),
        ...(i % 7 !== 0 && { Code: `c${(i * 13) % 4}` }),
        ...(i % 3 !== 0 && { Close: ((i * 29) % 13) - 6.5 }),
        ...(i % 4 !== 0 && { Date: `2021-01-0${1 + (i % 8)}` }),
      },
    }))
    beforeEach(async () => {
      await put(many)
    })

    test.each<[SearchRequest['sort'] & object]>([
      [[]],
      [[{ field: 'Marcap' }]],
      [[{ field: 'Marcap', order: 'desc' }]],
      [[{ field: 'Code', order: 'desc' }, { field: 'Close' }]],
      [[{ field: 'Date' }, { field: 'Marcap', order: 'desc' }, { field: 'Code' }]],
    ])('follow one on another without a gap, sorted by %o', async (sort) => {
      const whole = ids((await subject.documents.search(subject.index, { sort, size: 100 })).documents)
      expect(new Set(whole).size).toBe(57)
      for (const size of [1, 7, 19, 56, 57]) expect(await pages({ sort }, size), `size ${size}`).toEqual(whole)
    })

    test('are refused where they do not belong', async () => {
      const { next } = await subject.documents.search(subject.index, { sort: [{ field: 'Marcap' }], size: 5 })
      const after = next ?? ''
      await expect(subject.documents.search(subject.index, { sort: [{ field: 'Close' }], after })).rejects.toThrow(
        /same sort/,
      )
      await expect(subject.documents.search(subject.index, { after: 'nonsense' })).rejects.toThrow(/must be the `next`/)
    })
  })

  test('an export goes beyond the 10,000 of a search, each document once, in order', async () => {
    const count = 10_500
    const all = Array.from({ length: count }, (_, i) => ({
      id: String(i).padStart(6, '0'),
      source: { Marcap: i, Code: i % 2 === 0 ? 'even' : 'odd' },
    }))
    for (let i = 0; i < count; i += 3_500) await subject.documents.bulk(subject.index, all.slice(i, i + 3_500))
    await subject.documents.refresh(subject.index)
    const exported: IndexedDocument[] = []
    for await (const batch of subject.documents.export(subject.index, { batch: 4_000 })) exported.push(...batch)
    expect(exported).toEqual(all)
    expect(await subject.documents.count(subject.index)).toBe(count)
    expect((await subject.documents.search(subject.index, { size: 1 })).total).toBe(count)
    let odd = 0
    for await (const batch of subject.documents.export(subject.index, {
      query: { term: { field: 'Code', value: 'odd' } },
    }))
      odd += batch.length
    expect(odd).toBe(count / 2)
  }, 60_000)
}
