// Spark SQL behind the protocol of HiveServer2: what our Hive operators make of it. It is not Hive, and is never called so here; real
// Hive is in hive.test.ts.

import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLake } from '../../operators/lake/open.ts'
import { writeParquet } from '../../operators/parquet/index.ts'
import { type HiveOptions, hive } from '../../operators/warehouse/hive/hive-operator.ts'
import { openWarehouse } from '../../operators/warehouse/open.ts'
import type { ExternalTable, Warehouse } from '../../operators/warehouse/warehouse.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { onRealServers } from '../support/real-servers.ts'

/** A loaded machine is slow: the server compiles what it runs for the first time. */
const LIMIT_MS = 300_000

await onRealServers(['hdfs', 'spark-thrift'], ({ hdfs, 'spark-thrift': thrift }) => {
  const [host = '', port = ''] = (thrift.endpoints['thrift'] ?? '').split(':')
  const extra = JSON.stringify({ auth: 'NONE', lake_uri: thrift.endpoints['lake'] })
  const connection = { id: 'hive_default', type: 'hiveserver2', host, port: Number(port), login: 'lake', extra }
  const webhdfs = { id: 'hdfs_default', type: 'webhdfs', host: hdfs.endpoints['webhdfs'] ?? '', login: 'hdfs' }
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [connection, webhdfs] })
  const run = (options: HiveOptions) => Promise.resolve(hive(options).execute(op, {}))

  let folder: string
  let warehouse: Warehouse
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'baram-spark-sql-'))
    warehouse = await openWarehouse(op, 'hive_default')
    await warehouse.execute('DROP DATABASE IF EXISTS spark_lake CASCADE')
  }, LIMIT_MS)
  afterAll(async () => {
    await warehouse.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('the hive operator runs statements on Spark SQL: values are quoted, numbers exact', {
    timeout: LIMIT_MS,
  }, async () => {
    const hql =
      "select :name as name, 9007199254740993 as n, cast('1.50' as decimal(10,2)) as d, null as x; select 7 as last"
    const first = { hql: hql.split(';')[0] ?? '', parameters: { name: "쌀; ' \\" }, handler: 'all' as const }
    expect(await run(first)).toEqual([{ name: "쌀; ' \\", n: '9007199254740993', d: '1.50', x: null }])
    expect(await run({ hql, parameters: { name: 'a' }, handler: 'one' })).toEqual({ last: 7 })
  })

  test('its refusals keep the words of Spark, and the session goes on', { timeout: LIMIT_MS }, async () => {
    await expect(run({ hql: 'select * from no_such_table' })).rejects.toThrow(
      /\[TABLE_OR_VIEW_NOT_FOUND\].*no_such_table/,
    )
    await expect(run({ hql: 'select nonsense nonsense nonsense' })).rejects.toThrow(/\[PARSE_SYNTAX_ERROR\]/)
    expect(await run({ hql: 'select 1 as one', handler: 'one' })).toEqual({ one: 1 })
  })

  test('a statement is cancelled by its time limit', { timeout: LIMIT_MS }, async () => {
    const hql = 'select count(*) from range(10000000) a cross join range(10000000) b where a.id + b.id > 3'
    await expect(run({ hql, timeout: 0.5 })).rejects.toThrow(/longer than its limit of 500 ms/)
  })

  test('Parquet files of the lake are an external table there: partitions, columns that come later, a view', {
    timeout: LIMIT_MS,
  }, async () => {
    const table: ExternalTable = {
      database: 'spark_lake',
      table: 'numbers',
      columns: { a: 'STRING', n: 'BIGINT' },
      partitionedBy: ['dt'],
      location: '/spark_numbers',
    }
    const day = { values: { dt: '2024-03-18' }, location: '/spark_numbers/서울 1' }
    const local = join(folder, 'x.parquet')
    await writeParquet({
      path: local,
      columns: { a: 'STRING', n: 'BIGINT' },
      rows: [{ a: '한', n: 9007199254740993n }],
      sortBy: ['n'],
    })
    const lake = await openLake(op, 'hdfs_default')
    await lake.write(`${day.location}/쌀 값.parquet`, createReadStream(local) as AsyncIterable<Buffer>)

    await warehouse.ensureExternalTable(table)
    await warehouse.ensureExternalTable({ ...table, columns: { ...table.columns, later: 'DOUBLE' } })
    expect(await warehouse.addPartition(table, day)).toBe(true)
    expect(await warehouse.addPartition(table, day)).toBe(false)
    expect(await warehouse.partitions(table)).toEqual([day])
    expect(await warehouse.countRowsOfFile(table, day.values, `${day.location}/쌀 값.parquet`)).toBe(1)
    const view = {
      database: 'spark_lake',
      table: 'numbers_240318',
      of: table,
      columns: ['a', 'n', 'later'],
      where: day.values,
    }
    expect([await warehouse.ensureView(view), await warehouse.ensureView(view)]).toEqual([true, false])
    expect((await warehouse.query('select * from spark_lake.numbers_240318')).rows).toEqual([
      { a: '한', n: '9007199254740993', later: null },
    ])
    expect(await warehouse.dropPartition(table, day.values)).toBe(true)
  })

  test('a csv table is refused: Spark SQL would take its header for a row', async () => {
    const columns = { a: 'STRING' } as const
    const csv = {
      database: 'spark_lake',
      table: 'prices',
      columns,
      partitionedBy: ['dt'],
      location: '/p',
      format: 'csv',
    } as const
    await expect(warehouse.ensureExternalTable(csv)).rejects.toThrow(
      /is Spark SQL, which takes the header of a csv file for a row/,
    )
  })
})
