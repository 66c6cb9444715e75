// What every document index adapter must do. Run it with a factory: Postgres, and a real Elasticsearch.

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type DocumentIndex,
  DocumentIndexError,
  type Fields,
  type IndexedDocument,
  type Query,
  type SearchRequest,
  type Source,
  UnknownIndexError,
} from '../../../operators/document-index/document-index.ts'

/** Each call gives another client of one and the same server. */
export type OpenDocumentIndex = () => Promise<DocumentIndex>

const fields: Fields = {
  Code: 'keyword',
  Name: 'text',
  Marcap: 'long',
  Close: 'double',
  Date: 'date',
  Halted: 'boolean',
}

const stocks: readonly IndexedDocument[] = [
  {
    id: '2020-12-29:005930',
    source: {
      Code: '005930',
      Name: '삼성전자 보통주',
      Marcap: 467433929070000,
      Close: 78300,
      Date: '2020-12-29',
      Halted: false,
    },
  },
  {
    id: '2020-12-30:005930',
    source: {
      Code: '005930',
      Name: '삼성전자 보통주',
      Marcap: 483552417000000,
      Close: 81000,
      Date: '2020-12-30',
      Halted: false,
    },
  },
  {
    id: '2020-12-30:000660',
    source: {
      Code: '000660',
      Name: 'SK하이닉스 보통주',
      Marcap: 86268280942500,
      Close: 118500,
      Date: '2020-12-30',
      Halted: false,
    },
  },
  {
    id: '2021-01-04:000660',
    source: {
      Code: '000660',
      Name: "SK Hynix's",
      Marcap: 91728300000000,
      Close: 126000.5,
      Date: '2021-01-04T09:00:00+09:00',
      Halted: true,
    },
  },
  { id: '2021-01-04:000001', source: { Code: '000001', Name: 'No Cap', Date: '2021-01-04' } },
]

const ids = (documents: readonly IndexedDocument[]) => documents.map(({ id }) => id)

