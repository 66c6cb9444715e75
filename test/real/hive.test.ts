import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Lake } from '../../operators/lake/lake.ts'
import { openLake } from '../../operators/lake/open.ts'
import { writeParquet } from '../../operators/parquet/index.ts'
import { hive as hiveOperator } from '../../operators/warehouse/hive/hive-operator.ts'
import { openHive } from '../../operators/warehouse/hive/hive-warehouse.ts'
import { openWarehouse } from '../../operators/warehouse/open.ts'
import type { Warehouse } from '../../operators/warehouse/warehouse.ts'
import { warehouseContract } from '../operators/warehouse/contract.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { onRealServers } from '../support/real-servers.ts'

async function* oneChunk(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content)
}

await onRealServers(['hdfs', 'hive'], ({ hdfs, hive }) => {
  const [host = '', port = ''] = (hive.endpoints['hive'] ?? '').split(':')
  const extra = JSON.stringify({ auth: 'NONE', lake_uri: hive.endpoints['lake'] })
  const connection = { id: 'hive_default', type: 'hiveserver2', host, port: Number(port), login: 'lake', extra }
  const webhdfs = { id: 'hdfs_default', type: 'webhdfs', host: hdfs.endpoints['webhdfs'] ?? '', login: 'hdfs' }
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [connection, webhdfs] })

  let folder: string
  let lake: Lake
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'baram-hive-'))
    lake = await openLake(op, 'hdfs_default')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function cleanWarehouse(): Promise<Warehouse> {
    const warehouse = await openWarehouse(op, 'hive_default')
    await warehouse.execute('DROP DATABASE IF EXISTS contract_lake CASCADE')
    for (const path of ['/numbers', '/prices']) await lake.delete(path, { recursive: true })
    return warehouse
  }

  warehouseContract('a real Hive', async () => ({
    warehouse: await cleanWarehouse(),
    another: () => openWarehouse(op, 'hive_default'),
    put: async (path, rows) => {
      const local = join(folder, 'one.parquet')
      await writeParquet({ path: local, columns: { a: 'STRING', n: 'BIGINT' }, rows, sortBy: ['n'] })
      await lake.write(path, createReadStream(local) as AsyncIterable<Buffer>)
      await rm(local)
    },
    putText: async (path, content) => void (await lake.write(path, oneChunk(content))),
    slow: `select count(*) from (select posexplode(split(space(20000), ' '))) a cross join (select
         posexplode(split(space(20000), ' '))) b cross join (select posexplode(split(space(20000), ' '))) c`,
  }))

  describe('what only Hive has', () => {
    test('every type comes exactly, whatever the driver makes of it', async () => {
      const hive = await openHive(op, connection)
      const { columns, rows } = await hive.run(
        `select 9223372036854775807 big, -9223372036854775808 small, cast('12345678901234567890.1234567890' as decimal(38,10)) d,
          cast('1.50' as decimal(10,2)) e, timestamp '2024-01-01 00:00:00.123456789' t, date '2024-01-01' day, true b,
          cast(-7 as tinyint) ti, cast(300 as smallint) si, 1.5D f, cast('쌀' as binary) bin, array(1, 2) arr, '쌀' s, cast(null as bigint) n`,
      )
      await hive.close()
      expect(rows).toEqual([
        {
          big: '9223372036854775807',
          small: '-9223372036854775808',
          d: '12345678901234567890.1234567890',
          e: '1.50',
          t: '2024-01-01 00:00:00.123456789',
          day: '2024-01-01',
          b: true,
          ti: -7,
          si: 300,
          f: 1.5,
          bin: Buffer.from('쌀').toString('hex'),
          arr: '[1,2]',
          s: '쌀',
          n: null,
        },
      ])
      expect(columns.find((column) => column.name === 'd')?.type).toBe('DECIMAL(38,10)')
    })

    test('more rows than a page holds come all, nulls at their places', async () => {
      const hive = await openHive(op, connection)
      const { rows } = await hive.run(
        `select pos, if(pos % 7 = 0, null, cast(pos as bigint)) n from (select posexplode(split(space(12344), ' '))) a`,
      )
      await hive.close()
      expect(rows).toHaveLength(12_345)
      const wrong = rows.filter(({ pos, n }) => n !== (Number(pos) % 7 === 0 ? null : String(pos)))
      expect(wrong).toEqual([])
    })

    test('a refusal keeps the words, the number and the state of Hive', async () => {
      const hive = await openHive(op, connection)
      await expect(hive.run('select * from no_such_table')).rejects.toMatchObject({
        name: 'HiveStatementError',
        code: 10001,
      })
      await expect(hive.run('select nonsense nonsense nonsense')).rejects.toThrow(/ParseException/)
      expect((await hive.run('select 1 as one')).rows).toEqual([{ one: 1 }])
      await hive.close()
    })

    test('a table of another database than the connection names is found by its schema', async () => {
      const warehouse = await cleanWarehouse()
      await warehouse.execute('create database contract_lake')
      await warehouse.close()
      const hive = await openHive(op, { ...connection, schema: 'contract_lake' })
      expect((await hive.run('select current_database() as db')).rows).toEqual([{ db: 'contract_lake' }])
      await hive.close()
    })

    test('the operator runs statements with quoted values, and gives the rows of the last', async () => {
      const task = hiveOperator({
        hql: 'set hive.cli.print.header=false; select :name as name, 9007199254740993 as n, :list as x -- ; done',
        parameters: { name: "쌀; ' \\", list: [7] },
        handler: 'all',
        schema: 'default',
      })
      expect(await task.execute(op, {})).toEqual([{ name: "쌀; ' \\", n: '9007199254740993', x: 7 }])
    })

    test('a closed port is an error at once', async () => {
      for (const auth of ['NOSASL', 'NONE'])
        await expect(openHive(op, { ...connection, port: 1, extra: JSON.stringify({ auth }) })).rejects.toMatchObject({
          name: 'HiveUnreachableError',
        })
    })

    test('a server that dies in the middle of a statement ends it', async () => {
      const session = await openHive(op, connection)
      const running = session.run(
        `select count(*) from (select posexplode(split(space(20000), ' '))) a cross join (select posexplode(split(space(20000), ' '))) b`,
      )
      const ended = expect(running).rejects.toMatchObject({ name: 'HiveUnreachableError' })
      await hive.kill('hiveserver2')
      await ended
      await expect(session.run('select 1')).rejects.toMatchObject({ name: 'HiveUnreachableError' })
      await session.close()
      await hive.restart('hiveserver2')
      const again = await openHive(op, connection)
      expect((await again.run('select 1 as one')).rows).toEqual([{ one: 1 }])
      await again.close()
    })
  })
})
