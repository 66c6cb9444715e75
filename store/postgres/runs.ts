// Runs: creation, the lock every change takes, and the facts a model needs.

import type { RunState, RunType } from '../../core/states.ts'
import { storableJson } from '../../core/storable.ts'
import { bind } from '../bind.ts'
import { decidedOn } from '../decided-on.ts'
import { noteText } from '../note.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { RUN_FINISHED } from './state-lists.ts'

export interface NewRun {
  readonly dagId: string
  readonly runId: string
  readonly runType: RunType
  readonly logicalDate: number | null
  readonly dataInterval: { readonly start: number; readonly end: number } | null
  readonly runAfter: number
  readonly conf: unknown
  readonly triggeredBy: string
  readonly user: string | null
  readonly note: string | null
  readonly versionId: string
}

/** Inserts the run as `queued`; null when its run id or logical date is taken (somebody was first). */
export async function insertRun(tx: Sql, run: NewRun): Promise<number | null> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    ...bind(
      `insert into dag_run (dag_id, run_id, run_type, state, logical_date, data_interval_start, data_interval_end, run_after,
       queued_at, conf, triggered_by, triggering_user_name, note, created_dag_version_id)
     values (:dagId, :runId, :runType, 'queued', :logicalDate, :start, :end, :runAfter, now(), :conf, :triggeredBy, :user, :note, :versionId)
     on conflict do nothing
     returning id`,
      {
        dagId: run.dagId,
        runId: run.runId,
        runType: run.runType,
        logicalDate: timestampOf(run.logicalDate),
        start: timestampOf(run.dataInterval?.start),
        end: timestampOf(run.dataInterval?.end),
        runAfter: timestampOf(run.runAfter),
        conf: JSON.stringify(run.conf),
        triggeredBy: run.triggeredBy,
        user: run.user,
        note: noteText(run.note),
        versionId: run.versionId,
      },
    ),
    'insert_run',
  )
  return rows[0]?.id ?? null
}

/** As `insertRun` for many runs of one version, in one statement. Those whose id or date is taken are left out. */
export async function insertRuns(
  tx: Sql,
  runs: readonly NewRun[],
  backfillId: number,
): Promise<readonly { readonly id: number; readonly runId: string }[]> {
  const first = runs[0]
  if (first === undefined) return []
  return rowsOf<{ id: number; runId: string }>(
    tx,
    ...bind(
      `insert into dag_run (dag_id, run_type, state, queued_at, conf, triggered_by, triggering_user_name, created_dag_version_id, backfill_id,
       run_id, logical_date, data_interval_start, data_interval_end, run_after)
     select :dagId, :runType, 'queued', now(), :conf, :triggeredBy, :user, :versionId, :backfillId, x.* from
       unnest(:runIds::text[], :logicalDates::timestamptz[], :starts::timestamptz[], :ends::timestamptz[], :runAfters::timestamptz[]) as x
     on conflict do nothing returning id, run_id`,
      {
        dagId: first.dagId,
        runType: first.runType,
        conf: JSON.stringify(first.conf),
        triggeredBy: first.triggeredBy,
        user: first.user,
        versionId: first.versionId,
        backfillId,
        runIds: runs.map((run) => run.runId),
        logicalDates: runs.map((run) => timestampOf(run.logicalDate)),
        starts: runs.map((run) => timestampOf(run.dataInterval?.start)),
        ends: runs.map((run) => timestampOf(run.dataInterval?.end)),
        runAfters: runs.map((run) => timestampOf(run.runAfter)),
      },
    ),
  )
}

export interface LockedRun {
  readonly id: number
  readonly rev: number
  readonly clearNumber: number
  readonly isPaused: boolean
}

const LOCK = `select r.id, r.rev, r.clear_number, d.is_paused from dag_run r join dag d using (dag_id)
     where r.id = any($1::bigint[]) order by r.id for update of r`

