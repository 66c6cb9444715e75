// Recorded candles through the whole pipeline: exchange → Parquet → lake → warehouse. Values must equal the source, each minute once.

import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { DirectoryLake } from '../../../operators/lake/directory.ts'
import { DuckDbWarehouse } from '../../../operators/warehouse/duckdb.ts'
import { queryWarehouse } from '../../../operators/warehouse/open.ts'
import { CANDLE_COLUMNS } from '../../../pipelines/upbit/candle.ts'
import type { UpbitCandle } from '../../../services/simulated/upbit/candle.ts'
import { type Exchange, startExchange } from '../../../services/simulated/upbit/exchange.ts'
import { replaySource } from '../../../services/simulated/upbit/replay.ts'
import { FakeClock } from '../../support/clock.ts'
import { removeTemporaryFoldersAfterwards, runOf, temporaryFolder } from '../../support/operator-context.ts'
import { describeRecorded, recordedNames, recordedPath } from '../../support/recorded.ts'
import { recordedMinutes2018, recordedPages } from '../../support/recorded-candles.ts'
import { runSlot, slotsBetween } from '../../support/upbit-pipeline.ts'

removeTemporaryFoldersAfterwards()
const open: Exchange[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((exchange) => exchange.close()))
})

async function replay(candles: readonly UpbitCandle[]) {
  const clock = new FakeClock(Date.parse('2024-04-05T00:00:00Z'))
  const exchange = await startExchange({ now: clock.now, source: replaySource(candles) })
  open.push(exchange)
  return { clock, url: exchange.url }
}

/** Each row once, oldest first, as exact JSON has it. */
function expected(candles: readonly UpbitCandle[]): readonly object[] {
  const once = new Map(candles.map((candle) => [candle.candle_date_time_utc, candle]))
  return [...once.values()]
    .sort((a, b) => (a.candle_date_time_utc < b.candle_date_time_utc ? -1 : 1))
    .map((candle) => ({ ...candle, timestamp: String(candle.timestamp), dt: candle.candle_date_time_kst.slice(0, 10) }))
}

const SELECT = "select * from upbit_lake.candle where market = 'KRW-BTC' order by candle_date_time_utc"

async function replayAll(
  root: string,
  candles: readonly UpbitCandle[],
  minutes: number,
  unit: 1 | 3 = 1,
): Promise<readonly string[]> {
  const { clock, url } = await replay(candles)
  const times = candles.map((candle) => Date.parse(`${candle.candle_date_time_utc}Z`))
  const [first, last] = [Math.min(...times), Math.max(...times) + unit * 60_000]
  const checksums: string[] = []
  for (const { start, end } of slotsBetween(first, last, minutes)) {
    const collect = { clock, unit, markets: ['KRW-BTC'], parallel: 1 }
    const { sha256 } = await runSlot({ embeddedRoot: root, exchangeUrl: url, run: runOf(start, end), collect })
    checksums.push(sha256)
  }
  return checksums
}

describeRecorded('upbit', 'recorded candles', () => {
  test('a week of minutes in 2018 is read back exactly once, though one row was recorded twice', async () => {
    const candles = recordedMinutes2018()
    expect(candles).toHaveLength(10_000)
    const root = await temporaryFolder()
    const first = await replayAll(root, candles, 360)
    const { rows } = await queryWarehouse(root, SELECT)
    expect(rows).toHaveLength(9_999)
    expect(rows).toEqual(expected(candles))
    const second = await replayAll(root, candles, 360)
    expect(second).toEqual(first)
    expect((await queryWarehouse(root, 'select count(*) as n from upbit_lake.candle')).rows).toEqual([{ n: '9999' }])
  }, 60_000)

  test.each([
    ['page_1m_KRW-BTC_2020-02-20', 1, 240],
    ['page_3m_KRW-BTC_2020-02-20', 3, 240],
  ] as const)('the pages %s are read back exactly, from slots that page', async (prefix, unit, count) => {
    const candles = recordedPages(prefix)
    expect(candles).toHaveLength(count)
    const root = await temporaryFolder()
    await replayAll(root, candles, 1_440, unit)
    expect((await queryWarehouse(root, SELECT)).rows).toEqual(expected(candles))
  })

  test('one recorded hour in slots of two minutes: the same rows and the same checksums on the second day’s replay', async () => {
    const candles = recordedPages('page_1m_KRW-BTC_2020-02-20').slice(0, 60)
    const [one, two] = [await temporaryFolder(), await temporaryFolder()]
    const checksums = await replayAll(one, candles, 2)
    expect(checksums).toHaveLength(30)
    expect(await replayAll(two, candles, 2)).toEqual(checksums)
    expect((await queryWarehouse(one, SELECT)).rows).toEqual(expected(candles))
  })

  test('the five Parquet batches of 2024 load through the warehouse, the 64-bit timestamp among them', async () => {
    const names = recordedNames('upbit').filter((name) => name.endsWith('.parquet'))
    expect(names).toHaveLength(5)
    const root = await temporaryFolder()
    const lake = new DirectoryLake(join(root, 'lake'))
    const folder = '/candle/dt=2024-04-04'
    await mkdir(lake.file(folder), { recursive: true })
    for (const name of names) await copyFile(recordedPath('upbit', name), lake.file(`${folder}/${name}`))
    const warehouse = new DuckDbWarehouse({ catalog: join(root, 'warehouse'), lake })
    const table = {
      database: 'upbit_lake',
      table: 'candle',
      columns: CANDLE_COLUMNS,
      partitionedBy: ['dt'],
      location: '/candle',
    }
    await warehouse.ensureExternalTable(table)
    await warehouse.addPartition(table, { values: { dt: '2024-04-04' }, location: folder })
    const count =
      'select count(*) as rows, count(distinct market) as markets, min("timestamp") > 2147483647 as wide from upbit_lake.candle'
    expect((await warehouse.query(count)).rows).toEqual([{ rows: '1545', markets: '309', wide: true }])
    for (const name of names)
      expect(await warehouse.countRowsOfFile(table, { dt: '2024-04-04' }, `${folder}/${name}`)).toBe(309)
    const exact = 'select distinct "timestamp" from upbit_lake.candle where "timestamp" = 1712218367797'
    expect((await warehouse.query(exact)).rows).toEqual([{ timestamp: '1712218367797' }])
    await warehouse.close()
  })
})
