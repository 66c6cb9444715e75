// What `why` reads: who paused a DAG and when, when schedulers ran, who holds a pool, which workers there are.

import type { RunState, TaskState } from '../../core/states.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { ACTIVE } from './state-lists.ts'

export interface PauseEvent {
  readonly at: number
  readonly isPause: boolean
  readonly owner: string
  readonly extra: string | null
}

/** Pauses and resumptions of a DAG, oldest first. */
export async function listPauses(sql: Sql, dagId: string): Promise<readonly PauseEvent[]> {
  return rowsOf<PauseEvent>(
    sql,
    `select dttm as at, event <> 'dag.unpause' as is_pause, owner, extra from log
     where dag_id = $1 and event in ('dag.pause', 'dag.unpause', 'paused_after_failures') order by id`,
    [dagId],
  )
}

export interface Span {
  readonly start: number
  readonly end: number
}

/** When schedulers ran, as far as their jobs tell; one that runs now ends now. */
export async function listSchedulerSpans(sql: Sql, from: number, to: number): Promise<readonly Span[]> {
  return rowsOf<Span>(
    sql,
    `select start_date as start, case when state = 'running' then greatest(latest_heartbeat, now() - interval '10 seconds')
       else least(end_date, latest_heartbeat + interval '10 seconds') end as "end"
     from job where job_type = 'SchedulerJob' and start_date <= $2 and coalesce(end_date, now()) >= $1 order by start_date`,
    [timestampOf(from), timestampOf(to)],
  )
}

/** The last time a scheduler ran before an instant, and the first after it. */
export async function schedulerGap(
  sql: Sql,
  at: number,
): Promise<{ readonly before: number | null; readonly after: number | null }> {
  const rows = await rowsOf<{ before: number | null; after: number | null }>(
    sql,
    `select (select max(latest_heartbeat) from job where job_type = 'SchedulerJob' and start_date < $1) as before,
       (select min(start_date) from job where job_type = 'SchedulerJob' and start_date > $1) as after`,
    [timestampOf(at)],
  )
  return rows[0] ?? { before: null, after: null }
}

export interface ActiveRun {
  readonly runId: string
  readonly state: RunState
}

/** Runs of a DAG's own (no backfill's) that were queued or running at an instant; oldest first. */
export async function activeRunsAt(sql: Sql, dagId: string, at: number): Promise<readonly ActiveRun[]> {
  return rowsOf<ActiveRun>(
    sql,
    `select run_id, state from dag_run where dag_id = $1 and backfill_id is null
       and coalesce(start_date, queued_at) <= $2 and (end_date is null or end_date > $2) order by id limit 50`,
    [dagId, timestampOf(at)],
  )
}

/** Who deleted the run of a date, as far as the audit log tells. */
export async function findDeletion(
  sql: Sql,
  dagId: string,
  logicalDate: number,
): Promise<{ readonly at: number; readonly owner: string; readonly runId: string } | null> {
  const rows = await rowsOf<{ at: number; owner: string; runId: string }>(
    sql,
    `select dttm as at, owner, run_id from log where dag_id = $1 and event = 'dag_run.delete' and logical_date = $2
     order by id desc limit 1`,
    [dagId, timestampOf(logicalDate)],
  )
  return rows[0] ?? null
}

/** When a DAG was first seen. */
export async function findFirstSeen(sql: Sql, dagId: string): Promise<number | null> {
  const rows = await rowsOf<{ at: number }>(sql, 'select created_at as at from dag where dag_id = $1', [dagId])
  return rows[0]?.at ?? null
}

/** The run on a logical date, or the one made for it at its time. */
export async function findRunAt(sql: Sql, dagId: string, at: number): Promise<string | null> {
  const rows = await rowsOf<{ runId: string }>(
    sql,
    `select run_id from dag_run where dag_id = $1 and (logical_date = $2 or run_after = $2)
     order by logical_date = $2 desc nulls last, id limit 1`,
    [dagId, timestampOf(at)],
  )
  return rows[0]?.runId ?? null
}

export interface Holder {
  readonly dagId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly runId: string
  readonly poolSlots: number
}

const holders = (stages: string) => /* sql */ `select l.dag_id, l.task_id, l.map_index, r.run_id, l.pool_slots
  from task_queue l join dag_run r on r.id = l.dag_run_id where l.stage in (${stages})`
