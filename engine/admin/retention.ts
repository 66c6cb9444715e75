// Deletes what nothing needs any more after its time: finished runs with all that belongs to them, backfills without a run, rows of
// the audit log; ended processes and callbacks, versions without a run, modules without a version.

import type { Database } from '../../store/database.ts'
import { deleteOldAudit } from '../../store/postgres/audit.ts'
import { deleteOldBackfills } from '../../store/postgres/backfills.ts'
import { deleteEndedCallbacks } from '../../store/postgres/callbacks.ts'
import {
  deleteEndedJobs,
  deleteOldStreams,
  deleteUnusedModules,
  deleteUnusedVersions,
} from '../../store/postgres/retention.ts'
import { type DeletedRuns, deleteOldRuns, finishDeletedRuns } from '../runs/delete-old.ts'

export interface Retention {
  /** Days; 0 = for ever. */
  readonly jobDays: number
  readonly versionDays: number
  readonly callbackDays: number
}

export interface Dropped {
  readonly jobs: number
  readonly versions: number
  readonly modules: number
  readonly callbacks: number
}

/** How long a stream that nobody runs is remembered, days: /metrics shows it for seven. */
const STREAM_DAYS = 30
/** Rows a statement deletes at most; the rest follows with the next call. */
const BATCH = 1_000

/** Deletes one batch of each kind. A version goes before its module. */
export async function dropExpired(
  database: Database,
  { jobDays, versionDays, callbackDays }: Retention,
): Promise<Dropped> {
  await deleteOldStreams(database, STREAM_DAYS, BATCH)
  const jobs = jobDays > 0 ? await deleteEndedJobs(database, jobDays, BATCH) : 0
  const callbacks = callbackDays > 0 ? await deleteEndedCallbacks(database, callbackDays, BATCH) : 0
  if (versionDays <= 0) return { jobs, versions: 0, modules: 0, callbacks }
  const versions = await deleteUnusedVersions(database, versionDays, BATCH)
  return { jobs, versions, callbacks, modules: await deleteUnusedModules(database, versionDays, BATCH) }
}

export interface HistoryRetention {
  /** Days; 0 = for ever. */
  readonly runDays: number
  readonly auditDays: number
}

export interface DroppedHistory {
  readonly runs: number
  readonly taskInstances: number
  readonly backfills: number
  readonly auditRows: number
  /** More has expired: the next call should not be long in coming. */
  readonly hasMore: boolean
  /** Runs that the database will not delete. */
  readonly refused: DeletedRuns['refused']
}

const DAY_MS = 86_400_000
/** Transactions that delete runs, in one call: some 0.2 s, after which others have the disk. */
const PIECES = 10
const ALL = { dagIds: null, exceptDagIds: [] } as const

/** Without a time limit too: what somebody has begun to delete is deleted to the end. */
const dropRuns = (database: Database, days: number, now: number): Promise<DeletedRuns> =>
  days > 0
    ? deleteOldRuns(database, { ...ALL, before: now - days * DAY_MS }, { pieces: PIECES })
    : finishDeletedRuns(database, { pieces: PIECES })

const dropBackfills = async (database: Database, days: number, now: number) =>
  days > 0
    ? database.transaction((tx) => deleteOldBackfills(tx, { ...ALL, before: now - days * DAY_MS }, BATCH))
    : { backfills: 0, rows: 0 }

async function dropAudit(database: Database, days: number, now: number): Promise<number> {
  if (days <= 0) return 0
  return (await deleteOldAudit(database, { ...ALL, before: now - days * DAY_MS }, 0, BATCH)).deleted
}

/**
 * Deletes a bounded part of what has expired of runs, backfills and the audit log. A backfill goes after the last of its runs.
 * @param now of the database's clock, epoch ms: the caller believes it
 */
export async function dropHistory(
  database: Database,
  { runDays, auditDays }: HistoryRetention,
  now: number,
): Promise<DroppedHistory> {
  const { runs, taskInstances, isDone, refused } = await dropRuns(database, runDays, now)
  const { backfills, rows } = await dropBackfills(database, runDays, now)
  const auditRows = await dropAudit(database, auditDays, now)
  const hasMore = !isDone || rows >= BATCH || auditRows >= BATCH
  return { runs, taskInstances, backfills, auditRows, hasMore, refused }
}
