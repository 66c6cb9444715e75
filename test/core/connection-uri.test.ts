// Connections as URI and JSON: what is written is read again, whatever stands in it.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ConnectionFields,
  formatConnectionUri,
  parseConnectionText,
  parseConnectionUri,
} from '../../core/connection-uri.ts'

const text = fc.option(fc.string({ minLength: 1, unit: 'grapheme' }))
const connections: fc.Arbitrary<ConnectionFields> = fc.record({
  connType: fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/),
  host: text,
  schema: text,
  login: text,
  password: text,
  port: fc.option(fc.integer({ min: 0, max: 65_535 })),
  extra: fc.option(fc.json()),
})

describe('a connection URI', () => {
  test('is read as it was written, whatever characters its parts hold', () => {
    fc.assert(
      fc.property(connections, (connection) => {
        expect(parseConnectionUri(formatConnectionUri(connection))).toEqual(connection)
        expect(parseConnectionText(`  ${formatConnectionUri(connection)}\n`)).toEqual(connection)
      }),
      { numRuns: 1_000 },
    )
  })

  test.each<[string, Partial<ConnectionFields>]>([
    [
      'postgresql://user:p%40ss@host:5432/db',
      { connType: 'postgresql', login: 'user', password: 'p@ss', host: 'host', port: 5432, schema: 'db' },
    ],
    ['google-cloud-platform://', { connType: 'google_cloud_platform', host: null, extra: null }],
    ['http://host/a/b?x=1&y=a%20b', { host: 'host', schema: 'a/b', extra: '{"x":"1","y":"a b"}' }],
    ['x://:secret@', { login: null, password: 'secret', host: null }],
    ['x://[::1]:9', { host: '[::1]', port: 9 }],
    ['x://h?__extra__=%7B%22a%22%3A+1%7D', { extra: '{"a": 1}' }],
  ])('%s', (uri, expected) => expect(parseConnectionUri(uri)).toMatchObject(expected))

  test.each([
    '',
    'host',
    '://h',
    'x:/h',
    '1x://h',
    'x://h:port',
    'x://h:70000',
    'x://h:-1',
    'x://100%:p@h',
    'x://h/%zz',
  ])('%j is refused with a sentence, not with a crash', (uri) =>
    expect(() => parseConnectionUri(uri)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' })),
  )
})

describe('a connection as JSON', () => {
  test('has Airflow’s keys; extra may be text or an object', () => {
    const json = JSON.stringify({ conn_type: 'hdfs', host: 'h', port: '8020', login: '', extra: { a: 1 } })
    expect(parseConnectionText(json)).toEqual({
      connType: 'hdfs',
      host: 'h',
      schema: null,
      login: null,
      password: null,
      port: 8020,
      extra: '{"a":1}',
    })
    expect(parseConnectionText('{"conn_type":"x","extra":"{\\"a\\":1}"}').extra).toBe('{"a":1}')
  })

  test.each([
    '{',
    '{}',
    '{"conn_type": 1}',
    '{"conn_type":"x","port":"a"}',
    '{"conn_type":"x","port":99999}',
    '{"conn_type":"x","host":{}}',
  ])('%s is refused', (json) =>
    expect(() => parseConnectionText(json)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' })),
  )
})
