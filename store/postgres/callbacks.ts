// Calls of authors' callbacks: stored once by what they tell of, taken by one scheduler at a time, called until they succeed
// or have no try left.

import type { AlertKind } from '../../core/alerts.ts'
import { cutText, repairText, storableJson } from '../../core/storable.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import type { AttemptKey } from './effects.ts'

/** What is stored of an alert beside its columns. Instants are epoch ms. */
export interface CallbackData {
  readonly reason: string
  /** Of a deadline: which one, and when it was. */
  readonly deadline?: { readonly key: string; readonly time: number }
  /** Of a slot that has no run; else the run has them. */
  readonly slot?: { readonly logicalDate: number; readonly start: number; readonly end: number }
}

export interface NewCallbackRow {
  readonly id: string
  readonly dedupKey: string
  readonly kind: AlertKind
  readonly taskId: string | null
  readonly mapIndex: number
  readonly tryNumber: number | null
  readonly ordinal: number
  readonly data: CallbackData
}

/** Whose callbacks they are. */
export interface CallbackOwner {
  readonly dagId: string
  readonly versionId: string
  /** Null = of no single run. */
  readonly dagRunId: number | null
}

/** What is stored already (the same thing happened to be told twice) is left as it is. Wakes whoever calls them. */
export async function insertCallbacks(tx: Sql, owner: CallbackOwner, rows: readonly NewCallbackRow[]): Promise<void> {
  if (rows.length === 0) return
  const stored = tx.query(
    `insert into callback (id, dedup_key, kind, dag_id, dag_version_id, dag_run_id, task_id, map_index, try_number, ordinal, data)
     select c.id, c."dedupKey", c.kind, $1, $2, $3, c."taskId", c."mapIndex", c."tryNumber", c.ordinal, c.data
     from json_to_recordset($4) as c(id uuid, "dedupKey" text, kind text, "taskId" text, "mapIndex" int, "tryNumber" int,
       ordinal int, data jsonb)
     on conflict (dedup_key) do nothing`,
    [owner.dagId, owner.versionId, owner.dagRunId, storableJson(rows)],
    'insert_callbacks',
  )
  // Sent together: COMMIT may follow at once.
  await Promise.all([stored, tx.query("select pg_notify('callbacks', '')", [], 'notify_callbacks')])
}

/** A callback that a scheduler calls now. */
export interface ClaimedCallback {
  readonly id: string
  readonly kind: AlertKind
  readonly dagId: string
  readonly versionId: string
  /** As it is stored now: a version that no run uses may have been replaced in place. */
  readonly versionHash: string
  readonly dagRunId: number | null
  readonly runId: string | null
  readonly taskId: string | null
  readonly mapIndex: number
  readonly tryNumber: number | null
  readonly ordinal: number
  readonly data: CallbackData
  /** This one included. */
  readonly tries: number
  readonly createdAt: number
  readonly logicalDate: number | null
  readonly dataIntervalStart: number | null
  readonly dataIntervalEnd: number | null
}

/**
 * Takes callbacks that are due, oldest first, at most `perDag` of a DAG at a time: one whose receiver hangs takes no room from
 * those of others. DAGs are found one by one through the index, so that a flood of one DAG is not read for each look.
 */
export async function claimCallbacks(
  sql: Sql,
  jobId: number,
  limit: number,
  perDag: number,
): Promise<readonly ClaimedCallback[]> {
  return rowsOf<ClaimedCallback>(
    sql,
    `with recursive waiting as (
       (select dag_id from callback where state = 'pending' order by dag_id limit 1)
       union all
       select (select c.dag_id from callback c where c.state = 'pending' and c.dag_id > w.dag_id order by c.dag_id limit 1)
       from waiting w where w.dag_id is not null
     ), due as (
       select c.id, c.ready_at from waiting w cross join lateral (
         select id, ready_at from callback where state = 'pending' and dag_id = w.dag_id and ready_at <= now()
         order by ready_at, id
         limit greatest(0, $3 - (select count(*) from callback r where r.state = 'running' and r.dag_id = w.dag_id))) c
       where w.dag_id is not null order by c.ready_at, c.id limit $2
     ), free as (
       select c.id from callback c where c.id in (select id from due) and c.state = 'pending' for update skip locked
     ), mine as (
       update callback c set state = 'running', job_id = $1, tries = c.tries + 1, start_date = now()
       from free where c.id = free.id returning c.*
     )
     select m.id, m.kind, m.dag_id, m.dag_version_id as version_id, v.version_hash, m.dag_run_id, r.run_id, m.task_id, m.map_index, m.try_number,
       m.ordinal, m.data, m.tries, m.created_at, r.logical_date, r.data_interval_start, r.data_interval_end
     from mine m join dag_version v on v.id = m.dag_version_id left join dag_run r on r.id = m.dag_run_id order by m.ready_at, m.id`,
    [jobId, limit, perDag],
    'claim_callbacks',
  )
}

