// What /metrics and its page read at each look. Each statement is served by an index or reads a narrow table: what is under way,
// what is declared. None reads the history of runs.

import type { ServiceLabel } from '../../core/metrics.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import type { JobType } from './jobs.ts'
import type { QueueStage } from './task-queue.ts'

export const SERVICE_OF: Readonly<Record<JobType, ServiceLabel>> = {
  SchedulerJob: 'scheduler',
  WorkerJob: 'worker',
  TriggererJob: 'triggerer',
  DagProcessorJob: 'dag-processor',
  CallbackJob: 'callbacks',
  WebserverJob: 'webserver',
}

export interface ProcessRow {
  readonly id: number
  readonly jobType: JobType
  readonly hostname: string
  readonly heartbeats: number
  /** Seconds since its last heartbeat. */
  readonly age: number
  readonly startDate: number
  /** What it has counted; null = nothing yet. */
  readonly samples: unknown
}

/** Processes whose job runs, newest first. */
export async function listProcesses(sql: Sql, limit: number): Promise<readonly ProcessRow[]> {
  return rowsOf<ProcessRow>(
    sql,
    `select j.id, j.job_type, j.hostname, j.hb_seq as heartbeats, j.start_date, m.samples,
       greatest(0, extract(epoch from clock_timestamp() - j.latest_heartbeat))::float8 as age
     from job j left join job_metrics m on m.job_id = j.id where j.state = 'running' order by j.id desc limit $1`,
    [limit],
    'list_processes',
  )
}

export interface DagCounts {
  readonly dags: number
  readonly paused: number
  readonly importErrors: number
  readonly parseSeconds: number
}

export async function countDags(sql: Sql): Promise<DagCounts> {
  const rows = await rowsOf<DagCounts>(
    sql,
    `select count(*)::int as dags, (count(*) filter (where is_paused))::int as paused,
       (select count(*)::int from import_error) as import_errors,
       (select coalesce(sum(seconds), 0) from (
         select max(last_parse_duration) as seconds from dag where not is_stale group by relative_fileloc) f) as parse_seconds
     from dag where not is_stale`,
    [],
    'count_dags',
  )
  return rows[0] ?? { dags: 0, paused: 0, importErrors: 0, parseSeconds: 0 }
}

/** DAG files by how long their last reading took, slowest first. */
export async function listParseTimes(
  sql: Sql,
  limit: number,
): Promise<readonly { file: string; seconds: number; files: number }[]> {
  return rowsOf(
    sql,
    `select relative_fileloc as file, max(last_parse_duration) as seconds, (count(*) over ())::int as files
     from dag where not is_stale and last_parse_duration is not null group by 1 order by 2 desc, 1 limit $1`,
    [limit],
    'list_parse_times',
  )
}

export async function countWarnings(sql: Sql): Promise<readonly { type: string; count: number }[]> {
  return rowsOf(
    sql,
    'select warning_type as type, count(*)::int as count from dag_warning group by 1 order by 1 limit 100',
    [],
    'count_warnings',
  )
}

export async function countOpenRuns(sql: Sql): Promise<{ readonly running: number; readonly queued: number }> {
  const rows = await rowsOf<{ running: number; queued: number }>(
    sql,
    `select (select count(*)::int from dag_run where state = 'running') as running,
       (select count(*)::int from dag_run where state = 'queued') as queued`,
    [],
    'count_open_runs',
  )
  return rows[0] ?? { running: 0, queued: 0 }
}

export interface QueueRow {
  readonly pool: string
  readonly queue: string
  readonly stage: QueueStage | 'restarting'
  readonly instances: number
  readonly slots: number
  /** Among them: those that wait because their pool is full. */
  readonly starving: number
}

/** What is under way, by pool, queue and stage. */
export async function countQueue(sql: Sql): Promise<readonly QueueRow[]> {
  return rowsOf<QueueRow>(
    sql,
    `select pool, queue, stage, count(*)::int as instances, sum(pool_slots)::int as slots,
       (count(*) filter (where stage = 'throttled' and because ->> 'code' = 'waits_for_pool'))::int as starving
     from task_queue group by pool, queue, stage`,
    [],
    'count_queue',
  )
}

export interface PoolSize {
  readonly pool: string
  readonly slots: number
  readonly includeDeferred: boolean
}

export async function listPoolSizes(sql: Sql): Promise<readonly PoolSize[]> {
  return rowsOf<PoolSize>(sql, 'select pool, slots, include_deferred from slot_pool order by id', [], 'list_pool_sizes')
}

