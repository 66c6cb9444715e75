// Names that are sensitive, and texts without what they name.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSensitiveName, Masker, maskByName, secretStrings } from '../../core/masker.ts'

describe('a name', () => {
  test.each([
    'password',
    'DB_PASSWORD',
    'my-api_key-2',
    'Authorization',
    'slack_webhook_url',
    'accessToken',
    'dsn',
    'PROXIES',
  ])('%s is sensitive', (name) => expect(isSensitiveName(name)).toBe(true))

  test.each(['region', 'pass', 'key', 'host', '', 'tok', 'login'])('%j is not', (name) =>
    expect(isSensitiveName(name)).toBe(false),
  )

  test('may be sensitive by the deployment’s own list, whatever its case; an empty entry means nothing', () => {
    expect(isSensitiveName('Mein_GEHEIMnis', ['geheim'])).toBe(true)
    expect(isSensitiveName('region', ['', 'x'])).toBe(false)
  })
})

describe('maskByName', () => {
  test('hides sensitive fields, keeps the rest and the shape, and leaves empty ones as they are', () => {
    expect(
      maskByName({ host: 'h', password: 'p', deep: [{ token: { any: 'thing' }, n: 1 }], api_key: '', secret: null }),
    ).toEqual({ host: 'h', password: '***', deep: [{ token: '***', n: 1 }], api_key: '', secret: null })
  })

  test('never shows a secret because it stands too deep to look at', () => {
    let value: unknown = { password: 'canary' }
    for (let i = 0; i < 20; i++) value = i % 2 === 0 ? { inner: value } : [value]
    expect(JSON.stringify(maskByName(value))).not.toContain('canary')
  })
})

describe('the masker', () => {
  const maskerOf = (...values: string[]) => {
    const masker = new Masker()
    masker.add(values.flatMap(secretStrings))
    return masker
  }

  test('hides a secret as it is, in a URL and in JSON, wherever it stands', () => {
    const secret = 'p@ss "word"/ü\n'
    const masker = maskerOf(secret)
    for (const text of [
      secret,
      `x${secret}y`,
      encodeURIComponent(secret),
      JSON.stringify({ secret }),
      `${secret}${secret}`,
    ]) {
      const masked = masker.mask(text)
      expect(masked).toContain('***')
      for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
        expect(masked).not.toContain(form)
    }
  })

  test('hides the strings inside a secret that is JSON', () => {
    const masker = maskerOf('{"user": "somebody", "nested": [{"key": "inner-secret"}]}')
    expect(masker.mask('it said inner-secret to somebody')).toBe('it said *** to ***')
  })

  const inBase64 = (text: string) => Buffer.from(text).toString('base64')
  const WRITERS: readonly (readonly [string, (secret: string, before: string, after: string) => string])[] = [
    ['as it is', (secret) => secret],
    ['without the blanks around it', (secret) => secret.trim()],
    ['in JSON', (secret) => JSON.stringify({ secret })],
    ['in JSON inside JSON', (secret) => JSON.stringify(JSON.stringify([secret]))],
    [
      'in JSON of ASCII',
      (secret) =>
        JSON.stringify(secret).replaceAll(
          /[^ -~]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        ),
    ],
    ['in a part of a URL', (secret) => encodeURIComponent(secret)],
    ['in a URL', (secret) => encodeURI(secret)],
    [
      'in a URL of lower-case digits',
      (secret) => encodeURIComponent(secret).replaceAll(/%../g, (hex) => hex.toLowerCase()),
    ],
    ['in a form', (secret) => encodeURIComponent(secret).replaceAll('%20', '+')],
    ['in base64', (secret, before, after) => inBase64(before + secret + after)],
    ['in base64 of URLs', (secret, before, after) => Buffer.from(before + secret + after).toString('base64url')],
    ['in base64 of lines', (secret) => inBase64(secret).replaceAll(/.{76}/g, '$&\n')],
  ]

  test.each(WRITERS)('hides a secret %s', (_, write) => {
    const secrets = fc
      .string({ unit: 'binary', minLength: 8, maxLength: 90 })
      .filter((text) => text.trim().length >= 8 && text.isWellFormed() && !text.includes('*'))
    const around = fc.constantFrom('', 'a', 'ab', 'abc', 'user:', '한')
    fc.assert(
      fc.property(secrets, around, around, (secret, before, after) => {
        const text = write(secret, before, after)
        const masked = maskerOf(secret).mask(text)
        expect(masked).toContain('***')
        // What is left stands at the ends: letters that tell of the neighbours too, and the form's own marks.
        const rest = masked.split('***').join('')
        expect(rest.length).toBeLessThan(text.length - secret.trim().length + 8 + 4 * (before.length + after.length))
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['lines of a key', 'abcdefgh-1\n  ijklmnop-2  \r\nqrstuvwx-3\n', ['abcdefgh-1', 'ijklmnop-2', 'qrstuvwx-3']],
    ['a number under a sensitive name', '{"pin": 987654}', ['987654']],
  ])('hides %s', (_, secret, parts) => {
    const masker = maskerOf(secret)
    for (const part of parts) expect(masker.mask(`<${part}>`)).toBe('<***>')
  })

  test('hides numbers in values, and lets others be', () => {
    expect(maskerOf('{"pin": 987654}').maskDeep({ a: [987654, 98765, '987654'] })).toEqual({ a: ['***', 98765, '***'] })
  })

  test('lets a short line of a longer secret be: it stands in too many texts', () => {
    expect(maskerOf('{\n"user": 1\n}\nreturn').mask('{ return }')).toBe('{ return }')
  })

  test('leaves nothing of the longer of two secrets, one inside the other', () => {
    expect(maskerOf('secret', 'secret-long-one').mask('a secret-long-one b secret c')).toBe('a *** b *** c')
    expect(maskerOf('secret-long-one', 'secret').mask('a secret-long-one b')).toBe('a *** b')
  })

  test('no registered secret survives in any text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 5, maxLength: 12 }), { minLength: 1 }),
        fc.array(fc.string()),
        (secrets, around) => {
          fc.pre(secrets.every((secret) => !secret.includes('*') && secret.toLowerCase() !== 'airflow'))
          const masker = maskerOf(...secrets)
          const text = around.flatMap((piece, i) => [piece, secrets[i % secrets.length] ?? '']).join('')
          const masked = masker.mask(text)
          for (const secret of secrets) expect(masked).not.toContain(secret)
        },
      ),
    )
  })

  test('lets short values be: they would hide half of every text', () => {
    expect(maskerOf('ab', 'true', 'AirFlow').mask('ab true airflow AirFlow')).toBe('ab true airflow AirFlow')
  })

  test('tells whether anything was new', () => {
    const masker = new Masker()
    expect(masker.add(['first-secret'])).toBe(true)
    expect(masker.add(['first-secret', 'ab'])).toBe(false)
  })

  test('takes any text, also one with half of a surrogate pair inside its JSON', () => {
    const masker = maskerOf('{"key": "\\ud800abcdef"}', 'plain-\udc00-half')
    expect(masker.mask('x \ud800abcdef y plain-\udc00-half')).toBe('x *** y ***')
  })
})