/** Locks runs in the order of their ids (docs/reliability.md rule 6), waiting for each. */
export async function lockRuns(tx: Sql, ids: readonly number[]): Promise<readonly LockedRun[]> {
  return rowsOf<LockedRun>(tx, LOCK, [ids], 'lock_runs')
}

/** Locks what is free now: used for work that another process may take just as well. */
export async function lockFreeRuns(tx: Sql, ids: readonly number[]): Promise<readonly LockedRun[]> {
  return rowsOf<LockedRun>(tx, `${LOCK} skip locked`, [ids], 'lock_free_runs')
}

/** Which of these runs exist, locked or not. */
export async function findRunsThere(sql: Sql, ids: readonly number[]): Promise<ReadonlySet<number>> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    'select id from dag_run where id = any($1::bigint[])',
    [ids],
    'find_runs_there',
  )
  return new Set(rows.map((row) => row.id))
}

export interface RunRow {
  readonly id: number
  readonly dagId: string
  readonly runId: string
  readonly runType: RunType
  readonly state: RunState
  readonly logicalDate: number | null
  readonly dataIntervalStart: number | null
  readonly dataIntervalEnd: number | null
  readonly runAfter: number
  readonly startDate: number | null
  readonly conf: unknown
  readonly rev: number
  readonly clearNumber: number
  readonly createdDagVersionId: string
  readonly versionHash: string
}

export async function loadRun(tx: Sql, id: number): Promise<RunRow | null> {
  const rows = await rowsOf<RunRow>(
    tx,
    `select r.id, r.dag_id, r.run_id, r.run_type, r.state, r.logical_date, r.data_interval_start, r.data_interval_end, r.run_after,
       r.start_date, r.conf, r.rev, r.clear_number, r.created_dag_version_id, v.version_hash
     from dag_run r join dag_version v on v.id = r.created_dag_version_id where r.id = $1`,
    [id],
    'load_run',
  )
  return rows[0] ?? null
}

/**
 * Advances the run's revision with its new state.
 * @param timeout seconds a running run of this DAG may take
 * @throws when the caller's copy was stale (`isOutdated`)
 */
export async function moveRun(
  tx: Sql,
  id: number,
  rev: number,
  state: RunState,
  timeout: number | null,
): Promise<void> {
  await tx.query(
    `with bumped as (
       update dag_run set rev = rev + 1, last_scheduling_decision = now(), updated_at = now(), state = $3::text,
         start_date = case when $3::text = 'queued' then null else coalesce(start_date, now()) end,
         end_date = case when $3::text in (${RUN_FINISHED}) then now() end,
         queued_at = case when $3::text = 'queued' then now() else queued_at end,
         timeout_at = case when $3::text = 'running' then now() + make_interval(secs => $4::float8) end
       where id = $1 and rev = $2 returning 1)
     select ${decidedOn('(select count(*) from bumped) = 1')}`,
    [id, rev, state, timeout],
    'move_run',
  )
}

/** Counts a clearing: copies of the run in other processes are loaded anew. It counts as queued again, whatever its state. */
export async function countClear(tx: Sql, id: number): Promise<void> {
  await tx.query(
    'update dag_run set clear_number = clear_number + 1, queued_at = now() where id = $1',
    [id],
    'count_clear',
  )
}

/** The ledger row of a run's own change. */
export async function recordRunEvent(
  tx: Sql,
  id: number,
  rev: number,
  from: RunState,
  to: RunState,
  who: string,
  because: unknown,
): Promise<void> {
  await tx.query(
    `insert into ti_event (dag_run_id, rev, from_state, to_state, who, because) values ($1, $2, $3, $4, $5, $6)`,
    [id, rev, from, to, who, storableJson(because)],
    'record_run_event',
  )
}

/**
 * Where a run counts: among the DAG's own runs (`maxActiveRuns`), or among those of its backfill, whose limit is its own.
 */
