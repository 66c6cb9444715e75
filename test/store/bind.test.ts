// Statements with named values.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bind } from '../../store/bind.ts'

const name = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,8}$/)
/** What stands in statements beside names and must stay. */
const other = fc.constantFrom(
  'select ',
  '::text',
  '::int[]',
  ' a[1:2]',
  "to_char(at, 'HH24:MI:SS')",
  ', ',
  ' = any (',
  ')',
)

test('each name becomes one number, whatever stands beside it, and its value is in that place', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(other, name), { maxLength: 12 }), (parts) => {
      const given = Object.fromEntries(parts.map(([, word]) => [word, `value of ${word}`]))
      const [text, values] = bind(parts.map(([before, word]) => `${before} :${word}::text`).join(''), given)
      const back = text.replace(/\$(\d+)/g, (_, place: string) => `:${String(values[Number(place) - 1]).slice(9)}`)
      expect(back).toBe(parts.map(([before, word]) => `${before} :${word}::text`).join(''))
      expect(new Set(values).size).toBe(values.length)
    }),
  )
})

test.each([
  ['a name without a value', { one: 1 }, ':two has no value'],
  ['a value without a name', { one: 1, two: 2, three: 3 }, 'the statement does not name :three'],
])('%s is refused', (_what, values, message) => {
  expect(() => bind('select :one, :two', values)).toThrow(message)
})

test('a value may be null', () => {
  expect(bind('select :one', { one: null })).toEqual(['select $1', [null]])
})
