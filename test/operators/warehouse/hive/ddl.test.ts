import { expect, test } from 'vitest'
import {
  createTable,
  hiveText,
  isTextOfView,
  parsePartitionName,
  partitionClause,
  selectOfView,
} from '../../../../operators/warehouse/hive/ddl.ts'

test.each([
  ['plain', "'plain'"],
  ["it's", "'it\\'s'"],
  ['C:\\쌀', "'C:\\\\쌀'"],
  ["\\' or 1=1 --", "'\\\\\\' or 1=1 --'"],
  ['two\nlines', "'two\\nlines'"],
])('the text %j is a literal of HiveQL that cannot be left', (value, literal) => {
  expect(hiveText(value)).toBe(literal)
})

test('a NUL is refused, and so is a name that needs quoting', () => {
  expect(() => hiveText('a\0b')).toThrow(/NUL/)
  expect(() => partitionClause({ 'dt`': 'x' })).toThrow(/letters, digits/)
})

test('partition names are read back as they were meant', () => {
  expect(parsePartitionName('dt=2024-03-18/hour=09')).toEqual({ dt: '2024-03-18', hour: '09' })
  expect(parsePartitionName('dt=서울%2Fa%3D%27b%27')).toEqual({ dt: "서울/a='b'" })
  expect(parsePartitionName('dt=100%25')).toEqual({ dt: '100%' })
})

test('an external table names its folder in full', () => {
  const table = {
    database: 'upbit',
    table: 'candle',
    columns: { n: 'BIGINT' },
    partitionedBy: ['dt'],
    location: '/c',
  } as const
  expect(createTable(table, 'hdfs://nn1:8020/쌀 값')).toBe(
    [
      'CREATE EXTERNAL TABLE IF NOT EXISTS `upbit`.`candle` (`n` BIGINT)',
      'PARTITIONED BY (`dt` STRING)',
      'STORED AS PARQUET',
      "LOCATION 'hdfs://nn1:8020/쌀 값'",
    ].join('\n'),
  )
})

test('a view names its columns, which may be words of HiveQL, and quotes the values of its partition', () => {
  const view = {
    ...{ database: 'upbit', table: 'candle_240318', of: { database: 'upbit', table: 'candle' } },
    ...{ columns: ['market', 'timestamp'], where: { dt: "it's" } },
  }
  const kept = "SELECT market, timestamp FROM upbit.candle WHERE dt = 'it\\'s'"
  expect([selectOfView(view), kept, kept.replace('market', 'unit')].map((text) => isTextOfView(text, view))).toEqual([
    true,
    true,
    false,
  ])
  expect(selectOfView(view)).toBe("SELECT `market`, `timestamp` FROM `upbit`.`candle` WHERE `dt` = 'it\\'s'")
})
