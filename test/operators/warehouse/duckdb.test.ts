import { fork } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DirectoryLake } from '../../../operators/lake/directory.ts'
import { writeParquet } from '../../../operators/parquet/index.ts'
import { Catalog } from '../../../operators/warehouse/catalog.ts'
import { DuckDbWarehouse } from '../../../operators/warehouse/duckdb.ts'
import { openWarehouse, queryWarehouse } from '../../../operators/warehouse/open.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'
import { type PutParquet, warehouseContract } from './contract.ts'

removeTemporaryFoldersAfterwards()

function putInto(lake: DirectoryLake): PutParquet {
  return async (path, rows) => {
    await writeParquet({ path: lake.file(path), columns: { a: 'STRING', n: 'BIGINT' }, rows, sortBy: ['n'] })
  }
}

async function* oneChunk(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content)
}

warehouseContract('DuckDB', async () => {
  const root = await temporaryFolder()
  const lake = new DirectoryLake(join(root, 'lake'))
  const openIt = () => new DuckDbWarehouse({ catalog: join(root, 'warehouse'), lake })
  return {
    warehouse: openIt(),
    another: async () => openIt(),
    put: putInto(lake),
    putText: async (path, content) => void (await lake.write(path, oneChunk(content))),
    slow: 'select count(*) from range(100000000) a, range(100000) b',
  }
})

const numbers = {
  database: 'lake',
  table: 'numbers',
  columns: { n: 'BIGINT' },
  partitionedBy: ['dt'],
  location: '/numbers',
  widened: false,
} as const

test('a missing connection means the embedded warehouse, and the log says so', async () => {
  const op = madeUpContext({ embeddedRoot: await temporaryFolder() })
  await (await openWarehouse(op, 'hive_default')).close()
  expect(op.lines.map((line) => line.message).join()).toContain('embedded warehouse (DuckDB')
})

test.each([
  [{ type: 'hive_cli' }, /make it hiveserver2/],
  [{ type: 'http' }, /found http/],
  [{ type: 'hiveserver2' }, /needs the host/],
  [{ type: 'hiveserver2', host: 'hive', extra: '{"auth":"KERBEROS"}' }, /NOSASL, NONE, PLAIN or LDAP/],
  [{ type: 'hiveserver2', host: 'hive', extra: '{"lake_uri":"hdfs://nn1:8020/warehouse"}' }, /without a path/],
  [{ type: 'hiveserver2', host: 'hive', extra: '{"statement_timeout_s":-1}' }, /above 0/],
])('a connection %j is refused with a reason', async (fields, reason) => {
  const op = madeUpContext({ embeddedRoot: await temporaryFolder(), connections: [{ id: 'hive_default', ...fields }] })
  await expect(async () => openWarehouse(op, 'hive_default')).rejects.toThrow(reason)
})

test('the embedded warehouse refuses a lake that is not of this host, and says what to make', async () => {
  const connections = [{ id: 'hdfs_default', type: 'webhdfs', host: 'nn1' }]
  const op = madeUpContext({ embeddedRoot: await temporaryFolder(), connections })
  await expect(openWarehouse(op, 'hive_default')).rejects.toThrow(/make hive_default too, of type hiveserver2/)
})

test('queryWarehouse answers from outside a task', async () => {
  const root = await temporaryFolder()
  expect((await queryWarehouse(root, 'select 9007199254740993 as n')).rows).toEqual([{ n: '9007199254740993' }])
})

test('partitions added at once by several processes are all kept', async () => {
  const root = await temporaryFolder()
  const catalog = new Catalog(root)
  await catalog.putTable(numbers)
  const script = join(root, 'writer.mjs')
  // Plain Node cannot read our TypeScript; the catalog is bundled for the children as a DAG file would be.
  const { build } = await import('esbuild')
  const entry = join(import.meta.dirname, '../../../operators/warehouse/catalog.ts')
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: join(root, 'catalog.mjs'),
  })
  await writeFile(
    script,
    `import { Catalog } from './catalog.mjs'
     const catalog = new Catalog(${JSON.stringify(root)})
     const table = ${JSON.stringify(numbers)}
     const who = Number(process.argv[2])
     let added = 0
     for (let i = 0; i < 60; i += 1) {
       const values = { dt: String(i % 2 === 0 ? i : i + who * 1000) }
       if (await catalog.putPartition(table, { values, location: '/numbers/' + who }, { onlyNew: true })) added += 1
     }
     process.send(added)`,
  )
  const added = await Promise.all(
    [1, 2, 3].map(
      (who) =>
        new Promise<number>((resolve, reject) => {
          const child = fork(script, [String(who)])
          child.once('message', (count) => resolve(Number(count)))
          child.once('error', reject)
        }),
    ),
  )
  // 30 shared days are added by exactly one of the three; 30 days of its own by each.
  expect(added.reduce((sum, count) => sum + count, 0)).toBe(30 + 3 * 30)
  expect(await catalog.partitions(numbers)).toHaveLength(120)
})

test('files from before and after a new column are read together', async () => {
  const root = await temporaryFolder()
  const lake = new DirectoryLake(join(root, 'lake'))
  const warehouse = new DuckDbWarehouse({ catalog: join(root, 'warehouse'), lake })
  const { widened: _, ...table } = numbers
  await warehouse.ensureExternalTable(table)
  await warehouse.addPartition(table, { values: { dt: '1' }, location: '/numbers' })
  const before = {
    path: lake.file('/numbers/a.parquet'),
    columns: { n: 'BIGINT' },
    rows: [{ n: 1n }],
    sortBy: [],
  } as const
  await writeParquet(before)
  await warehouse.ensureExternalTable({ ...table, columns: { n: 'BIGINT', later: 'STRING' } })
  const columns = { later: 'STRING', n: 'BIGINT' } as const
  await writeParquet({ path: lake.file('/numbers/b.parquet'), columns, rows: [{ n: 2n, later: 'x' }], sortBy: [] })
  expect((await warehouse.query('select n, later from lake.numbers order by n')).rows).toEqual([
    { n: '1', later: null },
    { n: '2', later: 'x' },
  ])
  await warehouse.close()
})

test('tables are listed, each with its columns', async () => {
  const root = await temporaryFolder()
  await new Catalog(join(root, 'warehouse')).putTable(numbers)
  const listed = 'select table_schema, table_name from information_schema.tables'
  expect((await queryWarehouse(root, listed)).rows).toEqual([{ table_schema: 'lake', table_name: 'numbers' }])
})
