import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDuckDb, sqlText } from '../../../operators/duckdb/session.ts'
import { writeParquet } from '../../../operators/parquet/index.ts'
import { removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const columns = {
  market: 'STRING',
  at: 'STRING',
  price: 'DOUBLE',
  timestamp: 'BIGINT',
  unit: 'INT',
  day: 'DATE',
  open: 'BOOLEAN',
} as const
const row = (market: string, at: string, price: number) =>
  ({ market, at, price, timestamp: 1712218367797n, unit: 1, day: '2024-03-18', open: false }) as const
const rows = [row('KRW-BTC', 'b', 1e-8), row('KRW-BTC', 'a', 5.033e-2), row('BTC-ETH', 'a', 98_000_000.5)]

async function write(name: string, given: Iterable<(typeof rows)[number]>) {
  const path = join(await temporaryFolder(), 'deep', name)
  return { path, file: await writeParquet({ path, columns, rows: given, sortBy: ['market', 'at'] }) }
}

test('the same rows make the same bytes, whatever their order', async () => {
  const one = await write('a.parquet', rows)
  const two = await write('b.parquet', [...rows].reverse())
  expect(one.file).toEqual(two.file)
  expect(one.file.rows).toBe(3)
  const bytes = await readFile(one.path)
  expect(bytes.length).toBe(one.file.bytes)
  expect(bytes.subarray(0, 4).toString()).toBe('PAR1')
  expect(bytes.subarray(-4).toString()).toBe('PAR1')
})

test('values come back exactly, in order, with 64 bits for the timestamp', async () => {
  const { path } = await write('a.parquet', rows)
  const session = await openDuckDb()
  const { columns: types, rows: back } = await session.query(`select * from read_parquet(${sqlText(path)})`)
  session.close()
  expect(back.map((one) => [one['market'], one['at'], one['price'], one['timestamp']])).toEqual([
    ['BTC-ETH', 'a', 98_000_000.5, '1712218367797'],
    ['KRW-BTC', 'a', 5.033e-2, '1712218367797'],
    ['KRW-BTC', 'b', 1e-8, '1712218367797'],
  ])
  expect(types.map((one) => one.type)).toEqual(['VARCHAR', 'VARCHAR', 'DOUBLE', 'BIGINT', 'INTEGER', 'DATE', 'BOOLEAN'])
})

test('no rows make a readable file of no rows', async () => {
  const { path, file } = await write('none.parquet', [])
  expect(file.rows).toBe(0)
  const session = await openDuckDb()
  expect((await session.query(`select count(*) as n from read_parquet(${sqlText(path)})`)).rows).toEqual([{ n: '0' }])
  session.close()
})

test('a value its column cannot hold leaves no file behind', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'x.parquet')
  const writing = writeParquet({ path, columns: { unit: 'INT' }, rows: [{ unit: 2 ** 31 }], sortBy: [] })
  await expect(writing).rejects.toThrow('column unit is INT, which cannot hold 2147483648')
  expect(existsSync(path)).toBe(false)
  expect(await readdir(folder)).toEqual([])
})

test('an aborted write leaves no file behind', async () => {
  const folder = await temporaryFolder()
  const controller = new AbortController()
  async function* endless() {
    for (let unit = 0; ; unit += 1) {
      if (unit === 5_000) controller.abort(new Error('time is up'))
      yield { unit }
    }
  }
  const path = join(folder, 'x.parquet')
  const writing = writeParquet({
    path,
    columns: { unit: 'INT' },
    rows: endless(),
    sortBy: [],
    signal: controller.signal,
  })
  await expect(writing).rejects.toThrow('time is up')
  expect(await readdir(folder)).toEqual([])
})
