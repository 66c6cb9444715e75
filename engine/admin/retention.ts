// Deletes what nothing needs any more after its time: ended processes, versions without a run, modules without a version.
// Runs, their tasks and their ledger are kept until somebody deletes them.

import type { Database } from '../../store/database.ts'
import { deleteEndedCallbacks } from '../../store/postgres/callbacks.ts'
import {
  deleteEndedJobs,
  deleteOldStreams,
  deleteUnusedModules,
  deleteUnusedVersions,
} from '../../store/postgres/retention.ts'

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
