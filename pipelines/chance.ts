// Chance of generated records: a function of seed, number and purpose, so that a producer that was killed continues anywhere.

/** From 0 to below 1 (the finalizer of MurmurHash 3). @param purpose tells draws of one record apart */
export function chance(seed: number, n: number, purpose: number): number {
  let hash =
    Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(n + 1, 0xc2b2ae35) ^ Math.imul(purpose + 1, 0x27d4eb2f)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296
}