/** How a call ended: null = well; else why not, and in how many seconds it is tried again (null = never). */
export type CallbackEnd = { readonly output: string; readonly againIn: number | null } | null

const MOST_OUTPUT = 2_000

/** @returns false when it is no longer this scheduler's: somebody took it over */
export async function endCallback(tx: Sql, id: string, jobId: number, end: CallbackEnd): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update callback set job_id = null, output = $4::text,
       state = case when $3::float8 is not null then 'pending' when $4::text is null then 'success' else 'failed' end,
       ready_at = case when $3::float8 is null then ready_at else now() + make_interval(secs => $3::float8) end,
       end_date = case when $3::float8 is null then now() end
     where id = $1 and job_id = $2 and state = 'running'`,
    [id, jobId, end?.againIn ?? null, end === null ? null : cutText(repairText(end.output), MOST_OUTPUT)],
    'end_callback',
  )
  return rowCount === 1
}

/**
 * Callbacks whose scheduler died while it called them are called again: nobody knows whether they arrived.
 * @returns how many there were
 */
export async function releaseLostCallbacks(sql: Sql): Promise<number> {
  const { rowCount } = await sql.query(
    `update callback c set state = 'pending', job_id = null, ready_at = now(), output = 'the scheduler that called it died'
     where c.state = 'running' and not exists (select 1 from job j where j.id = c.job_id and j.state = 'running')`,
    [],
    'release_lost_callbacks',
  )
  return rowCount
}

/** When the next callback is due, epoch ms; null = none waits. */
export async function nextCallbackAt(sql: Sql): Promise<number | null> {
  const rows = await rowsOf<{ at: number | null }>(
    sql,
    "select min(ready_at) as at from callback where state = 'pending'",
    [],
    'next_callback_at',
  )
  return rows[0]?.at ?? null
}

/** Callbacks that ended long ago. */
export async function deleteEndedCallbacks(sql: Sql, days: number, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from callback where id in (
       select id from callback where end_date < now() - make_interval(days => $1) order by end_date limit $2 for update skip locked)`,
    [days, limit],
    'delete_ended_callbacks',
  )
  return rowCount
}

/**
 * The failure callbacks of an instance that was failed by its row alone, read from the stored DAG: its run's copy may be what
 * cannot be read.
 */
export async function insertCallbacksOfFailedRow(tx: Sql, at: AttemptKey, reason: string): Promise<void> {
  const { rowCount } = await tx.query(
    `insert into callback (id, dedup_key, kind, dag_id, dag_version_id, dag_run_id, task_id, map_index, try_number, ordinal, data)
     select gen_random_uuid(), 'ti/' || t.id || '/' || t.try_number || '/failure/' || n, 'failure', t.dag_id, s.dag_version_id,
       t.dag_run_id, t.task_id, t.map_index, t.try_number, n, jsonb_build_object('reason', $3::text)
     from task_instance t join dag_run r on r.id = t.dag_run_id
     join serialized_dag s on s.dag_version_id = r.created_dag_version_id
     cross join lateral jsonb_array_elements(case when jsonb_typeof(s.data::jsonb -> 'tasks') = 'array' then s.data::jsonb -> 'tasks'
       else '[]'::jsonb end) as task
     cross join lateral generate_series(0, (task -> 'callbacks' ->> 'failure')::int - 1) as n
     where t.dag_run_id = $1 and t.id = $2 and task ->> 'taskId' = t.task_id
     on conflict (dedup_key) do nothing`,
    [at.dagRunId, at.tiId, repairText(reason)],
  )
  if (rowCount > 0) await tx.query("select pg_notify('callbacks', '')", [], 'notify_callbacks')
}
