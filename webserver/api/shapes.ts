// Rows as the JSON of Airflow's API: every property is there, null when empty; instants as RFC 3339 in UTC.

import { createHmac } from 'node:crypto'
import type { DagGraph } from '../../core/graph.ts'
import { maskByName } from '../../core/masker.ts'
import type { SerializedDag, SerializedTask } from '../../core/serialized.ts'
import type { TaskState } from '../../core/states.ts'
import type { DagListRow, VersionListRow } from '../../store/postgres/read-dags.ts'
import type { RunListRow } from '../../store/postgres/read-runs.ts'
import type { InstanceListRow, TryRow, WaitRow } from '../../store/postgres/read-task-instances.ts'

export const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())
export const isoText = (at: number): string => new Date(at).toISOString()

type Versions = ReadonlyMap<string, VersionListRow>

export const versionJson = (row: VersionListRow) => ({
  id: row.id,
  version_number: row.versionNumber,
  dag_id: row.dagId,
  bundle_name: row.bundleName,
  bundle_version: row.bundleVersion,
  created_at: isoText(row.createdAt),
  dag_display_name: row.dagDisplayName,
  bundle_url: null,
})

/** Signed, so that a path named by a client is one we gave out. */
function fileToken(row: DagListRow, secret: string | Buffer): string {
  const body = Buffer.from(JSON.stringify({ b: row.bundleName, f: row.relativeFileloc })).toString('base64url')
  return `${body}.${createHmac('sha256', secret).update(`file|${body}`).digest('base64url')}`
}

/** Airflow's `Timetable.periodic`: false of its simple ones alone (none, once, continuous). What is not periodic has no dates to fill. */
const isPeriodic = (row: DagListRow): boolean => !row.timetableType.startsWith('airflow.timetables.simple.')

export const dagJson = (row: DagListRow, secret: string | Buffer) => ({
  dag_id: row.dagId,
  dag_display_name: row.dagDisplayName,
  is_paused: row.isPaused,
  is_stale: row.isStale,
  last_parsed_time: iso(row.lastParsedTime),
  last_parse_duration: row.lastParseDuration,
  last_expired: null,
  bundle_name: row.bundleName,
  bundle_version: row.bundleVersion,
  relative_fileloc: row.relativeFileloc,
  fileloc: row.fileloc,
  description: row.description,
  timetable_summary: row.timetableSummary,
  timetable_description: row.timetableDescription,
  timetable_partitioned: false,
  timetable_periodic: isPeriodic(row),
  is_backfillable: isPeriodic(row),
  tags: row.tags.map((name) => ({ name, dag_id: row.dagId, dag_display_name: row.dagDisplayName })),
  max_active_tasks: row.maxActiveTasks,
  max_active_runs: row.maxActiveRuns,
  max_consecutive_failed_dag_runs: row.maxConsecutiveFailedDagRuns,
  has_task_concurrency_limits: row.hasTaskConcurrencyLimits,
  has_import_errors: row.hasImportErrors,
  next_dagrun_logical_date: iso(row.nextDagrun),
  next_dagrun_data_interval_start: iso(row.nextDagrunDataIntervalStart),
  next_dagrun_data_interval_end: iso(row.nextDagrunDataIntervalEnd),
  next_dagrun_run_after: iso(row.nextDagrunCreateAfter),
  allowed_run_types: null,
  owners: row.owners.split(',').map((owner) => owner.trim()),
  file_token: fileToken(row, secret),
})

/** Seconds as an ISO 8601 duration. */
const duration = (seconds: number | null): string | null => (seconds === null ? null : `PT${seconds}S`)

/** As Airflow's `Param.dump()`: the value (null when a run must bring one), its schema, and its description. */
const paramsJson = (dag: SerializedDag) =>
  Object.fromEntries(
    Object.entries(dag.params).map(([name, { value, schema, description }]) => [
      name,
      { value: value ?? null, schema, description, source: 'dag' },
    ]),
  )

export const dagDetailsJson = (
  row: DagListRow,
  dag: SerializedDag,
  version: VersionListRow | null,
  of: { readonly activeRuns: number; readonly isFavourite: boolean },
  secret: string | Buffer,
) => ({
  ...dagJson(row, secret),
  catchup: dag.catchup,
  dag_run_timeout: duration(dag.dagrunTimeout),
  asset_expression: null,
  doc_md: dag.docMd,
  start_date: dag.startDate,
  end_date: dag.endDate,
  is_paused_upon_creation: dag.isPausedUponCreation,
  params: paramsJson(dag),
  render_template_as_native_obj: dag.renderTemplateAsNativeObj,
  template_search_path: null,
  timezone: row.timezone,
  last_parsed: iso(row.lastParsedTime),
  default_args: {},
  owner_links: {},
  is_favorite: of.isFavourite,
  active_runs_count: of.activeRuns,
  latest_dag_version: version === null ? null : versionJson(version),
  concurrency: row.maxActiveTasks,
})

const timeDelta = (seconds: number) => {
  const days = Math.floor(seconds / 86_400)
  const whole = Math.floor(seconds - days * 86_400)
  return {
    __type: 'TimeDelta',
    days,
    seconds: whole,
    microseconds: Math.round((seconds - days * 86_400 - whole) * 1e6),
  }
}

