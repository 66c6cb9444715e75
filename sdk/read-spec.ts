// Values of checked options, and the faults found on the way.

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

/** A fault unless the number is absent or large enough. */
export function atLeast(spec: Spec, key: string, least: number, where: string, faults: Faults, isWhole = true): void {
  const value = numberOf(spec, key)
  if (value === null) return
  if (value < least || (isWhole && !Number.isInteger(value)))
    faults.add(
      `${where}: option "${key}" must be a ${isWhole ? 'whole ' : ''}number of at least ${least}, found ${value}`,
    )
}
