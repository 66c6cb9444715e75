// The audit log: one row an accepted write, in its transaction.

import { maskByName } from '../../core/masker.ts'
import { repairText, storableJson } from '../../core/storable.ts'
import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'

export interface AuditEntry {
  readonly event: string
  readonly owner: string
  readonly dagId?: string | null
  readonly runId?: string | null
  readonly taskId?: string | null
  readonly mapIndex?: number | null
  /** Epoch ms. */
  readonly logicalDate?: number | null
  readonly extra?: unknown
}

export async function insertAudit(tx: Sql, entry: AuditEntry): Promise<void> {
  await tx.query(
    ...bind(
      `insert into log (event, owner, owner_display_name, dag_id, run_id, task_id, map_index, extra, logical_date)
     values (:event, :owner, :owner, :dagId, :runId, :taskId, :mapIndex, :extra, :logicalDate)`,
      {
        event: entry.event,
        owner: repairText(entry.owner),
        dagId: entry.dagId ?? null,
        runId: entry.runId ?? null,
        taskId: entry.taskId ?? null,
        mapIndex: entry.mapIndex ?? null,
        extra: entry.extra === undefined ? null : storableJson(maskByName(entry.extra)),
        logicalDate: timestampOf(entry.logicalDate),
      },
    ),
  )
}

/** Audit rows of these DAGs; without either, all of them. */
export interface AuditFilter {
  /** Written before this, epoch ms. */
  readonly before: number
  /** Null = of all, also rows that are about no DAG. */
  readonly dagIds: readonly string[] | null
  readonly exceptDagIds: readonly string[]
}

const OLD = (l: 'l' | 'w') => /* sql */ `${l}.dttm < $1::timestamptz and ($2::text[] is null or ${l}.dag_id = any($2))
  and (${l}.dag_id is null or ${l}.dag_id <> all($3::text[]))`

/**
 * Deletes what is old of one stretch of the log. Rows are walked by their ids, which grow with time: no other index is needed.
 * @param afterId where the stretch before ended; 0 = from the beginning
 * @returns how many were deleted, and where the next stretch begins; null = nothing is older from there on
 */
export async function deleteOldAudit(
  sql: Sql,
  { before, dagIds, exceptDagIds }: AuditFilter,
  afterId: number,
  limit: number,
): Promise<{ readonly deleted: number; readonly next: number | null }> {
  const rows = await rowsOf<{ deleted: number; next: number | null }>(
    sql,
    `with w as materialized (select id, dttm, dag_id from log where id > $4::bigint order by id limit $5),
     gone as (delete from log where id = any(array(select w.id from w where ${OLD('w')})) returning 1)
     select (select count(*) from gone)::int as deleted,
       case when exists (select 1 from w where w.dttm < $1::timestamptz) then (select max(id) from w) end as next`,
    [timestampOf(before), dagIds, exceptDagIds, afterId, limit],
    'delete_old_audit',
  )
  return rows[0] ?? { deleted: 0, next: null }
}

export interface OldAudit {
  readonly rows: number
  /** Epoch ms; null = there are none. */
  readonly oldest: number | null
  readonly newest: number | null
}

/** What would go. */
export async function countOldAudit(sql: Sql, { before, dagIds, exceptDagIds }: AuditFilter): Promise<OldAudit> {
  const rows = await rowsOf<OldAudit>(
    sql,
    `select count(*)::int as rows, min(l.dttm) as oldest, max(l.dttm) as newest from log l where ${OLD('l')}`,
    [timestampOf(before), dagIds, exceptDagIds],
  )
  return rows[0] ?? { rows: 0, oldest: null, newest: null }
}
