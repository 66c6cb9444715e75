// Rows of the market-cap history: what is normalised, and what is no row.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { documentId, type RawStock, readStock, type StockRow } from '../../../pipelines/stocks/rows.ts'
import { generatedHistory, HISTORY_COLUMNS } from '../../../services/simulated/stocks/history.ts'
import { describeRecorded, recordedQuotedCsv } from '../../support/recorded.ts'

const raw: RawStock = {
  Code: '005930',
  Name: '삼성전자',
  Market: 'KOSPI',
  Dept: '',
  Close: '83000.0',
  ChangeCode: '1',
  Changes: '2000.0',
  ChagesRatio: '2.47',
  Open: '81000.0',
  High: '84400.0',
  Low: '80200.0',
  Volume: '38655276.0',
  Amount: '3185356823460.0',
  Marcap: '495491951650000.0',
  Stocks: '5969782550',
  MarketId: 'STK',
  Rank: '1',
  Date: '2021-01-04',
}
const read = (change: RawStock) => readStock({ ...raw, ...change })

describe('a row', () => {
  test('keeps leading zeros, whole numbers beyond 2^31, and null for what is empty', () => {
    expect(readStock(raw)).toEqual({
      ...raw,
      Dept: null,
      Close: 83_000,
      Changes: 2_000,
      ChagesRatio: 2.47,
      Open: 81_000,
      High: 84_400,
      Low: 80_200,
      Volume: 38_655_276,
      Amount: 3_185_356_823_460,
      Marcap: 495_491_951_650_000,
      Stocks: 5_969_782_550,
      Rank: 1,
    })
  })

  test('takes NaN for missing, and 1.0 for the code 1', () => {
    expect(read({ Dept: 'NaN', ChangeCode: '1.0', ChagesRatio: 'nan', Changes: null })).toMatchObject({
      Dept: null,
      ChangeCode: '1',
      ChagesRatio: null,
      Changes: null,
    })
  })

  test.each([
    [{ Code: '' }, 'Code is missing'],
    [{ Code: '5930' }, 'Code must be six digits or capitals, found 5930'],
    [{ Name: ' ' }, 'Name is missing'],
    [{ Close: '83,000' }, 'Close must be a whole number, found 83,000'],
    [{ Close: '-1' }, 'Close must be 0 or more, found -1'],
    [{ Marcap: '1e15' }, 'Marcap must be a whole number, found 1e15'],
    [{ Marcap: '9007199254740993' }, 'Marcap is larger than a number holds exactly: 9007199254740993'],
    [{ Rank: '0' }, 'Rank must be 1 or more, found 0'],
    [{ Rank: 'first' }, 'Rank must be a whole number, found first'],
    [{ ChagesRatio: 'Infinity' }, 'ChagesRatio must be a number, found Infinity'],
    [{ Date: '2021-02-30' }, 'Date must be a day such as 2020-12-30, found 2021-02-30'],
    [{ Date: null }, 'Date is missing'],
  ])('with %j is no row', (change, fault) => expect(read(change)).toEqual({ fault }))
})

const lines = () => [...generatedHistory(1)].join('').trimEnd().split('\n')
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

describe('the generated history', () => {
  test('has the 128,878 rows, 18 columns and 6,507 days of the real one, the same for ever', () => {
    const [head, ...rows] = lines()
    expect(head).toBe(HISTORY_COLUMNS)
    expect(rows).toHaveLength(128_878)
    const days = new Set(rows.map((row) => row.slice(-10)))
    expect([days.size, [...days][0], [...days].at(-1)]).toEqual([6_507, '1995-05-02', '2020-12-30'])
    expect(hashOf(lines().join('\n'))).toBe(hashOf([head, ...rows].join('\n')))
  })
})

describeRecorded('marcap', 'the recorded years', () => {
  const YEARS = [
    ['top20_2021.csv', 660],
    ['top20_2023.csv', 600],
    ['top20_2025.csv', 500],
  ] as const

  test.each(YEARS)('%s has %d rows, all whole, whatever the order of its columns', (name, count) => {
    const rows = recordedQuotedCsv('marcap', name).map(readStock)
    expect(rows.filter((row) => 'fault' in row)).toEqual([])
    expect(rows).toHaveLength(count)
    expect(new Set(rows.map((row) => documentId(row as StockRow))).size).toBe(count)
  })

  test('the 27 rows before 2021 are whole too', () => {
    expect(
      recordedQuotedCsv('marcap', 'excerpts_1995_2020.csv')
        .map(readStock)
        .filter((row) => 'fault' in row),
    ).toEqual([])
  })
})
