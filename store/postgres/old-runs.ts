// Finished runs that go for their age. A run that is deleted is first marked: its row gets the dag_id that no DAG has, so that
// nothing finds it any more and its names are free. Then its rows go in pieces, and the run itself last.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { RUN_ACTIVE } from './state-lists.ts'

/** `dag_id` of a deleted run. */
const DELETED = `''`

export interface OldRunsFilter {
  /** They ended before this, epoch ms. */
  readonly before: number
  /** Of these DAGs alone; null = of all. */
  readonly dagIds: readonly string[] | null
  readonly exceptDagIds: readonly string[]
}

/** Where a walk through old runs stands. The time is text: a millisecond holds more than one run. */
export interface OldRun {
  readonly id: number
  readonly ended: string
}

/** Finished runs by their end, oldest first. @param after the last one of the batch before; null = from the beginning */
export async function findOldRuns(
  sql: Sql,
  { before, dagIds, exceptDagIds }: OldRunsFilter,
  after: OldRun | null,
  limit: number,
): Promise<readonly OldRun[]> {
  return rowsOf<OldRun>(
    sql,
    `select r.id, r.end_date::text as ended from dag_run r
     where r.end_date < $1::timestamptz and (r.end_date, r.id) > ($2::timestamptz, $3::bigint) and r.dag_id <> ${DELETED}
       and ($4::text[] is null or r.dag_id = any($4)) and r.dag_id <> all($5::text[])
     order by r.end_date, r.id limit $6`,
    [timestampOf(before), after?.ended ?? '-infinity', after?.id ?? 0, dagIds, exceptDagIds, limit],
    'find_old_runs',
  )
}

/** Locks those of these runs that nobody holds and that are still finished. */
export async function lockOldRuns(tx: Sql, ids: readonly number[]): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    `select id from dag_run where id = any($1::bigint[]) and end_date is not null and dag_id <> ${DELETED}
     order by id for update skip locked`,
    [ids],
    'lock_old_runs',
  )
  return rows.map((row) => row.id)
}

/**
 * Why an old run stays:
 * - `newest`: one of the newest of its DAG. The timetable continues from the newest scheduled run (without it a DAG with catchup would
 *   begin at its start date again), `depends_on_past` and `prev_…_success` look at the newest dated and the newest successful one,
 *   `last_success` deadlines count from the newest success, lists show the newest of all.
 * - `past`: the next run of its DAG has not ended, and may look at it.
 * - `backfill`: a backfill in progress names it.
 * - `requested`: something of it is queued, or the scheduler was asked to clear or decide it.
 * - `alert`: a callback of it is still to be called, or a deadline still to be judged.
 */
export type KeptBecause = 'newest' | 'past' | 'backfill' | 'requested' | 'alert'

export interface JudgedRun {
  readonly id: number
  readonly dagId: string
  /** Epoch ms. */
  readonly endDate: number
  /** Null = it may go. */
  readonly kept: KeptBecause | null
}

/** The newest are looked for once a DAG: asked for each run, a DAG without a success would be read as often as it has runs. */
const NEWEST = /* sql */ `select n.id from (select distinct dag_id from old) d cross join lateral (
  (select r.id from dag_run r where r.dag_id = d.dag_id order by r.run_after desc, r.id desc limit 1)
  union all (select r.id from dag_run r where r.dag_id = d.dag_id order by r.id desc limit 1)
  union all (select r.id from dag_run r where r.dag_id = d.dag_id and r.logical_date is not null order by r.logical_date desc limit 1)
  union all (select r.id from dag_run r where r.dag_id = d.dag_id and r.logical_date is not null
    and r.run_type in ('scheduled', 'backfill') and r.data_interval_start is not null order by r.logical_date desc limit 1)
  union all (select r.id from dag_run r where r.dag_id = d.dag_id and r.state = 'success' order by r.id desc limit 1)
  union all (select r.id from dag_run r where r.dag_id = d.dag_id and r.logical_date is not null and r.state = 'success'
    order by r.logical_date desc limit 1)) n`

/** As `askForSuccessors` finds them. */
const NEXT_IS_ACTIVE = /* sql */ `(select r.state from dag_run r where r.dag_id = o.dag_id and r.logical_date > o.logical_date
    order by r.logical_date limit 1) in (${RUN_ACTIVE})
  or (select x.state from (select r.state, r.logical_date from dag_run r where r.dag_id = o.dag_id and r.id > o.id order by r.id limit 1) x
    where x.logical_date is null) in (${RUN_ACTIVE})`

