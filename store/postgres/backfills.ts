// Backfills and the dates they are about.

import type { BackfillException, ReprocessBehavior } from '../../core/backfill.ts'
import type { RunState } from '../../core/states.ts'
import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { type Listed, list, orderBy, type Page } from './read-filters.ts'
import { RUN_ACTIVE } from './state-lists.ts'

export interface NewBackfill {
  readonly dagId: string
  readonly from: number
  readonly to: number
  readonly conf: unknown
  readonly reprocess: ReprocessBehavior
  readonly maxActiveRuns: number
  readonly user: string | null
}

/** Null when the DAG has a backfill in progress. */
export async function insertBackfill(tx: Sql, backfill: NewBackfill): Promise<number | null> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    ...bind(
      `insert into backfill (dag_id, from_date, to_date, dag_run_conf, reprocess_behavior, max_active_runs, triggering_user_name)
     values (:dagId, :from, :to, :conf, :reprocess, :maxActiveRuns, :user) on conflict (dag_id) where completed_at is null do nothing returning id`,
      {
        dagId: backfill.dagId,
        from: timestampOf(backfill.from),
        to: timestampOf(backfill.to),
        conf: JSON.stringify(backfill.conf ?? {}),
        reprocess: backfill.reprocess,
        maxActiveRuns: backfill.maxActiveRuns,
        user: backfill.user,
      },
    ),
  )
  return rows[0]?.id ?? null
}

export interface NewBackfillDate {
  readonly dagRunId: number | null
  readonly exception: BackfillException | null
  readonly logicalDate: number
}

/** The dates of a backfill, in its order. */
export async function insertBackfillDates(
  tx: Sql,
  backfillId: number,
  dates: readonly NewBackfillDate[],
): Promise<void> {
  await tx.query(
    `insert into backfill_dag_run (backfill_id, dag_run_id, exception_reason, logical_date, sort_ordinal)
     select $1, x.run, x.reason, x.at, x.place from unnest($2::bigint[], $3::text[], $4::timestamptz[]) with ordinality as x(run, reason, at, place)`,
    [
      backfillId,
      dates.map((date) => date.dagRunId),
      dates.map((date) => date.exception),
      dates.map((date) => timestampOf(date.logicalDate)),
    ],
  )
}

export interface DatedRun {
  readonly id: number
  readonly runId: string
  readonly state: RunState
  readonly logicalDate: number
}

/** Runs of a DAG on some dates; locked when they are to be taken over. */
export async function findRunsOn(
  sql: Sql,
  dagId: string,
  dates: readonly number[],
  mustLock: boolean,
): Promise<readonly DatedRun[]> {
  return rowsOf<DatedRun>(
    sql,
    `select id, run_id, state, logical_date from dag_run where dag_id = $1 and logical_date = any($2::timestamptz[])
     order by id ${mustLock ? 'for update' : ''}`,
    [dagId, dates.map(timestampOf)],
  )
}

/** Ended runs become the backfill's own; they are cleared by the scheduler, which is asked for it in the same transaction. */
export async function takeOverRuns(
  tx: Sql,
  ids: readonly number[],
  how: { readonly backfillId: number; readonly conf: unknown; readonly by: string; readonly onLatest: boolean },
): Promise<void> {
  await tx.query(
    `update dag_run set backfill_id = $2, run_type = 'backfill', triggered_by = 'backfill', triggering_user_name = $3,
       conf = coalesce($4::json, conf), updated_at = now(), clear_number = clear_number + 1 where id = any($1::bigint[])`,
    [ids, how.backfillId, how.by, how.conf === null ? null : JSON.stringify(how.conf)],
  )
  await tx.query(
    `insert into inbox (kind, payload) select 'clear', jsonb_build_object('dag_run_id', x.id, 'backfill_id', $2::int, 'by', $3::text, 'latest', $4::boolean)
     from unnest($1::bigint[]) with ordinality as x(id, place) order by x.place`,
    [ids, how.backfillId, how.by, how.onLatest],
  )
}

export interface BackfillRow {
  readonly id: number
  readonly dagId: string
  readonly dagDisplayName: string
  readonly fromDate: number
  readonly toDate: number
  readonly dagRunConf: Readonly<Record<string, unknown>>
  readonly isPaused: boolean
  readonly reprocessBehavior: ReprocessBehavior
  readonly maxActiveRuns: number
  readonly createdAt: number
  readonly completedAt: number | null
  readonly updatedAt: number
  readonly triggeringUserName: string | null
  /** Its dates, and its runs by how they stand. */
  readonly dates: number
  readonly withoutRun: number
  readonly queued: number
  readonly running: number
  readonly success: number
  readonly failed: number
}

const COUNTS = ['queued', 'running', 'success', 'failed']
  .map((state) => `count(*) filter (where r.state = '${state}')::int as ${state}`)
  .join(', ')

const BACKFILL = /* sql */ `
  b.id, b.dag_id, coalesce(d.dag_display_name, b.dag_id) as dag_display_name, b.from_date, b.to_date, b.dag_run_conf, b.is_paused,
  b.reprocess_behavior, b.max_active_runs, b.created_at, b.completed_at, b.updated_at, b.triggering_user_name,
  n.dates, n.without_run, n.queued, n.running, n.success, n.failed`

const FROM = /* sql */ `
from backfill b left join dag d using (dag_id) cross join lateral (
  select count(*)::int as dates, count(*) filter (where o.dag_run_id is null)::int as without_run, ${COUNTS}
  from backfill_dag_run o left join dag_run r on r.id = o.dag_run_id and r.backfill_id = b.id where o.backfill_id = b.id) n`