export interface ConcurrencyKey {
  readonly dagId: string
  readonly backfillId: number | null
}

/** A place as a key of a map. */
export const concurrencyText = ({ dagId, backfillId }: ConcurrencyKey): string =>
  backfillId === null ? `dag:${dagId}` : `backfill:${backfillId}`

/**
 * Queued runs that may start now: their DAG is active and there is room among those they count with. Oldest first, those
 * of a backfill in its order.
 */
export async function findStartableRuns(sql: Sql, limit: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    `select q.id from (
       select r.id, r.dag_id, r.backfill_id, r.run_after, row_number() over (
           partition by r.dag_id, r.backfill_id order by o.sort_ordinal nulls first, r.run_after, r.id) as place,
         case when r.backfill_id is null then d.max_active_runs when b.is_paused then 0 else b.max_active_runs end as most
       from dag_run r join dag d using (dag_id)
       left join backfill b on b.id = r.backfill_id
       left join backfill_dag_run o on o.backfill_id = r.backfill_id and o.dag_run_id = r.id
       where r.state = 'queued' and not d.is_paused and not d.is_stale and r.run_after <= now()
     ) q
     where q.place <= q.most - (select count(*) from dag_run a
       where a.dag_id = q.dag_id and a.state = 'running' and a.backfill_id is not distinct from q.backfill_id)
     order by (q.backfill_id is not null), q.run_after, q.id limit $1`,
    [limit],
    'find_startable_runs',
  )
  return rows.map((row) => row.id)
}

/**
 * How many more runs may be running, by concurrency key; DAGs and backfills are locked so that two schedulers do not both take the
 * last free one.
 */
export async function lockConcurrency(tx: Sql, keys: readonly ConcurrencyKey[]): Promise<ReadonlyMap<string, number>> {
  const dagIds = keys.map((key) => key.dagId)
  const backfills = keys.flatMap((key) => key.backfillId ?? [])
  // Whoever holds a DAG at this moment does not stop the runs of others: those of that DAG start at the next look.
  const free = await rowsOf<{ dagId: string }>(
    tx,
    'select dag_id from dag where dag_id = any($1) order by dag_id for no key update skip locked',
    [dagIds],
    'lock_dags',
  )
  const locked = free.map((row) => row.dagId)
  const found = new Map<string, number>()
  const rows = await rowsOf<{ dagId: string; places: number }>(
    tx,
    `select d.dag_id, case when d.is_paused or d.is_stale then 0
       else d.max_active_runs - (select count(*) from dag_run a
         where a.dag_id = d.dag_id and a.state = 'running' and a.backfill_id is null) end as places
     from dag d where d.dag_id = any($1)`,
    [locked],
    'count_run_places',
  )
  for (const row of rows) found.set(concurrencyText({ dagId: row.dagId, backfillId: null }), Number(row.places))
  if (backfills.length === 0) return found
  const freeBackfills = await rowsOf<{ id: number }>(
    tx,
    'select id from backfill where id = any($1) order by id for no key update skip locked',
    [backfills],
  )
  const own = await rowsOf<{ id: number; dagId: string; places: number }>(
    tx,
    `select b.id, b.dag_id, case when b.is_paused or d.is_paused or d.is_stale then 0
       else b.max_active_runs - (select count(*) from dag_run a where a.backfill_id = b.id and a.state = 'running') end as places
     from backfill b join dag d using (dag_id) where b.id = any($1) and b.dag_id = any($2)`,
    [freeBackfills.map((row) => row.id), locked],
  )
  for (const row of own) found.set(concurrencyText({ dagId: row.dagId, backfillId: row.id }), Number(row.places))
  return found
}

