// The audit log: one row an accepted write, in its transaction.

import { maskByName } from '../../core/masker.ts'
import { repairText, storableJson } from '../../core/storable.ts'
import { bind } from '../bind.ts'
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
