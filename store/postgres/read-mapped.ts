// What pages read of many instances at once: counts by state instead of rows, so that a task mapped over 10,000 items costs
// a page no more than a few lines.

import type { TaskState } from '../../core/states.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

/** The instances of one task of one run that are in one state. */
export interface CellRow {
  readonly dagRunId: number
  readonly taskId: string
  readonly state: TaskState | null
  readonly n: number
  /** Seconds of the longest one. */
  readonly duration: number | null
  readonly startDate: number | null
  readonly endDate: number | null
}

/** The cells of a grid: the instances of the given runs, counted by task and state. */
export async function listCells(sql: Sql, runIds: readonly number[]): Promise<readonly CellRow[]> {
  return rowsOf<CellRow>(
    sql,
    `select dag_run_id, task_id, state, count(*)::int as n, max(duration) as duration, min(start_date) as start_date, max(end_date) as end_date
     from task_instance where dag_run_id = any($1::bigint[]) group by dag_run_id, task_id, state limit 400000`,
    [runIds],
    'list_cells',
  )
}

export interface BucketRow {
  readonly bucket: number
  readonly state: TaskState | null
  readonly n: number
  readonly firstIndex: number
  readonly lastIndex: number
}

/**
 * The instances of a mapped task in at most `most` buckets of neighbours, each counted by state. Both parts are fenced: the
 * planner has no statistics of a run that has just been made, and counted the size anew for each of 10,000 rows (10 s).
 */
export async function listBuckets(
  sql: Sql,
  dagRunId: number,
  taskId: string,
  most: number,
): Promise<readonly BucketRow[]> {
  return rowsOf<BucketRow>(
    sql,
    `with mine as materialized (
       select map_index, state from task_instance where dag_run_id = $1 and task_id = $2 and map_index >= 0
     ), size as materialized (select max(map_index) + 1 as n from mine)
     select map_index * least($3::bigint, size.n) / size.n as bucket, state, count(*)::int as n, min(map_index) as first_index,
       max(map_index) as last_index
     from mine, size group by 1, 2 order by 1`,
    [dagRunId, taskId, most],
    'list_buckets',
  )
}

export interface MappedRow {
  readonly mapIndex: number
  readonly renderedMapIndex: string | null
  readonly state: TaskState | null
  readonly tryNumber: number
  readonly maxTries: number
  readonly startDate: number | null
  readonly duration: number | null
}

export interface MappedFilter {
  /** The lowest map index to show. */
  readonly from: number
  readonly states: readonly string[] | null
  readonly withNoState: boolean
}

/** Instances of a mapped task in order of their index; one more than a page shows tells that there is a next one. */
export async function pageMapped(
  sql: Sql,
  dagRunId: number,
  taskId: string,
  filter: MappedFilter,
  limit: number,
): Promise<readonly MappedRow[]> {
  return rowsOf<MappedRow>(
    sql,
    `select map_index, rendered_map_index, state, try_number, max_tries, start_date, duration from task_instance
     where dag_run_id = $1 and task_id = $2 and map_index >= greatest($3, 0)
       and ($4::text[] is null or state = any ($4) or ($5::boolean and state is null))
     order by map_index limit $6`,
    [dagRunId, taskId, filter.from, filter.states, filter.withNoState, limit],
  )
}

export interface Neighbours {
  readonly before: number | null
  readonly after: number | null
  readonly last: number
}

/** The instances beside one of a mapped task. */
export async function findNeighbours(
  sql: Sql,
  dagRunId: number,
  taskId: string,
  mapIndex: number,
): Promise<Neighbours | null> {
  const rows = await rowsOf<Neighbours>(
    sql,
    `select (select max(map_index) from task_instance where dag_run_id = $1 and task_id = $2 and map_index between 0 and $3 - 1) as before,
       (select min(map_index) from task_instance where dag_run_id = $1 and task_id = $2 and map_index > $3) as after,
       (select max(map_index) from task_instance where dag_run_id = $1 and task_id = $2) as last`,
    [dagRunId, taskId, mapIndex],
  )
  return rows[0] ?? null
}
