// What people and machines send that nobody meant: as parts of addresses (already percent-encoded), as values of queries, as
// JSON.

/** Parts of a path, as the bytes stand in the request line. */
export const PARTS: readonly string[] = [
  ...[
    '.',
    '..',
    '%2e%2e',
    '%2E',
    '.%2e',
    '%2F..%2F',
    '..%2F..',
    'a%2Fb',
    '%5C',
    '...',
    '~',
    '-',
    '*',
    '+',
    ';',
    ':',
    '%25',
  ],
  ...[
    'a%00b',
    '%00',
    '%FF',
    '%C0%AF',
    '%ED%A0%80',
    '%F5%80%80%80',
    '%',
    '%zz',
    '%E0%A4%A',
    '%0d%0a',
    '%09',
    '%20',
    '%7f',
  ],
  ...['%EA%B0%80', '%F0%9F%98%80', '%E2%80%AE', '__proto__', 'constructor', 'toString', 'null', 'undefined', 'true'],
  ...[
    '0',
    '-0',
    '-1',
    '-2',
    '1',
    '2147483647',
    '2147483648',
    '-2147483649',
    '9223372036854775807',
    '9223372036854775808',
  ],
  ...['1e309', '0x10', '1.5', '%2B1', '00000000000000000001', '9'.repeat(400), 'a'.repeat(251), 'x'.repeat(3000)],
  ...["'", '%22', '%27--', '$1', '%3Cscript%3E', '(select%201)', 'latest', 'hourly%20', 'HOURLY'],
]

const INTEGERS = [
  ...['', '%20', '0', '-1', '1', '2147483647', '2147483648', '-2147483649', '4294967296', '9007199254740993'],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775809',
    '1e400',
    '1e3',
    '1.5',
    'NaN',
    'Infinity',
    '0x1F',
    '%D9%A3',
  ],
]
const DATES = [
  ...['0000-01-01', '0000-01-01T00:00:00Z', '0001-01-01T00:00:00%2B00:01', '0001-01-01', '9999-12-31T23:59:59.999Z'],
  ...[
    '9999-12-31T23:59:59-00:01',
    '10000-01-01',
    '%2B010000-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '275760-09-13',
  ],
  ...['2024-02-30', '2024-13-01', '2024-01-01T24:00:00Z', '2024-01-01T23:59:60Z', '2024-01-01T00:00:00%2B17:24'],
  ...[
    '2024-01-01T00:00:00%2B24:00',
    '2024-01-01T00:00:00%2B99:99',
    '2024-01-01T00:00:00%2B0900',
    '2024-01-01%2000:00',
    'infinity',
    '-infinity',
    'now',
    'epoch',
  ],
]
const TEXTS = [
  '%25',
  '_',
  '%5C',
  '%7C',
  '%7C%7C',
  '%28',
  '%5B',
  '%2A%2A',
  '-',
  '--',
  '-id',
  'id,id',
  '{}',
  '[]',
  'a'.repeat(5000),
]

/** Values of a query. */
export const QUERY_VALUES: readonly string[] = [
  ...INTEGERS,
  ...DATES,
  ...TEXTS,
  ...PARTS.filter((part) => part !== '%0d%0a'),
]

/** Values inside JSON bodies. */
export const JSON_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 99_999, 65_536, 2_147_483_648, -2_147_483_649, 1e19, -1e19, 1e300, 5e-324, -0],
  ...[
    '',
    ' ',
    '.',
    '..',
    '/',
    'a/b',
    '~',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udfff',
    '😀',
    '‮',
    'x'.repeat(300),
    'x'.repeat(5000),
  ],
  ...DATES.map((text) => decodeURIComponent(text)),
  ...[
    '__proto__',
    'constructor',
    '$' + '{x}',
    '{{x}}',
    '%',
    '\\',
    "'",
    '"',
    '2024-01-01T00:00:00Z',
    '2024-01-01',
    'failed',
    'success',
  ],
  ...[
    [],
    [[]],
    [null],
    [1],
    ['..'],
    [['fetch', 2_147_483_648]],
    [['fetch', -5]],
    [['fetch', 1.5]],
    {},
    { a: '\ud800' },
    { '\u0000': 1 },
  ],
  ...[{ __proto__x: 1 }, { a: { b: { c: [1e308] } } }, { toString: 1 }, Array.from({ length: 300 }, (_, i) => i)],
]

/** Whole bodies, as bytes. */
export const BODIES: readonly {
  readonly type: string
  readonly bytes: Buffer
  readonly headers?: Record<string, string>
}[] = [
  ...['[', '{"a":'].map((open) => ({ type: 'application/json', bytes: Buffer.from(open.repeat(100_000)) })),
  { type: 'application/json', bytes: Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) },
  { type: 'application/json', bytes: Buffer.from(`${'{"conf":'.repeat(50_000)}1${'}'.repeat(50_000)}`) },
  { type: 'application/json', bytes: Buffer.from(`${'['.repeat(199)}1${']'.repeat(199)}`) },
  { type: 'application/json', bytes: Buffer.from(`{"conf":${'{"a":'.repeat(190)}1${'}'.repeat(190)}}`) },
  { type: 'application/json', bytes: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
  { type: 'application/json', bytes: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) },
  { type: 'application/json', bytes: Buffer.from('"\\ud800"') },
  { type: 'application/json', bytes: Buffer.from('{"note":"\\u0000","conf":{"\\ud800":1}}') },
  { type: 'application/json', bytes: Buffer.from('{"conf":{"x":1e400},"logical_date":null}') },
  { type: 'application/json', bytes: Buffer.from('{"__proto__":{"dag_run_id":".."},"logical_date":null}') },
  { type: 'application/json', bytes: Buffer.from('\ufeff{"logical_date":null}') },
  ...['', 'null', '1', '[]', '{}', '"x"', '{"a":1,"a":2}', '{', 'nul'].map((text) => ({
    type: 'application/json',
    bytes: Buffer.from(text),
  })),
  { type: 'application/json; charset=utf-16', bytes: Buffer.from('{"a":1}', 'utf16le') },
  { type: 'application/json; charset=x-unknown', bytes: Buffer.from('{}') },
  { type: 'application/json', bytes: Buffer.from('not gzip'), headers: { 'content-encoding': 'gzip' } },
  { type: 'application/x-www-form-urlencoded', bytes: Buffer.from('a=%FF&b=%00&c=%ED%A0%80') },
  { type: 'application/x-www-form-urlencoded', bytes: Buffer.from([0x61, 0x3d, 0xff]) },
  { type: 'multipart/form-data; boundary=x', bytes: Buffer.from('--x--') },
]
