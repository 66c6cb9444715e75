// What every warehouse adapter must do. Run it with a factory: DuckDB, and a real Hive (test/real).

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ExternalTable, TableView, Warehouse } from '../../../operators/warehouse/warehouse.ts'

/** Puts a Parquet file with the rows (a STRING, n BIGINT) at a lake path. */
export type PutParquet = (path: string, rows: readonly { a: string; n: bigint }[]) => Promise<void>

export interface WarehouseUnderTest {
  readonly warehouse: Warehouse
  /** The same warehouse, opened once more as another task does. Closed by the test. */
  readonly another: () => Promise<Warehouse>
  readonly put: PutParquet
  /** Puts a file with this content at a lake path. */
  readonly putText: (path: string, content: string) => Promise<void>
  /** A statement that would run for minutes. */
  readonly slow: string
}

const table: ExternalTable = {
  database: 'contract_lake',
  table: 'numbers',
  columns: { a: 'STRING', n: 'BIGINT' },
  partitionedBy: ['dt'],
  location: '/numbers',
}
const day = (dt: string, location = `/numbers/dt=${dt}`) => ({ values: { dt }, location })
const all = 'select a, n, dt from contract_lake.numbers order by dt, n'

export function warehouseContract(name: string, open: () => Promise<WarehouseUnderTest>): void {
  describe(`the warehouse contract on ${name}`, () => {
    let warehouse: Warehouse
    let put: PutParquet
    let putText: WarehouseUnderTest['putText']
    let slow: string
    let another: WarehouseUnderTest['another']
    beforeEach(async () => {
      ;({ warehouse, another, put, putText, slow } = await open())
      await warehouse.ensureExternalTable(table)
    })
    afterEach(() => warehouse.close())

    test('a table without partitions has its columns and no rows', async () => {
      const { columns, rows } = await warehouse.query('select * from contract_lake.numbers')
      expect(columns.map((column) => column.name)).toEqual(['a', 'n', 'dt'])
      expect(rows).toEqual([])
    })

    test('rows of added partitions are read, BIGINT exactly', async () => {
      await put('/numbers/dt=2024-03-18/x.parquet', [{ a: '한', n: 9007199254740993n }])
      await put('/numbers/dt=2024-03-19/x.parquet', [{ a: 'b', n: 1712218367797n }])
      expect(await warehouse.addPartition(table, day('2024-03-18'))).toBe(true)
      expect((await warehouse.query(all)).rows).toEqual([{ a: '한', n: '9007199254740993', dt: '2024-03-18' }])
      expect(await warehouse.addPartition(table, day('2024-03-19'))).toBe(true)
      expect((await warehouse.query(all)).rows).toHaveLength(2)
    })

    test('a partition is added once', async () => {
      expect(await warehouse.addPartition(table, day('2024-03-18'))).toBe(true)
      expect(await warehouse.addPartition(table, day('2024-03-18', '/elsewhere'))).toBe(false)
      expect(await warehouse.partitions(table)).toEqual([day('2024-03-18')])
    })

    test('a partition flips to another folder at once', async () => {
      await put('/numbers/v1/x.parquet', [{ a: 'old', n: 1n }])
      await put('/numbers/v2/x.parquet', [{ a: 'new', n: 2n }])
      await warehouse.addPartition(table, day('2024-03-18', '/numbers/v1'))
      await warehouse.setPartitionLocation(table, day('2024-03-18', '/numbers/v2'))
      expect((await warehouse.query(all)).rows.map((row) => row['a'])).toEqual(['new'])
      await expect(warehouse.setPartitionLocation(table, day('2000-01-01'))).rejects.toThrow(/no partition/)
    })

    test('a dropped partition is not read', async () => {
      await put('/numbers/dt=2024-03-18/x.parquet', [{ a: 'a', n: 1n }])
      await warehouse.addPartition(table, day('2024-03-18'))
      expect(await warehouse.dropPartition(table, { dt: '2024-03-18' })).toBe(true)
      expect(await warehouse.dropPartition(table, { dt: '2024-03-18' })).toBe(false)
      expect((await warehouse.query(all)).rows).toEqual([])
    })

    test('staging and hidden files are not read', async () => {
      await put('/numbers/dt=2024-03-18/x.parquet', [{ a: 'a', n: 1n }])
      await put('/numbers/dt=2024-03-18/._tmp/run-1/y.parquet', [{ a: 'half', n: 2n }])
      await put('/numbers/dt=2024-03-18/_z.parquet', [{ a: 'hidden', n: 3n }])
      await warehouse.addPartition(table, day('2024-03-18'))
      expect((await warehouse.query(all)).rows.map((row) => row['a'])).toEqual(['a'])
    })

    test('the rows of one file are counted', async () => {
      await put('/numbers/dt=2024-03-18/x.parquet', [{ a: 'a', n: 1n }])
      await put('/numbers/dt=2024-03-18/y.parquet', [
        { a: 'b', n: 2n },
        { a: 'c', n: 3n },
      ])
      await warehouse.addPartition(table, day('2024-03-18'))
      const count = (path: string) => warehouse.countRowsOfFile(table, { dt: '2024-03-18' }, path)
      expect(await count('/numbers/dt=2024-03-18/y.parquet')).toBe(2)
      expect(await count('/numbers/dt=2024-03-18/none.parquet')).toBe(0)
    })

    test('ensuring a table again changes nothing; new columns are added and read as null in old files', async () => {
      await put('/numbers/dt=2024-03-18/x.parquet', [{ a: 'a', n: 1n }])
      await warehouse.addPartition(table, day('2024-03-18'))
      await warehouse.ensureExternalTable(table)
      await warehouse.ensureExternalTable({ ...table, columns: { ...table.columns, later: 'DOUBLE' } })
      const { rows } = await warehouse.query('select later, n from contract_lake.numbers')
      expect(rows).toEqual([{ later: null, n: '1' }])
    })

    test('a column that would change its type, or another partitioning, is refused', async () => {
      await expect(warehouse.ensureExternalTable({ ...table, columns: { a: 'STRING', n: 'INT' } })).rejects.toThrow(
        /cannot become INT/,
      )
      await expect(warehouse.ensureExternalTable({ ...table, partitionedBy: ['hour'] })).rejects.toThrow(
        /partitioned by/,
      )
    })

    test('unsafe names are refused', async () => {
      await expect(warehouse.ensureExternalTable({ ...table, table: 'x; drop' })).rejects.toThrow(/letters, digits/)
      await expect(warehouse.addPartition(table, { values: { hour: '1' }, location: '/x' })).rejects.toThrow(
        /dt has no value|not partitioned/,
      )
    })

    test('partition values keep odd characters', async () => {
      await put('/numbers/odd/x.parquet', [{ a: 'a', n: 1n }])
      await warehouse.addPartition(table, { values: { dt: "서울/a='b'" }, location: '/numbers/odd' })
      expect((await warehouse.query(all)).rows.map((row) => row['dt'])).toEqual(["서울/a='b'"])
      expect(await warehouse.partitionValues(table)).toEqual([{ dt: "서울/a='b'" }])
    })

    test('the rows of a file with a Korean and spaced name are counted', async () => {
      const path = '/numbers/서울 1/쌀 값.parquet'
      await put(path, [{ a: 'a', n: 1n }])
      await warehouse.addPartition(table, day('2024-03-18', '/numbers/서울 1'))
      expect(await warehouse.countRowsOfFile(table, { dt: '2024-03-18' }, path)).toBe(1)
      expect(await warehouse.partitions(table)).toEqual([day('2024-03-18', '/numbers/서울 1')])
      expect(await warehouse.partitionValues(table)).toEqual([{ dt: '2024-03-18' }])
    })

    const prices: ExternalTable = {
      database: 'contract_lake',
      table: 'prices',
      columns: { name: 'STRING', n: 'BIGINT', price: 'DOUBLE', day: 'DATE', sold: 'BOOLEAN' },
      partitionedBy: ['dt'],
      location: '/prices',
      format: 'csv',
    }
    const pricesOf = { values: { dt: '2024-03-18' }, location: '/prices/dt=2024-03-18' }

    test('a csv table reads its one dialect: types, Korean, quotes, commas, backslashes, missing values', async () => {
      await warehouse.ensureExternalTable(prices)
      const lines = [
        'any,header,is,left,out',
        '쌀 20kg,9007199254740993,1.5,2024-03-18,true',
        '"쌀, ""햅쌀""",-2,0.25,2024-03-19,FALSE',
        'C:\\쌀\\n,,,,',
        ',x,y,z,maybe',
        'short,3',
        'cut,1.5,2,2024-03-20,true',
      ]
      await putText('/prices/dt=2024-03-18/a.csv', `${lines.join('\n')}\n`)
      await putText('/prices/dt=2024-03-18/b.csv', 'name,n,price,day,sold\nlater,10,1,2024-03-21,true\n')
      await warehouse.addPartition(prices, pricesOf)
      const { rows } = await warehouse.query('select name, n, price, day, sold from contract_lake.prices')
      const byName = new Map(rows.map((row) => [row['name'], [row['n'], row['price'], row['day'], row['sold']]]))
      expect(byName).toEqual(
        new Map<unknown, unknown>([
          ['쌀 20kg', ['9007199254740993', 1.5, '2024-03-18', true]],
          ['쌀, "햅쌀"', ['-2', 0.25, '2024-03-19', false]],
          ['C:\\쌀\\n', [null, null, null, null]],
          [null, [null, null, null, null]],
          ['short', ['3', null, null, null]],
          ['cut', [null, 2, '2024-03-20', true]],
          ['later', ['10', 1, '2024-03-21', true]],
        ]),
      )
      expect(await warehouse.countRowsOfFile(prices, pricesOf.values, '/prices/dt=2024-03-18/a.csv')).toBe(6)
    })

    test('a csv table grows by columns at its end, and stays csv', async () => {
      await warehouse.ensureExternalTable(prices)
      await warehouse.ensureExternalTable({ ...prices, columns: { ...prices.columns, later: 'INT' } })
      await putText('/prices/dt=2024-03-18/a.csv', 'h,h,h,h,h,h\n쌀,1,1,2024-03-18,true,7\n')
      await warehouse.addPartition(prices, pricesOf)
      const { rows } = await warehouse.query('select name, later from contract_lake.prices')
      expect(rows).toEqual([{ name: '쌀', later: 7 }])
      await expect(warehouse.ensureExternalTable({ ...prices, format: 'parquet' })).rejects.toThrow(/format/)
      const changed = { ...prices, columns: { ...prices.columns, n: 'DOUBLE' as const } }
      await expect(warehouse.ensureExternalTable(changed)).rejects.toThrow(/cannot become DOUBLE/)
    })

    const view: TableView = {
      database: 'contract_lake',
      table: 'numbers_240318',
      of: { database: 'contract_lake', table: 'numbers' },
      columns: ['n', 'a'],
      where: { dt: '2024-03-18' },
    }
    const rowsOfView = async () => (await warehouse.query('select * from contract_lake.numbers_240318 order by n')).rows

    test('a view shows the chosen columns of its partition, now and whenever rows come', async () => {
      expect(await warehouse.ensureView(view)).toBe(true)
      const { columns, rows } = await warehouse.query('select * from contract_lake.numbers_240318')
      expect([columns.map((column) => column.name), rows]).toEqual([['n', 'a'], []])
      await put('/numbers/dt=2024-03-18/x.parquet', [{ a: '한', n: 9007199254740993n }])
      await put('/numbers/dt=2024-03-19/x.parquet', [{ a: 'other day', n: 1n }])
      for (const dt of ['2024-03-18', '2024-03-19']) await warehouse.addPartition(table, day(dt))
      expect(await rowsOfView()).toEqual([{ n: '9007199254740993', a: '한' }])
      await put('/numbers/v2/x.parquet', [{ a: 'flipped', n: 2n }])
      await warehouse.setPartitionLocation(table, day('2024-03-18', '/numbers/v2'))
      expect(await rowsOfView()).toEqual([{ n: '2', a: 'flipped' }])
    })

    test('the same view again changes nothing, another one replaces it', async () => {
      await put('/numbers/dt=2024-03-19/x.parquet', [{ a: 'b', n: 7n }])
      await warehouse.addPartition(table, day('2024-03-19'))
      expect(await warehouse.ensureView(view)).toBe(true)
      expect(await warehouse.ensureView(view)).toBe(false)
      const other = { ...view, columns: ['dt', 'n'], where: { dt: '2024-03-19' } }
      expect(await warehouse.ensureView(other)).toBe(true)
      expect(await warehouse.ensureView(other)).toBe(false)
      expect(await rowsOfView()).toEqual([{ dt: '2024-03-19', n: '7' }])
      expect(await warehouse.ensureView({ ...other, where: {} })).toBe(true)
      expect(await rowsOfView()).toEqual([{ dt: '2024-03-19', n: '7' }])
    })

    test('a view whose table gets a column shows it once it is asked to', async () => {
      await warehouse.ensureView(view)
      const wider = { ...table, columns: { ...table.columns, timestamp: 'BIGINT' as const } }
      await warehouse.ensureExternalTable(wider)
      expect(await warehouse.ensureView({ ...view, columns: Object.keys(wider.columns) })).toBe(true)
      const { columns } = await warehouse.query('select * from contract_lake.numbers_240318')
      expect(columns.map((column) => column.name)).toEqual(['a', 'n', 'timestamp'])
    })

    test('a view with the name of a table is refused, of either format, and the table stays', async () => {
      await warehouse.ensureExternalTable(prices)
      const taken =
        /contract_lake\.(numbers|prices) is a table, so no view can have its name: drop or rename that table/
      for (const name of ['numbers', 'prices'])
        await expect(warehouse.ensureView({ ...view, table: name })).rejects.toThrow(taken)
      expect((await warehouse.query('select * from contract_lake.numbers')).columns).toHaveLength(3)
      expect((await warehouse.query('select * from contract_lake.prices')).columns).toHaveLength(6)
    })

    test('a table with the name of a view is refused', async () => {
      await warehouse.ensureView(view)
      await expect(warehouse.ensureExternalTable({ ...table, table: 'numbers_240318' })).rejects.toThrow(
        /numbers_240318 is a view, so no table can have its name/,
      )
    })

    test('a view of no table, of no such column, or with an unsafe name is refused', async () => {
      const none = { ...view, of: { database: 'contract_lake', table: 'nothing' } }
      await expect(warehouse.ensureView(none)).rejects.toThrow(/there is no table contract_lake\.nothing/)
      await expect(warehouse.ensureView({ ...view, columns: ['b'] })).rejects.toThrow(/has no column b/)
      await expect(warehouse.ensureView({ ...view, where: { a: 'x' } })).rejects.toThrow(/not partitioned by a/)
      await expect(warehouse.ensureView({ ...view, table: 'x; drop' })).rejects.toThrow(/letters, digits/)
      await expect(warehouse.ensureView({ ...view, columns: [] })).rejects.toThrow(/at least one column/)
    })

    test('a view keeps odd characters of a partition', async () => {
      await put('/numbers/odd/x.parquet', [{ a: 'a', n: 1n }])
      await warehouse.addPartition(table, { values: { dt: "서울/a='b'" }, location: '/numbers/odd' })
      const odd = { ...view, where: { dt: "서울/a='b'" } }
      expect([await warehouse.ensureView(odd), await warehouse.ensureView(odd)]).toEqual([true, false])
      expect(await rowsOfView()).toEqual([{ n: '1', a: 'a' }])
    })

    test('tasks that make one view at once all succeed', async () => {
      const others = await Promise.all([another(), another()])
      const made = await Promise.all([warehouse, ...others].map((one) => one.ensureView(view)))
      for (const one of others) await one.close()
      expect(made).toContain(true)
      expect(await warehouse.ensureView(view)).toBe(false)
      expect(await rowsOfView()).toEqual([])
    })

    test('a view that is cancelled is not made', async () => {
      const signal = AbortSignal.abort(new Error('cleared'))
      await expect(warehouse.ensureView(view, { signal })).rejects.toThrow('cleared')
      expect(await warehouse.ensureView(view)).toBe(true)
    })

    test('a statement is cancelled by its signal and by its time limit', async () => {
      await expect(warehouse.query(slow, { timeoutMs: 30 })).rejects.toThrow(/longer than its limit of 30 ms/)
      const controller = new AbortController()
      const running = warehouse.query(slow, { signal: controller.signal })
      setTimeout(() => controller.abort(new Error('cleared')), 20)
      await expect(running).rejects.toThrow('cleared')
      expect((await warehouse.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    })
  })
}
