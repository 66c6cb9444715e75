// Last lines that the logs of dead workers lack: noted by who ends the attempt, taken by who sees the folder of the log.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export interface LogEnding {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
  readonly level: 'error' | 'warning'
  readonly event: string
  /** Written also below an older end: the attempt had gone on after a wait. */
  readonly isFinal: boolean
}

/** For a worker whose row is gone, or that named no folder, nothing is noted: nobody could find the log. */
export async function insertLogEndings(
  tx: Sql,
  endings: readonly (LogEnding & { readonly workerId: number })[],
): Promise<void> {
  if (endings.length === 0) return
  await tx.query(
    `insert into log_ending (job_id, dag_id, run_id, task_id, map_index, try_number, level, event, is_final)
     select j.id, e."dagId", e."runId", e."taskId", e."mapIndex", e."tryNumber", e.level, e.event, e."isFinal"
     from json_to_recordset($1) as e("workerId" bigint, "dagId" text, "runId" text, "taskId" text, "mapIndex" int, "tryNumber" int,
       level text, event text, "isFinal" boolean)
     join job j on j.id = e."workerId" where j.info ? 'logFolder'`,
    [JSON.stringify(endings)],
    'insert_log_endings',
  )
}

/** Workers that died within the last minutes. */
export async function findDeadWorkers(sql: Sql): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    `select id from job where job_type = 'WorkerJob' and state = 'failed' and end_date > now() - interval '5 minutes' order by id`,
    [],
    'find_dead_workers',
  )
  return rows.map((row) => row.id)
}

/** What a dead worker had reported in its last seconds: the outcome is stored, the end of the log may have died with it. */
export async function noteLastReports(sql: Sql, workerId: number): Promise<void> {
  await sql.query(
    `insert into log_ending (job_id, dag_id, run_id, task_id, map_index, try_number, level, event, is_final)
     select j.id, t.dag_id, t.run_id, t.task_id, t.map_index, e.try_number, 'warning',
       'Ended: ' || e.to_state || '; the worker died before it had written the rest of this log', false
     from job j, dag_run r
     join ti_event e on e.dag_run_id = r.id
     join task_instance t on t.dag_run_id = e.dag_run_id and t.id = e.ti_id
     where j.id = $1 and j.info ? 'logFolder' and r.updated_at > j.latest_heartbeat - interval '10 seconds'
       and e.who = 'worker:' || $1::text and e.at > j.latest_heartbeat - interval '5 seconds'
       and e.to_state in ('success', 'failed', 'skipped', 'up_for_retry')`,
    [workerId],
  )
}

export interface TakenEnding extends LogEnding {
  readonly id: number
}

/** Endings of a log folder that nobody is writing at this moment; those that could not be written wait for a minute. */
export async function takeLogEndings(tx: Sql, folder: string, limit: number): Promise<readonly TakenEnding[]> {
  return rowsOf<TakenEnding>(
    tx,
    `select e.id, e.dag_id as "dagId", e.run_id as "runId", e.task_id as "taskId", e.map_index as "mapIndex",
       e.try_number as "tryNumber", e.level, e.event, e.is_final as "isFinal"
     from log_ending e join job j on j.id = e.job_id
     where j.info ->> 'logFolder' = $1 and (e.tried_at is null or e.tried_at < now() - interval '1 minute')
     order by e.id limit $2 for update of e skip locked`,
    [folder, limit],
    'take_log_endings',
  )
}

export async function settleLogEndings(
  tx: Sql,
  written: readonly number[],
  unwritten: readonly number[],
): Promise<void> {
  await tx.query('delete from log_ending where id = any($1)', [written])
  if (unwritten.length > 0) await tx.query('update log_ending set tried_at = now() where id = any($1)', [unwritten])
}
