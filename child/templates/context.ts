// What a template may name: Airflow's context under Airflow's names (docs/compatibility.md#templates), `local.*` and `args.*` beside it.
// Names without a value in this run (dates of a run without logical date) are absent: naming them is an error.

import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { AttemptSpec } from '../../core/protocol.ts'
import type { LocalDates } from '../../sdk/context.ts'
import { ds, dsNodash, templateInstant, ts, tsNodash, tsNodashWithTz } from './instant.ts'
import { MACROS } from './macros.ts'

/** What had to be asked for before rendering, because templates cannot wait. */
export interface Lookups {
  readonly variables: ReadonlyMap<string, string>
  readonly connections: ReadonlyMap<string, JsonObject>
  /** Dates of the last successful run, epoch ms; null = there is none, or no template names it. */
  readonly previous: { readonly [name: string]: number | null } | null
  /** Values of `ti.xcom_pull` by the text of its arguments. */
  readonly xcoms: ReadonlyMap<string, JsonValue>
}

const orNull = (instant: number | null | undefined) =>
  instant === null || instant === undefined ? null : templateInstant(instant)

/** Dates of a run that has a logical date. */
function dates(logicalDate: number | null): object {
  if (logicalDate === null) return {}
  const date = new Date(logicalDate)
  return {
    logical_date: templateInstant(logicalDate),
    ds: ds(date),
    ds_nodash: dsNodash(date),
    ts: ts(date),
    ts_nodash: tsNodash(date),
    ts_nodash_with_tz: tsNodashWithTz(date),
  }
}

function localNames(local: LocalDates): object {
  return {
    ds: local.ds,
    ts: local.ts,
    dsNodash: local.dsNodash,
    tsNodash: local.tsNodash,
    ds_nodash: local.dsNodash,
    ts_nodash: local.tsNodash,
  }
}

function parseJson(key: string, text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    throw new Error(`var.json.${key}: the Variable is not JSON; use var.value.${key}`)
  }
}

/** `var.value.x`, `var.json.x`, `var.value.get "x" "default"`. */
function variables(found: ReadonlyMap<string, string>): object {
  const getter =
    (read: (key: string, text: string) => unknown) =>
    (key: unknown, ...rest: readonly unknown[]): unknown => {
      const text = found.get(String(key))
      if (text !== undefined) return read(String(key), text)
      // The last argument is Handlebars' own.
      if (rest.length > 1) return rest[0]
      throw new Error(`Variable not found: ${String(key)}`)
    }
  const json: Record<string, unknown> = { get: getter(parseJson) }
  for (const [key, text] of found)
    Object.defineProperty(json, key, { enumerable: true, get: () => parseJson(key, text) })
  return { value: { get: getter((_, text) => text), ...Object.fromEntries(found) }, json }
}

/** The whole context of one attempt. */
export function makeTemplateContext(spec: AttemptSpec, local: LocalDates, args: object, lookups: Lookups): object {
  const { logicalDate, dataInterval, runAfter } = spec
  // A run without a logical date has no interval (Airflow 3), whatever `getRun()` infers for its author.
  const interval = logicalDate === null ? null : dataInterval
  const dag = { dag_id: spec.dagId, timezone: spec.timezone }
  const task = { task_id: spec.taskId }
  const ti = {
    ...task,
    dag_id: spec.dagId,
    run_id: spec.runId,
    try_number: spec.tryNumber,
    max_tries: spec.maxTries,
    map_index: spec.mapIndex,
    start_date: templateInstant(spec.triedAt),
    xcom_pull: (...given: readonly unknown[]) => lookups.xcoms.get(pullKey(given)),
  }
  return {
    ...dates(logicalDate),
    ...(interval !== null && {
      data_interval_start: templateInstant(interval.start),
      data_interval_end: templateInstant(interval.end),
    }),
    dag,
    task,
    ti,
    task_instance: ti,
    dag_run: {
      ...dag,
      run_id: spec.runId,
      run_type: spec.runType,
      logical_date: orNull(logicalDate),
      data_interval_start: orNull(interval?.start),
      data_interval_end: orNull(interval?.end),
      run_after: templateInstant(runAfter),
      start_date: orNull(spec.runStartDate),
      conf: spec.conf,
    },
    run_id: spec.runId,
    task_instance_key_str: `${spec.dagId}__${spec.taskId}__${logicalDate === null ? spec.runId : dsNodash(new Date(logicalDate))}`,
    params: spec.params,
    var: variables(lookups.variables),
    conn: Object.fromEntries(lookups.connections),
    macros: MACROS,
    inlets: [],
    outlets: [],
    // Assets are not there yet: no run has events of them.
    inlet_events: {},
    outlet_events: {},
    triggering_asset_events: {},
    test_mode: false,
    start_date: templateInstant(spec.triedAt),
    task_reschedule_count: spec.rescheduleCount,
    expanded_ti_count: spec.expandedCount,
    prev_data_interval_start_success: orNull(lookups.previous?.['dataIntervalStart']),
    prev_data_interval_end_success: orNull(lookups.previous?.['dataIntervalEnd']),
    prev_start_date_success: orNull(lookups.previous?.['startDate']),
    prev_end_date_success: orNull(lookups.previous?.['endDate']),
    local: localNames(local),
    args,
  }
}

/** One text for the arguments of `ti.xcom_pull`, as written in a template and as called by it. */
export function pullKey(given: readonly unknown[]): string {
  const options = given[given.length - 1]
  const hash = typeof options === 'object' && options !== null && 'hash' in options ? options.hash : {}
  const positional = given.filter((value) => typeof value === 'string')
  return JSON.stringify([positional[0] ?? null, hash])
}
