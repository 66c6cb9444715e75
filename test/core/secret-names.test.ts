// Names that are sensitive, and texts without what they name.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSensitiveName, Masker, maskByName, secretStrings } from '../../core/secret-names.ts'

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
