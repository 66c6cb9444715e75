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
  version_number: row.version_number,
  dag_id: row.dag_id,
  bundle_name: row.bundle_name,
  bundle_version: row.bundle_version,
  created_at: isoText(row.created_at),
  dag_display_name: row.dag_display_name,
  bundle_url: null,
})

/** Signed, so that a path named by a client is one we gave out. */
function fileToken(row: DagListRow, secret: string | Buffer): string {
  const body = Buffer.from(JSON.stringify({ b: row.bundle_name, f: row.relative_fileloc })).toString('base64url')
  return `${body}.${createHmac('sha256', secret).update(`file|${body}`).digest('base64url')}`
}

/** Airflow's `Timetable.periodic`: false of its simple ones alone (none, once, continuous). What is not periodic has no dates to fill. */
const isPeriodic = (row: DagListRow): boolean => !row.timetable_type.startsWith('airflow.timetables.simple.')

export const dagJson = (row: DagListRow, secret: string | Buffer) => ({
  dag_id: row.dag_id,
  dag_display_name: row.dag_display_name,
  is_paused: row.is_paused,
  is_stale: row.is_stale,
  last_parsed_time: iso(row.last_parsed_time),
  last_parse_duration: row.last_parse_duration,
  last_expired: null,
  bundle_name: row.bundle_name,
  bundle_version: row.bundle_version,
  relative_fileloc: row.relative_fileloc,
  fileloc: row.fileloc,
  description: row.description,
  timetable_summary: row.timetable_summary,
  timetable_description: row.timetable_description,
  timetable_partitioned: false,
  timetable_periodic: isPeriodic(row),
  is_backfillable: isPeriodic(row),
  tags: row.tags.map((name) => ({ name, dag_id: row.dag_id, dag_display_name: row.dag_display_name })),
  max_active_tasks: row.max_active_tasks,
  max_active_runs: row.max_active_runs,
  max_consecutive_failed_dag_runs: row.max_consecutive_failed_dag_runs,
  has_task_concurrency_limits: row.has_task_concurrency_limits,
  has_import_errors: row.has_import_errors,
  next_dagrun_logical_date: iso(row.next_dagrun),
  next_dagrun_data_interval_start: iso(row.next_dagrun_data_interval_start),
  next_dagrun_data_interval_end: iso(row.next_dagrun_data_interval_end),
  next_dagrun_run_after: iso(row.next_dagrun_create_after),
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
  activeRuns: number,
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
  last_parsed: iso(row.last_parsed_time),
  default_args: {},
  owner_links: {},
  is_favorite: false,
  active_runs_count: activeRuns,
  latest_dag_version: version === null ? null : versionJson(version),
  concurrency: row.max_active_tasks,
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
  const version = versionOf(versions, row.version_id)
  return {
    dag_run_id: row.run_id,
    dag_id: row.dag_id,
    dag_display_name: row.dag_display_name,
    logical_date: iso(row.logical_date),
    queued_at: iso(row.queued_at),
    start_date: iso(row.start_date),
    end_date: iso(row.end_date),
    duration: row.duration,
    data_interval_start: iso(row.data_interval_start),
    data_interval_end: iso(row.data_interval_end),
    run_after: isoText(row.run_after),
    last_scheduling_decision: iso(row.last_scheduling_decision),
    run_type: row.run_type,
    state: row.state,
    triggered_by: row.triggered_by,
    triggering_user_name: row.triggering_user_name,
    conf: row.conf,
    note: row.note,
    dag_versions: version === null ? [] : [version],
    bundle_version: row.bundle_version,
    partition_key: row.partition_key,
  }
}

/** Clients of 3.2 do not know `awaiting_input` and refuse unknown states: they see it as deferred, which it is to them. */
const stateJson = (state: TaskState | null) => (state === 'awaiting_input' ? 'deferred' : state)

export const tryJson = (row: TryRow, versions: Versions) => ({
  task_id: row.task_id,
  dag_id: row.dag_id,
  dag_run_id: row.run_id,
  map_index: row.map_index,
  start_date: iso(row.start_date),
  end_date: iso(row.end_date),
  duration: row.duration,
  state: stateJson(row.state),
  try_number: row.try_number,
  max_tries: row.max_tries,
  task_display_name: row.task_display_name,
  dag_display_name: row.dag_display_name,
  hostname: row.hostname,
  unixname: row.unixname,
  pool: row.pool,
  pool_slots: row.pool_slots,
  queue: row.queue,
  priority_weight: row.priority_weight,
  operator: row.operator,
  operator_name: row.custom_operator_name ?? row.operator,
  queued_when: iso(row.queued_dttm),
  scheduled_when: iso(row.scheduled_dttm),
  pid: row.pid,
  executor: row.executor,
  executor_config: JSON.stringify(row.executor_config ?? {}),
  dag_version: versionOf(versions, row.version_id),
})

/** A number for a wait, as clients expect one: the last 31 bits of the instance's id. Nothing is looked up by it. */
const triggerId = (row: InstanceListRow): number => Number.parseInt(row.id.slice(-8), 16) >>> 1

const triggerJson = (row: InstanceListRow, wait: WaitRow) => ({
  id: triggerId(row),
  classpath: wait.classpath,
  kwargs: JSON.stringify(maskByName(wait.kwargs)),
  created_date: isoText(wait.created),
  queue: null,
  triggerer_id: wait.triggerer_id,
})

const triggererJson = (job: NonNullable<WaitRow['job']>) => ({
  id: job.id,
  dag_id: null,
  dag_display_name: null,
  state: job.state,
  job_type: job.job_type,
  start_date: isoText(job.start),
  end_date: iso(job.end),
  latest_heartbeat: isoText(job.heartbeat),
  executor_class: job.executor_class,
  hostname: job.hostname,
  unixname: job.unixname,
})

export const instanceJson = (row: InstanceListRow, versions: Versions) => ({
  ...tryJson(row, versions),
  id: row.id,
  logical_date: iso(row.logical_date),
  run_after: isoText(row.run_after),
  note: row.note,
  rendered_map_index: row.rendered_map_index,
  rendered_fields: row.rendered_fields,
  trigger: row.wait === null ? null : triggerJson(row, row.wait),
  triggerer_job: row.wait === null || row.wait.job === null ? null : triggererJson(row.wait.job),
})
