// Which DAG files the dag-processors of a deployment see: a file that one of them misses may lie on another's host.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

/** Makes the files that a dag-processor sees exactly these. */
export async function noteSightings(sql: Sql, jobId: number, filenames: readonly string[]): Promise<void> {
  await sql.query(
    `with gone as (delete from dag_file_sighting where job_id = $1 and filename <> all($2))
     insert into dag_file_sighting (job_id, filename) select $1, unnest($2::text[]) on conflict do nothing`,
    [jobId, filenames],
  )
}

/** Forgets what dag-processors saw that have ended. */
export async function dropOldSightings(sql: Sql): Promise<void> {
  await sql.query("delete from dag_file_sighting s using job j where j.id = s.job_id and j.state <> 'running'", [])
}

/** Those of the files that another living dag-processor sees. */
export async function listSeenElsewhere(
  sql: Sql,
  jobId: number,
  filenames: readonly string[],
): Promise<readonly string[]> {
  const rows = await rowsOf<{ filename: string }>(
    sql,
    `select distinct s.filename from dag_file_sighting s join job j on j.id = s.job_id
     where j.state = 'running' and s.job_id <> $1 and s.filename = any($2)`,
    [jobId, filenames],
  )
  return rows.map((row) => row.filename)
}
