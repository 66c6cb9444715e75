// The warehouse on DuckDB: a partition shows the rows of before or those of after, and nothing is left in its catalog.

import { describe, test } from 'vitest'
import { writeParquet } from '../../operators/parquet/write.ts'
import { hiveExternalTable } from '../../operators/warehouse/hive-external-table.ts'
import { queryWarehouse } from '../../operators/warehouse/open.ts'
import { CANDLE_COLUMNS } from '../../pipelines/upbit/candle.ts'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { killEverywhere, type Sink, type Units } from './kill-everywhere.ts'
import { contextOf, type WorkName, type World } from './works.ts'
import { allFiles, copyOf, emptyWorld, forget, type Original, putFile, putRows, withGiven } from './worlds.ts'

removeTemporaryFoldersAfterwards()

const sinkOf = (work: WorkName, original: Original, units: Sink['units']): Sink => ({
  work,
  guards: ['warehouse', 'lake', 'files'],
  prepare: () => copyOf(original),
  units,
  contents: async (world) => [await units(world), await allFiles(world)],
  forget: (world) => forget(world, original),
})

/** Rows by partition; of a table that is not there: none. */
async function rowsOf({ root }: World, select: string): Promise<Units> {
  const { rows: tables } = await queryWarehouse(
    root,
    "select table_name from information_schema.tables where table_schema = 'sinks'",
  )
  if (tables.length === 0) return {}
  const { rows } = await queryWarehouse(root, select)
  const byDay: Record<string, string> = {}
  for (const row of rows) byDay[String(row['dt'])] = (byDay[String(row['dt'])] ?? '') + JSON.stringify(row)
  return byDay
}

const numbersOf = (world: World) => rowsOf(world, 'select dt, a from sinks.numbers order by dt, a')

describe('a partition, killed at any step of its load and tried again,', () => {
  test('is added once, with its table', async () => {
    const world = await emptyWorld()
    const stored = await putRows(world, '/numbers/dt=2024-03-18/x.parquet', 'new')
    const original = { world: withGiven(world, { stored }) }
    await killEverywhere('warehouse (new table)', sinkOf('load', original, numbersOf))
  })

  test('moves at once from another folder, in a table that gets a column', async () => {
    const world = await emptyWorld()
    const older = await putRows(world, '/older/dt=2024-03-18/x.parquet', 'old')
    const load = hiveExternalTable({
      database: 'sinks',
      table: 'numbers',
      columns: { a: 'STRING' },
      partitionedBy: ['dt'],
    })
    await load.execute(contextOf(world), { location: older })
    const stored = await putRows(world, '/numbers/dt=2024-03-18/x.parquet', 'new')
    const original = { world: withGiven(world, { stored }) }
    await killEverywhere('warehouse (moved partition)', sinkOf('load', original, numbersOf))
  })
})

/** Minutes `from <= i < to` of the day. */
function candles(from: number, to: number, timestamp: number) {
  return Array.from({ length: to - from }, (_, i) => {
    const at = new Date(Date.parse('2024-03-18T00:00:00Z') + (from + i) * 60_000).toISOString().slice(0, 19)
    return {
      market: 'KRW-BTC',
      candle_date_time_utc: at,
      candle_date_time_kst: at,
      opening_price: 1,
      high_price: 2,
      low_price: 1,
      trade_price: 2,
      timestamp: BigInt(timestamp + i),
      candle_acc_trade_price: 10,
      candle_acc_trade_volume: 5,
      unit: 1,
    }
  })
}

describe('a day that is compacted, killed at any step and tried again,', () => {
  test('turns its partition from the slots’ files to one, at once', async () => {
    const world = await emptyWorld()
    const load = hiveExternalTable({
      database: 'sinks',
      table: 'candle',
      columns: CANDLE_COLUMNS,
      partitionedBy: ['dt'],
    })
    // The second slot was asked again for minutes of the first.
    for (const [name, from, to] of [
      ['a', 0, 10],
      ['b', 8, 20],
    ] as const) {
      const location = await putFile(world, `/candle/dt=2024-03-18/${name}.parquet`, (path) =>
        writeParquet({
          path,
          columns: CANDLE_COLUMNS,
          rows: candles(from, to, from),
          sortBy: ['candle_date_time_utc'],
        }),
      )
      await load.execute(contextOf(world), { location })
    }
    const units = (one: World) =>
      rowsOf(one, 'select dt, candle_date_time_utc, timestamp from sinks.candle order by all')
    await killEverywhere('warehouse (compacted day)', sinkOf('compact', { world }, units))
  })
})
