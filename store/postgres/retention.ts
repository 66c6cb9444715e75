// What is deleted for its age. Each statement has a limit: a table that has grown for years is not emptied at once.

import type { Sql } from '../sql.ts'

/** Processes that ended long ago. */
export async function deleteEndedJobs(sql: Sql, days: number, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from job where id in (
       select id from job where state <> 'running' and end_date < now() - make_interval(days => $1)
       order by id limit $2 for update skip locked)`,
    [days, limit],
    'delete_ended_jobs',
  )
  return rowCount
}

/**
 * Versions that a newer one has replaced long ago and that nothing names: no run, no task instance, no earlier try. So the
 * newest of a DAG always stays, also when it is old. A run that is made meanwhile holds its version by its foreign key.
 */
export async function deleteUnusedVersions(sql: Sql, days: number, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from dag_version where id in (
       select v.id from dag_version v
       where exists (select 1 from dag_version n where n.dag_id = v.dag_id and n.version_number > v.version_number
                     and n.created_at < now() - make_interval(days => $1))
         and not exists (select 1 from dag_run r where r.created_dag_version_id = v.id)
         and not exists (select 1 from task_instance t where t.dag_version_id = v.id)
         and not exists (select 1 from task_instance_history h where h.dag_version_id = v.id)
       order by v.id limit $2 for update skip locked)`,
    [days, limit],
    'delete_unused_versions',
  )
  return rowCount
}

/** Compiled files that no version names any more. */
export async function deleteUnusedModules(sql: Sql, days: number, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from dag_module where hash in (
       select m.hash from dag_module m
       where m.created_at < now() - make_interval(days => $1)
         and not exists (select 1 from dag_version v where v.module_hash = m.hash)
       limit $2 for update skip locked)`,
    [days, limit],
    'delete_unused_modules',
  )
  return rowCount
}

/** Streams that nobody has run for long. */
export async function deleteOldStreams(sql: Sql, days: number, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from stream where ctid in (
       select ctid from stream where settled_at < now() - make_interval(days => $1) order by settled_at limit $2 for update skip locked)`,
    [days, limit],
    'delete_old_streams',
  )
  return rowCount
}