export function documentIndexContract(name: string, open: OpenDocumentIndex): void {
  describe(`the document index contract on ${name}`, () => {
    let documents: DocumentIndex
    let index: string
    const opened: DocumentIndex[] = []
    const client = async () => {
      const one = await open()
      opened.push(one)
      return one
    }
    beforeEach(async () => {
      documents = await client()
      index = `stock-${randomUUID()}`
      await documents.ensureIndex(index, { fields })
    })
    afterEach(async () => {
      await documents.deleteIndex(index)
      for (const one of opened.splice(0)) await one.close()
    })

    const put = async (list: readonly IndexedDocument[], into = index) => {
      const results = await documents.bulk(into, list)
      await documents.refresh(into)
      return results
    }
    const outcome = async (source: object, into = index) => {
      // What a caller without types may hand over.
      const [result] = await documents.bulk(into, [{ id: 'x', source: source as Source }])
      return result?.outcome === 'rejected' ? result.reason : result?.outcome
    }
    const found = async (query: Query) => ids((await documents.search(index, { query, size: 100 })).documents)
    const pages = async (request: SearchRequest, size: number) => {
      const all: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await documents.search(index, { ...request, size, ...(after !== undefined && { after }) })
        all.push(...ids(page.documents))
        if (page.next === null) return all
        after = page.next
      }
    }

    describe('documents', () => {
      test('come back as they were put, numbers beyond 2^31 and leading zeros exactly', async () => {
        const source = {
          Code: '000020',
          Marcap: 9007199254740991,
          Close: 0.1,
          Date: '2020-12-30T09:00:00.5+09:00',
          Name: '한글 "x"',
          Halted: true,
        }
        await put([{ id: 'a/b 가#1', source }])
        expect(await documents.get(index, 'a/b 가#1')).toEqual(source)
        expect((await documents.search(index)).documents).toEqual([{ id: 'a/b 가#1', source }])
        expect(await documents.get(index, 'none')).toBeNull()
      })

      test('are created, then replaced whole; the same again makes no second one', async () => {
        expect((await put(stocks)).map((one) => one.outcome)).toEqual(stocks.map(() => 'created'))
        const again = await put(stocks.slice(0, 1))
        expect(['updated', 'noop']).toContain(again[0]?.outcome)
        expect(await put([{ id: '2020-12-29:005930', source: { Code: '1' } }])).toEqual([
          { id: '2020-12-29:005930', outcome: 'updated' },
        ])
        expect(await documents.get(index, '2020-12-29:005930')).toEqual({ Code: '1' })
        expect(await documents.count(index)).toBe(5)
      })

      test('of one id twice in a call: the later one stays', async () => {
        const results = await put([
          { id: 'a', source: { Close: 1 } },
          { id: 'a', source: { Close: 2 } },
        ])
        expect(results.map((one) => one.outcome)).toEqual(['created', 'updated'])
        expect(await documents.get(index, 'a')).toEqual({ Close: 2 })
      })

      test('that are bad are told one by one, and the others are there', async () => {
        const results = await put([
          { id: 'good', source: { Marcap: 1 } },
          { id: 'bad', source: { Marcap: 'viele' } },
          { id: 'also good', source: { Marcap: null } },
        ])
        expect(results).toEqual([
          { id: 'good', outcome: 'created' },
          {
            id: 'bad',
            outcome: 'rejected',
            reason: expect.stringMatching(/Marcap must be a whole number .*viele/) as string,
          },
          { id: 'also good', outcome: 'created' },
        ])
        expect(await documents.count(index)).toBe(2)
      })

      test.each([
        ['a text in a long', { Marcap: '12' }, /Marcap must be a whole number/],
        ['a fraction in a long', { Marcap: 1.5 }, /Marcap must be a whole number/],
        ['a number beyond what is exact', { Marcap: 2 ** 53 }, /up to 2\^53/],
        ['a number out of the range of a long', { Marcap: 1e19 }, /up to 2\^53/],
        ['NaN', { Close: Number.NaN }, /found NaN/],
        ['undefined', { Close: undefined }, /found undefined/],
        ['a text in a double', { Close: '1.5' }, /Close must be a number/],
        ['a number in a keyword', { Code: 5930 }, /Code must be a text/],
        ['a list', { Code: ['1', '2'] }, /Code must be a text/],
        ['an object', { Name: { ko: 'x' } }, /Name must be a text/],
        ['a text in a boolean', { Halted: 'true' }, /Halted must be true or false/],
        ['a day that is not there', { Date: '2021-02-30' }, /Date must be an ISO date/],
        ['a day of another form', { Date: '30.12.2020' }, /Date must be an ISO date/],
        ['an hour that is not there', { Date: '2021-01-01T25:00:00Z' }, /Date must be an ISO date/],
        ['a field that is not mapped', { Dept: 'x' }, /field Dept is not mapped/],
        ['a field like one of every object', { constructor: 'x' }, /field constructor is not mapped/],
        ['a NUL', { Name: 'a\0b' }, /NUL/],
        ['half a character', { Name: '\ud800' }, /half a character/],
        ['a keyword longer than an index can hold', { Code: 'x'.repeat(40_000) }, /longer than 32766 bytes/],
      ])('with %s are refused with a reason', async (_, source, reason) => {
        expect(await outcome(source)).toMatch(reason)
        await documents.refresh(index)
        expect(await documents.count(index)).toBe(0)
      })

      test.each([
        { Date: '2020-12-30' },
        { Date: '2020-12-30T09:00' },
        { Date: '2020-12-30T09:00:00Z' },
        { Date: '2020-12-30T09:00:00.123456789+0900' },
        { Date: 1609286400000 },
        { Close: -1e300 },
        { Marcap: -9007199254740991 },
        { Code: '' },
        { Name: 'x'.repeat(40_000) },
        {},
      ])('like %o are taken', async (source) => {
        expect(await outcome(source)).toBe('created')
      })

      test('need an id', async () => {
        const results = await documents.bulk(index, [
          { id: '', source: {} },
          { id: 'x'.repeat(513), source: {} },
        ])
        expect(results.map((one) => one.outcome)).toEqual(['rejected', 'rejected'])
      })
    })

    describe('an index', () => {
      test('is made once, and gets fields it lacks', async () => {
        expect(await documents.ensureIndex(index, { fields })).toBe(false)
        expect(await outcome({ Dept: 'x' })).toMatch(/not mapped/)
        expect(await documents.ensureIndex(index, { fields: { ...fields, Dept: 'keyword' } })).toBe(false)
        await put([{ id: 'd', source: { Dept: 'x' } }])
        expect(await found({ term: { field: 'Dept', value: 'x' } })).toEqual(['d'])
      })

      test('does not change the type of a field', async () => {
        await expect(documents.ensureIndex(index, { fields: { Marcap: 'double' } })).rejects.toThrow(
          /Marcap is long and cannot become double/,
        )
      })

      test('that is not strict keeps other fields, and does not search them', async () => {
        const loose = `loose-${randomUUID()}`
        await documents.ensureIndex(loose, { fields: { a: 'long' }, strict: false })
        await put([{ id: '1', source: { a: 1, more: { deep: ['x'] } } }], loose)
        expect(await documents.get(loose, '1')).toEqual({ a: 1, more: { deep: ['x'] } })
        await expect(documents.count(loose, { term: { field: 'more', value: 'x' } })).rejects.toThrow(
          /there is no field more/,
        )
        expect(await outcome({ a: 1, more: Number.NaN }, loose)).toMatch(/JSON cannot hold/)
        await documents.deleteIndex(loose)
      })

      test('is made by a template when its first document comes, otherwise by nobody', async () => {
        const run = randomUUID()
        await documents.ensureTemplate(`weather-${run}`, { patterns: [`weather-${run}-*`], fields: { tm: 'date' } })
        const monthly = `weather-${run}-2024.03`
        await put([{ id: '108:1', source: { tm: '2024-03-18' } }], monthly)
        expect(await outcome({ tm: 'x' }, monthly)).toMatch(/ISO date/)
        expect(await documents.count(monthly)).toBe(1)
        await documents.deleteIndex(monthly)
        await expect(documents.bulk(`weather-${run}`, [])).rejects.toThrow(UnknownIndexError)
      })

      test('that is missing is told, and can be deleted once', async () => {
        const missing = `missing-${randomUUID()}`
        await expect(documents.search(missing)).rejects.toThrow(UnknownIndexError)
        await expect(documents.get(missing, 'x')).rejects.toThrow(UnknownIndexError)
        await expect(documents.bulk(missing, stocks)).rejects.toThrow(UnknownIndexError)
        await documents.ensureIndex(missing, { fields })
        expect(await documents.deleteIndex(missing)).toBe(true)
        expect(await documents.deleteIndex(missing)).toBe(false)
      })

      test.each(['', 'Stock', '_x', 'a b', 'a/b', '가', 'a,b', '*'])('cannot be named %j', async (bad) => {
        await expect(documents.ensureIndex(bad, { fields })).rejects.toThrow(DocumentIndexError)
      })

      test('is made once by two who want it at once', async () => {
        const shared = `shared-${randomUUID()}`
        const other = await client()
        const made = await Promise.all([
          documents.ensureIndex(shared, { fields }),
          other.ensureIndex(shared, { fields }),
        ])
        expect(made.sort()).toEqual([false, true])
        await documents.deleteIndex(shared)
      })
    })

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
        [
          'both',
          { and: [{ term: { field: 'Code', value: '005930' } }, { range: { field: 'Close', gt: 80000 } }] },
          [1],
        ],
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
        expect(await documents.count(index, query)).toBe(wanted.length)
      })

      test.each<[Query, RegExp]>([
        [{ term: { field: 'Nope', value: 1 } }, /there is no field Nope/],
        [{ term: { field: 'Name', value: 'x' } }, /field Name is text/],
        [{ match: { field: 'Code', text: 'x' } }, /field Code is keyword, it must be text/],
        [{ prefix: { field: 'Marcap', value: '1' } }, /it must be keyword/],
        [{ range: { field: 'Marcap', gte: 'viele' } }, /compare it with a whole number/],
        [{ term: { field: 'Date', value: 'today' } }, /compare it with an ISO date/],
      ])('that cannot be is refused: %o', async (query, reason) => {
        await expect(documents.count(index, query)).rejects.toThrow(reason)
      })

      test('counts all, whatever the page', async () => {
        const page = await documents.search(index, { size: 2 })
        expect([page.total, page.documents.length]).toEqual([5, 2])
        expect(await documents.search(index, { size: 0 })).toMatchObject({ total: 5, documents: [] })
        await expect(documents.search(index, { size: 10_001 })).rejects.toThrow(/use export/)
      })

      test('sorts, with what lacks the field last and equals by id', async () => {
        const sorted = async (sort: SearchRequest['sort'] & object) =>
          ids((await documents.search(index, { sort })).documents)
        const at = (...order: number[]) => order.map((i) => stocks[i]?.id)
        expect(await sorted([{ field: 'Marcap' }])).toEqual(at(2, 3, 0, 1, 4))
        expect(await sorted([{ field: 'Marcap', order: 'desc' }])).toEqual(at(1, 0, 3, 2, 4))
        expect(await sorted([{ field: 'Code' }])).toEqual(at(4, 2, 3, 0, 1))
        expect(await sorted([{ field: 'Date', order: 'desc' }, { field: 'Code' }])).toEqual(at(4, 3, 2, 1, 0))
        await expect(sorted([{ field: 'Name' }])).rejects.toThrow(/field Name is text/)
      })
    })

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
        const whole = ids((await documents.search(index, { sort, size: 100 })).documents)
        expect(new Set(whole).size).toBe(57)
        for (const size of [1, 7, 19, 56, 57]) expect(await pages({ sort }, size), `size ${size}`).toEqual(whole)
      })

      test('are refused where they do not belong', async () => {
        const { next } = await documents.search(index, { sort: [{ field: 'Marcap' }], size: 5 })
        const after = next ?? ''
        await expect(documents.search(index, { sort: [{ field: 'Close' }], after })).rejects.toThrow(/same sort/)
        await expect(documents.search(index, { after: 'nonsense' })).rejects.toThrow(/must be the `next`/)
      })
    })

    test('an export goes beyond the 10,000 of a search, each document once, in order', async () => {
      const count = 10_500
      const all = Array.from({ length: count }, (_, i) => ({
        id: String(i).padStart(6, '0'),
        source: { Marcap: i, Code: i % 2 === 0 ? 'even' : 'odd' },
      }))
      for (let i = 0; i < count; i += 3_500) await documents.bulk(index, all.slice(i, i + 3_500))
      await documents.refresh(index)
      const exported: IndexedDocument[] = []
      for await (const batch of documents.export(index, { batch: 4_000 })) exported.push(...batch)
      expect(exported).toEqual(all)
      expect(await documents.count(index)).toBe(count)
      expect((await documents.search(index, { size: 1 })).total).toBe(count)
      let odd = 0
      for await (const batch of documents.export(index, { query: { term: { field: 'Code', value: 'odd' } } }))
        odd += batch.length
      expect(odd).toBe(count / 2)
    }, 60_000)

    describe('buckets', () => {
      beforeEach(async () => {
        await put(stocks)
      })

      test('by value come fullest first', async () => {
        const metrics = {
          cap: { sum: 'Marcap' },
          close: { avg: 'Close' },
          low: { min: 'Close' },
          high: { max: 'Close' },
        } as const
        expect(await documents.top(index, { field: 'Code', metrics })).toEqual([
          { key: '000660', count: 2, metrics: { cap: 177996580942500, close: 122250.25, low: 118500, high: 126000.5 } },
          { key: '005930', count: 2, metrics: { cap: 950986346070000, close: 79650, low: 78300, high: 81000 } },
          { key: '000001', count: 1, metrics: { cap: 0, close: null, low: null, high: null } },
        ])
        expect((await documents.top(index, { field: 'Code', size: 1 })).map(({ key }) => key)).toEqual(['000660'])
        expect(await documents.top(index, { field: 'Halted' })).toEqual([
          { key: false, count: 3, metrics: {} },
          { key: true, count: 1, metrics: {} },
        ])
        const query: Query = { range: { field: 'Close', gt: 100000 } }
        expect((await documents.top(index, { field: 'Code', query })).map(({ count }) => count)).toEqual([2])
        await expect(documents.top(index, { field: 'Name' })).rejects.toThrow(/field Name is text/)
        await expect(documents.top(index, { field: 'Code', metrics: { x: { sum: 'Code' } } })).rejects.toThrow(
          /it must be long or double/,
        )
      })

      test('by time begin where the zone’s days begin', async () => {
        const days = async (timezone?: string) =>
          (
            await documents.histogram(index, {
              field: 'Date',
              interval: 'day',
              metrics: { cap: { sum: 'Marcap' } },
              ...(timezone !== undefined && { timezone }),
            })
          ).map(({ key, count, metrics }) => [new Date(key).toISOString(), count, metrics['cap']])
        expect(await days()).toEqual([
          ['2020-12-29T00:00:00.000Z', 1, 467433929070000],
          ['2020-12-30T00:00:00.000Z', 2, 569820697942500],
          ['2021-01-04T00:00:00.000Z', 2, 91728300000000],
        ])
        expect((await days('Asia/Seoul'))[0]?.[0]).toBe('2020-12-28T15:00:00.000Z')
        const years = await documents.histogram(index, { field: 'Date', interval: 'year' })
        expect(years).toEqual([
          { key: Date.UTC(2020, 0), count: 3, metrics: {} },
          { key: Date.UTC(2021, 0), count: 2, metrics: {} },
        ])
        await expect(documents.histogram(index, { field: 'Code', interval: 'day' })).rejects.toThrow(/it must be date/)
      })
    })
  })
}
