// What the page of one run reads: its attempts in time, its failed instances, its ledger page by page, and the runs beside it.

import type { TaskState } from '../../core/states.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { EVENT, type EventRow } from './read-task-instances.ts'

/** A try of a task, or all instances of a mapped one together: from the first start to the last end. Times in epoch ms. */
export interface RunAttempt {
  readonly taskId: string
  readonly isMapped: boolean
  readonly tryNumber: number
  /** Null of a mapped task. */
  readonly state: TaskState | null
  /** When it was given a slot; null where that is not known, as of a mapped task. */
  readonly queuedDttm: number | null
  readonly startDate: number
  /** Null while it runs. */
  readonly endDate: number | null
}

/** Tries that have begun, in the order they began. */
export function listRunAttempts(sql: Sql, dagRunId: number, limit: number): Promise<readonly RunAttempt[]> {
  return rowsOf<RunAttempt>(
    sql,
    `select * from (
       select task_id, false as is_mapped, try_number, state, queued_dttm, start_date, end_date from task_instance
       where dag_run_id = $1 and map_index = -1
       union all
       select h.task_id, false, h.try_number, h.state, h.queued_dttm, h.start_date, h.end_date
       from task_instance_history h join task_instance t
         on t.dag_run_id = h.dag_run_id and t.task_id = h.task_id and t.map_index = h.map_index
       where h.dag_run_id = $1 and h.map_index = -1 and h.try_number <> t.try_number
       union all
       select task_id, true, 1, null, null, min(start_date),
         case when bool_or(start_date is not null and end_date is null) then null else max(end_date) end
       from task_instance where dag_run_id = $1 and map_index >= 0 group by task_id) a
     where start_date is not null order by start_date, task_id, try_number limit $2`,
    [dagRunId, limit],
  )
}

export interface FailedInstance {
  readonly taskId: string
  readonly mapIndex: number
  readonly renderedMapIndex: string | null
  readonly tryNumber: number
  readonly maxTries: number
  readonly endDate: number | null
  readonly because: unknown
}

/** Failed instances with their newest cause, in the order they failed. Causes are looked up for those that are shown alone. */
export function listFailedInstances(sql: Sql, dagRunId: number, limit: number): Promise<readonly FailedInstance[]> {
  return rowsOf<FailedInstance>(
    sql,
    `with failed as (
       select id, task_id, map_index, rendered_map_index, try_number, max_tries, end_date from task_instance
       where dag_run_id = $1 and state = 'failed' order by end_date nulls last, task_id, map_index limit $2
     ), cause as (
       select distinct on (e.ti_id) e.ti_id, e.because from ti_event e
       where e.dag_run_id = $1 and e.to_state = 'failed' and e.ti_id in (select id from failed)
       order by e.ti_id, e.rev desc, e.step desc
     )
     select f.task_id, f.map_index, f.rendered_map_index, f.try_number, f.max_tries, f.end_date, c.because
     from failed f left join cause c on c.ti_id = f.id order by f.end_date nulls last, f.task_id, f.map_index`,
    [dagRunId, limit],
  )
}

/** Where a page of the ledger begins: the row before it. */
export interface EventCursor {
  readonly rev: number
  readonly step: number
}

/** The ledger of a run, or of one of its tasks, newest first. */
export function pageEvents(
  sql: Sql,
  dagRunId: number,
  taskId: string | null,
  before: EventCursor | null,
  limit: number,
): Promise<readonly EventRow[]> {
  return rowsOf<EventRow>(
    sql,
    `${EVENT} where e.dag_run_id = $1 and ($2::text is null or t.task_id = $2)
       and ($3::bigint is null or (e.rev, e.step) < ($3, $4::int))
     order by e.rev desc, e.step desc limit $5`,
    [dagRunId, taskId, before?.rev ?? null, before?.step ?? null, limit],
  )
}

export interface BesideRuns {
  readonly earlier: string | null
  readonly later: string | null
}

/** The runs of the same DAG just before and after one, by their date. */
export async function findBesideRuns(
  sql: Sql,
  { dagId, id, runAfter }: { readonly dagId: string; readonly id: number; readonly runAfter: number },
): Promise<BesideRuns> {
  const rows = await rowsOf<BesideRuns>(
    sql,
    `select (select run_id from dag_run where dag_id = $1 and (run_after, id) < (to_timestamp($2::float8 / 1000), $3::bigint)
         order by run_after desc, id desc limit 1) as earlier,
       (select run_id from dag_run where dag_id = $1 and (run_after, id) > (to_timestamp($2::float8 / 1000), $3::bigint)
         order by run_after, id limit 1) as later`,
    [dagId, runAfter, id],
  )
  return rows[0] ?? { earlier: null, later: null }
}
