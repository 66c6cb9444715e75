// What people should know of a DAG that runs all the same; one row a DAG and kind.

import { repairText, storableJson } from '../../core/storable.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export async function putDagWarning(tx: Sql, dagId: string, kind: string, message: string): Promise<void> {
  await tx.query(
    `insert into dag_warning (dag_id, warning_type, message) values ($1, $2, $3)
     on conflict (dag_id, warning_type) do update set message = excluded.message, timestamp = now()`,
    [dagId, kind, repairText(message)],
  )
}

export async function deleteDagWarning(tx: Sql, dagId: string, kind: string): Promise<void> {
  await tx.query('delete from dag_warning where dag_id = $1 and warning_type = $2', [dagId, kind], 'delete_dag_warning')
}

/** The message, or null. */
export async function findDagWarning(sql: Sql, dagId: string, kind: string): Promise<string | null> {
  const rows = await rowsOf<{ message: string }>(
    sql,
    'select message from dag_warning where dag_id = $1 and warning_type = $2',
    [dagId, kind],
  )
  return rows[0]?.message ?? null
}

/** Of one file as it was checked; `moduleHash` tells the version that this is true of. */
export interface FileWarning {
  readonly file: string
  readonly moduleHash: string
  /** Null = the file has none of this kind. */
  readonly message: string | null
}

/** The DAGs of `$2`'s files whose latest version is the one that was checked. */
const CHECKED = /* sql */ `checked as (
  select d.dag_id, f.message from json_to_recordset($2) as f(file text, "moduleHash" text, message text)
  join dag d on d.relative_fileloc = f.file and not d.is_stale
  cross join lateral (
    select v.module_hash from dag_version v where v.dag_id = d.dag_id order by v.version_number desc limit 1) v
  where v.module_hash = f."moduleHash")`

/**
 * Sets or removes the warnings of a kind by file. DAGs that have another version meanwhile keep what they have; DAGs that
 * are in no file lose theirs.
 * @returns the DAGs whose warning changed
 */
export async function replaceFileWarnings(
  tx: Sql,
  kind: string,
  files: readonly FileWarning[],
): Promise<readonly string[]> {
  const values = [kind, storableJson(files)]
  const put = await rowsOf<{ dagId: string }>(
    tx,
    `with ${CHECKED} insert into dag_warning (dag_id, warning_type, message)
     select dag_id, $1, message from checked where message is not null order by dag_id
     on conflict (dag_id, warning_type) do update set message = excluded.message, timestamp = now()
       where dag_warning.message <> excluded.message
     returning dag_id`,
    values,
  )
  const gone = await rowsOf<{ dagId: string }>(
    tx,
    `with ${CHECKED} delete from dag_warning w using dag d
     where w.warning_type = $1 and d.dag_id = w.dag_id
       and (d.is_stale or d.dag_id in (select dag_id from checked where message is null))
     returning w.dag_id`,
    values,
  )
  return [...put, ...gone].map((row) => row.dagId)
}

/** @returns the DAGs that had one */
export async function deleteWarningsOfKind(sql: Sql, kind: string): Promise<readonly string[]> {
  const rows = await rowsOf<{ dagId: string }>(
    sql,
    'delete from dag_warning where warning_type = $1 returning dag_id',
    [kind],
  )
  return rows.map((row) => row.dagId)
}

export interface DagWarning {
  readonly warningType: string
  readonly message: string
}

/** The warnings of `dag d` as a column, in the order of their kinds: a page reads them with its DAG. */
export const WARNINGS = /* sql */ `coalesce((select json_agg(json_build_object('warningType', w.warning_type, 'message', w.message)
  order by w.warning_type) from dag_warning w where w.dag_id = d.dag_id), '[]'::json) as warnings`

/** Those of these DAGs that have a warning. */
export async function findWarnedDags(sql: Sql, dagIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await rowsOf<{ dagId: string }>(
    sql,
    'select distinct dag_id from dag_warning where dag_id = any($1)',
    [dagIds],
    'find_warned_dags',
  )
  return new Set(rows.map((row) => row.dagId))
}

/** As `deleteDagWarning`, but only one that begins with what it is about. @returns whether there was one */
export async function deleteDagWarningOf(tx: Sql, dagId: string, kind: string, about: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    'delete from dag_warning where dag_id = $1 and warning_type = $2 and starts_with(message, $3)',
    [dagId, kind, `${about} `],
    'delete_dag_warning_of',
  )
  return rowCount > 0
}
