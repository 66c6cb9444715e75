// The side table of everything that is neither idle nor finished: claims, caps, timers and rescue read it, never the big one.

import { storableJson } from '../../core/storable.ts'
import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { ACTIVE } from './state-lists.ts'

export type QueueStage = 'waiting' | 'deferred' | 'throttled' | 'queued' | 'running'

/** Puts instances of one run into a stage; their pool, queue and weight come from their own rows. */
export async function putInQueue(
  tx: Sql,
  dagRunId: number,
  ids: readonly string[],
  stage: QueueStage,
  more: { workerId?: number; readyAt?: number | null; because?: unknown; isBackfill?: boolean } = {},
): Promise<void> {
  await tx.query(
    ...bind(
      `insert into task_queue (dag_run_id, ti_id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight,
       worker_id, epoch, ready_at, because, is_backfill)
     select dag_run_id, id, :stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, :workerId, epoch, :readyAt, :because, :isBackfill
     from task_instance where dag_run_id = :dagRunId and id = any(:ids::uuid[])
     on conflict (dag_run_id, ti_id) do update set stage = excluded.stage, worker_id = excluded.worker_id, epoch = excluded.epoch,
       ready_at = excluded.ready_at, because = excluded.because`,
      {
        dagRunId,
        ids,
        stage,
        workerId: more.workerId ?? null,
        readyAt: timestampOf(more.readyAt),
        because: more.because === undefined ? null : storableJson(more.because),
        isBackfill: more.isBackfill ?? false,
      },
    ),
    'put_live',
  )
}

/** Attempts that were cleared while they run: their worker holds them until their processes are dead. */
export async function markRestarting(tx: Sql, dagRunId: number, ids: readonly string[]): Promise<void> {
  await tx.query(
    "update task_queue set stage = 'restarting' where dag_run_id = $1 and ti_id = any($2::uuid[]) and stage = 'running'",
    [dagRunId, ids],
    'mark_restarting',
  )
}

export interface QueuedRow {
  readonly dagRunId: number
  readonly tiId: string
  readonly priorityWeight: number
  readonly isBackfill: boolean
}

/** The head of the queue, heaviest first, backfills last at equal weight. Nothing is locked: whoever locks the run first gets it. */
export async function peekQueued(
  sql: Sql,
  queues: readonly string[] | null,
  limit: number,
  exceptRuns: readonly number[] = [],
): Promise<readonly QueuedRow[]> {
  if (queues === null) {
    return rowsOf<QueuedRow>(
      sql,
      `select dag_run_id, ti_id, priority_weight, is_backfill from task_queue where stage = 'queued'
       and dag_run_id <> all($2::bigint[])
       order by priority_weight desc, is_backfill, dag_run_id, map_index, ti_id limit $1`,
      [limit, exceptRuns],
      'peek_all_queued',
    )
  }
  return rowsOf<QueuedRow>(
    // Each queue's head by the index, then the head of the heads: `queue = any(…)` would sort all that waits each time.
    sql,
    `select l.dag_run_id, l.ti_id, l.priority_weight, l.is_backfill from unnest($1::text[]) q(queue) cross join lateral (
       select dag_run_id, ti_id, priority_weight, is_backfill from task_queue where stage = 'queued' and task_queue.queue = q.queue
         and dag_run_id <> all($3::bigint[])
       order by priority_weight desc, is_backfill, dag_run_id, ti_id limit $2) l
     order by l.priority_weight desc, l.is_backfill, l.dag_run_id, l.ti_id limit $2`,
    [queues, limit, exceptRuns],
    'peek_queued',
  )
}

export interface ThrottledInstance {
  readonly dagRunId: number
  readonly tiId: string
  readonly priorityWeight: number
  readonly isBackfill: boolean
  readonly pool: string
  /** Code of the reason for which it waits. */
  readonly code: string
}

/** What waits for a slot, heaviest first. */
export async function peekThrottled(sql: Sql, limit: number): Promise<readonly ThrottledInstance[]> {
  return rowsOf<ThrottledInstance>(
    sql,
    `select dag_run_id, ti_id, priority_weight, is_backfill, pool, because ->> 'code' as code from task_queue where stage = 'throttled'
     order by priority_weight desc, is_backfill, dag_run_id, ti_id limit $1`,
    [limit],
    'peek_held',
  )
}

/**
 * Runs with instances that wait for a slot, the heaviest `limit` of each pool and of each task with a limit of its own:
 * a crowd before one full limit must not hide what another would let through. Paused DAGs wait for their person.
 */
export async function findThrottledRuns(sql: Sql, limit: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ dagRunId: number }>(
    sql,
    `select distinct dag_run_id from (
       select l.dag_run_id, row_number() over (
         partition by l.pool, case when l.because ->> 'code' = 'waits_for_task_limit' then l.dag_id || '/' || l.task_id end
         order by l.priority_weight desc, l.is_backfill, l.dag_run_id, l.ti_id) as place
       from task_queue l join dag d using (dag_id) where l.stage = 'throttled' and not d.is_paused) x
     where place <= $1 order by dag_run_id`,
    [limit],
    'find_held_runs',
  )
  return rows.map((row) => row.dagRunId)
}

