// The service key as users paste it.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ServiceKey } from '../../../operators/open-data-kr/key.ts'

const KEY = 'R0JxlwfVJ5AiJuhDSHh0q0C1WpRnnze0+1nSOAs7dYjmDFvG3XBp/kd4Ufjx0g=='
const keyOf = (text: string) => new ServiceKey('open_data_kr_default', text)
/** The portal's keys are bytes in base64; newer ones are hex. */
const keys = fc.oneof(
  fc.uint8Array({ minLength: 8, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  fc.uint8Array({ minLength: 8, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('hex')),
)
const lowerEscapes = (text: string) => text.replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())

test('is one key, decoded, encoded, encoded twice, in small letters or with a line break behind it', () => {
  fc.assert(
    fc.property(keys, (key) => {
      const encoded = encodeURIComponent(key)
      for (const pasted of [key, encoded, lowerEscapes(encoded), encodeURIComponent(encoded), ` ${encoded}\n`])
        expect(keyOf(pasted).reveal()).toBe(key)
    }),
  )
})

test('is in no text that was redacted, however a server wrote it', () => {
  fc.assert(
    fc.property(keys, fc.string(), fc.string(), (key, before, after) => {
      const encoded = encodeURIComponent(key)
      const written = [key, encoded, lowerEscapes(encoded), encodeURIComponent(encoded), key.replaceAll('/', '\\/')]
      for (const form of written) expect(keyOf(encoded).redact(`${before}${form}${after}`)).not.toContain(form)
    }),
  )
})

test('is not shown where it is printed', () => {
  const key = keyOf(KEY)
  expect([String(key), JSON.stringify({ key })]).toEqual(['***', '{"key":"***"}'])
})

test.each([
  ['', /needs the service key of data.go.kr as its password/],
  ['abc%2', undefined],
  ['abc%E0%A4%A', /broken % escape/],
  ['R0Jxlwf VJ5Ai', /holds a space/],
])('%j is told for what it is', (text, problem) => {
  if (problem === undefined) expect(keyOf(text).reveal()).toBe(text)
  else expect(() => keyOf(text)).toThrow(problem)
})