/** Where runs count, by row id. */
export async function concurrencyKeysOf(tx: Sql, ids: readonly number[]): Promise<ReadonlyMap<number, ConcurrencyKey>> {
  const rows = await rowsOf<ConcurrencyKey & { id: number }>(
    tx,
    'select id, dag_id, backfill_id from dag_run where id = any($1::bigint[])',
    [ids],
    'places_of_runs',
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** Running runs that nobody works on: nothing of them is queued, running or waiting for a time. The sweep decides them anew. */
export async function findIdleRuns(sql: Sql, limit: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    `select r.id from dag_run r join dag d using (dag_id)
     where r.state = 'running' and not d.is_paused
       and not exists (select 1 from task_queue l where l.dag_run_id = r.id and l.stage <> 'throttled')
     order by r.last_scheduling_decision nulls first, r.id limit $1`,
    [limit],
  )
  return rows.map((row) => row.id)
}

/** The sweep has looked at these runs: they come last in its next look. Whoever holds one right now is deciding on it. */
export async function markLookedAt(sql: Sql, ids: readonly number[]): Promise<void> {
  await sql.query(
    `update dag_run set last_scheduling_decision = now()
     where id in (select id from dag_run where id = any($1::bigint[]) order by id for update skip locked)`,
    [ids],
  )
}

/** Running runs whose time is over. */
export async function findTimedOutRuns(sql: Sql, limit: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    "select id from dag_run where state = 'running' and timeout_at <= now() order by id limit $1",
    [limit],
    'find_timed_out_runs',
  )
  return rows.map((row) => row.id)
}

/** When the next running run's time is over, epoch ms, or null. */
export async function nextTimeoutAt(sql: Sql): Promise<number | null> {
  const rows = await rowsOf<{ at: number | null }>(
    sql,
    "select min(timeout_at) as at from dag_run where state = 'running' and timeout_at is not null",
    [],
    'next_timeout_at',
  )
  return rows[0]?.at ?? null
}

/** The run before this one in the DAG's order, or null. */
export async function findPreviousRun(
  tx: Sql,
  dagId: string,
  id: number,
  logicalDate: number | null,
): Promise<number | null> {
  const rows =
    logicalDate === null
      ? await rowsOf<{ id: number }>(
          tx,
          'select id from dag_run where dag_id = $1 and id < $2 order by id desc limit 1',
          [dagId, id],
        )
      : await rowsOf<{ id: number }>(
          tx,
          'select id from dag_run where dag_id = $1 and logical_date < $2 order by logical_date desc limit 1',
          [dagId, timestampOf(logicalDate)],
        )
  return rows[0]?.id ?? null
}

/** End of the newest automated run's data interval: where the timetable goes on. */
export async function findLastInterval(tx: Sql, dagId: string): Promise<{ start: number; end: number } | null> {
  const rows = await rowsOf<{ s: number; e: number }>(
    tx,
    `select data_interval_start as s, data_interval_end as e from dag_run
     where dag_id = $1 and run_type in ('scheduled', 'backfill') and data_interval_start is not null and logical_date is not null
     order by logical_date desc limit 1`,
    [dagId],
    'find_last_interval',
  )
  const row = rows[0]
  return row === undefined ? null : { start: row.s, end: row.e }
}

/** Which of these logical dates have a run already, epoch ms. */
export async function findTakenDates(sql: Sql, dagId: string, dates: readonly number[]): Promise<readonly number[]> {
  const rows = await rowsOf<{ at: number }>(
    sql,
    'select logical_date as at from dag_run where dag_id = $1 and logical_date = any($2::timestamptz[])',
    [dagId, dates.map((date) => timestampOf(date))],
    'find_taken_dates',
  )
  return rows.map((row) => row.at)
}

/** When the next queued run that lies ahead may start, epoch ms, or null. */
export async function nextRunAfter(sql: Sql): Promise<number | null> {
  const rows = await rowsOf<{ at: number | null }>(
    sql,
    "select min(run_after) as at from dag_run where state = 'queued' and run_after > now()",
    [],
    'next_run_after',
  )
  return rows[0]?.at ?? null
}
