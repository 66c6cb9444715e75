// One schema of the vehicles' feed: what passes it comes out of the lake as it went in, and what does not is named.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openDuckDb, sqlText } from '../../../operators/duckdb/session.ts'
import { writeParquet } from '../../../operators/parquet/write.ts'
import { parseCar } from '../../../pipelines/cars/consume.ts'
import {
  CAR_COLUMNS,
  CAR_FIELDS,
  CAR_TABLE,
  type CarPoint,
  carFieldTable,
  carParquetRow,
  carTableRow,
  readCar,
} from '../../../pipelines/cars/schema.ts'
import { carMessage } from '../../support/car-points.ts'
import { removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const GOOD = {
  dataId: 'GEN-1-a-1',
  trsmDy: '8',
  trmnId: 17,
  trsmUtcTime: 1783304552458,
  vhcleLot: '126.97',
  vhcleLat: 37.56,
  gpsUtcTime: '1783304552358.0',
  regDt: '2026-07-06 11:22:32',
  addr: 'a field that is not of the schema',
}
const bytes = (value: unknown) => ({ value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)) })

describe('the schema', () => {
  test('has the twenty fields of the feed and the seven columns of the table, in their order', () => {
    expect(Object.keys(CAR_FIELDS)).toHaveLength(20)
    expect(Object.keys(CAR_TABLE)).toEqual([
      'data_id',
      'trmncd',
      'detclot',
      'detclat',
      'gpsutctime',
      'vhclesped',
      'vhcletypecd',
    ])
    expect(CAR_TABLE).toMatchObject({
      data_id: 'text not null',
      gpsutctime: 'bigint not null',
      vhclesped: 'double precision',
    })
    expect(CAR_COLUMNS).toMatchObject({ dataId: 'STRING', trsmDy: 'INT', gpsUtcTime: 'BIGINT', regDt: 'STRING' })
  })

  test('is the table of the docs', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/pipelines.md'), 'utf8')
    expect(text).toContain(carFieldTable())
  })

  test('reads texts as numbers, numbers as texts, epochs like floats as integers, and dates without a zone as Seoul’s', () => {
    expect(parseCar(bytes(GOOD))).toMatchObject({
      value: {
        dataId: 'GEN-1-a-1',
        trsmDy: 8,
        trmnId: '17',
        vhcleLot: 126.97,
        gpsUtcTime: 1783304552358,
        regDt: '2026-07-06T02:22:32.000Z',
        vhcleSped: null,
      },
    })
    expect(parseCar(bytes('{"dataId":"a","vhcleLot":127,"vhcleLat":37,"gpsUtcTime":1783304552358.0}'))).toMatchObject({
      value: { gpsUtcTime: 1783304552358 },
    })
  })

  test.each<[string, Parameters<typeof parseCar>[0], RegExp]>([
    ['a record without a value', { value: null }, /^the record has no value$/],
    ['a text cut in its middle', bytes('{"dataId":"a"'), /^the value is not JSON$/],
    ['bytes that are no text', { value: Buffer.from([0xff, 0xfe]) }, /^the value is not UTF-8$/],
    ['a list', bytes([1]), /^the value is no JSON object$/],
    ['no id', bytes({ ...GOOD, dataId: ' ' }), /^dataId is missing$/],
    ['no longitude', bytes({ ...GOOD, vhcleLot: null }), /^vhcleLot is missing$/],
    [
      'swapped places',
      bytes({ ...GOOD, vhcleLot: 37.5, vhcleLat: 127 }),
      /^vhcleLot must be 124 to 132, found 37.5; longitude and latitude are swapped$/,
    ],
    [
      'a place in the sea of nowhere',
      bytes({ ...GOOD, vhcleLot: 0, vhcleLat: 0 }),
      /^vhcleLot must be 124 to 132, found 0$/,
    ],
    [
      'seconds',
      bytes({ ...GOOD, gpsUtcTime: 1783304552 }),
      /^gpsUtcTime must be epoch milliseconds .* found 1783304552; these are seconds$/,
    ],
    ['half a millisecond', bytes({ ...GOOD, gpsUtcTime: 1783304552358.5 }), /^gpsUtcTime must be whole milliseconds/],
    ['a word for a number', bytes({ ...GOOD, vhcleSped: 'fast' }), /^vhcleSped must be a number, found "fast"$/],
    ['a day of 64 bits', bytes({ ...GOOD, trsmDy: 2 ** 40 }), /^trsmDy must be a whole number of 32 bits/],
    ['an object for a text', bytes({ ...GOOD, trmnId: {} }), /^trmnId must be text, found \{\}$/],
    ['a NUL character', bytes({ ...GOOD, trmnId: 'a\0' }), /^trmnId must be text that can be stored/],
    [
      'a long text',
      bytes({ ...GOOD, trmnId: 'x'.repeat(201) }),
      /^trmnId must have at most 200 characters, found 201$/,
    ],
    ['a day that does not exist', bytes({ ...GOOD, regDt: '2026-02-30 00:00:00' }), /^regDt must be a date such as/],
  ])('names what is wrong with %s', (_, record, fault) => {
    expect(parseCar(record)).toEqual({ fault: expect.stringMatching(fault) as unknown })
  })
})

test('whatever way the feed writes a point, it is read as that point', () => {
  fc.assert(
    fc.property(carMessage, ({ point, message }) => {
      expect(parseCar(bytes(message))).toEqual({ value: point })
    }),
  )
})

test('whatever field of a point is broken, the fault names it', () => {
  const names = Object.keys(CAR_FIELDS) as (keyof CarPoint)[]
  fc.assert(
    fc.property(carMessage, fc.constantFrom(...names), fc.constantFrom({}, [], true), ({ message }, name, broken) => {
      const read = readCar({ ...message, [name]: broken })
      expect(read).toEqual({ fault: expect.stringMatching(new RegExp(`^${name} `)) as unknown })
    }),
  )
})

test('every point comes out of Parquet and is in the table’s row as it was read', async () => {
  const folder = await temporaryFolder()
  const session = await openDuckDb({ threads: 1 })
  try {
    const property = fc.asyncProperty(fc.array(carMessage, { minLength: 1, maxLength: 20 }), async (messages) => {
      const path = join(folder, 'points.parquet')
      const points = messages.map(({ point }) => point)
      await writeParquet({ path, columns: CAR_COLUMNS, rows: points.map(carParquetRow), sortBy: [] })
      const { rows } = await session.query(`select * from read_parquet(${sqlText(path)})`)
      const epochs = ['trsmUtcTime', 'gpsUtcTime']
      const read = rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [
            name,
            epochs.includes(name) && value !== null ? Number(value) : value,
          ]),
        ),
      )
      expect(read).toEqual(points)
      for (const point of points) {
        const { dataId, trmnId, vhcleLot, vhcleLat, gpsUtcTime, vhcleSped, vhcleTypeCd } = point
        expect(carTableRow(point)).toEqual([dataId, trmnId, vhcleLot, vhcleLat, gpsUtcTime, vhcleSped, vhcleTypeCd])
      }
    })
    await fc.assert(property, { numRuns: 20 })
  } finally {
    session.close()
  }
})
