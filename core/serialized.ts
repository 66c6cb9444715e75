// The stored form of a DAG: plain JSON, authors' camelCase names, seconds, instants as ISO UTC text (DESIGN §8.1).

import { BaramError } from './errors.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { TimetableSpec } from './timetables/timetable.ts'
import type { TriggerRule } from './trigger-rules.ts'

export type WeightRule = 'downstream' | 'upstream' | 'absolute'

/** One named argument of a task: an upstream's XCom, or a JSON literal. The order is the author's. */
export type SerializedInput =
  | { readonly name: string; readonly kind: 'ref'; readonly taskId: string }
  | { readonly name: string; readonly kind: 'literal'; readonly value: JsonValue }

export interface SerializedTask {
  readonly taskId: string
  /** Airflow's class name in lists: an operator's own, or `TypeScriptTask` for a function. */
  readonly operator: string
  readonly owner: string
  readonly triggerRule: TriggerRule
  readonly retries: number
  /** Seconds. */
  readonly retryDelay: number
  readonly maxRetryDelay: number | null
  /** Multiplier; 0 = off. */
  readonly retryExponentialBackoff: number
  /** Seconds. */
  readonly executionTimeout: number | null
  readonly dependsOnPast: boolean
  readonly ignoreFirstDependsOnPast: boolean
  readonly waitForDownstream: boolean
  readonly waitForPastDependsBeforeSkipping: boolean
  readonly queue: string
  readonly pool: string
  readonly poolSlots: number
  readonly priorityWeight: number
  readonly weightRule: WeightRule
  readonly maxActiveTisPerDag: number | null
  readonly maxActiveTisPerDagrun: number | null
  readonly doXcomPush: boolean
  readonly isolate: 'process' | null
  readonly startDate: string | null
  readonly endDate: string | null
  readonly docMd: string | null
  readonly inputs: readonly SerializedInput[]
  /** Options of an operator, for people to read. */
  readonly options: JsonObject
}

export interface SerializedGroup {
  readonly groupId: string
  /** Task ids and group ids directly inside. */
  readonly members: readonly string[]
}

export interface SerializedDag {
  readonly format: 1
  readonly dagId: string
  readonly dagDisplayName: string | null
  readonly description: string | null
  readonly docMd: string | null
  readonly timetable: TimetableSpec
  /** IANA name; the zone in which people read this DAG's dates. */
  readonly timezone: string
  readonly startDate: string | null
  readonly endDate: string | null
  readonly catchup: boolean
  readonly tags: readonly string[]
  readonly maxActiveTasks: number
  readonly maxActiveRuns: number
  readonly maxConsecutiveFailedDagRuns: number
  /** Seconds. */
  readonly dagrunTimeout: number | null
  readonly failFast: boolean
  readonly isPausedUponCreation: boolean | null
  readonly tasks: readonly SerializedTask[]
  readonly groups: readonly SerializedGroup[]
  /** Sorted pairs upstream, downstream. */
  readonly edges: readonly (readonly [string, string])[]
}

const DAG_KEYS: ReadonlySet<string> = new Set<keyof SerializedDag>([
  'format',
  'dagId',
  'dagDisplayName',
  'description',
  'docMd',
  'timetable',
  'timezone',
  'startDate',
  'endDate',
  'catchup',
  'tags',
  'maxActiveTasks',
  'maxActiveRuns',
  'maxConsecutiveFailedDagRuns',
  'dagrunTimeout',
  'failFast',
  'isPausedUponCreation',
  'tasks',
  'groups',
  'edges',
])

/**
 * Reads a stored DAG. Written by this product alone, so only its frame is checked: the format number and that no key is
 * unknown (a newer version's DAG must be refused, not half understood).
 * @throws BaramError SERIALIZED_INVALID
 */
export function readSerializedDag(value: unknown): SerializedDag {
  if (typeof value !== 'object' || value === null)
    throw new BaramError('SERIALIZED_INVALID', 'a stored DAG must be an object')
  const format: unknown = (value as { format?: unknown }).format
  if (format !== 1)
    throw new BaramError('SERIALIZED_INVALID', `a stored DAG has format ${String(format)}; this version reads format 1`)
  const unknown = Object.keys(value).filter((key) => !DAG_KEYS.has(key))
  if (unknown.length > 0)
    throw new BaramError('SERIALIZED_INVALID', `a stored DAG has unknown keys: ${unknown.join(', ')}`)
  // Proven above: our own writer made it, in the one format this version knows.
  return value as SerializedDag
}
