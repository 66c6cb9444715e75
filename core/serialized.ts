// The stored form of a DAG: plain JSON, authors' camelCase names, seconds, instants as ISO UTC text
// (docs/architecture.md#formats-that-do-not-change-lightly).

import type { CallbackCounts } from './alerts.ts'
import type { SerializedDeadline } from './deadlines.ts'
import { BaramError } from './errors.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { RunLimits, TimetableSpec } from './timetables/timetable.ts'
import type { TriggerRule } from './trigger-rules.ts'

export type WeightRule = 'downstream' | 'upstream' | 'absolute'

/** One named argument of a task: an upstream's XCom, or a JSON literal. The order is the author's. */
export type SerializedInput =
  | { readonly name: string; readonly kind: 'ref'; readonly taskId: string }
  | { readonly name: string; readonly kind: 'literal'; readonly value: JsonValue }

/** How a mapped task gets its instances: over which lists, and how several of them are combined. */
export interface TaskMapping {
  /** `product`: every combination, the last list fastest; `zip`: side by side; `each`: one list of argument objects. */
  readonly kind: 'product' | 'zip' | 'each'
  /** The lists, in the author's order; `each` has exactly one, whose name is empty. */
  readonly over: readonly SerializedInput[]
  /** `zip` only: what stands where a shorter list has ended; null = the shortest list counts. */
  readonly fill: { readonly value: JsonValue } | null
}

/** A value that a run may be given, with its default and the JSON Schema it must keep. */
export interface SerializedParam {
  /** Absent = the run must bring one. */
  readonly value?: JsonValue
  readonly schema: JsonObject
  readonly description: string | null
  /** Its place among the author's params: stored objects keep no order. */
  readonly position: number
}

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
  /** Arguments every instance gets; those of `mapping` come on top. */
  readonly inputs: readonly SerializedInput[]
  /** null = one instance. */
  readonly mapping: TaskMapping | null
  /** Names the instances of a mapped task. */
  readonly mapIndexTemplate: string | null
  /** Its attempts may name tasks to be skipped (branches). */
  readonly skips: boolean
  /** Options of an operator, for people to read. */
  readonly options: JsonObject
  /** Options that are rendered as templates. */
  readonly templateFields: readonly string[]
  /** Absent = it has none. */
  readonly callbacks?: CallbackCounts
  /** Absent = it has none. */
  readonly deadlines?: readonly SerializedDeadline[]
}

export interface SerializedGroup {
  readonly groupId: string
  /** Task ids and group ids directly inside. */
  readonly members: readonly string[]
}

export interface SerializedDag {
  readonly format: 2
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
  readonly renderTemplateAsNativeObj: boolean
  readonly isPausedUponCreation: boolean | null
  readonly params: { readonly [name: string]: SerializedParam }
  readonly tasks: readonly SerializedTask[]
  readonly groups: readonly SerializedGroup[]
  /** Sorted pairs upstream, downstream. */
  readonly edges: readonly (readonly [string, string])[]
  /** Sorted triples upstream, downstream, text. */
  readonly labels: readonly (readonly [string, string, string])[]
  /** Absent = it has none. */
  readonly callbacks?: CallbackCounts
  /** Absent = it has none. */
  readonly deadlines?: readonly SerializedDeadline[]
}

const epoch = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso))

/** The bounds in which a DAG's timetable gives runs. */
export const limitsOf = (dag: Pick<SerializedDag, 'startDate' | 'endDate' | 'catchup'>): RunLimits => ({
  earliest: epoch(dag.startDate),
  latest: epoch(dag.endDate),
  catchup: dag.catchup,
})

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
  'renderTemplateAsNativeObj',
  'isPausedUponCreation',
  'params',
  'tasks',
  'groups',
  'edges',
  'labels',
  'callbacks',
  'deadlines',
])

type Format1Dag = Omit<SerializedDag, 'format' | 'tasks'> & {
  readonly format: 1
  readonly tasks: readonly Omit<SerializedTask, 'mapping' | 'mapIndexTemplate' | 'skips' | 'templateFields'>[]
}

/** Format 1 knew no mapping, params, labels, branches and templates: runs pinned to such a version go on without them. */
function fromFormat1(dag: Format1Dag): SerializedDag {
  const tasks = dag.tasks.map((task) => ({
    ...task,
    mapping: null,
    mapIndexTemplate: null,
    skips: false,
    templateFields: [],
  }))
  return { ...dag, format: 2, renderTemplateAsNativeObj: false, params: {}, labels: [], tasks }
}

/**
 * Reads a stored DAG. Written by this product alone, so only its frame is checked: the format number and that no key is
 * unknown (a newer version's DAG must be refused, not half understood).
 * @throws BaramError SERIALIZED_INVALID
 */
export function readSerializedDag(value: unknown): SerializedDag {
  if (typeof value !== 'object' || value === null)
    throw new BaramError('SERIALIZED_INVALID', 'a stored DAG must be an object')
  const format: unknown = (value as { format?: unknown }).format
  if (format !== 1 && format !== 2)
    throw new BaramError(
      'SERIALIZED_INVALID',
      `a stored DAG has format ${String(format)}; this version reads formats 1 and 2`,
    )
  const unknown = Object.keys(value).filter((key) => !DAG_KEYS.has(key))
  if (unknown.length > 0)
    throw new BaramError('SERIALIZED_INVALID', `a stored DAG has unknown keys: ${unknown.join(', ')}`)
  // Proven above: our own writer made it, in a format this version knows.
  return format === 1 ? fromFormat1(value as Format1Dag) : (value as SerializedDag)
}
