// Connections and variables in files: the ending says the format, and what export writes import reads back.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJsonObject } from '../../cli/arguments.ts'
import * as connectionFiles from '../../cli/commands/connections.ts'
import * as variableFiles from '../../cli/commands/variables.ts'
import { type FileFormat, fileFormat } from '../../cli/exchange-file.ts'

const FORMATS: readonly FileFormat[] = ['json', 'yaml', 'env']

/** What has broken files: line ends, quotes, comments, shells, YAML's and .env's own signs. */
const NASTY = [
  ...['\n', '\r\n', '\r', '\t', ' ', '  ', '"', "'", '\\', '\\n', '=', '#', ' #', '%', '%20', '$HOME', '`id`'],
  ...[
    '한글',
    '😀',
    '\u2028',
    '\u0085',
    '\u001b[31m',
    '\u007f',
    '\u202e',
    '- ',
    ': ',
    '&a',
    '*a',
    '!!int',
    '|',
    '>',
    '{',
    '[',
    '}',
  ],
  ...[
    'null',
    'true',
    'no',
    '~',
    '1e3',
    '0x1F',
    '007',
    '12345678901234567890',
    '2026-03-18',
    '<<',
    '---',
    '...',
    '__proto__',
  ],
]
const nasty = fc.oneof(
  fc.constantFrom(...NASTY),
  fc
    .array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'grapheme', maxLength: 4 })), { maxLength: 6 })
    .map((parts) => parts.join('')),
)
/** Keys that every format takes; an .env file refuses others (below). */
const key = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,10}$/)
const byKey = <T extends object>(name: keyof T & string) => ({ selector: (item: T) => item[name] })

const variables = fc.uniqueArray(
  fc.record({ key, value: nasty, description: fc.option(nasty.filter((text) => text !== '')) }),
  { ...byKey<{ key: string }>('key'), maxLength: 5 },
)
const text = fc.option(nasty.filter((value) => value !== ''))
const connections = fc.uniqueArray(
  fc.record({
    connId: key,
    connType: fc.oneof(
      fc.constantFrom('http', 'postgres', 'google_cloud_platform', 'a-b', 'My Type', 'ftp+x', '한'),
      key,
    ),
    description: text,
    host: text,
    login: text,
    password: text,
    schema: text,
    port: fc.option(fc.integer({ min: 0, max: 65_535 })),
    extra: fc.option(
      fc.oneof(
        nasty.filter((value) => value !== ''),
        fc.json(),
      ),
    ),
    updatedAt: fc.constant(0),
  }),
  { ...byKey<{ connId: string }>('connId'), maxLength: 5 },
)

describe.each(FORMATS)('a %s file', (format) => {
  const seen = <T extends { description: string | null }>(item: T): T =>
    format === 'env' ? { ...item, description: null } : item

  it('gives back the variables that were exported', () => {
    fc.assert(
      fc.property(variables, (items) => {
        const file = `${variableFiles.exportText(items, format)}\n`
        expect(variableFiles.importText(file, format, 'x')).toEqual(items.map(seen))
      }),
      { numRuns: 500 },
    )
  })

  it.each([true, false])('gives back the connections that were exported (as JSON: %s)', (isJson) => {
    fc.assert(
      fc.property(connections, (items) => {
        const file = `${connectionFiles.exportText(items, format, isJson)}\n`
        const expected = items.map(({ updatedAt, ...item }) => seen(item))
        expect(connectionFiles.importText(file, format, 'x')).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })
})

describe('the ending of a file', () => {
  it.each([
    ['x.json', 'json'],
    ['x.yaml', 'yaml'],
    ['x.yml', 'yaml'],
    ['x.env', 'env'],
    ['.env', 'env'],
    ['a.b/X.JSON', 'json'],
    ['-', 'json'],
  ] as const)('%s is %s', (file, format) => {
    expect(fileFormat(file, undefined)).toBe(format)
  })

  it('gives way to --file-format', () => {
    expect(fileFormat('x.json', 'env')).toBe('env')
    expect(fileFormat('/dev/stdout', 'yaml')).toBe('yaml')
  })

  it.each(['x', 'x.txt', 'x.env.bak', 'json', 'a.json/x', '', '.'])(
    '%j is refused, with the three it may be',
    (file) => {
      expect(() => fileFormat(file, undefined)).toThrow(/must end in \.json, \.yaml \(or \.yml\) or \.env, found "/)
    },
  )

  it('a format that is none is refused', () => {
    expect(() => fileFormat('x.json', 'toml')).toThrow('--file-format must be json, yaml or env, found "toml"')
  })
})

describe('an .env file', () => {
  it.each(['a=b', '#a', 'a\nb', ' a', 'a ', '"a"'])('cannot hold the key %j, and says which files can', (bad) => {
    expect(() => variableFiles.exportText([{ key: bad, value: 'x', description: null }], 'env')).toThrow(
      /cannot stand in an \.env file.*\.json or \.yaml/,
    )
  })

  it('is written as Airflow reads it where no value needs quotes', () => {
    expect(variableFiles.exportText([{ key: 'a', value: 'x = "y" # $z', description: null }], 'env')).toBe(
      'a=x = "y" # $z',
    )
  })

  it('may have comments, blank lines and line ends of Windows; another line is refused by its number', () => {
    const read = (file: string) => variableFiles.importText(file, 'env', 'v.env')
    expect(read('# mine\r\n\r\na=1\r\n')).toEqual([{ key: 'a', value: '1', description: null }])
    expect(() => read('a=1\nsecret')).toThrow('v.env:2 must be KEY=value')
    expect(() => read('a=1\nsecret')).not.toThrow('secret')
  })
})

describe('integers beyond 2^53', () => {
  const digits = '12345678901234567890'
  it.each([
    ['json', `{"id": ${digits}}`],
    ['yaml', `id: ${digits}`],
    ['env', `id=${digits}`],
  ] as const)('are not rounded in variables of a %s file', (format, file) => {
    expect(variableFiles.importText(file, format, 'x')).toEqual([{ key: 'id', value: digits, description: null }])
  })

  it('are not rounded in --conf', () => {
    expect(readJsonObject(`{"id": ${digits}}`, '--conf')).toEqual({ id: digits })
  })
})

describe('a file that cannot be imported', () => {
  it.each([
    ['{', 'json', /^x must be a JSON object of values by key: /],
    ['[]', 'json', /^x must be a JSON object of values by key, found a list$/],
    ['', 'yaml', /^x must be a YAML mapping of values by key, found nothing$/],
    ['a: [', 'yaml', /^x must be a YAML mapping of values by key: /],
    ['{"a": {"conn_type": "http", "port": "x"}}', 'json', /^x, connection a: a port is a whole number .*, found "x"$/],
    ['{"a": 5}', 'json', /^x, connection a: a connection must be a JSON object$/],
  ] as const)('%j as %s says what was expected, and where', (file, format, sentence) => {
    expect(() => connectionFiles.importText(file, format, 'x')).toThrow(sentence)
  })
})
