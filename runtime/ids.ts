// Ids: uuid version 7 (time-ordered, so that new rows stand together in an index) and short random suffixes.

import { randomBytes } from 'node:crypto'

/** What the last id began with: its millisecond, and a count of the ids within it (RFC 9562 §6.2, method 1). */
const last = { ms: 0, count: 0 }
const MAX_COUNT = 0xfff

function advance(now: number): void {
  if (now > last.ms) {
    last.ms = now
    // Half of the range is left to count on.
    last.count = randomBytes(2).readUInt16BE() & (MAX_COUNT >> 1)
  } else if (last.count < MAX_COUNT) last.count++
  else {
    last.ms++
    last.count = 0
  }
}

/** Greater than every id that this process has made before, also within a millisecond and when the clock goes back. */
export function uuidv7(now: number = Date.now()): string {
  advance(now)
  const bytes = randomBytes(16)
  bytes.writeUIntBE(last.ms, 0, 6)
  bytes.writeUInt16BE(0x7000 | last.count, 6)
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
