// Queries: what each finds, which are refused, and how their answers are sorted.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Query, SearchRequest } from '../../../../operators/document-index/document-index.ts'
import { type IndexSubject, ids, stocks } from './subject.ts'

export function describeQueries(subject: IndexSubject): void {
  const { put, found } = subject
  describe('a query', () => {
    beforeEach(async () => {
      await put(stocks)
    })

    test.each<[string, Query, readonly number[]]>([
      ['a code', { term: { field: 'Code', value: '005930' } }, [0, 1]],
      ['a code without its zeros', { term: { field: 'Code', value: '5930' } }, []],
      ['one of several codes', { terms: { field: 'Code', values: ['005930', '000001'] } }, [0, 1, 4]],
      ['none of no codes', { terms: { field: 'Code', values: [] } }, []],
      ['a number', { term: { field: 'Marcap', value: 483552417000000 } }, [1]],
      ['a boolean', { term: { field: 'Halted', value: true } }, [3]],
      ['the beginning of a code', { prefix: { field: 'Code', value: '000' } }, [2, 3, 4]],
      ['a word', { match: { field: 'Name', text: '삼성전자' } }, [0, 1]],
      [
        'all of its words, whatever their case',
        { match: { field: 'Name', text: 'hynix’s SK'.replace('’', "'") } },
        [3],
      ],
      ['a part of a word, which is none', { match: { field: 'Name', text: 'SK하이' } }, []],
      ['no word', { match: { field: 'Name', text: ' - ' } }, []],
      ['a range of numbers', { range: { field: 'Marcap', gte: 86268280942500, lt: 467433929070000 } }, [2, 3]],
      ['a range of codes', { range: { field: 'Code', gt: '000001', lte: '000660' } }, [2, 3]],
      [
        'a range of days, the last one at its first instant',
        { range: { field: 'Date', gte: '2020-12-30', lte: '2021-01-04' } },
        [1, 2, 3, 4],
      ],
      [
        'a range of instants',
        { range: { field: 'Date', gt: '2021-01-04T08:59:59.999+09:00', lt: 1609718400001 } },
        [3, 4],
      ],
      ['both', { and: [{ term: { field: 'Code', value: '005930' } }, { range: { field: 'Close', gt: 80000 } }] }, [1]],
      [
        'either',
        { or: [{ term: { field: 'Halted', value: true } }, { match: { field: 'Name', text: 'cap' } }] },
        [3, 4],
      ],
      ['all of nothing', { and: [] }, [0, 1, 2, 3, 4]],
      ['any of nothing', { or: [] }, []],
    ])('finds %s', async (_, query, wanted) => {
      const expected = wanted.map((i) => stocks[i]?.id ?? '').sort()
      expect(await found(query)).toEqual(expected)
      expect(await subject.documents.count(subject.index, query)).toBe(wanted.length)
    })

    test.each<[Query, RegExp]>([
      [{ term: { field: 'Nope', value: 1 } }, /there is no field Nope/],
      [{ term: { field: 'Name', value: 'x' } }, /field Name is text/],
      [{ match: { field: 'Code', text: 'x' } }, /field Code is keyword, it must be text/],
      [{ prefix: { field: 'Marcap', value: '1' } }, /it must be keyword/],
      [{ range: { field: 'Marcap', gte: 'viele' } }, /compare it with a whole number/],
      [{ term: { field: 'Date', value: 'today' } }, /compare it with an ISO date/],
    ])('that cannot be is refused: %o', async (query, reason) => {
      await expect(subject.documents.count(subject.index, query)).rejects.toThrow(reason)
    })

    test('counts all, whatever the page', async () => {
      const page = await subject.documents.search(subject.index, { size: 2 })
      expect([page.total, page.documents.length]).toEqual([5, 2])
      expect(await subject.documents.search(subject.index, { size: 0 })).toMatchObject({ total: 5, documents: [] })
      await expect(subject.documents.search(subject.index, { size: 10_001 })).rejects.toThrow(/use export/)
    })

    test('sorts, with what lacks the field last and equals by id', async () => {
      const sorted = async (sort: SearchRequest['sort'] & object) =>
        ids((await subject.documents.search(subject.index, { sort })).documents)
      const at = (...order: number[]) => order.map((i) => stocks[i]?.id)
      expect(await sorted([{ field: 'Marcap' }])).toEqual(at(2, 3, 0, 1, 4))
      expect(await sorted([{ field: 'Marcap', order: 'desc' }])).toEqual(at(1, 0, 3, 2, 4))
      expect(await sorted([{ field: 'Code' }])).toEqual(at(4, 2, 3, 0, 1))
      expect(await sorted([{ field: 'Date', order: 'desc' }, { field: 'Code' }])).toEqual(at(4, 3, 2, 1, 0))
      await expect(sorted([{ field: 'Name' }])).rejects.toThrow(/field Name is text/)
    })
  })
}
