// How much belongs to a DAG or to one of its runs: what a deletion takes along, told before it.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export interface Contents {
  readonly runs: number
  readonly instances: number
  readonly xcoms: number
  readonly reports: number
  /** Of a DAG; 0 for a run. */
  readonly versions: number
  readonly backfills: number
}

/** @param dagRunId null = of the whole DAG */
export async function countContents(sql: Sql, dagId: string, dagRunId: number | null): Promise<Contents> {
  const rows = await rowsOf<Contents>(
    sql,
    `with r as (select id from dag_run where dag_id = $1 and ($2::bigint is null or id = $2))
     select (select count(*) from r)::int as runs,
       (select count(*) from task_instance t join r on t.dag_run_id = r.id)::int as instances,
       (select count(*) from xcom x join r on x.dag_run_id = r.id)::int as xcoms,
       (select count(*) from report p join r on p.dag_run_id = r.id)::int as reports,
       (select count(*) from dag_version v where v.dag_id = $1 and $2::bigint is null)::int as versions,
       (select count(*) from backfill b where b.dag_id = $1 and $2::bigint is null)::int as backfills`,
    [dagId, dagRunId],
  )
  return rows[0] ?? { runs: 0, instances: 0, xcoms: 0, reports: 0, versions: 0, backfills: 0 }
}
