// How runs stand, as tasks of other runs ask: by names and dates, never by row id.

import type { RunState, TaskState } from '../../core/states.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'

export interface OtherRun {
  readonly id: number
  readonly dagId: string
  readonly runId: string
  readonly state: RunState
  readonly logicalDate: number | null
}

/** By run id when there is one, else by logical date. */
export async function findRunState(
  sql: Sql,
  dagId: string,
  by: { readonly runId: string | null; readonly logicalDate: number | null },
): Promise<OtherRun | null> {
  const rows = await rowsOf<OtherRun>(
    sql,
    `select id, dag_id, run_id, state, logical_date from dag_run
     where dag_id = $1 and case when $2::text is null then logical_date = $3 else run_id = $2 end limit 1`,
    [dagId, by.runId, timestampOf(by.logicalDate)],
    'find_run_state',
  )
  return rows[0] ?? null
}

/** States by task, a list in order of map index; null when the DAG has no run of that date. */
export async function findTaskStates(
  sql: Sql,
  dagId: string,
  logicalDate: number,
  taskIds: readonly string[] | null,
): Promise<readonly { readonly taskId: string; readonly states: readonly (TaskState | null)[] }[] | null> {
  const runs = await rowsOf<{ id: number }>(sql, 'select id from dag_run where dag_id = $1 and logical_date = $2', [
    dagId,
    timestampOf(logicalDate),
  ])
  const id = runs[0]?.id
  if (id === undefined) return null
  return rowsOf<{ taskId: string; states: (TaskState | null)[] }>(
    sql,
    `select task_id, array_agg(state order by map_index) as states from task_instance
     where dag_run_id = $1 and ($2::text[] is null or task_id = any($2)) group by task_id`,
    [id, taskIds],
  )
}

/** The last successful run before one of the same DAG, by logical date: what templates call `prev_…_success`. */
export async function findPreviousSuccess(
  sql: Sql,
  dagRunId: number,
): Promise<{
  readonly dataIntervalStart: number | null
  readonly dataIntervalEnd: number | null
  readonly startDate: number | null
  readonly endDate: number | null
} | null> {
  const rows = await rowsOf<{
    dataIntervalStart: number | null
    dataIntervalEnd: number | null
    startDate: number | null
    endDate: number | null
  }>(
    sql,
    `select p.data_interval_start, p.data_interval_end, p.start_date, p.end_date
     from dag_run r join dag_run p on p.dag_id = r.dag_id and p.logical_date < r.logical_date and p.state = 'success'
     where r.id = $1 order by p.logical_date desc limit 1`,
    [dagRunId],
  )
  return rows[0] ?? null
}
