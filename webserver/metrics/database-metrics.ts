// The metrics that the database knows, read in parts at each scrape. A part that fails is missing and counted; the others are there.

import { SERVICES } from '../../core/metrics.ts'
import type { MetricSet } from '../../runtime/metrics.ts'
import {
  countAlerts,
  countDags,
  countOpenRuns,
  countQueue,
  countTriggers,
  countWarnings,
  listParseTimes,
  listPoolSizes,
  listStreams,
  type PoolSize,
  type ProcessRow,
  type QueueRow,
  readDatabaseUse,
  SERVICE_OF,
} from '../../store/postgres/metrics.ts'
import type { Sql } from '../../store/sql.ts'

/** Pools, streams, files and deadlines that one scrape lists: what people make without limit must not fill Prometheus. */
export const MOST_SERIES = 100
/** A heartbeat is written every second; after this a process is not counted as there (as in /api/v2/monitor/health). */
export const FRESH_SECONDS = 30

type Part = (sql: Sql, out: MetricSet) => Promise<void>

/** The first of many; how many were left out is a metric. */
function bounded<T>(out: MetricSet, of: string, rows: readonly T[], all = rows.length): readonly T[] {
  out.set('baram_series_left_out', { of }, Math.max(0, all - MOST_SERIES))
  return rows.slice(0, MOST_SERIES)
}

/** What runs, from the rows of living processes. */
export function setProcesses(out: MetricSet, processes: readonly ProcessRow[]): void {
  for (const service of SERVICES) {
    const own = processes.filter((row) => SERVICE_OF[row.jobType] === service)
    out.set('baram_processes', { service }, own.filter(({ age }) => age < FRESH_SECONDS).length)
    if (own.length > 0) out.set('baram_heartbeat_age_seconds', { service }, Math.min(...own.map(({ age }) => age)))
  }
  for (const { id, jobType, hostname, heartbeats } of processes) {
    const labels = { host: hostname, job_id: String(id) }
    if (jobType === 'SchedulerJob') out.add('airflow_scheduler_heartbeat', labels, heartbeats)
    else if (jobType === 'TriggererJob') out.add('airflow_triggerer_heartbeat', labels, heartbeats)
    else if (jobType === 'DagProcessorJob') out.add('airflow_dag_processor_heartbeat', labels, heartbeats)
  }
}

const dags: Part = async (sql, out) => {
  const counts = await countDags(sql)
  out.set('airflow_dagbag_size', {}, counts.dags)
  out.set('baram_dags_paused', {}, counts.paused)
  out.set('airflow_dag_processing_import_errors', {}, counts.importErrors)
  out.set('airflow_dag_processing_total_parse_time', {}, counts.parseSeconds)
  for (const { type, count } of await countWarnings(sql)) out.set('baram_dag_warnings', { type }, count)
}

const parsing: Part = async (sql, out) => {
  const times = await listParseTimes(sql, MOST_SERIES)
  for (const { file, seconds } of bounded(out, 'dag_files', times, times[0]?.files ?? 0))
    out.set('airflow_dag_processing_last_duration', { dag_file: file }, seconds)
}

const runs: Part = async (sql, out) => {
  const { running, queued } = await countOpenRuns(sql)
  out.set('airflow_scheduler_dagruns_running', {}, running)
  out.set('airflow_scheduler_dagruns_queued', {}, queued)
}

export const STAGES = ['waiting', 'deferred', 'throttled', 'queued', 'running', 'restarting'] as const

const sumOf = (
  rows: readonly QueueRow[],
  stages: readonly string[],
  field: 'instances' | 'slots' | 'starving',
): number => rows.reduce((sum, row) => (stages.includes(row.stage) ? sum + row[field] : sum), 0)

function setDepths(out: MetricSet, rows: readonly QueueRow[]): void {
  const queues = [...new Set(['default', ...rows.map(({ queue }) => queue)])].sort()
  for (const queue of bounded(out, 'queues', queues)) {
    const own = rows.filter((row) => row.queue === queue)
    for (const stage of STAGES) out.set('baram_task_queue_depth', { stage, queue }, sumOf(own, [stage], 'instances'))
  }
  out.set('airflow_scheduler_tasks_starving', {}, sumOf(rows, STAGES, 'starving'))
  out.set('airflow_scheduler_tasks_executable', {}, sumOf(rows, ['queued', 'throttled'], 'instances'))
  out.set('airflow_executor_queued_tasks', {}, sumOf(rows, ['queued'], 'instances'))
  out.set('airflow_executor_running_tasks', {}, sumOf(rows, ['running', 'restarting'], 'instances'))
}

