// Result tables that tasks publish, by run and name.

import type { ResultTable } from '../../core/result-table.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import type { AttemptKey } from './effects.ts'

/** @returns false when the attempt has been taken over by another */
export async function putResultTable(
  sql: Sql,
  at: AttemptKey,
  { name, rowCount, body }: { readonly name: string; readonly rowCount: number; readonly body: unknown },
): Promise<boolean> {
  const { rowCount: written } = await sql.query(
    `insert into report (dag_run_id, name, dag_id, run_id, task_id, map_index, body, row_count)
     select dag_run_id, $4, dag_id, run_id, task_id, map_index, $5::json, $6
     from task_instance where dag_run_id = $1 and id = $2 and epoch = $3 and state = 'running'
     on conflict (dag_run_id, name) do update set task_id = excluded.task_id, map_index = excluded.map_index,
       body = excluded.body, row_count = excluded.row_count, published_at = now()`,
    [at.dagRunId, at.tiId, at.epoch, name, JSON.stringify(body), rowCount],
    'put_report',
  )
  return written === 1
}

export interface ResultTableListRow {
  readonly name: string
  readonly title: string | null
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly rowCount: number
  /** Epoch ms. */
  readonly publishedAt: number
}

/** Its run is there: one that is being deleted has no DAG any more (store/postgres/old-runs.ts). `r` is the `report`. */
const IS_THERE = /* sql */ `exists (select 1 from dag_run g where g.id = r.dag_run_id and g.dag_id = r.dag_id)`

const LISTED = `name, body ->> 'title' as title, run_id, task_id, map_index, row_count, published_at`

/** The newest result table of each name of a DAG. The names are walked along the index: a DAG of 100,000 runs costs as many steps as it has names. */
export async function listResultTables(sql: Sql, dagId: string): Promise<readonly ResultTableListRow[]> {
  return rowsOf<ResultTableListRow>(
    sql,
    `with recursive known as (
       (select name from report where dag_id = $1 order by name limit 1)
       union all
       select (select r.name from report r where r.dag_id = $1 and r.name > known.name order by r.name limit 1) from known where known.name is not null
     )
     select newest.* from known cross join lateral (
       select ${LISTED} from report r where r.dag_id = $1 and r.name = known.name and ${IS_THERE}
       order by r.dag_run_id desc limit 1
     ) newest limit 200`,
    [dagId],
    'list_reports',
  )
}

/** The result tables of one run. */
export async function listRunResultTables(sql: Sql, dagRunId: number): Promise<readonly ResultTableListRow[]> {
  return rowsOf<ResultTableListRow>(
    sql,
    `select ${LISTED} from report where dag_run_id = $1 order by name limit 200`,
    [dagRunId],
    'list_run_reports',
  )
}

export interface ResultTableRow extends ResultTableListRow {
  readonly body: ResultTable
}

/** A result table of a run; without `runId` the newest one of its name. */
export async function findResultTable(
  sql: Sql,
  dagId: string,
  name: string,
  runId: string | null,
): Promise<ResultTableRow | null> {
  const rows = await rowsOf<ResultTableRow>(
    sql,
    `select ${LISTED}, body from report r where dag_id = $1 and name = $2 and ($3::text is null or run_id = $3) and ${IS_THERE}
     order by dag_run_id desc limit 1`,
    [dagId, name, runId],
    'find_report',
  )
  return rows[0] ?? null
}

export interface ResultTableRunRow {
  readonly runId: string
  readonly publishedAt: number
}

/** Runs that published it, newest first. */
export async function listRunsOfResultTable(
  sql: Sql,
  dagId: string,
  name: string,
  most: number,
): Promise<readonly ResultTableRunRow[]> {
  return rowsOf<ResultTableRunRow>(
    sql,
    `select run_id, published_at from report r where dag_id = $1 and name = $2 and ${IS_THERE} order by dag_run_id desc limit $3`,
    [dagId, name, most],
    'list_runs_of_report',
  )
}
