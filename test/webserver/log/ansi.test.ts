import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ansiSpans, plainText } from '../../../webserver/logs/shown/ansi.ts'

const ESC = '\u001b'
const sequence = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }).map((codes) => `${ESC}[${codes.join(';')}m`),
  fc.constantFrom(
    `${ESC}[2K`,
    `${ESC}[?25l`,
    `${ESC}[1A`,
    `${ESC}]8;;https://a.example\u0007`,
    `${ESC}]0;title${ESC}\\`,
    `${ESC}(B`,
    ESC,
    `${ESC}[`,
    `${ESC}[38;5m`,
    '\u009b31m',
  ),
)
const colored = fc
  .array(fc.oneof(sequence, fc.string({ unit: 'grapheme' })), { maxLength: 12 })
  .map((parts) => parts.join(''))

describe('terminal colours', () => {
  test('leave the text that is read and found, in spans with known classes alone', () => {
    fc.assert(
      fc.property(colored, (text) => {
        const spans = ansiSpans(text)
        expect(spans.map((span) => span.text).join('')).toBe(plainText(text))
        expect(plainText(text)).not.toMatch(/[\u001b\u009b]/)
        for (const span of spans) {
          expect(span.text).not.toBe('')
          expect(span.cls).toMatch(/^$|^(?:(?:a[fb](?:\d|1[0-5])|a-(?:bold|dim|italic|under|strike|inverse))(?: |$))+$/)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    [
      '\u001b[31mred\u001b[0m plain',
      [
        ['red', 'af1'],
        [' plain', ''],
      ],
    ],
    [
      '\u001b[1;92mbold\u001b[22m bright',
      [
        ['bold', 'af10 a-bold'],
        [' bright', 'af10'],
      ],
    ],
    [
      '\u001b[38;5;196mnear red\u001b[39;48;2;0;0;230m on blue',
      [
        ['near red', 'af9'],
        [' on blue', 'ab4'],
      ],
    ],
    [
      '\u001b[7mswapped\u001b[31m red\u001b[27m front',
      [
        ['swapped', 'a-inverse'],
        [' red', 'ab1'],
        [' front', 'af1'],
      ],
    ],
    ['\u001b[2Kcleared \u001b]8;;https://x\u0007link\u001b]8;;\u0007', [['cleared link', '']]],
    ['\u001b[4mone\u001b[4m same', [['one same', 'a-under']]],
    [
      '\u001b[38;5;240mgray \u001b[mdone',
      [
        ['gray ', 'af8'],
        ['done', ''],
      ],
    ],
  ])('%j', (text, expected) => {
    expect(ansiSpans(text).map((span) => [span.text, span.cls])).toEqual(expected)
  })
})
