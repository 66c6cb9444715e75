// However a text is cut on its way, no secret of it is shown.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Masker, secretStrings } from '../../core/masker.ts'
import { PrintedText } from '../../runtime/printed-text.ts'

function printed(pieces: readonly string[], secrets: readonly string[]): string {
  const masker = new Masker()
  masker.add(secrets)
  const lines: string[] = []
  const text = new PrintedText(masker, (line) => lines.push(line))
  for (const piece of pieces) text.take(piece)
  text.end()
  return lines.join('\n')
}

it('no secret is shown, in whatever pieces its text comes', () => {
  const letters = fc.constantFrom('a', 'b', '\n')
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: letters, maxLength: 12 }), { maxLength: 12 }),
      fc.array(fc.string({ unit: letters, minLength: 5, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
      (pieces, secrets) => {
        const shown = printed(pieces, secrets)
        for (const secret of secrets) expect(shown).not.toContain(secret)
      },
    ),
    { numRuns: 5_000 },
  )
})

it('text without a secret comes out as it went in', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 })), (pieces) => {
      const whole = pieces.join('')
      expect(printed(pieces, ['hunter2-hunter2'])).toBe(whole.endsWith('\n') ? whole.slice(0, -1) : whole)
    }),
  )
})

it('of a secret of several lines no line is shown, whole or one at a time', () => {
  const pem = '-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n'
  const secrets = secretStrings(pem)
  for (const pieces of [[`key: ${pem}`], pem.split(/(?<=\n)/), [...pem]])
    for (const line of pem.trim().split('\n')) expect(printed(pieces, secrets)).not.toContain(line)
})
