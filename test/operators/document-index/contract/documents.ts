// What is put, replaced, refused and deleted, and comes back as it was.

import { describe, expect, test } from 'vitest'
import { type IndexSubject, stocks } from './subject.ts'

export function describeDocuments(subject: IndexSubject): void {
  const { put, outcome } = subject
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
      expect(await subject.documents.get(subject.index, 'a/b 가#1')).toEqual(source)
      expect((await subject.documents.search(subject.index)).documents).toEqual([{ id: 'a/b 가#1', source }])
      expect(await subject.documents.get(subject.index, 'none')).toBeNull()
    })

    test('are created, then replaced whole; the same again makes no second one', async () => {
      expect((await put(stocks)).map((one) => one.outcome)).toEqual(stocks.map(() => 'created'))
      const again = await put(stocks.slice(0, 1))
      expect(['updated', 'noop']).toContain(again[0]?.outcome)
      expect(await put([{ id: '2020-12-29:005930', source: { Code: '1' } }])).toEqual([
        { id: '2020-12-29:005930', outcome: 'updated' },
      ])
      expect(await subject.documents.get(subject.index, '2020-12-29:005930')).toEqual({ Code: '1' })
      expect(await subject.documents.count(subject.index)).toBe(5)
    })

    test('of one id twice in a call: the later one stays', async () => {
      const results = await put([
        { id: 'a', source: { Close: 1 } },
        { id: 'a', source: { Close: 2 } },
      ])
      expect(results.map((one) => one.outcome)).toEqual(['created', 'updated'])
      expect(await subject.documents.get(subject.index, 'a')).toEqual({ Close: 2 })
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
      expect(await subject.documents.count(subject.index)).toBe(2)
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
      await subject.documents.refresh(subject.index)
      expect(await subject.documents.count(subject.index)).toBe(0)
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
      const results = await subject.documents.bulk(subject.index, [
        { id: '', source: {} },
        { id: 'x'.repeat(513), source: {} },
      ])
      expect(results.map((one) => one.outcome)).toEqual(['rejected', 'rejected'])
    })
  })
}
