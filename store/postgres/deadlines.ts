// Deadlines: by when a run or a task must have ended, or a stream must have brought something. One row a run and deadline;
// of those that belong to the DAG itself one row each, which moves on from slot to slot or from success to success.

import type { DeadlineReference, OwnedDeadline } from '../../core/deadlines.ts'
import { storableJson } from '../../core/storable.ts'
import type { DueRun } from '../../core/timetables/timetable.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { FINISHED, RUN_FINISHED } from './state-lists.ts'

/**
 * The deadlines of a DAG's file that do not wait for a run. One that is new is watched from the next look on; after a change
 * of the file a slot that is not due yet is looked up anew.
 */
export async function putStandingDeadlines(
  tx: Sql,
  dagId: string,
  deadlines: readonly OwnedDeadline[],
  isChanged: boolean,
): Promise<void> {
  const keys = deadlines.map(({ key }) => key)
  await tx.query(
    'delete from deadline where dag_id = $1 and dagrun_id is null and key <> all($2)',
    [dagId, keys],
    'delete_standing_deadlines',
  )
  if (deadlines.length === 0) return
  await tx.query(
    `insert into deadline (dag_id, key, task_id, reference, interval_seconds, callbacks)
     select $1, d.key, d."taskId", d.reference, d."interval", d.callbacks
     from json_to_recordset($2) as d(key text, "taskId" text, reference text, "interval" float8, callbacks int)
     on conflict (dag_id, key) where dagrun_id is null do update set callbacks = excluded.callbacks`,
    [dagId, storableJson(deadlines)],
  )
  if (!isChanged) return
  await tx.query(
    `update deadline set counts_from = null, slot_start = null, deadline_time = null
     where dag_id = $1 and dagrun_id is null and reference = 'slot' and (deadline_time is null or counts_from > now())`,
    [dagId],
  )
}

/**
 * The deadlines of new runs. One that had passed before its run was made is no deadline of it: a run of the past, by a
 * backfill or a catch-up, would be late from the start.
 */
export async function insertRunDeadlines(
  tx: Sql,
  dagId: string,
  dagRunIds: readonly number[],
  deadlines: readonly OwnedDeadline[],
): Promise<void> {
  if (deadlines.length === 0 || dagRunIds.length === 0) return
  await tx.query(
    `insert into deadline (dag_id, dagrun_id, key, task_id, reference, interval_seconds, callbacks, deadline_time)
     select $1, r.id, d.key, d."taskId", d.reference, d."interval", d.callbacks, t.at
     from dag_run r
     cross join json_to_recordset($3) as d(key text, "taskId" text, reference text, "interval" float8, callbacks int, at timestamptz,
       "maxRuns" int, "minRuns" int)
     cross join lateral (select make_interval(secs => d."interval") + case d.reference
       when 'queued_at' then r.queued_at
       when 'logical_date' then r.logical_date
       when 'fixed' then d.at
       when 'average_runtime' then r.queued_at + (
         select avg(l.took) from (
           select e.end_date - e.start_date as took from dag_run e
           where e.dag_id = $1 and e.state in (${RUN_FINISHED}) and e.start_date is not null
           order by e.id desc limit d."maxRuns") l
         having count(*) >= d."minRuns")
       end as at) t
     where r.id = any($2::bigint[]) and t.at > now()
     on conflict do nothing`,
    [dagId, dagRunIds, storableJson(deadlines)],
    'insert_run_deadlines',
  )
}

/** A deadline that belongs to its DAG. */
export interface StandingDeadline {
  readonly id: number
  readonly dagId: string
  readonly reference: DeadlineReference
  readonly intervalSeconds: number
}

/**
 * Those of paused and stale DAGs are watched no more: nothing of them is late. Those that are not watched yet, and may be, are
 * returned.
 */
export async function findUnwatchedDeadlines(sql: Sql, limit: number): Promise<readonly StandingDeadline[]> {
  await sql.query(
    `update deadline d set counts_from = null, slot_start = null, deadline_time = null, missed = false
     from dag g where d.dagrun_id is null and d.counts_from is not null and g.dag_id = d.dag_id and (g.is_paused or g.is_stale)`,
    [],
    'unwatch_deadlines',
  )
  return rowsOf<StandingDeadline>(
    sql,
    `select d.id, d.dag_id, d.reference, d.interval_seconds from deadline d join dag g using (dag_id)
     where d.dagrun_id is null and d.counts_from is null and not g.is_paused and not g.is_stale order by d.id limit $1`,
    [limit],
    'find_unwatched_deadlines',
  )
}

/** Counts from now on: what was before the DAG was seen or resumed is nobody's delay. */
export async function watchFromNow(sql: Sql, id: number): Promise<void> {
  await sql.query(
    `update deadline set counts_from = now(), deadline_time = now() + make_interval(secs => interval_seconds), missed = false
     where id = $1 and counts_from is null`,
    [id],
  )
}

/** Watches a slot; null = the schedule has no more, until its file changes. */
export async function watchSlot(sql: Sql, id: number, slot: DueRun | null): Promise<void> {
  await sql.query(
    `update deadline set counts_from = coalesce($2::timestamptz, now()), slot_start = $3::timestamptz,
       deadline_time = $2::timestamptz + make_interval(secs => interval_seconds)
     where id = $1`,
    [id, timestampOf(slot?.runAfter), timestampOf(slot?.logicalDate)],
  )
}