/** Triggers that wait, by the host of their triggerer; an empty name = nobody holds them yet. */
export async function countTriggers(sql: Sql): Promise<readonly { hostname: string; count: number }[]> {
  return rowsOf(
    sql,
    `select coalesce(j.hostname, '') as hostname, sum(t.count)::int as count from (
       select triggerer_id, count(*) as count from trigger where fired_at is null and kind = 'trigger' group by 1) t
     left join job j on j.id = t.triggerer_id group by 1 order by 1 limit 100`,
    [],
    'count_triggers',
  )
}

export interface AlertCounts {
  readonly pending: number
  readonly running: number
  /** Seconds. */
  readonly oldestDue: number
  readonly failedLastHour: number
  readonly deadlines: number
  /** Deadlines of streams that were missed and have not been met since. */
  readonly late: readonly LateDeadline[]
}

export interface LateDeadline {
  readonly dagId: string
  readonly reference: string
  readonly count: number
}

export async function countAlerts(sql: Sql): Promise<AlertCounts> {
  const rows = await rowsOf<AlertCounts>(
    sql,
    `select (select count(*)::int from callback where state = 'pending') as pending,
       (select count(*)::int from callback where state = 'running') as running,
       (select coalesce(greatest(0, extract(epoch from now() - min(ready_at))), 0)::float8 from callback where state = 'pending') as oldest_due,
       (select count(*)::int from callback where end_date > now() - interval '1 hour' and state = 'failed') as failed_last_hour,
       (select count(*)::int from deadline where not missed and deadline_time is not null) as deadlines,
       (select coalesce(json_agg(json_build_object('dagId', l.dag_id, 'reference', l.reference, 'count', l.n) order by l.dag_id, l.reference), '[]')
        from (select d.dag_id, d.reference, count(*) as n from deadline d join dag using (dag_id)
          where d.dagrun_id is null and d.missed and not dag.is_paused and not dag.is_stale group by 1, 2) l) as late`,
    [],
    'count_alerts',
  )
  return rows[0] ?? { pending: 0, running: 0, oldestDue: 0, failedLastHour: 0, deadlines: 0, late: [] }
}

export interface StreamRow {
  readonly dagId: string
  readonly taskId: string
  readonly target: string
  readonly lag: number
  readonly rowsPerSecond: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly rowsRejected: number
  /** Seconds since the newest record came; null = none came yet. */
  readonly freshness: number | null
  /** Seconds since a window was settled. */
  readonly windowAge: number
}

/** Streams of DAGs that are watched; one that nobody has run for a week is over. The oldest window first: what stalls is shown. */
export async function listStreams(sql: Sql): Promise<readonly StreamRow[]> {
  return rowsOf<StreamRow>(
    sql,
    `select s.dag_id, s.task_id, s.target, s.lag, s.rows_per_second, s.rows_read, s.rows_written, s.rows_rejected,
       case when s.newest_at is not null then greatest(0, extract(epoch from now() - s.newest_at))::float8 end as freshness,
       greatest(0, extract(epoch from now() - s.settled_at))::float8 as window_age
     from stream s join dag d using (dag_id)
     where s.settled_at > now() - interval '7 days' and not d.is_paused and not d.is_stale
     order by s.settled_at, s.dag_id, s.task_id, s.target limit 1000`,
    [],
    'list_streams',
  )
}

export interface DatabaseUse {
  readonly connections: number
  readonly limit: number
  readonly bytes: number
}

export async function readDatabaseUse(sql: Sql): Promise<DatabaseUse> {
  const rows = await rowsOf<DatabaseUse>(
    sql,
    `select numbackends as connections, current_setting('max_connections')::int as "limit", pg_database_size(datid) as bytes
     from pg_stat_database where datname = current_database()`,
    [],
    'read_database_use',
  )
  return rows[0] ?? { connections: 0, limit: 0, bytes: 0 }
}

export interface FailedCallbackRow {
  readonly dagId: string
  readonly taskId: string | null
  readonly kind: string
  readonly output: string | null
  readonly endedAt: number
}

/** Callbacks that were given up, newest first: among the newest that ended in the last week. */
export async function listFailedCallbacks(sql: Sql, limit: number): Promise<readonly FailedCallbackRow[]> {
  return rowsOf<FailedCallbackRow>(
    sql,
    `select dag_id, task_id, kind, output, end_date as ended_at from callback
     where end_date > now() - interval '7 days' and state = 'failed' order by end_date desc limit $1`,
    [limit],
    'list_failed_callbacks',
  )
}
