// A run and its attempts as a trace tells them.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export interface TracedRun {
  readonly dagId: string
  readonly runId: string
  readonly runType: string
  readonly state: string
  /** Epoch ms, as the others. Null = it never ran. */
  readonly startDate: number | null
  readonly endDate: number
}

export interface TracedAttempt {
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
  readonly state: string | null
  readonly hostname: string | null
  readonly startDate: number
  readonly endDate: number
}

/** Null while the run has not ended. */
export async function readTracedRun(sql: Sql, dagRunId: number): Promise<TracedRun | null> {
  const rows = await rowsOf<TracedRun>(
    sql,
    'select dag_id, run_id, run_type, state, start_date, end_date from dag_run where id = $1 and end_date is not null',
    [dagRunId],
  )
  return rows[0] ?? null
}

/** Attempts that began and ended, earlier tries too, in the order they began. */
export async function listTracedAttempts(sql: Sql, dagRunId: number, limit: number): Promise<readonly TracedAttempt[]> {
  return rowsOf<TracedAttempt>(
    sql,
    `select task_id, map_index, try_number, state, hostname, start_date, end_date from (
       select task_id, map_index, try_number, state, hostname, start_date, end_date from task_instance where dag_run_id = $1
       union all
       select task_id, map_index, try_number, state, hostname, start_date, end_date from task_instance_history where dag_run_id = $1) a
     where start_date is not null and end_date is not null order by start_date, task_id, map_index, try_number limit $2`,
    [dagRunId, limit],
  )
}
