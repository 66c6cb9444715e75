import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonValue } from '../../core/json.ts'
import { maskedParts } from '../../core/masked-parts.ts'
import { Masker, maskByName } from '../../core/masker.ts'

test('what a masked copy hides is found again: parts of texts, numbers, fields of sensitive names', () => {
  expect(
    maskedParts(
      { url: 'https://kim:***@host/?k=***', n: '***', password: '***', list: ['a', '***'], same: 5 },
      { url: 'https://kim:pw@host/?k=abc', n: 12345, password: { deep: ['x', 7] }, list: ['a', 'b'], same: 5 },
    ),
  ).toEqual(['pw', 'abc', '12345', 'x', '7', 'b'])
})

test('every secret that is masked anywhere in a value is among what is found, alone or in its text', () => {
  const secret = 's3cr3t-value'
  const anyText = fc.oneof(
    fc.string(),
    fc.constant(secret),
    fc.string().map((text) => `${text}${secret}-${text}`),
  )
  const anyValue = fc.dictionary(fc.string(), fc.oneof(anyText, fc.array(anyText), fc.dictionary(fc.string(), anyText)))
  const masker = new Masker()
  masker.add([secret])
  fc.assert(
    fc.property(anyValue, (value) => {
      // JSON by construction.
      const shown = masker.maskDeep(maskByName(value)) as JsonValue
      const again = new Masker()
      again.add(maskedParts(shown, value))
      const said = JSON.stringify(again.maskDeep(value))
      expect(said).not.toContain(secret)
    }),
  )
})
