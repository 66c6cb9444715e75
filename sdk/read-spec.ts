// Values of checked options, and the faults found on the way.

import { MAX_DELAY_SECONDS, MAX_INT4 } from '../core/storable.ts'
import type { Site } from './site.ts'

/** Sentences about what is wrong, told together at the end, each with where it was declared. */
export class Faults {
  readonly list: { readonly message: string; readonly site: Site | null }[] = []
  /** Of what is being read. */
  site: Site | null = null

  add(...faults: readonly string[]): void {
    for (const message of faults) this.list.push({ message, site: this.site })
  }
}

/** One thing that is wrong with a DAG, as the loader tells it. */
export interface DeclaredFault {
  readonly message: string
  readonly stack: string | null
}

/** What `details` of a `DAG_INVALID` or `DAG_CYCLE` carry. */
export function detailsOf(dagId: string, faults: Faults['list']): { dagId: string; faults: readonly DeclaredFault[] } {
  return { dagId, faults: faults.map(({ message, site }) => ({ message, stack: site?.stack ?? null })) }
}

export type Spec = Readonly<Record<string, unknown>>
export const textOf = (spec: Spec, key: string): string | null => (typeof spec[key] === 'string' ? spec[key] : null)
export const numberOf = (spec: Spec, key: string): number | null => (typeof spec[key] === 'number' ? spec[key] : null)
export const flagOf = (spec: Spec, key: string, fallback: boolean): boolean =>
  typeof spec[key] === 'boolean' ? spec[key] : fallback
export const dateOf = (spec: Spec, key: string): string | null => {
  const value = spec[key]
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : null
}

/** A fault unless the number is absent, or whole and within `least` and what an `int` column holds. */
export function wholeFrom(spec: Spec, key: string, least: number, where: string, faults: Faults): void {
  const value = numberOf(spec, key)
  if (value === null) return
  if (!Number.isInteger(value) || value < least)
    faults.add(`${where}: option "${key}" must be a whole number of at least ${least}, found ${value}`)
  else if (value > MAX_INT4) faults.add(`${where}: option "${key}" must be at most ${MAX_INT4}, found ${value}`)
}

/** A fault unless the number of seconds is absent, at least 0 (`isPositive`: more) and no longer than any wait may be. */
export function seconds(spec: Spec, key: string, where: string, faults: Faults, isPositive = false): void {
  const value = numberOf(spec, key)
  if (value === null) return
  if (value < 0 || (isPositive && value === 0))
    faults.add(`${where}: option "${key}" must be ${isPositive ? 'more than' : 'at least'} 0 seconds, found ${value}`)
  else if (value > MAX_DELAY_SECONDS)
    faults.add(
      `${where}: option "${key}" is in seconds and at most ${MAX_DELAY_SECONDS} (366 days), found ${value}; leave it out for no limit`,
    )
}

/** A fault unless the number is absent or at least 0. */
export function notNegative(spec: Spec, key: string, where: string, faults: Faults): void {
  const value = numberOf(spec, key)
  if (value !== null && value < 0)
    faults.add(`${where}: option "${key}" must be a number of at least 0, found ${value}`)
}
