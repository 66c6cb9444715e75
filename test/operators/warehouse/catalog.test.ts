// The embedded warehouse's catalog when many write at once: no lock, no torn file, nothing left behind.

import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Catalog, type CatalogTable } from '../../../operators/warehouse/catalog.ts'
import { removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const NAME = { database: 'lake', table: 'candle' }

function tableOf(columns: number): CatalogTable {
  const names = Array.from({ length: columns }, (_, i) => [`c${i}`, 'STRING'] as const)
  return {
    ...NAME,
    columns: Object.fromEntries(names),
    partitionedBy: ['dt'],
    location: '/candle',
    format: 'parquet',
    widened: false,
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

test('writers of one table at once all succeed, and who reads meanwhile sees a whole table', async () => {
  const root = await temporaryFolder()
  const catalog = new Catalog(root)
  await catalog.putTable(tableOf(1))
  const writing = Array.from({ length: 100 }, (_, i) => catalog.putTable(tableOf(i % 2 === 0 ? 1 : 300)))
  const reading = Array.from({ length: 100 }, () => catalog.table(NAME))
  expect((await Promise.all(reading)).filter((table) => table === null)).toEqual([])
  await Promise.all(writing)
  expect(await filesIn(root)).toEqual(['table.json'])
})

test('of writers of one new partition exactly one writes it', async () => {
  const root = await temporaryFolder()
  const partition = { values: { dt: '2024-03-18' }, location: '/candle/dt=2024-03-18' }
  const written = await Promise.all(
    Array.from({ length: 100 }, () => new Catalog(root).putPartition(tableOf(1), partition, { onlyNew: true })),
  )
  expect(written.filter(Boolean)).toHaveLength(1)
  expect(await filesIn(root)).toEqual(['dt=2024-03-18.json'])
})

test('what a killed writer left is removed by a later one, that of a living one is not, and neither is a database', async () => {
  const root = await temporaryFolder()
  const parts = join(root, '.parts')
  await mkdir(parts, { recursive: true })
  await writeFile(join(parts, 'killed'), '{')
  await writeFile(join(parts, 'living'), '{')
  const anHourAgo = new Date(Date.now() - 3_600_001)
  await utimes(join(parts, 'killed'), anHourAgo, anHourAgo)
  const catalog = new Catalog(root)
  await catalog.putTable(tableOf(1))
  expect(await readdir(parts)).toEqual(['living'])
  expect(await catalog.names()).toEqual([NAME])
  expect((await stat(join(root, 'lake/candle/table.json'))).size).toBeGreaterThan(0)
})
