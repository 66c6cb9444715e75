// Chance that is a function of its arguments: generated data must be the same whenever, and by whomever, it is asked for.

/** 32 bits of the text: a start value for the hashes below. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** A number in [0, 1) that looks like chance and is a function of its arguments (murmur3's last mix). */
export function chance(seed: number, salt: number, at: number): number {
  let hash =
    seed ^ Math.imul(salt, 0x9e3779b1) ^ Math.imul(at, 0x85ebca6b) ^ Math.imul(Math.floor(at / 2 ** 32), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
