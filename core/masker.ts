// Which names are sensitive, by Airflow's rules (docs/compatibility.md#masking), and how values are scrubbed from text.

import { formsOf, MIN_LENGTH } from './secret-forms.ts'

/** A lower-cased name that contains one of these is sensitive. */
const SENSITIVE_PARTS = [
  'access_key',
  'access_token',
  'api_key',
  'apikey',
  'auth_header',
  'authorization',
  'bearer',
  'connection_string',
  'dsn',
  'passphrase',
  'passwd',
  'password',
  'private_key',
  'proxy',
  'proxy_password',
  'proxies',
  'secret',
  'service_account',
  'service_key',
  'token',
  'keyfile_dict',
  'webhook_url',
] as const

export const MASK = '***'
/** Deeper values are hidden whole: what cannot be looked at may hold a secret. */
const MAX_DEPTH = 100

export function isSensitiveName(name: string, extraParts: readonly string[] = []): boolean {
  const lower = name.toLowerCase()
  return [...SENSITIVE_PARTS, ...extraParts].some((part) => part !== '' && lower.includes(part.toLowerCase()))
}

/** A copy of `value` in which every field with a sensitive name reads `***`, however deep (Airflow stops at a depth of 5). */
export function maskByName(
  value: unknown,
  isSensitive: (name: string) => boolean = isSensitiveName,
  depth = 0,
): unknown {
  if (value === null || typeof value !== 'object') return value
  if (depth > MAX_DEPTH) return MASK
  if (Array.isArray(value)) return value.map((item: unknown) => maskByName(item, isSensitive, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [
      key,
      isSensitive(key) && item !== null && item !== '' ? MASK : maskByName(item, isSensitive, depth + 1),
    ]),
  )
}

/** Every text worth hiding inside a sensitive value: its forms and, when it is JSON, those of the texts and numbers inside. */
export function secretStrings(value: string): string[] {
  const found = new Set(formsOf(value))
  try {
    collectDeep(JSON.parse(value), found)
  } catch {
    // Not JSON: the text itself is the secret, and it is registered already.
  }
  return [...found]
}

/** Values of sensitively named fields inside JSON text; null when the text is no JSON. */
export function fieldSecrets(text: string, isSensitive: (name: string) => boolean): string[] | null {
  const found: string[] = []
  const walk = (value: unknown, isSecret: boolean): void => {
    if (typeof value === 'string' || typeof value === 'number') {
      if (isSecret) found.push(...secretStrings(String(value)))
    } else if (Array.isArray(value)) for (const item of value as unknown[]) walk(item, isSecret)
    else if (value !== null && typeof value === 'object') {
      for (const [name, item] of Object.entries(value as Record<string, unknown>))
        walk(item, isSecret || isSensitive(name))
    }
  }
  try {
    walk(JSON.parse(text), false)
  } catch {
    return null
  }
  return found
}

/** As above of a Connection's `extra`: of text that is no JSON all may be secret. */
export const extraSecrets = (extra: string, isSensitive: (name: string) => boolean): string[] =>
  fieldSecrets(extra, isSensitive) ?? secretStrings(extra)

function collectDeep(value: unknown, found: Set<string>): void {
  if (typeof value === 'string' || typeof value === 'number') for (const form of formsOf(String(value))) found.add(form)
  else if (value !== null && typeof value === 'object')
    for (const item of Object.values(value)) collectDeep(item, found)
}

/** Where a secret may begin that the text ends in the middle of; the text's length when there is none. */
function beginOf(secret: string, text: string): number {
  const first = secret.charAt(0)
  for (
    let at = text.indexOf(first, Math.max(0, text.length - secret.length + 1));
    at !== -1;
    at = text.indexOf(first, at + 1)
  )
    if (secret.startsWith(text.slice(at))) return at
  return text.length
}

/** Replaces registered secrets in text. Longest first, so that a secret inside another leaves nothing behind. */
export class Masker {
  private secrets: readonly string[] = []

  /** Registers strings; returns whether any was new. */
  add(values: readonly string[]): boolean {
    const fresh = values.filter((value) => value.length >= MIN_LENGTH && !this.secrets.includes(value))
    if (fresh.length === 0) return false
    this.secrets = [...this.secrets, ...fresh].sort((a, b) => b.length - a.length)
    return true
  }

  /**
   * How much of a text that goes on can be masked now: no secret that begins before may end after it. Text that comes in
   * pieces is masked up to here and the rest kept for the next piece.
   */
  safeLength(text: string): number {
    let safe = text.length
    for (const secret of this.secrets) safe = Math.min(safe, beginOf(secret, text))
    // A whole secret over that place would be cut in two.
    for (let isCut = true; isCut; ) {
      isCut = false
      for (const secret of this.secrets) {
        const at = text.indexOf(secret, Math.max(0, safe - secret.length + 1))
        if (at === -1 || at >= safe) continue
        safe = at
        isCut = true
      }
    }
    return safe
  }

  mask(text: string): string {
    let masked = text
    for (const secret of this.secrets) if (masked.includes(secret)) masked = masked.split(secret).join(MASK)
    return masked
  }

  /** A copy of a JSON value whose texts and numbers are masked; `withKeys` where the keys are an author's too. */
  maskDeep(value: unknown, withKeys = false): unknown {
    if (this.secrets.length === 0) return value
    if (typeof value === 'string') return this.mask(value)
    if (typeof value === 'number') return this.secrets.includes(String(value)) ? MASK : value
    if (Array.isArray(value)) return value.map((item: unknown) => this.maskDeep(item, withKeys))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, item]: [string, unknown]) => [
        withKeys ? this.mask(key) : key,
        this.maskDeep(item, withKeys),
      ]),
    )
  }
}
