// The service key of data.go.kr. The portal shows it twice, as it is and URL-encoded, and users paste either: both are one key.

import { ConnectionUnusableError } from '../connection.ts'

const MASK = '***'
const ESCAPE = /%[0-9a-f]{2}/i
/** A shorter text would hide half of every message. */
const LEAST_HIDDEN = 5

/** As it is, with every escape undone: a key is base64 or hex, in which no % stands. */
function decode(connId: string, text: string): string {
  let key = text.trim()
  try {
    while (ESCAPE.test(key)) key = decodeURIComponent(key)
  } catch (cause) {
    throw new ConnectionUnusableError(connId, 'its password has a broken % escape: copy the service key again', {
      cause,
    })
  }
  if (key === '')
    throw new ConnectionUnusableError(
      connId,
      'it needs the service key of data.go.kr as its password (encoded or decoded). 비밀번호에 일반 인증키를 넣으세요.',
    )
  if (/\s/.test(key) || !key.isWellFormed())
    throw new ConnectionUnusableError(connId, 'its password holds a space or line break: copy the service key again')
  return key
}

/** How servers and libraries write it into a text: plain, in a URL, in a URL in a URL, in JSON that escapes slashes. */
function formsOf(key: string): readonly string[] {
  const encoded = encodeURIComponent(key)
  const twice = encodeURIComponent(encoded)
  const lower = [encoded, twice].map((form) => form.replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()))
  const forms = [key, encoded, twice, ...lower, key.replaceAll('/', String.raw`\/`), key.replaceAll('+', ' ')]
  return [...new Set(forms)].filter((form) => form.length >= LEAST_HIDDEN).sort((a, b) => b.length - a.length)
}

export class ServiceKey {
  readonly #key: string
  readonly #forms: readonly string[]

  /** @throws ConnectionUnusableError for a text that can be no key */
  constructor(connId: string, text: string) {
    this.#key = decode(connId, text)
    this.#forms = formsOf(this.#key)
  }

  /** For a query that encodes its values. It belongs into requests alone. */
  reveal(): string {
    return this.#key
  }

  /** What others wrote, without the key in any of its forms. */
  redact(text: string): string {
    return this.#forms.reduce((left, form) => left.replaceAll(form, MASK), text)
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }
}