export function taskJson(graph: DagGraph, task: SerializedTask) {
  const index = graph.indexOf.get(task.taskId) ?? -1
  const downstream = (graph.downstream[index] ?? []).map((i) => graph.task(i).taskId).sort()
  return {
    task_id: task.taskId,
    task_display_name: task.taskId,
    owner: task.owner,
    start_date: task.startDate,
    end_date: task.endDate,
    trigger_rule: task.triggerRule,
    depends_on_past: task.dependsOnPast,
    wait_for_downstream: task.waitForDownstream,
    retries: task.retries,
    queue: task.queue,
    pool: task.pool,
    pool_slots: task.poolSlots,
    execution_timeout: task.executionTimeout === null ? null : timeDelta(task.executionTimeout),
    retry_delay: timeDelta(task.retryDelay),
    retry_exponential_backoff: task.retryExponentialBackoff,
    priority_weight: task.priorityWeight,
    weight_rule: task.weightRule,
    ui_color: '#fff',
    ui_fgcolor: '#000',
    template_fields: task.templateFields,
    downstream_task_ids: downstream,
    doc_md: task.docMd,
    operator_name: task.operator,
    params: paramsJson(graph.dag),
    class_ref: { module_path: 'baram', class_name: task.operator },
    is_mapped: task.mapping !== null,
    extra_links: [],
  }
}

const versionOf = (versions: Versions, id: string | null) => {
  const row = id === null ? undefined : versions.get(id)
  return row === undefined ? null : versionJson(row)
}

export function runJson(row: RunListRow, versions: Versions) {
  const version = versionOf(versions, row.versionId)
  return {
    dag_run_id: row.runId,
    dag_id: row.dagId,
    dag_display_name: row.dagDisplayName,
    logical_date: iso(row.logicalDate),
    queued_at: iso(row.queuedAt),
    start_date: iso(row.startDate),
    end_date: iso(row.endDate),
    duration: row.duration,
    data_interval_start: iso(row.dataIntervalStart),
    data_interval_end: iso(row.dataIntervalEnd),
    run_after: isoText(row.runAfter),
    last_scheduling_decision: iso(row.lastSchedulingDecision),
    run_type: row.runType,
    state: row.state,
    triggered_by: row.triggeredBy,
    triggering_user_name: row.triggeringUserName,
    conf: row.conf,
    note: row.note,
    dag_versions: version === null ? [] : [version],
    bundle_version: row.bundleVersion,
    partition_key: row.partitionKey,
  }
}

/** Clients of 3.2 do not know `awaiting_input` and refuse unknown states: they see it as deferred, which it is to them. */
const stateJson = (state: TaskState | null) => (state === 'awaiting_input' ? 'deferred' : state)

export const tryJson = (row: TryRow, versions: Versions) => ({
  task_id: row.taskId,
  dag_id: row.dagId,
  dag_run_id: row.runId,
  map_index: row.mapIndex,
  start_date: iso(row.startDate),
  end_date: iso(row.endDate),
  duration: row.duration,
  state: stateJson(row.state),
  try_number: row.tryNumber,
  max_tries: row.maxTries,
  task_display_name: row.taskDisplayName,
  dag_display_name: row.dagDisplayName,
  hostname: row.hostname,
  unixname: row.unixname,
  pool: row.pool,
  pool_slots: row.poolSlots,
  queue: row.queue,
  priority_weight: row.priorityWeight,
  operator: row.operator,
  operator_name: row.customOperatorName ?? row.operator,
  queued_when: iso(row.queuedDttm),
  scheduled_when: iso(row.scheduledDttm),
  pid: row.pid,
  executor: row.executor,
  executor_config: JSON.stringify(row.executorConfig ?? {}),
  dag_version: versionOf(versions, row.versionId),
})

/** A number for a wait, as clients expect one: the last 31 bits of the instance's id. Nothing is looked up by it. */
const triggerId = (row: InstanceListRow): number => Number.parseInt(row.id.slice(-8), 16) >>> 1

const triggerJson = (row: InstanceListRow, wait: WaitRow) => ({
  id: triggerId(row),
  classpath: wait.classpath,
  kwargs: JSON.stringify(maskByName(wait.kwargs)),
  created_date: isoText(wait.created),
  queue: null,
  triggerer_id: wait.triggererId,
})

const triggererJson = (job: NonNullable<WaitRow['job']>) => ({
  id: job.id,
  dag_id: null,
  dag_display_name: null,
  state: job.state,
  job_type: job.jobType,
  start_date: isoText(job.start),
  end_date: iso(job.end),
  latest_heartbeat: isoText(job.heartbeat),
  executor_class: job.executorClass,
  hostname: job.hostname,
  unixname: job.unixname,
})

export const instanceJson = (row: InstanceListRow, versions: Versions) => ({
  ...tryJson(row, versions),
  id: row.id,
  logical_date: iso(row.logicalDate),
  run_after: isoText(row.runAfter),
  note: row.note,
  rendered_map_index: row.renderedMapIndex,
  rendered_fields: row.renderedFields,
  trigger: row.wait === null ? null : triggerJson(row, row.wait),
  triggerer_job: row.wait === null || row.wait.job === null ? null : triggererJson(row.wait.job),
})
