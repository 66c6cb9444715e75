// What deferred task instances wait for, and the events that woke them.

import type { JsonValue } from '../../core/json.ts'
import type { Wait } from '../../core/protocol.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

/** The instance waits from now on; an earlier wait of it is replaced. */
export async function putWait(tx: Sql, dagRunId: number, tiId: string, wait: Wait): Promise<void> {
  const [name, args] = wait.kind === 'time' ? ['time', { at: wait.at }] : [wait.name, wait.args]
  await tx.query(
    `insert into trigger (dag_run_id, ti_id, try_number, epoch, kind, classpath, kwargs, sealed_kwargs)
     select dag_run_id, id, try_number, epoch, $3, $4, $5::json, $6 from task_instance where dag_run_id = $1 and id = $2
     on conflict (dag_run_id, ti_id) do update set try_number = excluded.try_number, epoch = excluded.epoch, kind = excluded.kind,
       classpath = excluded.classpath, kwargs = excluded.kwargs, sealed_kwargs = excluded.sealed_kwargs, created_date = now(), triggerer_id = null,
       event = null, fired_at = null`,
    [dagRunId, tiId, wait.kind, name, JSON.stringify(args), wait.kind === 'trigger' ? (wait.sealed ?? null) : null],
    'put_wait',
  )
}

/** The wait is over: the try goes on with this event. */
export async function recordEvent(tx: Sql, dagRunId: number, tiId: string, event: JsonValue): Promise<void> {
  await tx.query(
    'update trigger set event = $3::json, fired_at = now() where dag_run_id = $1 and ti_id = $2',
    [dagRunId, tiId, JSON.stringify(event)],
    'record_event',
  )
}

/** What a try begins with that is not the first, or goes on after a wait. */
export interface Continuation {
  /** When the try began, epoch ms. */
  readonly startDate: number | null
  /** When the first try since the last clear began, epoch ms. */
  readonly firstStartDate: number | null
  readonly rescheduleCount: number
  /** Null = it was put off, and executes again. */
  readonly event: JsonValue | null
  readonly isResumed: boolean
}

export async function loadContinuation(sql: Sql, dagRunId: number, tiId: string): Promise<Continuation | null> {
  const rows = await rowsOf<Continuation>(
    sql,
    `select t.start_date, t.first_start_date, t.reschedule_count, g.event, t.next_method is not null as is_resumed
     from task_instance t
     left join trigger g on g.dag_run_id = t.dag_run_id and g.ti_id = t.id and g.try_number = t.try_number
     where t.dag_run_id = $1 and t.id = $2`,
    [dagRunId, tiId],
    'load_continuation',
  )
  return rows[0] ?? null
}

/** A wait that a triggerer holds. */
export interface OwnedWait {
  readonly dagRunId: number
  readonly tiId: string
  readonly tryNumber: number
  readonly epoch: number
  readonly name: string
  readonly args: JsonValue
  /** Envelope of the arguments, where `args` has its secrets masked. */
  readonly sealed: string | null
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly versionId: string
}

/** Takes waits that nobody holds, or whose holder is dead, oldest first. */
export async function takeWaits(tx: Sql, triggererId: number, limit: number): Promise<readonly OwnedWait[]> {
  return rowsOf<OwnedWait>(
    tx,
    `with free as (
       select g.dag_run_id, g.ti_id from trigger g
       join task_queue l on l.dag_run_id = g.dag_run_id and l.ti_id = g.ti_id and l.stage = 'deferred'
       left join job j on j.id = g.triggerer_id
       where g.kind = 'trigger' and g.fired_at is null and (j.id is null or j.state <> 'running')
       order by g.created_date limit $2 for update of g skip locked
     ), mine as (
       update trigger g set triggerer_id = $1 from free
       where g.dag_run_id = free.dag_run_id and g.ti_id = free.ti_id
       returning g.dag_run_id, g.ti_id, g.try_number, g.epoch, g.classpath as name, g.kwargs as args, g.sealed_kwargs as sealed
     )
     select m.*, t.dag_id, t.run_id, t.task_id, t.map_index, r.created_dag_version_id as version_id
     from mine m join task_instance t on t.dag_run_id = m.dag_run_id and t.id = m.ti_id join dag_run r on r.id = m.dag_run_id`,
    [triggererId, limit],
    'take_waits',
  )
}

/** Waits of a triggerer whose instances still wait. */
export async function findOwnedWaits(
  sql: Sql,
  triggererId: number,
): Promise<readonly { readonly dagRunId: number; readonly tiId: string; readonly epoch: number }[]> {
  return rowsOf<{ dagRunId: number; tiId: string; epoch: number }>(
    sql,
    `select g.dag_run_id, g.ti_id, g.epoch from trigger g
     join task_queue l on l.dag_run_id = g.dag_run_id and l.ti_id = g.ti_id and l.stage = 'deferred'
     where g.triggerer_id = $1 and g.fired_at is null and g.kind = 'trigger'`,
    [triggererId],
  )
}