/** An instance whose time has come: a retry, a try that was put off, a wait by date or one that took too long. */
export interface DueRow {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
  /** The date a deferred instance waits for; null = it waits for a trigger. */
  readonly waitUntil: number | null
  /** When the try of a deferred instance began. */
  readonly triedAt: number | null
  /** The database's clock at this look. */
  readonly now: number
}

export async function findDue(sql: Sql, limit: number): Promise<readonly DueRow[]> {
  return rowsOf<DueRow>(
    sql,
    `select l.dag_run_id as "dagRunId", l.ti_id as "tiId", l.epoch, (extract(epoch from now()) * 1000)::float8 as now,
       case when g.kind = 'time' then (g.kwargs ->> 'at')::float8 end as "waitUntil", t.start_date as "triedAt"
     from task_queue l join dag d using (dag_id)
     left join trigger g on l.stage = 'deferred' and g.dag_run_id = l.dag_run_id and g.ti_id = l.ti_id
     left join task_instance t on l.stage = 'deferred' and t.dag_run_id = l.dag_run_id and t.id = l.ti_id
     where l.ready_at <= now() and not d.is_paused order by l.ready_at limit $1`,
    [limit],
    'find_due',
  )
}

/** The earliest time that `findDue` will find something at, epoch ms, or null. */
export async function nextReadyAt(sql: Sql): Promise<number | null> {
  const rows = await rowsOf<{ at: number | null }>(
    sql,
    'select min(l.ready_at) as at from task_queue l join dag d using (dag_id) where l.ready_at is not null and not d.is_paused',
    [],
    'next_ready_at',
  )
  return rows[0]?.at ?? null
}

export interface OwnedAttempt {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
  /** It was cleared: its worker is to end it and to say so. */
  readonly isRestarting: boolean
}

/** Everything a worker holds. */
export async function findOwnedAttempts(sql: Sql, workerId: number): Promise<readonly OwnedAttempt[]> {
  return rowsOf<OwnedAttempt>(
    sql,
    `select dag_run_id, ti_id, epoch, stage = 'restarting' as is_restarting from task_queue
     where stage in ('running', 'restarting') and worker_id = $1 order by dag_run_id, ti_id`,
    [workerId],
  )
}

/** An attempt whose worker's job has ended or never existed. */
export interface Orphan {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
  readonly workerId: number
  readonly hostname: string | null
}

export async function findOrphans(sql: Sql): Promise<readonly Orphan[]> {
  return rowsOf<Orphan>(
    sql,
    `select l.dag_run_id as "dagRunId", l.ti_id as "tiId", l.epoch, l.worker_id as "workerId", j.hostname
     from task_queue l left join job j on j.id = l.worker_id
     where l.stage in ('running', 'restarting') and (j.id is null or j.state <> 'running') order by l.dag_run_id, l.ti_id`,
  )
}

/**
 * How long the holder of the admission lock may be silent, ms. Everybody's growth waits for it, and it needs a few: who is
 * frozen loses it long before its other locks.
 */
const ADMISSION_IDLE_MS = 1_000

/** Serializes whatever makes more slots be used (growth); replacing one ended attempt by another needs no lock. */
export async function lockAdmission(tx: Sql): Promise<void> {
  await tx.query(
    `select set_config('idle_in_transaction_session_timeout', '${ADMISSION_IDLE_MS}', true), pg_advisory_xact_lock(hashtext('baram.admission'))`,
    [],
    'lock_admission',
  )
}

export interface PoolUsage {
  readonly pool: string
  readonly slots: number
  readonly used: number
  readonly active: number
}

/** Every pool with the slots and instances that are queued or running in it. */
export async function countUsage(tx: Sql): Promise<readonly PoolUsage[]> {
  return rowsOf<PoolUsage>(
    tx,
    `select p.pool, p.slots, coalesce(u.used, 0)::int as used, coalesce(u.active, 0)::int as active
     from slot_pool p
     left join (
       select l.pool, sum(l.pool_slots) as used, count(*) filter (where l.stage <> 'deferred') as active
       from task_queue l join slot_pool o using (pool)
       where l.stage in (${ACTIVE}) or (l.stage = 'deferred' and o.include_deferred) group by l.pool) u using (pool)`,
    [],
    'count_usage',
  )
}

/** Instances of the given tasks that are under way, over all runs: what is deferred holds no slot and still counts. */
export async function countTasks(
  tx: Sql,
  dagIds: readonly string[],
  taskIds: readonly string[],
): Promise<readonly { dagId: string; taskId: string; dagRunId: number; active: number }[]> {
  return rowsOf<{ dagId: string; taskId: string; dagRunId: number; active: number }>(
    tx,
    `select dag_id, task_id, dag_run_id, count(*)::int as active from task_queue
     where stage in (${ACTIVE}, 'deferred') and dag_id = any($1) and task_id = any($2) group by 1, 2, 3`,
    [dagIds, taskIds],
  )
}
