// Yearly Parquet files of the whole market, made from the recorded CSVs by DuckDB: the same rows come out, whatever shape they have.

import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DuckDbSession, openDuckDb, sqlText } from '../../../operators/duckdb/session.ts'
import { openEventLog } from '../../../operators/event-log/index.ts'
import { replayStocks } from '../../../pipelines/stocks/replay.ts'
import { readStock } from '../../../pipelines/stocks/rows.ts'
import { type MostRank, openStockSource } from '../../../pipelines/stocks/source.ts'
import { runInScope } from '../../../sdk/context.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'
import { describeRecorded, recordedPath } from '../../support/recorded.ts'

removeTemporaryFoldersAfterwards()
let folder: string
let session: DuckDbSession
beforeEach(async () => {
  folder = await temporaryFolder()
  session = await openDuckDb()
})
afterEach(() => session.close())

/** Writes a Parquet file of a select list over a recorded CSV, or over any other relation. */
async function makeParquet(name: string, select: string, from: string): Promise<string> {
  const path = join(folder, name)
  await session.run(`copy (select ${select} from ${from}) to ${sqlText(path)} (format parquet)`)
  return path
}
const recorded = (name: string) => `read_csv(${sqlText(recordedPath('marcap', name))}, types = {'Code': 'VARCHAR'})`
const one = (values: string) => `(select '005930' as Code, 'a' as Name, 1 as Close, 2 as Marcap, 1 as Rank, ${values})`

function worldOf(path: string) {
  const connection = { id: 'stocks_default', type: 'file', extra: JSON.stringify({ path }) }
  return madeUpContext({ embeddedRoot: folder, connections: [connection] })
}

/** All rows of a source as values, read in batches, and what was told of it. */
async function readAll(path: string, mostRank: MostRank = 20, batch = 7_000) {
  const op = worldOf(path)
  const source = await openStockSource(op, 'stocks_default', mostRank)
  const rows: ReturnType<typeof readStock>[] = []
  for (let from = 0; from < source.rows; from += batch)
    rows.push(...(await source.read(from, Math.min(from + batch, source.rows))).map(readStock))
  source.close()
  return { op, source, rows }
}

