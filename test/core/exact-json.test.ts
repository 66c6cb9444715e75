// JSON is parsed as ever, but for integers that a number would round: they stay as they were written, as text.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseExactJson } from '../../core/exact-json.ts'

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)

describe('exact JSON', () => {
  it.each([
    ['9007199254740991', 9_007_199_254_740_991],
    ['-9007199254740991', -9_007_199_254_740_991],
    ['9007199254740992', '9007199254740992'],
    ['-9007199254740993', '-9007199254740993'],
    ['{"id":12345678901234567890}', { id: '12345678901234567890' }],
    [
      '[1,[9007199254740993],{"a":{"b":18446744073709551615}}]',
      [1, ['9007199254740993'], { a: { b: '18446744073709551615' } }],
    ],
    ['{"9007199254740993":"9007199254740993"}', { '9007199254740993': '9007199254740993' }],
    [
      String.raw`{"a\"":"\\","b":"\\\" 9007199254740993","c":9007199254740993}`,
      { 'a"': '\\', b: '\\" 9007199254740993', c: '9007199254740993' },
    ],
    ['[0.1234567890123456789, 12345678901234567.5, 1e30]', [0.12345678901234568, 12345678901234568, 1e30]],
  ])('%s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value)
  })

  it.each(['{"a":0123456789012345678}', '[12345678901234567890', '"12345678901234567890', '12345678901234567890 1'])(
    'what is no JSON stays none: %s',
    (text) => {
      expect(() => parseExactJson(text)).toThrow(SyntaxError)
    },
  )

  it('any JSON of safe numbers is what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(4), (text, indent) => {
        const shown = JSON.stringify(JSON.parse(text), null, indent)
        const value: unknown = JSON.parse(shown)
        fc.pre(!/(^|[^\d.])-?\d{16,}(?![\d.eE])/.test(shown))
        expect(parseExactJson(shown)).toEqual(value)
      }),
    )
  })

  it('an integer anywhere is a number within 2^53 - 1, and its digits beyond', () => {
    const where = fc.tuple(fc.string(), fc.string(), fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }))
    fc.assert(
      fc.property(fc.array(where), (items) => {
        const text = `[${items.map(([key, note, n]) => `{${JSON.stringify(key)}: [${JSON.stringify(note)}, ${n}]}`).join(',')}]`
        const expected = items.map(([key, note, n]) => [[key, [note, n >= -SAFE && n <= SAFE ? Number(n) : String(n)]]])
        expect((parseExactJson(text) as object[]).map((item) => Object.entries(item))).toEqual(expected)
      }),
    )
  })
})
