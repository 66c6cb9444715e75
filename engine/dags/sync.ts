// What a read DAG file changes: DAG rows, versions, import errors; and pausing.

import { createHash } from 'node:crypto'
import { canonicalJson, type JsonValue } from '../../core/json.ts'
import type { SerializedDag } from '../../core/serialized.ts'
import { describe as describeTimetable } from '../../core/timetables/describe.ts'
import { uuidv7 } from '../../runtime/ids.ts'
import { isConnectionError } from '../../store/answers.ts'
import type { Database } from '../../store/database.ts'
import {
  deleteImportError,
  findDagFile,
  findLatestVersion,
  insertVersion,
  listActiveDags,
  lockDag,
  markStale,
  putImportError,
  putModule,
  replaceVersion,
  setNextRun,
  upsertDag,
  type VersionContent,
} from '../../store/postgres/dags.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { notifyPages, notifyScheduler } from '../../store/postgres/notify.ts'
import type { Sql } from '../../store/sql.ts'
import { syncDeadlines } from '../alerts/deadlines.ts'
import { computeNext } from '../runs/create.ts'
import type { RunCache } from '../transaction/run-cache.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A DAG file that was compiled and read. */
export interface ParsedFile {
  readonly relativeFileloc: string
  readonly fileloc: string
  readonly sourceCode: string
  readonly moduleHash: string
  readonly moduleCode: string
  readonly parseSeconds: number
  readonly dags: readonly SerializedDag[]
  /** Text for the page; empty = the whole file is good. */
  readonly errorText: string | null
  readonly errorDetails: JsonValue
}

export interface SyncResult {
  readonly changed: readonly string[]
  readonly stale: readonly string[]
  /** DAG ids that another file owns. */
  readonly taken: readonly { readonly dagId: string; readonly file: string }[]
}

// The type is plain JSON throughout; its readonly arrays of tuples are only spelled differently.
const dataOf = (dag: SerializedDag): string => canonicalJson(dag as unknown as JsonValue)

const versionHashBy = (dagHash: string, moduleHash: string): string => sha256(`${dagHash}:${moduleHash}`)

/** What tells two versions of a DAG apart: its declaration and the code it comes with. */
export const versionHashOf = (dag: SerializedDag, moduleHash: string): string =>
  versionHashBy(sha256(dataOf(dag)), moduleHash)

function contentOf(file: ParsedFile, dag: SerializedDag): VersionContent {
  const data = dataOf(dag)
  const dagHash = sha256(data)
  return {
    dagId: dag.dagId,
    data,
    dagHash,
    moduleHash: file.moduleHash,
    // The text of a large DAG is made once.
    versionHash: versionHashBy(dagHash, file.moduleHash),
    fileloc: file.fileloc,
    sourceCode: file.sourceCode,
    sourceHash: sha256(file.sourceCode),
  }
}

const hasLimits = (dag: SerializedDag) =>
  dag.tasks.some((task) => task.maxActiveTisPerDag !== null || task.maxActiveTisPerDagrun !== null)

async function syncRow(tx: Sql, file: ParsedFile, dag: SerializedDag, pausedByDefault: boolean): Promise<void> {
  const { summary, description, type } = describeTimetable(dag.timetable)
  await upsertDag(tx, {
    dagId: dag.dagId,
    isPaused: dag.isPausedUponCreation ?? pausedByDefault,
    relativeFileloc: file.relativeFileloc,
    fileloc: file.fileloc,
    owners: [...new Set(dag.tasks.map((task) => task.owner))].sort().join(', ') || 'airflow',
    displayName: dag.dagDisplayName,
    description: dag.description,
    timetableSummary: summary,
    timetableDescription: description,
    timetableType: type,
    timezone: dag.timezone,
    hasSchedule: dag.timetable.kind !== 'none',
    maxActiveTasks: dag.maxActiveTasks,
    maxActiveRuns: dag.maxActiveRuns,
    maxConsecutiveFailedDagRuns: dag.maxConsecutiveFailedDagRuns,
    hasTaskConcurrencyLimits: hasLimits(dag),
    parseSeconds: file.parseSeconds,
    tags: dag.tags,
  })
}

/** A new version only when the latest has runs; else it is replaced in place (docs/compatibility.md#versions). */
async function syncVersion(tx: Sql, content: VersionContent): Promise<boolean> {
  const latest = await findLatestVersion(tx, content.dagId)
  if (latest?.versionHash === content.versionHash) return false
  if (latest !== null && !latest.isUsed) {
    await replaceVersion(tx, latest.id, content)
    return true
  }
  await insertVersion(
    tx,
    { version: uuidv7(), serialized: uuidv7(), code: uuidv7() },
    (latest?.versionNumber ?? 0) + 1,
    content,
  )
  return true
}

