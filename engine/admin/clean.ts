// `dagctl db clean`: what somebody wants to have deleted by its age, at once and to the end.

import type { Database } from '../../store/database.ts'
import { type AuditFilter, countOldAudit, deleteOldAudit, type OldAudit } from '../../store/postgres/audit.ts'
import { countOldBackfills, deleteOldBackfills } from '../../store/postgres/backfills.ts'
import { countDeleted } from '../../store/postgres/old-runs.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { type DeletedRuns, deleteOldRuns, type OldRunsOfDag, previewOldRuns } from '../runs/delete-old.ts'

/** Tables that can be cleaned by age; what belongs to a run goes with it. */
export const CLEANED_TABLES = ['dag_run', 'backfill', 'log'] as const
export type CleanedTable = (typeof CLEANED_TABLES)[number]

export interface CleanRequest extends AuditFilter {
  readonly tables: readonly CleanedTable[]
}

export interface CleanPreview {
  readonly runs: readonly OldRunsOfDag[]
  /** Runs that an earlier call has begun to delete: nothing shows them any more, and rows of them are still there. */
  readonly unfinished: number
  /** Of which no run is left. */
  readonly backfills: readonly { readonly dagId: string; readonly n: number }[]
  readonly audit: OldAudit
}

export interface Cleaned {
  /** Null = runs were not asked for. */
  readonly runs: DeletedRuns | null
  readonly backfills: number
  readonly auditRows: number
}

/** Rows a transaction deletes at most. */
const BATCH = 1_000

const NONE: OldAudit = { rows: 0, oldest: null, newest: null }

/** What a clean would delete now. */
export async function previewClean(database: Database, request: CleanRequest): Promise<CleanPreview> {
  const has = (table: CleanedTable) => request.tables.includes(table)
  return {
    runs: has('dag_run') ? await previewOldRuns(database, request) : [],
    unfinished: has('dag_run') ? await countDeleted(database) : 0,
    backfills: has('backfill') ? await countOldBackfills(database, request) : [],
    audit: has('log') ? await countOldAudit(database, request) : NONE,
  }
}

async function cleanBackfills(database: Database, request: CleanRequest): Promise<number> {
  let deleted = 0
  for (;;) {
    const { backfills, rows } = await database.transaction((tx) => deleteOldBackfills(tx, request, BATCH))
    deleted += backfills
    if (rows === 0) return deleted
  }
}

async function cleanAudit(database: Database, request: CleanRequest): Promise<number> {
  let [deleted, after]: [number, number | null] = [0, 0]
  while (after !== null) {
    const stretch = await deleteOldAudit(database, request, after, BATCH)
    deleted += stretch.deleted
    after = stretch.next
  }
  return deleted
}

/**
 * Deletes what a request names. It is noted in the audit log before the first row goes: a call that is ended in the middle has deleted
 * something too.
 * @param onRuns told after each transaction that deletes runs
 */
export async function clean(
  { database }: Pick<Engine, 'database'>,
  request: CleanRequest,
  actor: Actor,
  onRuns?: (sofar: DeletedRuns) => void,
): Promise<Cleaned> {
  const has = (table: CleanedTable) => request.tables.includes(table)
  const { tables, dagIds, exceptDagIds } = request
  const before = new Date(request.before).toISOString()
  await audit(database, actor, { event: 'db.clean', extra: { before, tables, dagIds, exceptDagIds } })
  const limits = onRuns === undefined ? {} : { onPiece: onRuns }
  const runs = has('dag_run') ? await deleteOldRuns(database, request, limits) : null
  // After the runs: a backfill goes with the last of them.
  const backfills = has('backfill') ? await cleanBackfills(database, request) : 0
  const auditRows = has('log') ? await cleanAudit(database, request) : 0
  return { runs, backfills, auditRows }
}