export interface PoolUse {
  readonly pool: string
  /** -1 = no limit. */
  readonly slots: number
  readonly queued: number
  readonly running: number
  readonly deferred: number
  /** Slots that throttled instances wait for. */
  readonly waiting: number
  readonly starving: number
  /** Null = no limit. */
  readonly open: number | null
}

/** How the slots of a pool are used, from what is under way. */
export function poolUse({ pool, slots, includeDeferred }: PoolSize, queue: readonly QueueRow[]): PoolUse {
  const own = queue.filter((row) => row.pool === pool)
  const [queued, running, deferred] = [['queued'], ['running', 'restarting'], ['deferred']].map((stages) =>
    sumOf(own, stages, 'slots'),
  ) as [number, number, number]
  const used = queued + running + (includeDeferred ? deferred : 0)
  return {
    ...{ pool, slots, queued, running, deferred },
    waiting: sumOf(own, ['throttled'], 'slots'),
    starving: sumOf(own, STAGES, 'starving'),
    open: slots < 0 ? null : slots - used,
  }
}

function setPools(out: MetricSet, pools: readonly PoolSize[], queue: readonly QueueRow[]): void {
  for (const size of bounded(out, 'pools', pools)) {
    const use = poolUse(size, queue)
    const { pool } = use
    out.set('baram_pool_slots', { pool }, use.slots)
    if (use.open !== null) out.set('airflow_pool_open_slots', { pool }, use.open)
    out.set('airflow_pool_queued_slots', { pool }, use.queued)
    out.set('airflow_pool_running_slots', { pool }, use.running)
    out.set('airflow_pool_deferred_slots', { pool }, use.deferred)
    out.set('airflow_pool_scheduled_slots', { pool }, use.waiting)
    out.set('airflow_pool_starving_tasks', { pool }, use.starving)
  }
}

const queue =
  (parallelism: number): Part =>
  async (sql, out) => {
    const rows = await countQueue(sql)
    setDepths(out, rows)
    setPools(out, await listPoolSizes(sql), rows)
    const used = sumOf(rows, ['queued', 'running', 'restarting'], 'instances')
    if (parallelism > 0) out.set('airflow_executor_open_slots', {}, parallelism - used)
  }

const triggers: Part = async (sql, out) => {
  for (const { hostname, count } of await countTriggers(sql)) out.set('airflow_triggers_running', { hostname }, count)
}

const alerts: Part = async (sql, out) => {
  const counts = await countAlerts(sql)
  out.set('baram_callbacks_pending', {}, counts.pending)
  out.set('baram_callbacks_running', {}, counts.running)
  out.set('baram_callback_oldest_due_seconds', {}, counts.oldestDue)
  out.set('baram_callbacks_failed_last_hour', {}, counts.failedLastHour)
  out.set('baram_deadlines_watched', {}, counts.deadlines)
  for (const { dagId, reference, count } of bounded(out, 'deadlines', counts.late))
    out.set('baram_deadlines_late', { dag_id: dagId, reference }, count)
}

const streams: Part = async (sql, out) => {
  for (const stream of bounded(out, 'streams', await listStreams(sql))) {
    const labels = { dag_id: stream.dagId, task_id: stream.taskId, target: stream.target }
    out.set('baram_stream_lag_records', labels, stream.lag)
    out.set('baram_stream_rows_per_second', labels, stream.rowsPerSecond)
    if (stream.freshness !== null) out.set('baram_stream_freshness_seconds', labels, stream.freshness)
    out.set('baram_stream_window_age_seconds', labels, stream.windowAge)
    out.add('baram_stream_read_rows_total', labels, stream.rowsRead)
    out.add('baram_stream_written_rows_total', labels, stream.rowsWritten)
    out.add('baram_stream_rejected_rows_total', labels, stream.rowsRejected)
  }
}

const database: Part = async (sql, out) => {
  const { connections, limit, bytes } = await readDatabaseUse(sql)
  out.set('baram_database_connections', {}, connections)
  out.set('baram_database_connection_limit', {}, limit)
  out.set('baram_database_size_bytes', {}, bytes)
}

/** By the name that a log line gives a part that failed. */
export const partsOf = (parallelism: number): Readonly<Record<string, Part>> => ({
  ...{ dags, parsing, runs },
  queue: queue(parallelism),
  ...{ triggers, alerts, streams, database },
})