const HOLDER = holders(ACTIVE)
/** Limits of a task count what is deferred as well. */
const UNDER_WAY = holders(`${ACTIVE}, 'deferred'`)

/** Who holds slots of a pool, the longest first. */
export async function holdersOfPool(sql: Sql, pool: string): Promise<readonly Holder[]> {
  return rowsOf<Holder>(sql, `${HOLDER} and l.pool = $1 order by l.dag_run_id, l.ti_id limit 50`, [pool])
}

/** Instances of a task that are under way, in all runs or in one. */
export async function holdersOfTask(
  sql: Sql,
  dagId: string,
  taskId: string,
  dagRunId: number | null,
): Promise<readonly Holder[]> {
  return rowsOf<Holder>(
    sql,
    `${UNDER_WAY} and l.dag_id = $1 and l.task_id = $2 and ($3::bigint is null or l.dag_run_id = $3) order by l.dag_run_id, l.ti_id limit 50`,
    [dagId, taskId, dagRunId],
  )
}

/** Active instances of a run. */
export async function holdersInRun(sql: Sql, dagRunId: number): Promise<readonly Holder[]> {
  return rowsOf<Holder>(sql, `${HOLDER} and l.dag_run_id = $1 order by l.ti_id limit 50`, [dagRunId])
}

/** Slots of a pool; null when there is none. */
export async function slotsOfPool(sql: Sql, pool: string): Promise<number | null> {
  const rows = await rowsOf<{ slots: number }>(sql, 'select slots from slot_pool where pool = $1', [pool])
  return rows[0]?.slots ?? null
}

export interface WorkerRow {
  readonly hostname: string
  readonly queues: readonly string[] | null
  readonly concurrency: number
  readonly busy: number
}

/** Workers that are alive, with how many attempts each holds. */
export async function listWorkers(sql: Sql): Promise<readonly WorkerRow[]> {
  const rows = await rowsOf<WorkerRow>(
    sql,
    `select j.hostname, j.info -> 'queues' as queues, coalesce((j.info ->> 'concurrency')::int, 0) as concurrency,
       (select count(*) from task_queue l where l.worker_id = j.id)::int as busy
     from job j where j.job_type = 'WorkerJob' and j.state = 'running' order by j.id`,
  )
  return rows.map((row) => ({ ...row, queues: Array.isArray(row.queues) ? row.queues : null }))
}

export async function hasScheduler(sql: Sql): Promise<boolean> {
  const { rows } = await sql.query(
    "select 1 from job where job_type = 'SchedulerJob' and state = 'running' and latest_heartbeat > now() - interval '30 seconds' limit 1",
  )
  return rows.length > 0
}

export interface TaskStateCount {
  readonly taskId: string
  readonly state: TaskState | null
  readonly n: number
  readonly since: number | null
}

/** States of a run's instances by task. */
export async function countStatesByTask(sql: Sql, dagRunId: number): Promise<readonly TaskStateCount[]> {
  return rowsOf<TaskStateCount>(
    sql,
    `select task_id, state, count(*)::int as n, min(start_date) as since from task_instance where dag_run_id = $1
     group by task_id, state order by task_id`,
    [dagRunId],
  )
}

export interface BackfillOfRun {
  readonly id: number
  readonly isPaused: boolean
  readonly maxActiveRuns: number
  readonly running: number
}

/** The backfill a run belongs to, or null. */
export async function findBackfillOf(sql: Sql, dagRunId: number): Promise<BackfillOfRun | null> {
  const rows = await rowsOf<BackfillOfRun>(
    sql,
    `select b.id, b.is_paused, b.max_active_runs,
       (select count(*) from dag_run a where a.backfill_id = b.id and a.state = 'running')::int as running
     from dag_run r join backfill b on b.id = r.backfill_id where r.id = $1`,
    [dagRunId],
  )
  return rows[0] ?? null
}

/** The instance of a task in a run that is least well; null when it has none. */
export async function worstOfTask(
  sql: Sql,
  dagRunId: number,
  taskId: string,
): Promise<{ readonly runId: string; readonly state: TaskState | null } | null> {
  const rows = await rowsOf<{ runId: string; state: TaskState | null }>(
    sql,
    `select run_id, state from task_instance where dag_run_id = $1 and task_id = $2
     order by coalesce(state in ('success', 'skipped'), false), map_index limit 1`,
    [dagRunId, taskId],
  )
  return rows[0] ?? null
}
