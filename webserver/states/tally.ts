// How many instances of a task are in which state, as short text: `f1s11` = one failed, eleven succeeded; what a person
// must look at first stands first. One instance is its letter alone. Server and browser read and draw it the same way.

import { letterOf, stateOf, worstFirst } from './cells.ts'

export type Tally = readonly (readonly [letter: string, n: number])[]

/** Counts by state as a tally. */
export function makeTally(counts: Iterable<readonly [state: string | null, n: number]>): Tally {
  const byLetter = new Map<string, number>()
  for (const [state, n] of counts) {
    const letter = letterOf(state)
    byLetter.set(letter, (byLetter.get(letter) ?? 0) + n)
  }
  return [...byLetter].filter(([, n]) => n > 0).sort(([a], [b]) => worstFirst(a, b))
}

export const writeTally = (tally: Tally): string =>
  tally.map(([letter, n]) => (n === 1 && tally.length === 1 ? letter : `${letter}${n}`)).join('')

export function readTally(text: string): Tally {
  return [...text.matchAll(/([a-z])(\d*)/g)].map(([, letter = '.', n = '']) => [letter, n === '' ? 1 : Number(n)])
}

export const countTally = (tally: Tally): number => tally.reduce((sum, [, n]) => sum + n, 0)
export const worstOf = (tally: Tally): string => tally[0]?.[0] ?? '.'

export interface BarPart {
  readonly state: string
  readonly x: number
  readonly width: number
}

/** A bar in proportion to the states, in which even one instance of many keeps `least`. */
export function barParts(tally: Tally, width: number, least: number): BarPart[] {
  const total = countTally(tally)
  if (total === 0) return []
  const floor = Math.min(least, width / tally.length)
  const wanted = tally.map(([, n]) => Math.max(floor, (n / total) * width))
  // What the small ones were given is taken from those that have more than the least.
  const over = wanted.reduce((sum, w) => sum + w, 0) - width
  const spare = wanted.reduce((sum, w) => sum + (w - floor), 0)
  let x = 0
  return tally.map(([letter], i) => {
    const w = wanted[i] ?? 0
    const part = { state: stateOf(letter) ?? 'none', x, width: spare <= 0 ? w : w - ((w - floor) / spare) * over }
    x += part.width
    return part
  })
}
