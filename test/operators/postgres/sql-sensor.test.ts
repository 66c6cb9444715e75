// What of a query's answer means "it is there", without a server: the rest is test/services/sql-sensor.test.ts.

import { describe, expect, test } from 'vitest'
import { isTruthy, type SqlSensorOptions, sqlSensor } from '../../../operators/postgres/sql-sensor.ts'

describe('a cell', () => {
  test.each([null, false, 0, -0, '', '0', '0.00', '-0.0', '.0', '00', [], {}])('%j means not yet', (value) => {
    expect(isTruthy(value)).toBe(false)
  })
  test.each([true, 1, -1, 0.5, '1', 'false', 'x', ' ', '0.01', '0x', 'NaN', '.', [0], { a: null }])(
    '%j means it is there',
    (value) => {
      expect(isTruthy(value)).toBe(true)
    },
  )
})

test('Airflow’s template fields and defaults are kept', () => {
  const { name, templateFields, options } = sqlSensor({ connId: 'a', sql: 'select 1' })
  expect(name).toBe('SqlSensor')
  expect(templateFields).toEqual(['sql', 'parameters', 'connId'])
  expect(options).toMatchObject({ failOnEmpty: false, mode: 'poke' })
})

test('options that cannot be are told while the DAG is read', () => {
  const make = (options: object) => () => sqlSensor({ connId: 'a', sql: 'select 1', ...options } as SqlSensorOptions)
  expect(make({ connId: undefined })).toThrow('sqlSensor: connId is missing')
  expect(make({ sql: ' ' })).toThrow('sqlSensor: sql is empty')
  expect(make({ success: true })).toThrow('sqlSensor: success must be a function')
  expect(make({ failure: 1 })).toThrow('sqlSensor: failure must be a function')
})
