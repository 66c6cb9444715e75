// The mart of pipeline B on a real Postgres: 19 generated hours are 22,800 rows, and a second time changes none.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPostgres } from '../../operators/postgres/hook.ts'
import { fillMart, type MartRequest } from '../../pipelines/gmarket/mart.ts'
import { runInScope } from '../../sdk/context.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type SimulatedShop, startShop } from '../../services/simulated/gmarket/shop.ts'
import { hourRun, runHour } from '../support/gmarket-pipeline.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { connectionOf } from './postgres-connection.ts'

removeTemporaryFoldersAfterwards()
/** 2021-03-24 19:00 to 2021-03-25 13:00, the hours of the reference pipeline. */
const FIRST = Date.parse('2021-03-24T19:00:00+09:00')
const HOURS = 19
const startOf = (i: number) => new Date(FIRST + i * 3_600_000).toISOString()

let server: TestPostgres
let connection: ConnectionResult
let shop: SimulatedShop
let embeddedRoot: string
const world = () => ({ embeddedRoot, shopUrl: shop.url })

beforeAll(async () => {
  server = await startTestPostgres()
  connection = { ...connectionOf(await server.createDatabase()), id: 'embedded_postgres' }
  shop = await startShop({ now: () => FIRST })
  embeddedRoot = await temporaryFolder()
  for (let i = 0; i < HOURS; i += 1) await runHour(world(), hourRun(startOf(i)))
}, 240_000)
afterAll(async () => {
  await shop.close()
  await server.stop()
})

const opOf = () => madeUpContext({ embeddedRoot, taskId: 'fill_mart', connections: [connection] })
const request: MartRequest = {
  from: '2021-03-24T19:00:00+09:00',
  hours: HOURS,
  categories: [],
  target: 'Postgres table',
  table: 'dm_gmarket',
  allowGaps: false,
}
async function fill(change: Partial<MartRequest> = {}) {
  const op = opOf()
  const result = await runInScope(op, () => fillMart({ ...request, ...change }))
  const filled = op.lines.find((line) => line.message === 'mart filled')?.fields
  return { ...result, op, filled }
}
async function query(sql: string) {
  const postgres = await openPostgres(opOf())
  try {
    return await postgres.query(sql)
  } finally {
    await postgres.close()
  }
}

// Tens of thousands of rows a test: a loaded machine takes its time.
describe('the mart', { timeout: 240_000 }, () => {
  test('of 19 hours has 22,800 rows, told and reported by category', async () => {
    const { op, rows, filled } = await fill()
    expect([rows, filled]).toMatchObject([22_800, { inserted: 22_800, updated: 0, unchanged: 0, deleted: 0 }])
    expect(await query('select count(*)::int as n, count(distinct slot)::int as hours from dm_gmarket')).toEqual([
      { n: 22_800, hours: 19 },
    ])
    expect(op.effects.at(-1)).toMatchObject({ kind: 'table', rowsRead: 22_800, rowsWritten: 22_800 })
    expect(op.reports.get('mart_by_category')?.rows).toHaveLength(12)
    expect(await query('select value from baram_watermark')).toEqual([{ value: '2021-03-25T04:00:00.000Z' }])
  })

  test('filled again, all of it or any hour, changes no row', async () => {
    await fill()
    expect((await fill()).filled).toMatchObject({ inserted: 0, updated: 0, unchanged: 22_800, deleted: 0 })
    await runHour(world(), hourRun(startOf(5)))
    expect((await fill({ from: startOf(5), hours: 1 })).filled).toMatchObject({
      inserted: 0,
      updated: 0,
      unchanged: 1_200,
    })
    expect(await query('select count(*)::int as n from dm_gmarket')).toEqual([{ n: 22_800 }])
    expect(await query('select value from baram_watermark')).toEqual([{ value: '2021-03-25T04:00:00.000Z' }])
  })

  test('mends what was changed by hand, and removes what is no more in its hour and category', async () => {
    await fill({ hours: 1 })
    await query(
      "update dm_gmarket set price = 1 where slot = '2021-03-24T19:00:00+09:00' and rank = 1 and category = '식품'",
    )
    await query(
      "update dm_gmarket set price = 1 where slot = '2021-03-24T19:00:00+09:00' and rank = 1 and category = '뷰티'",
    )
    await query(
      "insert into dm_gmarket select '2021-03-24T19:00:00+09:00', '100000003', '뷰티', 101, 'stray', 1, null, null, '1', 'u', 'i'",
    )
    expect((await fill({ hours: 1 })).filled).toMatchObject({ inserted: 0, updated: 1, unchanged: 1_199, deleted: 1 })
  })

  test('takes chosen categories by label or code, and without a date the newest hour', async () => {
    const { rows, filled } = await fill({ from: null, hours: 1, categories: ['뷰티', '100000006'], table: 'chosen' })
    expect([rows, filled]).toMatchObject([200, { inserted: 200 }])
    expect(await query('select distinct slot from chosen')).toEqual([{ slot: '2021-03-25T04:00:00Z' }])
  })

  test('names a missing hour, or goes on where gaps are allowed', async () => {
    const after = startOf(HOURS)
    await expect(fill({ from: after, hours: 1 })).rejects.toThrow(
      /no rows of 2021-03-25T14:00:00\+09:00: run gmarket_hourly/,
    )
    const { missingHours, rows } = await fill({ from: startOf(HOURS - 1), hours: 3, allowGaps: true, table: 'gaps' })
    expect([missingHours.length, rows]).toEqual([2, 1_200])
  })

  test('goes into a CSV file of the lake instead', async () => {
    const { target, rows, op } = await fill({ hours: 2, target: 'CSV file' })
    expect(rows).toBe(2_400)
    const text = await readFile(join(embeddedRoot, 'lake', target), 'utf8')
    expect(text.trimEnd().split('\n')).toHaveLength(2_401)
    expect(op.effects.at(-1)).toMatchObject({ kind: 'lake', rowsWritten: 2_400 })
  })

  test.each([
    [{ table: 'x; drop table y' }, /table must be small letters/],
    [{ hours: 0 }, /hours must be 1 to/],
    [{ from: 'yesterday' }, /from must be a date with a zone/],
    [{ target: 'fax' }, /target must be one of/],
    [{ categories: ["\\' or 1=1 --"] }, /is no category; there are 100000006, 신선식품/],
  ])('refuses %j', async (change, reason) => {
    await expect(fill({ hours: 1, ...change })).rejects.toThrow(reason)
  })
})
