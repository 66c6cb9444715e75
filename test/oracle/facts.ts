// Facts recorded from a real Airflow, and how they are compared: see generate/README.md for their formats.

import { readFileSync } from 'node:fs'
import type { DataInterval, TimetableSpec } from '../../core/timetables/timetable.ts'

/** One file of facts; its format is the caller's to know, as the README tells it. */
export function readFacts<T>(name: string): T & { readonly airflow: string } {
  return JSON.parse(readFileSync(new URL(`facts/${name}.json`, import.meta.url), 'utf8')) as T & { airflow: string }
}

/** A timetable by the generators' short name, `["cron", "0 0 * * *", "UTC"]`. */
export type ShortSpec =
  | readonly ['none' | 'once' | 'continuous']
  | readonly ['cron' | 'cron-interval', expression: string, timezone: string]
  | readonly ['crons', expressions: readonly string[], timezone: string]
  | readonly ['delta' | 'delta-interval', seconds: number]
  | readonly ['events', seconds: readonly number[]]

/** The same timetable as this product's. */
export function specOf(short: ShortSpec): TimetableSpec {
  switch (short[0]) {
    case 'none':
    case 'once':
    case 'continuous':
      return { kind: short[0] }
    case 'cron':
    case 'cron-interval':
      return { kind: 'cron', expression: short[1], timezone: short[2], interval: short[0] === 'cron-interval' }
    case 'crons':
      return { kind: 'crons', expressions: short[1], timezone: short[2] }
    case 'delta':
    case 'delta-interval':
      return { kind: 'delta', everyMs: short[1] * 1000, interval: short[0] === 'delta-interval' }
    case 'events':
      return { kind: 'events', at: short[1].map((second) => new Date(second * 1000).toISOString()), description: null }
  }
}

/** Numbers of which all but the first are the distance to the one before, as instants. */
export function instants(deltas: readonly number[]): number[] {
  let sum = 0
  return deltas.map((delta) => {
    sum += delta
    return ms(sum)
  })
}

export const ms = (seconds: number): number => Math.round(seconds * 1000)

/** A run as facts tell it: seconds from now, and how long its interval is where it is more than a point. */
export type ShortRun = number | readonly [fromNow: number, length: number]

export function intervalFrom(run: ShortRun, now: number): DataInterval {
  const [start, length] = typeof run === 'number' ? [run, 0] : run
  return { start: ms(now + start), end: ms(now + start + length) }
}

/** A class of facts in which this product differs on purpose: each stands in docs/differences.md under its title. */
export interface Explained<F> {
  readonly title: string
  readonly covers: (fact: F) => boolean
}

interface Replayed {
  readonly count: number
  /** Facts met, with what was found instead, that nothing explains. */
  readonly differences: readonly unknown[]
  /** How many facts each explanation was needed for; tests say the very number, so that a class hides nothing new. */
  readonly used: ReadonlyMap<string, number>
}

/** Replays every fact; `compare` gives null where this product says the same, else what it says. */
export function replay<F>(
  facts: readonly F[],
  compare: (fact: F) => unknown,
  explained: readonly Explained<F>[] = [],
): Replayed {
  const differences: unknown[] = []
  const used = new Map(explained.map(({ title }) => [title, 0]))
  for (const fact of facts) {
    const found = compare(fact)
    if (found === null) continue
    const reason = explained.find(({ covers }) => covers(fact))
    if (reason === undefined) differences.push({ fact, found })
    else used.set(reason.title, (used.get(reason.title) ?? 0) + 1)
  }
  return { count: facts.length, differences, used }
}