/**
 * What a stream counts from: the newest of what it waits for, in whole milliseconds as it is stored in `counts_from`: a rest of
 * one would look like something newer. @param d alias of `deadline`
 */
const newestOf = (d: 'd' | 'm') => /* sql */ `date_trunc('milliseconds', case ${d}.reference
  when 'last_success' then (select r.end_date from dag_run r where r.dag_id = ${d}.dag_id and r.state = 'success' order by r.id desc limit 1)
  when 'last_rows' then (select e.recorded_at from dag_run r join effect e on e.dag_run_id = r.id
    where r.dag_id = ${d}.dag_id and (e.rows_read > 0 or e.rows_written > 0) order by r.id desc, e.recorded_at desc limit 1)
  end)`

/** Streams that were late and have moved since are watched again. */
export async function rearmStreams(sql: Sql): Promise<void> {
  await sql.query(
    `update deadline d set missed = false, counts_from = n.at, deadline_time = n.at + make_interval(secs => d.interval_seconds)
     from deadline m cross join lateral (select ${newestOf('m')} as at) n
     where m.dagrun_id is null and m.missed and d.id = m.id and n.at > m.counts_from`,
    [],
    'rearm_streams',
  )
}

/** Deadlines that have passed, oldest first. */
export async function findPassedDeadlines(sql: Sql, limit: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    `select id from deadline where not missed and deadline_time <= clock_timestamp() order by deadline_time limit $1`,
    [limit],
    'find_passed_deadlines',
  )
  return rows.map((row) => row.id)
}

/** A deadline that has passed, locked, with what became of what it waits for. */
export interface PassedDeadline {
  readonly id: number
  readonly dagId: string
  readonly dagrunId: number | null
  readonly key: string
  readonly taskId: string | null
  readonly reference: DeadlineReference
  readonly intervalSeconds: number
  readonly callbacks: number
  readonly countsFrom: number | null
  readonly slotStart: number | null
  readonly deadlineTime: number
  /** The run it is about: its own, or that of its slot; null = there is none. */
  readonly runId: number | null
  readonly versionId: string | null
  /** It had ended by then. */
  readonly isMet: boolean
  /** Of a stream: the newest of what it counts from. */
  readonly newest: number | null
  readonly now: number
}

/** Null when another scheduler has it, its DAG was paused, or it has not passed. */
export async function lockPassedDeadline(tx: Sql, id: number): Promise<PassedDeadline | null> {
  const rows = await rowsOf<PassedDeadline>(
    tx,
    `select d.id, d.dag_id, d.dagrun_id, d.key, d.task_id, d.reference, d.interval_seconds, d.callbacks, d.counts_from, d.slot_start,
       d.deadline_time, r.id as run_id, r.created_dag_version_id as version_id, clock_timestamp() as now, ${newestOf('d')} as newest,
       coalesce(case when r.id is null then false
         when d.task_id is null then r.state in (${RUN_FINISHED}) and r.end_date <= d.deadline_time
         else not exists (select 1 from task_instance t where t.dag_run_id = r.id and t.task_id = d.task_id
           and (t.state is null or t.state not in (${FINISHED}) or t.end_date > d.deadline_time)) end, false) as is_met
     from deadline d join dag g on g.dag_id = d.dag_id
     left join dag_run r on r.id = coalesce(d.dagrun_id, (select s.id from dag_run s
       where d.reference = 'slot' and s.dag_id = d.dag_id and s.logical_date = d.slot_start))
     where d.id = $1 and not d.missed and d.deadline_time <= clock_timestamp()
       and (d.dagrun_id is not null or (not g.is_paused and not g.is_stale))
     for update of d skip locked`,
    [id],
    'lock_passed_deadline',
  )
  return rows[0] ?? null
}

/** It was met: nobody needs it any more. */
export async function deleteDeadline(tx: Sql, id: number): Promise<void> {
  await tx.query('delete from deadline where id = $1', [id], 'delete_deadline')
}

export async function markMissed(tx: Sql, id: number): Promise<void> {
  await tx.query('update deadline set missed = true where id = $1', [id], 'mark_missed')
}

/** A stream has brought something: it counts from there. */
export async function countFrom(tx: Sql, id: number, at: number): Promise<void> {
  await tx.query(
    `update deadline set counts_from = $2::timestamptz, deadline_time = $2::timestamptz + make_interval(secs => interval_seconds)
     where id = $1`,
    [id, timestampOf(at)],
    'count_from',
  )
}

/** One that cannot be judged is looked at again later: it must not hold up the others. */
export async function postponeDeadline(sql: Sql, id: number, seconds: number): Promise<void> {
  await sql.query(
    'update deadline set deadline_time = clock_timestamp() + make_interval(secs => $2) where id = $1 and not missed',
    [id, seconds],
  )
}

/** When the next deadline passes, epoch ms; null = none is watched. */
export async function nextDeadlineAt(sql: Sql): Promise<number | null> {
  const rows = await rowsOf<{ at: number | null }>(
    sql,
    'select min(deadline_time) as at from deadline where not missed and deadline_time is not null',
    [],
    'next_deadline_at',
  )
  return rows[0]?.at ?? null
}