/** Which of these runs stay, and why: decided under their locks when it is acted on. In the order of their ends. */
export async function judgeOldRuns(sql: Sql, ids: readonly number[]): Promise<readonly JudgedRun[]> {
  return rowsOf<JudgedRun>(
    sql,
    `with old as materialized (
       select r.id, r.dag_id, r.logical_date, r.end_date, r.backfill_id from dag_run r where r.id = any($1::bigint[])),
     newest as materialized (${NEWEST}),
     asked as materialized (
       select (payload ->> 'dag_run_id')::bigint as id from inbox where payload ->> 'dag_run_id' is not null)
     select o.id, o.dag_id, o.end_date, case
       when o.id in (select id from newest) then 'newest'
       when ${NEXT_IS_ACTIVE} then 'past'
       when exists (select 1 from backfill b where b.completed_at is null and b.id = o.backfill_id)
         or exists (select 1 from backfill_dag_run n join backfill b on b.id = n.backfill_id
           where n.dag_run_id = o.id and b.completed_at is null) then 'backfill'
       when o.id in (select id from asked) or exists (select 1 from task_queue q where q.dag_run_id = o.id) then 'requested'
       when exists (select 1 from callback c where c.dag_run_id = o.id and c.state in ('pending', 'running'))
         or exists (select 1 from deadline d where d.dagrun_id = o.id and not d.missed and d.deadline_time <= o.end_date)
         or exists (select 1 from deadline d where d.dagrun_id is null and d.dag_id = o.dag_id and d.slot_start = o.logical_date)
         then 'alert' end as kept
     from old o order by o.end_date, o.id`,
    [ids],
    'judge_old_runs',
  )
}

/** Task instances by run. */
export async function countInstancesOf(sql: Sql, ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const rows = await rowsOf<{ id: number; n: number }>(
    sql,
    'select dag_run_id as id, count(*)::int as n from task_instance where dag_run_id = any($1::bigint[]) group by dag_run_id',
    [ids],
  )
  return new Map(rows.map((row) => [row.id, row.n]))
}

/** Marks locked runs as deleted. Their version stays as it is: it has run. */
export async function markDeleted(tx: Sql, ids: readonly number[]): Promise<void> {
  await tx.query(
    `update dag_version set is_kept = true where not is_kept
       and id in (select created_dag_version_id from dag_run where id = any($1::bigint[]))`,
    [ids],
  )
  await tx.query('update backfill_dag_run set dag_run_id = null where dag_run_id = any($1::bigint[])', [ids])
  // Names, date, version and backfill are free at once: whoever makes, deletes or lists those meets no run that is gone.
  await tx.query(
    `update dag_run set dag_id = ${DELETED}, run_id = 'deleted/' || id, logical_date = null, backfill_id = null,
       created_dag_version_id = null where id = any($1::bigint[])`,
    [ids],
    'mark_deleted',
  )
}

/** Deleted runs whose rows are still there, locked; what another process is at is its own. */
export async function lockDeleted(tx: Sql, except: readonly number[], limit: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    `select id from dag_run where dag_id = ${DELETED} and id <> all($1::bigint[]) order by id limit $2 for update skip locked`,
    [except, limit],
    'lock_deleted',
  )
  return rows.map((row) => row.id)
}

/** Deleted runs whose rows are still there. */
export async function countDeleted(sql: Sql): Promise<number> {
  const rows = await rowsOf<{ n: number }>(sql, `select count(*)::int as n from dag_run where dag_id = ${DELETED}`)
  return rows[0]?.n ?? 0
}

/** What belongs to a run, with the column that says to which. */
const OWNED = {
  task_queue: 'dag_run_id',
  ti_event: 'dag_run_id',
  xcom: 'dag_run_id',
  rendered_task_instance_fields: 'dag_run_id',
  trigger: 'dag_run_id',
  effect: 'dag_run_id',
  report: 'dag_run_id',
  callback: 'dag_run_id',
  deadline: 'dagrun_id',
  task_instance_history: 'dag_run_id',
  task_instance: 'dag_run_id',
} as const

export type OwnedTable = keyof typeof OWNED
// The keys of the table above.
export const OWNED_TABLES = Object.keys(OWNED) as readonly OwnedTable[]

/** Deletes at most `limit` rows of runs from one table. @returns how many */
export async function deleteOwned(tx: Sql, table: OwnedTable, ids: readonly number[], limit: number): Promise<number> {
  const { rowCount } = await tx.query(
    `delete from ${table} where ctid = any(array(select ctid from ${table} where ${OWNED[table]} = any($1::bigint[]) limit $2))`,
    [ids, limit],
    `delete_owned_${table}`,
  )
  return rowCount
}

/** Deletes locked runs that own nothing any more. @returns how many */
export async function deleteEmptied(tx: Sql, ids: readonly number[]): Promise<number> {
  const { rowCount } = await tx.query(
    `delete from dag_run where id = any($1::bigint[]) and dag_id = ${DELETED}`,
    [ids],
    'delete_emptied',
  )
  return rowCount
}

/**
 * For the rest of the transaction no table is read as a whole: when most rows of a run are gone the planner still believes in them,
 * and would read millions of others to find the last.
 */
export async function forbidWholeReads(tx: Sql): Promise<void> {
  await tx.query('set local enable_seqscan = off')
}
