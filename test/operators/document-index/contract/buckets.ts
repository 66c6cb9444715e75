// Buckets by value and by time, with their metrics.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Query } from '../../../../operators/document-index/document-index.ts'
import { type IndexSubject, stocks } from './subject.ts'

export function describeBuckets(subject: IndexSubject): void {
  const { put } = subject
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
      expect(await subject.documents.top(subject.index, { field: 'Code', metrics })).toEqual([
        { key: '000660', count: 2, metrics: { cap: 177996580942500, close: 122250.25, low: 118500, high: 126000.5 } },
        { key: '005930', count: 2, metrics: { cap: 950986346070000, close: 79650, low: 78300, high: 81000 } },
        { key: '000001', count: 1, metrics: { cap: 0, close: null, low: null, high: null } },
      ])
      expect((await subject.documents.top(subject.index, { field: 'Code', size: 1 })).map(({ key }) => key)).toEqual([
        '000660',
      ])
      expect(await subject.documents.top(subject.index, { field: 'Halted' })).toEqual([
        { key: false, count: 3, metrics: {} },
        { key: true, count: 1, metrics: {} },
      ])
      const query: Query = { range: { field: 'Close', gt: 100000 } }
      expect((await subject.documents.top(subject.index, { field: 'Code', query })).map(({ count }) => count)).toEqual([
        2,
      ])
      await expect(subject.documents.top(subject.index, { field: 'Name' })).rejects.toThrow(/field Name is text/)
      await expect(
        subject.documents.top(subject.index, { field: 'Code', metrics: { x: { sum: 'Code' } } }),
      ).rejects.toThrow(/it must be long or double/)
    })

    test('by time begin where the zone’s days begin', async () => {
      const days = async (timezone?: string) =>
        (
          await subject.documents.histogram(subject.index, {
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
      const years = await subject.documents.histogram(subject.index, { field: 'Date', interval: 'year' })
      expect(years).toEqual([
        { key: Date.UTC(2020, 0), count: 3, metrics: {} },
        { key: Date.UTC(2021, 0), count: 2, metrics: {} },
      ])
      await expect(subject.documents.histogram(subject.index, { field: 'Code', interval: 'day' })).rejects.toThrow(
        /it must be date/,
      )
    })
  })
}
