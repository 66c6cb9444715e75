// What attempts did outside, counted: one row a try and place.

import type { Effect } from '../../core/effects.ts'
import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

/** The attempt that writes: rows are taken from it only while it is the current one. */
export interface AttemptKey {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
}

const PUT_EFFECT = /* sql */ `insert into effect (dag_run_id, task_id, map_index, try_number, dag_id, run_id, kind, target,
       rows_read, rows_written, rows_rejected, bytes, checksum, offsets, lag, rows_per_second, freshness)
     select dag_run_id, task_id, map_index, try_number, dag_id, run_id, :kind, :target,
       :rowsRead, :rowsWritten, :rowsRejected, :bytes, :checksum, :offsets::jsonb, :lag, :rowsPerSecond, :freshness
     from task_instance where dag_run_id = :dagRunId and id = :tiId and epoch = :epoch and state = 'running'
     on conflict (dag_run_id, task_id, map_index, try_number, kind, target) do update set
       rows_read = excluded.rows_read, rows_written = excluded.rows_written, rows_rejected = excluded.rows_rejected,
       bytes = excluded.bytes, checksum = excluded.checksum, offsets = excluded.offsets, lag = excluded.lag,
       rows_per_second = excluded.rows_per_second, freshness = excluded.freshness, recorded_at = now()`

/** The effect, and how its stream stands now. Told again by the same try, its rows count once. */
const PUT_STREAM_EFFECT = /* sql */ `with before as (
       select e.rows_read, e.rows_written, e.rows_rejected from effect e join task_instance t using (dag_run_id, task_id, map_index, try_number)
       where t.dag_run_id = :dagRunId and t.id = :tiId and e.kind = :kind and e.target = :target),
     told as (${PUT_EFFECT} returning *),
     standing as (
       insert into stream as s (dag_id, task_id, target, lag, rows_per_second, rows_read, rows_written, rows_rejected, newest_at, settled_at)
       select t.dag_id, t.task_id, t.target, t.lag, t.rows_per_second, t.rows_read - coalesce(b.rows_read, 0),
         t.rows_written - coalesce(b.rows_written, 0), t.rows_rejected - coalesce(b.rows_rejected, 0),
         t.recorded_at - make_interval(secs => t.freshness), t.recorded_at
       from told t left join before b on true
       on conflict (dag_id, task_id, md5(target)) do update set lag = excluded.lag, rows_per_second = excluded.rows_per_second,
         rows_read = s.rows_read + greatest(excluded.rows_read, 0), rows_written = s.rows_written + greatest(excluded.rows_written, 0),
         rows_rejected = s.rows_rejected + greatest(excluded.rows_rejected, 0),
         newest_at = greatest(s.newest_at, excluded.newest_at), settled_at = greatest(s.settled_at, excluded.settled_at))
     select 1 from told`

/** @returns false when the attempt has been taken over by another */
export async function putEffect(sql: Sql, at: AttemptKey, effect: Effect): Promise<boolean> {
  const isStream = effect.stream !== undefined
  const { rowCount } = await sql.query(
    ...bind(isStream ? PUT_STREAM_EFFECT : PUT_EFFECT, {
      dagRunId: at.dagRunId,
      tiId: at.tiId,
      epoch: at.epoch,
      kind: effect.kind,
      target: effect.target,
      rowsRead: effect.rowsRead,
      rowsWritten: effect.rowsWritten,
      rowsRejected: effect.rowsRejected ?? 0,
      bytes: effect.bytes ?? null,
      checksum: effect.checksum ?? null,
      offsets: effect.offsets === undefined ? null : JSON.stringify(effect.offsets),
      lag: effect.stream?.lag ?? null,
      rowsPerSecond: effect.stream?.rowsPerSecond ?? null,
      freshness: effect.stream?.freshness ?? null,
    }),
    isStream ? 'put_stream_effect' : 'put_effect',
  )
  return rowCount === 1
}

export interface EffectRow {
  readonly dagRunId: number
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
  readonly kind: Effect['kind']
  readonly target: string
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly rowsRejected: number
  readonly bytes: number | null
  readonly checksum: string | null
  readonly offsets: Effect['offsets'] | null
  /** Of a stream: records still to read; null elsewhere. */
  readonly lag: number | null
  readonly rowsPerSecond: number | null
  /** Seconds. */
  readonly freshness: number | null
  /** Epoch ms. */
  readonly recordedAt: number
  /** Whether a later try of the instance exists. */
  readonly isSuperseded: boolean
}

const COLUMNS = `e.dag_run_id, e.run_id, e.task_id, e.map_index, e.try_number, e.kind, e.target, e.rows_read, e.rows_written,
  e.rows_rejected, e.bytes, e.checksum, e.offsets, e.lag, e.rows_per_second, e.freshness, e.recorded_at, t.try_number > e.try_number as is_superseded`

/** Effects of runs, newest run first, in the order they happened. At most `most`. */
export async function listEffects(sql: Sql, runIds: readonly number[], most: number): Promise<readonly EffectRow[]> {
  return rowsOf<EffectRow>(
    sql,
    `select ${COLUMNS} from effect e join task_instance t using (dag_run_id, task_id, map_index)
     where e.dag_run_id = any($1::bigint[]) order by e.dag_run_id desc, e.recorded_at, e.task_id, e.map_index, e.target limit $2`,
    [runIds, most],
    'list_effects',
  )
}

/** One line a task of a run: what its last tries did, summed by kind of place. */
export interface EffectSum {
  readonly taskId: string
  readonly kind: Effect['kind']
  readonly places: number
  /** One of the places. */
  readonly target: string
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly rowsRejected: number
  readonly bytes: number | null
}

/** In the order in which the tasks first told of them. */
export async function sumEffects(sql: Sql, dagRunId: number): Promise<readonly EffectSum[]> {
  return rowsOf<EffectSum>(
    sql,
    `select e.task_id, e.kind, count(*)::int as places, min(e.target) as target, sum(e.rows_read)::bigint as rows_read,
       sum(e.rows_written)::bigint as rows_written, sum(e.rows_rejected)::bigint as rows_rejected, sum(e.bytes)::bigint as bytes
     from effect e join task_instance t using (dag_run_id, task_id, map_index, try_number)
     where e.dag_run_id = $1 group by e.task_id, e.kind order by min(e.recorded_at), e.task_id, e.kind limit 200`,
    [dagRunId],
    'sum_effects',
  )
}
