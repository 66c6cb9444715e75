// docs/pipelines.md#what-holds: who reads while a slot is re-run with other content sees the old file or the new one,
// never a mix or an error.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DirectoryLake } from '../../../operators/lake/directory.ts'
import { writeParquet } from '../../../operators/parquet/index.ts'
import { DuckDbWarehouse } from '../../../operators/warehouse/duckdb.ts'
import { removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

test('a reader sees only whole versions of a file that is replaced again and again', async () => {
  const root = await temporaryFolder()
  const lake = new DirectoryLake(join(root, 'lake'))
  const columns = { version: 'STRING', n: 'INT' } as const
  const write = (name: string, version: string, rows: number) => {
    const path = lake.file(`/numbers/dt=1/${name}`)
    return writeParquet({
      path,
      columns,
      rows: Array.from({ length: rows }, (_, n) => ({ version, n })),
      sortBy: ['n'],
    })
  }
  const table = { database: 'lake', table: 'numbers', columns, partitionedBy: ['dt'], location: '/numbers' }
  const warehouse = new DuckDbWarehouse({ catalog: join(root, 'warehouse'), lake })
  await warehouse.ensureExternalTable(table)
  await write('steady.parquet', 'steady', 50)
  await write('slot.parquet', 'old', 100)
  await warehouse.addPartition(table, { values: { dt: '1' }, location: '/numbers/dt=1' })

  let reading = true
  const replacing = (async () => {
    for (let i = 0; reading; i += 1)
      await write('slot.parquet', i % 2 === 0 ? 'new' : 'old', i % 2 === 0 ? 40_000 : 100)
  })()
  const seen = new Set<string>()
  for (let i = 0; i < 100; i += 1) {
    const { rows } = await warehouse.query('select version, count(*) as n from lake.numbers group by 1 order by 1')
    seen.add(rows.map((row) => `${String(row['version'])} ${String(row['n'])}`).join(', '))
  }
  reading = false
  await replacing
  await warehouse.close()
  expect(seen.size).toBeGreaterThan(0)
  for (const version of seen) expect(['old 100, steady 50', 'new 40000, steady 50']).toContain(version)
})
