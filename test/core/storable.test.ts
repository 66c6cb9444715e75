import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  capDelay,
  cutText,
  idFault,
  isInt4,
  isStorableInstant,
  MAX_DELAY_MS,
  repairText,
  storableFault,
  storableJson,
} from '../../core/storable.ts'

/** Text as a task may produce it: any UTF-16 unit, also halves of pairs and NUL. */
const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })
const nastyText = fc.oneof(anyText, fc.constantFrom('\u0000', 'a\u0000b', '\ud800', '\udc00x', '😀', 'x\ud83d', ''))

describe('storable text', () => {
  it('is whatever repairText gives, and text that is storable stays the same', () => {
    fc.assert(
      fc.property(nastyText, (text) => {
        const repaired = repairText(text)
        expect(storableFault(repaired)).toBeNull()
        expect(repaired.length).toBe(text.length)
        if (storableFault(text) === null) expect(repaired).toBe(text)
      }),
    )
  })

  it('is never cut amid a pair', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '가', '😀', '𝄞')).map((list) => list.join('')),
        fc.integer({ min: 1, max: 20 }),
        (text, most) => {
          const cut = cutText(text, most)
          expect(cut.length).toBeLessThanOrEqual(most)
          expect(cut.length).toBeGreaterThanOrEqual(Math.min(text.length, most) - 1)
          expect(text.startsWith(cut)).toBe(true)
          expect(cut.isWellFormed()).toBe(true)
        },
      ),
    )
  })

  it('stands in every JSON text for people, keys included', () => {
    fc.assert(
      fc.property(fc.dictionary(nastyText, fc.oneof(nastyText, fc.array(nastyText), fc.jsonValue())), (value) => {
        const text = storableJson(value)
        expect(text).not.toMatch(/(?<!\\)(?:\\\\)*\\u(0000|d[89a-f]..(?!\\u))/)
        const read = JSON.parse(text) as object
        for (const [key, item] of Object.entries(read)) {
          expect(storableFault(key)).toBeNull()
          if (typeof item === 'string') expect(storableFault(item)).toBeNull()
        }
      }),
    )
    expect(storableJson({ message: 'a\u0000b', pair: '😀', half: '\ud83d' })).toBe(
      '{"message":"a�b","pair":"😀","half":"�"}',
    )
    expect(storableJson(undefined)).toBe('null')
  })

  it('a backslash that only looks like an escape stays as it is', () => {
    expect(JSON.parse(storableJson({ path: 'C:\\u0000' }))).toEqual({ path: 'C:\\u0000' })
  })
})

describe('an id', () => {
  it.each([
    ['', 'an id must have 1 to 250 characters, found 0'],
    ['x'.repeat(251), 'an id must have 1 to 250 characters, found 251'],
    ['.', 'an id must not be "."'],
    ['..', 'an id must not be ".."'],
    ['a\u0000b', 'an id must be text without NUL characters'],
    ['\ud800', 'an id must be text without halves'],
  ])('%j is refused', (id, sentence) => {
    expect(idFault(id, 'an id')).toContain(sentence)
  })

  it.each(['x', '...', 'a/b', '가 나', '😀', '__proto__'])('%j is taken', (id) => {
    expect(idFault(id, 'an id')).toBeNull()
  })
})

describe('numbers', () => {
  it('instants lie in the years 1 to 9999', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (instant) => {
        if (isStorableInstant(instant))
          expect(new Date(instant).toISOString()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }),
    )
    expect(isStorableInstant(Date.parse('9999-12-31T23:59:59.999Z'))).toBe(true)
    expect(isStorableInstant(Date.parse('9999-12-31T23:59:59.999Z') + 1)).toBe(false)
    expect(isStorableInstant(Date.parse('0001-01-01T00:00:00Z') - 1)).toBe(false)
    expect(isStorableInstant(Number.NaN)).toBe(false)
  })

  it('an int column holds whole numbers of 32 bits', () => {
    expect([2 ** 31 - 1, -(2 ** 31), 0].map(isInt4)).toEqual([true, true, true])
    expect([2 ** 31, -(2 ** 31) - 1, 1.5, Number.NaN, Infinity].map(isInt4)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ])
  })

  it('a delay is at most 366 days, and never negative', () => {
    expect([capDelay(-1), capDelay(Number.NaN), capDelay(5), capDelay(Infinity), capDelay(Number.MAX_VALUE)]).toEqual([
      0,
      0,
      5,
      MAX_DELAY_MS,
      MAX_DELAY_MS,
    ])
  })
})