describeRecorded('marcap', 'a year as Parquet', () => {
  /** Each shape the files are published in: what Date is, and how the ratio is spelled. */
  const SHAPES = [
    ['Date a date', '*', 'Date (DATE)'],
    ['Date a timestamp', '* replace (Date::timestamp as Date)', 'Date (TIMESTAMP)'],
    ['Date a timestamp of nanoseconds', '* replace (Date::timestamp_ns as Date)', 'Date (TIMESTAMP_NS)'],
    [
      'Date midnight in Seoul',
      "* replace ((Date::timestamp at time zone 'Asia/Seoul') as Date)",
      'Date (TIMESTAMP WITH TIME ZONE)',
    ],
    ['Date a text', '* replace (Date::varchar as Date)', 'Date (VARCHAR)'],
    ['Date the index', '* exclude (Date), Date::timestamp_ns as __index_level_0__', '__index_level_0__ (TIMESTAMP_NS)'],
    ['whole numbers as integers', '* replace (Close::bigint as Close, Marcap::hugeint as Marcap)', 'Date (DATE)'],
  ] as const

  test.each(SHAPES)('with %s has the rows of the CSV', async (_, select, date) => {
    const expected = await readAll(recordedPath('marcap', 'top20_2021.csv'))
    const path = await makeParquet('marcap-2021.parquet', select, recorded('top20_2021.csv'))
    const { op, source, rows } = await readAll(path)
    expect(rows).toEqual(expected.rows)
    expect(source).toMatchObject({ rows: 660, firstDay: '2021-01-04', lastDay: '2021-02-22', closedDays: 3 })
    expect(op.reports.get('columns')?.rows).toContainEqual(['Date', date])
  })

  test('with ChangesRatio, partly NaN, fills ChagesRatio, and null where there was no number', async () => {
    const select = "* exclude (ChagesRatio), if(Rank = 2, 'nan'::double, ChagesRatio) as ChangesRatio"
    const path = await makeParquet('marcap-2023.parquet', select, recorded('top20_2023.csv'))
    const { op, rows } = await readAll(path)
    const ratios = rows.map((row) => ('fault' in row ? row.fault : [row.Rank, row.ChagesRatio === null]))
    expect(ratios.every((ratio) => Array.isArray(ratio) && (ratio[0] === 2) === ratio[1])).toBe(true)
    expect(op.reports.get('columns')?.rows).toContainEqual(['ChagesRatio', 'ChangesRatio (DOUBLE)'])
  })

  test('of the whole market keeps the top 20 of each day, or all 80,799 rows, those with a volume of 0 too', async () => {
    const path = await makeParquet('marcap-2023.parquet', '*', recorded('marcap-2023-full-market.csv.gz'))
    const top = await readAll(path)
    expect(top.rows).toEqual((await readAll(recordedPath('marcap', 'top20_2023.csv'))).rows)
    const { op, rows } = await readAll(path, 'all')
    const faults = rows.filter((row) => 'fault' in row)
    expect([rows.length, faults]).toEqual([80_799, []])
    expect(rows.filter((row) => !('fault' in row) && row.Volume === 0)).toHaveLength(2_741)
    expect(op.lines).toContainEqual({
      level: 'info',
      fields: { rows: 2_741, wholeDays: 0 },
      message: 'rows with a volume of 0 are kept as they are',
    })
  })

  test('beside another year, with other columns, is one history in the order of the names', async () => {
    const renamed = '* exclude (ChagesRatio), ChagesRatio as ChangesRatio'
    await makeParquet('marcap-2023.parquet', renamed, recorded('top20_2023.csv'))
    const later = '* replace (Date::timestamp as Date)'
    await makeParquet('marcap-2021.parquet', later, recorded('top20_2021.csv'))
    const { op, rows } = await readAll(folder, 20, 500)
    const csv = ['top20_2021.csv', 'top20_2023.csv'].map((name) => readAll(recordedPath('marcap', name)))
    expect(rows).toEqual((await Promise.all(csv)).flatMap((year) => year.rows))
    expect(op.reports.get('columns')?.rows).toContainEqual([
      'ChagesRatio',
      'ChagesRatio (DOUBLE), else ChangesRatio (DOUBLE)',
    ])
  })

  test('is read on at any row, as a retry does', async () => {
    const path = await makeParquet('marcap-2021.parquet', '*', recorded('marcap-2021-full-market.csv.gz'))
    const source = await openStockSource(worldOf(path), 'stocks_default', 'all')
    const [early, late] = [await source.read(0, 3_000), await source.read(70_000, 70_010)]
    expect(await source.read(2_995, 3_000)).toEqual(early.slice(-5))
    expect(await source.read(70_005, 70_010)).toEqual(late.slice(5))
    expect(await source.read(79_979, 79_990)).toHaveLength(1)
    source.close()
  })

  test('is replayed into the topic once, however often', async () => {
    const path = await makeParquet('marcap-2021.parquet', '*', recorded('top20_2021.csv'))
    const op = worldOf(path)
    for (let i = 0; i < 2; i += 1)
      expect(await runInScope(op, () => replayStocks({ mostRank: 'all', batch: 100 }))).toMatchObject({ accepted: 660 })
    const log = await openEventLog(op)
    expect((await log.offsets('Stock_Data')).reduce((sum, { end }) => sum + end, 0)).toBe(660)
    await log.close()
  })
})

describe('a Parquet file', () => {
  test('with numbers beyond 10^15 has them exactly, and a rank that is none goes to the dead letters', async () => {
    const day = "select '005930' as Code, 'a' as Name, 1 as Close, date '2024-01-02' as Date"
    const from = `(${day}, 1234567890123456::double as Marcap, 1::double as Rank union all ${day}, 2, 'nan'::double)`
    const path = await makeParquet('x.parquet', '*', from)
    const { rows } = await readAll(path)
    expect(rows).toMatchObject([{ Marcap: 1_234_567_890_123_456 }, { fault: 'Rank is missing' }])
  })

  test('without a day, or without any column of ours, says what it has', async () => {
    const days = await makeParquet('a.parquet', '*', one('1 as __index_level_0__'))
    await expect(readAll(days)).rejects.toThrow(/lacks the columns Date; it has Code, Name, Close, Marcap, Rank/)
    const other = await makeParquet('b.parquet', '*', '(select 1 as a)')
    await expect(readAll(other)).rejects.toThrow(/lacks the columns Code, Name, Close, Marcap, Rank, Date; it has a/)
  })

  test('that is none, or was cut off, is told by name', async () => {
    const path = join(folder, 'marcap-2024.parquet')
    await writeFile(path, 'not parquet')
    await expect(readAll(path)).rejects.toThrow(/marcap-2024\.parquet cannot be read as Parquet/)
  })

  test('beside CSV files is not mixed with them', async () => {
    const path = await makeParquet('a.parquet', '*', one("date '2024-01-02' as Date"))
    await copyFile(path, join(folder, 'b.csv'))
    await expect(readAll(folder)).rejects.toThrow(/holds CSV and Parquet files \(a\.parquet, b\.csv\)/)
  })
})
