// Values of checked options, and the faults found on the way.

/** Sentences about what is wrong, told together at the end. */
export class Faults {
  readonly list: string[] = []
  add(...faults: readonly string[]): void {
    this.list.push(...faults)
  }
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