export function listBackfills(sql: Sql, dagId: string, page: Page): Promise<Listed<BackfillRow>> {
  return list<BackfillRow>(
    sql,
    BACKFILL,
    `${FROM}, json_to_record($1) as f(unused text) where b.dag_id = $4`,
    orderBy({ id: 'b.id' }, page.order, 'b.id'),
    {},
    page,
    [dagId],
  )
}

export async function getBackfill(sql: Sql, id: number): Promise<BackfillRow | null> {
  const rows = await rowsOf<BackfillRow>(sql, `select ${BACKFILL} ${FROM} where b.id = $1`, [id])
  return rows[0] ?? null
}

/** The one that goes on, or null. */
export async function findActiveBackfill(sql: Sql, dagId: string): Promise<number | null> {
  const rows = await rowsOf<{ id: number }>(sql, 'select id from backfill where dag_id = $1 and completed_at is null', [
    dagId,
  ])
  return rows[0]?.id ?? null
}

export interface BackfillDateRow {
  readonly logicalDate: number
  readonly sortOrdinal: number
  readonly exceptionReason: BackfillException | null
  readonly runId: string | null
  readonly state: RunState | null
}

/** The dates of a backfill in its order. */
export async function listBackfillDates(sql: Sql, id: number, limit: number): Promise<readonly BackfillDateRow[]> {
  return rowsOf<BackfillDateRow>(
    sql,
    `select o.logical_date, o.sort_ordinal, o.exception_reason, r.run_id, r.state
     from backfill_dag_run o left join dag_run r on r.id = o.dag_run_id where o.backfill_id = $1 order by o.sort_ordinal limit $2`,
    [id, limit],
  )
}

export interface LockedBackfill {
  readonly id: number
  readonly dagId: string
  readonly isPaused: boolean
  readonly completedAt: number | null
}

export async function lockBackfill(tx: Sql, id: number): Promise<LockedBackfill | null> {
  const rows = await rowsOf<LockedBackfill>(
    tx,
    'select id, dag_id, is_paused, completed_at from backfill where id = $1 for no key update',
    [id],
  )
  return rows[0] ?? null
}

export async function setBackfillPaused(tx: Sql, id: number, isPaused: boolean): Promise<void> {
  await tx.query('update backfill set is_paused = $2, updated_at = now() where id = $1', [id, isPaused])
}

export async function completeBackfill(tx: Sql, id: number): Promise<void> {
  await tx.query('update backfill set completed_at = now(), updated_at = now() where id = $1', [id])
  await tx.query("delete from inbox where kind = 'clear' and payload ->> 'backfill_id' = $1::text", [String(id)])
}

/** Runs of a backfill that have not begun, by row id. */
export async function findQueuedOf(tx: Sql, backfillId: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    "select id from dag_run where backfill_id = $1 and state = 'queued' order by id",
    [backfillId],
  )
  return rows.map((row) => row.id)
}

/** Backfills of which nothing is left to do are over. Returns their DAGs. */
export async function completeBackfills(sql: Sql): Promise<readonly string[]> {
  const rows = await rowsOf<{ dagId: string }>(
    sql,
    `update backfill b set completed_at = now(), updated_at = now()
     where b.completed_at is null
       and not exists (select 1 from dag_run r where r.backfill_id = b.id and r.state in (${RUN_ACTIVE}))
       and not exists (select 1 from inbox i where i.kind = 'clear' and i.payload ->> 'backfill_id' = b.id::text)
     returning b.dag_id`,
    [],
    'complete_backfills',
  )
  return rows.map((row) => row.dagId)
}

export interface OldBackfillsFilter {
  /** They were over before this, epoch ms. */
  readonly before: number
  /** Of these DAGs alone; null = of all. */
  readonly dagIds: readonly string[] | null
  readonly exceptDagIds: readonly string[]
}

/** Backfills that are over and of which no run is left. */
const OLD = /* sql */ `b.completed_at < $1::timestamptz and ($2::text[] is null or b.dag_id = any($2)) and b.dag_id <> all($3::text[])
  and not exists (select 1 from dag_run r where r.backfill_id = b.id)
  and not exists (select 1 from backfill_dag_run n where n.backfill_id = b.id and n.dag_run_id is not null)`

/**
 * Deletes old backfills, or dates of them: those that have no date any more, and at most so many dates.
 * @returns how many backfills, and how many rows in all
 */
export async function deleteOldBackfills(
  tx: Sql,
  { before, dagIds, exceptDagIds }: OldBackfillsFilter,
  limit: number,
): Promise<{ readonly backfills: number; readonly rows: number }> {
  const values = [timestampOf(before), dagIds, exceptDagIds, limit]
  const dates = await tx.query(
    `delete from backfill_dag_run where id = any(array(
       select n.id from backfill b join backfill_dag_run n on n.backfill_id = b.id where ${OLD} order by n.backfill_id, n.id limit $4))`,
    values,
    'delete_old_backfill_dates',
  )
  const { rowCount } = await tx.query(
    `delete from backfill where id = any(array(
       select b.id from backfill b where ${OLD} and not exists (select 1 from backfill_dag_run n where n.backfill_id = b.id)
       order by b.id limit $4 for update skip locked))`,
    values,
    'delete_old_backfills',
  )
  return { backfills: rowCount, rows: rowCount + dates.rowCount }
}

/** Old backfills of which no run is left, by DAG. */
export async function countOldBackfills(
  sql: Sql,
  { before, dagIds, exceptDagIds }: OldBackfillsFilter,
): Promise<readonly { readonly dagId: string; readonly n: number }[]> {
  return rowsOf<{ dagId: string; n: number }>(
    sql,
    `select b.dag_id, count(*)::int as n from backfill b where ${OLD} group by b.dag_id order by b.dag_id`,
    [timestampOf(before), dagIds, exceptDagIds],
  )
}
