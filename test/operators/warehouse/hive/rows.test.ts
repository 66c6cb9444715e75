import { expect, test } from 'vitest'
import { columnsOf, decodePage } from '../../../../operators/warehouse/hive/rows.ts'

/** As the thrift library has eight bytes: a buffer, and where in it they begin. */
function int64(value: bigint, offset = 0): { buffer: Buffer; offset: number } {
  const buffer = Buffer.alloc(8 + offset, 0xff)
  buffer.writeBigInt64BE(value, offset)
  return { buffer, offset }
}

const none = Buffer.alloc(0)
const named = (...names: readonly string[]) => names.map((name) => ({ name, type: 'STRING' }))

test('BIGINT keeps every digit, also where a number would be Infinity', () => {
  const values = [9007199254740993n, 9223372036854775807n, -9223372036854775808n, 0n, -1n]
  const page = { columns: [{ i64Val: { values: values.map((value, i) => int64(value, i)), nulls: none } }] }
  expect(decodePage(page, named('n')).map((row) => row['n'])).toEqual(values.map(String))
})

test('DECIMAL, timestamps and dates are the text that came', () => {
  const texts = ['12345678901234567890.1234567890', '1.50', '2024-01-01 00:00:00.123456789', '2024-03-18', '', '한글']
  const page = { columns: [{ stringVal: { values: texts, nulls: none } }] }
  expect(decodePage(page, named('t')).map((row) => row['t'])).toEqual(texts)
})

test('the bitmap of nulls counts from the lowest bit, over byte borders, and may be short', () => {
  const values = Array.from({ length: 18 }, (_, i) => i)
  // Rows 0, 7, 8 and 9; nothing is said of rows 16 and 17.
  const page = { columns: [{ i32Val: { values, nulls: Buffer.from([0b1000_0001, 0b0000_0011]) } }] }
  const nulls = decodePage(page, named('n')).flatMap((row, i) => (row['n'] === null ? [i] : []))
  expect(nulls).toEqual([0, 7, 8, 9])
})

test('a null is null whatever stands in its place', () => {
  const nulls = Buffer.from([0b1])
  const page = {
    columns: [
      { i64Val: { values: [null], nulls } },
      { boolVal: { values: [false], nulls } },
      { stringVal: { values: [''], nulls } },
      { binaryVal: { values: [none], nulls } },
    ],
  }
  expect(decodePage(page, named('a', 'b', 'c', 'd'))).toEqual([{ a: null, b: null, c: null, d: null }])
})

test('booleans, small numbers, doubles and bytes', () => {
  const page = {
    columns: [
      { boolVal: { values: [true, false], nulls: none } },
      { byteVal: { values: [-7, 7], nulls: none } },
      { doubleVal: { values: [0.1, Number.NaN], nulls: none } },
      { binaryVal: { values: [Buffer.from('쌀'), none], nulls: none } },
    ],
  }
  expect(decodePage(page, named('b', 't', 'd', 'x'))).toEqual([
    { b: true, t: -7, d: 0.1, x: 'ec8c80' },
    { b: false, t: 7, d: 'NaN', x: '' },
  ])
})

test('a page without columns has no rows', () => {
  expect(decodePage({ columns: [] }, named('a'))).toEqual([])
  expect(decodePage({}, [])).toEqual([])
})

test.each([
  [{ columns: [{ stringVal: { values: ['a'], nulls: none } }] }, /1 columns where it had announced 2/],
  [
    { columns: [{ stringVal: { values: ['a'], nulls: none } }, { stringVal: { values: ['a', 'b'], nulls: none } }] },
    /2 values of b for 1 rows/,
  ],
  [{ columns: [{ i64Val: { values: [1], nulls: none } }, { stringVal: { values: ['a'], nulls: none } }] }, /BIGINT/],
  [{ columns: [{ fooVal: {} }, { stringVal: { values: ['a'], nulls: none } }] }, /column a that is none/],
])('a damaged page %# is an error, not wrong rows', (page, expected) => {
  expect(() => decodePage(page, named('a', 'b'))).toThrow(expected)
})

const typeNames = new Map([
  [4, 'BIGINT'],
  [15, 'DECIMAL'],
])
const column = (columnName: string, type: number, qualifiers?: object) => ({
  columnName,
  typeDesc: { types: [{ primitiveEntry: { type, typeQualifiers: qualifiers && { qualifiers } } }] },
})

test('columns lose their table where that keeps them apart', () => {
  const apart = { columns: [column('candle.market', 4), column('candle.dt', 4), column('_c2', 4)] }
  expect(columnsOf(apart, typeNames).map(({ name }) => name)).toEqual(['market', 'dt', '_c2'])
  const alike = { columns: [column('a.id', 4), column('b.id', 4)] }
  expect(columnsOf(alike, typeNames).map(({ name }) => name)).toEqual(['a.id', 'b.id'])
})

test('a DECIMAL tells its precision and scale', () => {
  const schema = { columns: [column('d', 15, { precision: { i32Value: 10 }, scale: { i32Value: 2 } })] }
  expect(columnsOf(schema, typeNames)).toEqual([{ name: 'd', type: 'DECIMAL(10,2)' }])
})
