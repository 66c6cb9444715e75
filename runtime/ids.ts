// Ids: uuid version 7 (time-ordered, so that new rows stand together in an index) and short random suffixes.

import { randomBytes } from 'node:crypto'

export function uuidv7(now: number = Date.now()): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'

/** `length` characters without look-alikes, evenly drawn. */
export function randomText(length: number): string {
  let out = ''
  while (out.length < length) {
    for (const byte of randomBytes(length * 2)) {
      // 56 letters divide 224; higher bytes would favour the first letters.
      if (byte < 224 && out.length < length) out += LETTERS[byte % 56]
    }
  }
  return out
}
