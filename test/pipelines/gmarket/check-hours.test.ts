// Hours of gmarket.best that are missing: told with the command that fills them, never a failure.

import { beforeEach, describe, expect, test } from 'vitest'
import { DirectoryLake } from '../../../operators/lake/directory.ts'
import { embeddedLakeRoot } from '../../../operators/lake/open.ts'
import { writeParquet } from '../../../operators/parquet/write.ts'
import { openWarehouse } from '../../../operators/warehouse/open.ts'
import { BEST_COLUMNS } from '../../../pipelines/gmarket/columns.ts'
import { hourSlotAt } from '../../../pipelines/gmarket/slot.ts'
import { checkTheHours, hourRun } from '../../support/gmarket-pipeline.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()
const HOUR = 3_600_000
const FIRST = Date.parse('2026-01-04T20:00:00+09:00')
const textOf = (i: number) => hourSlotAt(FIRST + i * HOUR).text
let embeddedRoot: string
beforeEach(async () => {
  embeddedRoot = await temporaryFolder()
})

const row = (slot: string, rank: number) => ({
  ...{ slot, category_code: '1', category: 'a', rank, title: 'b', price: 1n, list_price: null },
  ...{ discount_percent: null, goods_code: '1', url: 'u', img: 'i' },
})

/** Puts hours into the table, each with so many rows; 0 = a partition without any. */
async function put(hours: Readonly<Record<number, number>>): Promise<void> {
  const lake = new DirectoryLake(embeddedLakeRoot(embeddedRoot))
  const warehouse = await openWarehouse(madeUpContext({ embeddedRoot }), 'hive_default')
  const table = { database: 'gmarket', table: 'best', location: '/gmarket/best' }
  await warehouse.ensureExternalTable({ ...table, columns: BEST_COLUMNS, partitionedBy: ['dt', 'hour'] })
  for (const [i, count] of Object.entries(hours)) {
    const { text, dt, hour } = hourSlotAt(FIRST + Number(i) * HOUR)
    const location = `/gmarket/best/dt=${dt}/hour=${hour}`
    const rows = Array.from({ length: count }, (_, at) => row(text, at + 1))
    const path = lake.file(`${location}/best.parquet`)
    await writeParquet({ path, columns: BEST_COLUMNS, rows, sortBy: ['rank'] })
    await warehouse.addPartition(table, { values: { dt, hour }, location })
  }
  await warehouse.close()
}

const check = async (i: number, hours?: number) => {
  const { checked, op } = await checkTheHours(
    { embeddedRoot, shopUrl: '' },
    hourRun(textOf(i)),
    hours === undefined ? {} : { hours },
  )
  return { checked, op, warnings: op.lines.filter(({ level }) => level === 'warn').map(({ message }) => message) }
}

describe('the check of the last hours', () => {
  test('is content, and says so, when each hour since the first has rows', async () => {
    await put({ 0: 3, 1: 3, 2: 2 })
    const { checked, warnings, op } = await check(2)
    expect(checked).toEqual({ from: textOf(0), to: textOf(2), present: 3, missing: [] })
    expect(warnings).toEqual([])
    expect(op.reports.get('hours')).toMatchObject({
      title: 'The last 3 hours of gmarket.best: none is missing',
      rows: [
        [textOf(0), 3, 'there'],
        [textOf(1), 3, 'there'],
        [textOf(2), 2, 'there'],
      ],
      charts: [{ kind: 'bar', x: 'hour', y: ['rows'] }],
    })
  })

  test('warns of each gap, across midnight too, with the command that fills it', async () => {
    await put({ 0: 3, 1: 3, 3: 0, 6: 3, 8: 3 })
    const { checked, warnings, op } = await check(8)
    expect(checked).toEqual({
      from: textOf(0),
      to: textOf(8),
      present: 4,
      missing: [2, 3, 4, 5, 7].map(textOf),
    })
    expect(warnings).toEqual([
      'gmarket.best has no rows of 4 hours; to fill them: dagctl backfill create --dag-id min_candle ' +
        '--from-date 2026-01-04T22:00:00+09:00 --to-date 2026-01-05T01:00:00+09:00',
      'gmarket.best has no rows of an hour; to fill it: dagctl backfill create --dag-id min_candle ' +
        '--from-date 2026-01-05T03:00:00+09:00 --to-date 2026-01-05T03:00:00+09:00',
    ])
    const report = op.reports.get('hours')
    expect(report?.title).toBe('The last 9 hours of gmarket.best: 5 missing')
    expect(report?.rows[2]).toEqual([textOf(2), 0, 'missing'])
  })

  test('looks at 24 hours by default, and no further', async () => {
    await put({ 0: 3, 1: 3, 30: 3 })
    const { checked } = await check(30)
    expect([checked.from, checked.present, checked.missing.length]).toEqual([textOf(7), 1, 23])
    expect((await check(30, 2)).checked.missing).toEqual([textOf(29)])
  })

  test('of an hour that is filled later looks back from there', async () => {
    await put({ 2: 3, 3: 3, 4: 3 })
    expect((await check(3)).checked).toMatchObject({ from: textOf(2), present: 2, missing: [] })
    await put({ 0: 3 })
    expect((await check(0)).checked).toMatchObject({ from: textOf(0), to: textOf(0), present: 1 })
    expect((await check(4)).checked.missing).toEqual([textOf(1)])
  })
})