/** The file whose path sorts first keeps a DAG id that two files declare: the same winner on every host and start. */
function ownerOf(owner: string | null, file: ParsedFile, present: ReadonlySet<string>): string {
  if (owner === null || owner === file.relativeFileloc || !present.has(owner)) return file.relativeFileloc
  return [owner, file.relativeFileloc].sort()[0] ?? owner
}

async function syncOne(tx: Sql, file: ParsedFile, dag: SerializedDag, pausedByDefault: boolean): Promise<boolean> {
  await lockDag(tx, dag.dagId)
  await syncRow(tx, file, dag, pausedByDefault)
  const isChanged = await syncVersion(tx, contentOf(file, dag))
  await syncDeadlines(tx, dag, isChanged)
  await setNextRun(tx, dag.dagId, await computeNext(tx, dag, await databaseNow(tx)))
  return isChanged
}

const describeDuplicate = (dagId: string, owner: string) =>
  `DAG ${dagId} is already declared in ${owner}; give one of the two another id`

/**
 * Stores what a file yields, all or nothing. `present`: every file the last listing saw, to tell a moved DAG from a
 * duplicated one.
 */
export async function syncFile(
  database: Database,
  file: ParsedFile,
  present: ReadonlySet<string>,
  pausedByDefault: boolean,
): Promise<SyncResult> {
  return database.transaction(async (tx) => {
    await putModule(tx, file.moduleHash, file.moduleCode)
    const changed: string[] = []
    const taken: { dagId: string; file: string }[] = []
    for (const dag of [...file.dags].sort((a, b) => (a.dagId < b.dagId ? -1 : 1))) {
      // A DAG never seen has no row to lock.
      await tx.query('select pg_advisory_xact_lock(hashtext($1))', [`baram.dag.${dag.dagId}`])
      const before = await findDagFile(tx, dag.dagId)
      const owner = ownerOf(before, file, present)
      if (owner !== file.relativeFileloc) {
        taken.push({ dagId: dag.dagId, file: owner })
        continue
      }
      if (await syncOne(tx, file, dag, pausedByDefault)) changed.push(dag.dagId)
      // The file it was taken from did not change and is not read again: it is told here.
      if (before !== null && before !== owner && present.has(before))
        await putImportError(tx, { filename: before, stacktrace: describeDuplicate(dag.dagId, owner), details: {} })
    }
    const duplicates = taken.map(({ dagId, file: owner }) => describeDuplicate(dagId, owner))
    const text = [file.errorText, ...duplicates].filter((line) => line !== null && line !== '').join('\n\n')
    const isHealed = text === '' && (await deleteImportError(tx, file.relativeFileloc))
    if (text !== '')
      await putImportError(tx, { filename: file.relativeFileloc, stacktrace: text, details: file.errorDetails })
    // DAGs that are broken in this version of the file keep their last good version.
    const keep = file.errorText === null ? file.dags.map((dag) => dag.dagId) : null
    const stale = keep === null ? [] : await markStale(tx, file.relativeFileloc, keep)
    await notifyScheduler(tx)
    const told = [...changed, ...stale, ...file.dags.map((dag) => dag.dagId)]
    // An error concerns every page: its count stands in their frame, and DAGs that the file no longer yields run on.
    await notifyPages(tx, { runs: [], dags: isHealed || text !== '' ? ['*'] : told })
    return { changed, stale, taken }
  })
}

/** A file that cannot be read at all: its DAGs keep their last good version. */
export async function recordImportError(
  database: Database,
  filename: string,
  stacktrace: string,
  details: JsonValue,
): Promise<void> {
  await database.transaction(async (tx) => {
    await putImportError(tx, { filename, stacktrace, details })
    await notifyPages(tx, { runs: [], dags: ['*'] })
  })
}

/** A file that is gone (after enough complete listings): its DAGs are stale, its error is forgotten. */
export async function forgetFile(database: Database, filename: string): Promise<readonly string[]> {
  return database.transaction(async (tx) => {
    await deleteImportError(tx, filename)
    const stale = await markStale(tx, filename, [])
    await notifyPages(tx, { runs: [], dags: ['*'] })
    return stale
  })
}

async function refreshNextRun(database: Database, runCache: RunCache, dagId: string): Promise<void> {
  await database.transaction(async (tx) => {
    const dag = await lockDag(tx, dagId)
    if (dag === null || dag.isStale || dag.isPaused) return
    const { graph } = await runCache.version(tx, dag.versionId, dag.versionHash)
    await setNextRun(tx, dagId, await computeNext(tx, graph.dag, await databaseNow(tx)))
  })
}

/** Computes the next date of each DAG anew, by the clock of now. Returns those of which it cannot be told: they keep theirs. */
export async function refreshNextRuns(database: Database, runCache: RunCache): Promise<readonly string[]> {
  const refused: string[] = []
  for (const dagId of await listActiveDags(database)) {
    try {
      await refreshNextRun(database, runCache, dagId)
    } catch (error) {
      if (isConnectionError(error)) throw error
      refused.push(dagId)
    }
  }
  return refused
}
