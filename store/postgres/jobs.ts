// Processes and their leases: a row each, one heartbeat a second, judged by whether hb_seq moves.

import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export type JobType = 'SchedulerJob' | 'WorkerJob' | 'TriggererJob' | 'CallbackJob' | 'DagProcessorJob' | 'WebserverJob'

export interface NewJob {
  readonly jobType: JobType
  readonly hostname: string
  readonly pid: number
  readonly bootId: string
  readonly pidStarted: string | null
  /** Empty = unknown: nobody judges the process by its pid. */
  readonly pidNamespace?: string
  readonly info: unknown
}

export async function insertJob(sql: Sql, job: NewJob): Promise<number> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    ...bind(
      `insert into job (job_type, state, hostname, unixname, pid, boot_id, pid_started, pid_namespace, info)
     values (:jobType, 'running', :hostname, null, :pid, :bootId, :pidStarted, :pidNamespace, :info) returning id`,
      {
        jobType: job.jobType,
        hostname: job.hostname,
        pid: job.pid,
        bootId: job.bootId,
        pidStarted: job.pidStarted,
        pidNamespace: job.pidNamespace ?? '',
        info: JSON.stringify(job.info),
      },
    ),
  )
  const id = rows[0]?.id
  if (id === undefined) throw new Error('insert into job returned no row')
  return id
}

/** One statement a second: the lease and the database's clock. False = somebody declared this process dead. */
export async function heartbeat(sql: Sql, id: number): Promise<{ isAlive: boolean; now: number }> {
  const rows = await rowsOf<{ now: number; alive: boolean }>(
    sql,
    `with beat as (update job set hb_seq = hb_seq + 1, latest_heartbeat = now() where id = $1 and state = 'running' returning 1)
     select clock_timestamp() as now, exists (select 1 from beat) as alive`,
    [id],
    'heartbeat',
  )
  const row = rows[0]
  return { isAlive: row?.alive === true, now: row?.now ?? Date.now() }
}

/** The same, with what the process has counted: a heartbeat that carries it is no statement more. */
export async function heartbeatWithSamples(
  sql: Sql,
  id: number,
  samples: string,
): Promise<{ isAlive: boolean; now: number }> {
  const rows = await rowsOf<{ now: number; alive: boolean }>(
    sql,
    `with beat as (update job set hb_seq = hb_seq + 1, latest_heartbeat = now() where id = $1 and state = 'running' returning id),
     counted as (insert into job_metrics (job_id, samples) select id, $2::jsonb from beat
       on conflict (job_id) do update set samples = excluded.samples, recorded_at = now())
     select clock_timestamp() as now, exists (select 1 from beat) as alive`,
    [id, samples],
    'heartbeat_with_samples',
  )
  const row = rows[0]
  return { isAlive: row?.alive === true, now: row?.now ?? Date.now() }
}

export async function endJob(sql: Sql, id: number, state: 'success' | 'failed'): Promise<boolean> {
  const { rowCount } = await sql.query(
    "update job set state = $2, end_date = now() where id = $1 and state = 'running'",
    [id, state],
  )
  return rowCount === 1
}

/** Where a pid counts: the machine's name, its boot, and the namespace that numbers its processes. */
export interface PidScope {
  readonly hostname: string
  readonly bootId: string
  readonly pidNamespace: string
}

/** Ends the jobs of a process, for the launcher that saw it exit. Another namespace's process of that pid is another's. */
export async function endJobsOfProcess(sql: Sql, pid: number, scope: PidScope): Promise<number> {
  const rows = await rowsOf<{ id: number; session: string | null }>(
    sql,
    `update job set state = 'failed', end_date = now()
     where pid = $1 and hostname = $2 and boot_id = $3 and pid_namespace = $4 and state = 'running'
     returning id, info ->> 'session' as session`,
    [pid, scope.hostname, scope.bootId, scope.pidNamespace],
  )
  for (const { session } of rows) await endSessions(sql, session)
  return rows.length
}

export interface JobRow {
  readonly id: number
  readonly jobType: JobType
  readonly hostname: string
  readonly pid: number
  readonly bootId: string
  readonly pidStarted: string | null
  readonly pidNamespace: string
  readonly hbSeq: number
}

export async function listRunningJobs(sql: Sql): Promise<readonly JobRow[]> {
  return rowsOf<JobRow>(
    sql,
    "select id, job_type, hostname, pid, boot_id, pid_started, pid_namespace, hb_seq from job where state = 'running' order by id",
    [],
    'list_running_jobs',
  )
}

/** Declares a job dead, but only if its lease has not moved since it was judged. */
export async function reapJob(sql: Sql, id: number, hbSeq: number): Promise<boolean> {
  const rows = await rowsOf<{ session: string | null }>(
    sql,
    `update job set state = 'failed', end_date = now() where id = $1 and hb_seq = $2 and state = 'running'
     returning info ->> 'session' as session`,
    [id, hbSeq],
  )
  const [dead] = rows
  if (dead === undefined) return false
  await endSessions(sql, dead.session)
  return true
}

/** A lock dies with its holder (docs/reliability.md rule 23): what a dead process left open on the server is ended, with its transactions. */
async function endSessions(sql: Sql, session: string | null): Promise<void> {
  if (session === null) return
  await sql.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = $1 and datname = current_database() and usename = current_user and pid <> pg_backend_pid()`,
    [session],
    'end_sessions',
  )
}

/** The database's clock, epoch ms: the only one schedules follow. */
export async function databaseNow(sql: Sql): Promise<number> {
  const rows = await rowsOf<{ now: number }>(sql, 'select clock_timestamp() as now', [], 'database_now')
  return rows[0]?.now ?? Date.now()
}
