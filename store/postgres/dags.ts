// DAGs, their versions, modules and code: what the dag-processor writes, and the schedule the scheduler moves on.

import { repairText, storableJson } from '../../core/storable.ts'
import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { RUN_ACTIVE } from './state-lists.ts'

export interface DagRow {
  readonly dagId: string
  readonly isPaused: boolean
  readonly relativeFileloc: string
  readonly fileloc: string
  readonly owners: string
  readonly displayName: string | null
  readonly description: string | null
  readonly timetableSummary: string | null
  readonly timetableDescription: string | null
  readonly timetableType: string
  readonly timezone: string
  readonly hasSchedule: boolean
  readonly maxActiveTasks: number
  readonly maxActiveRuns: number
  readonly maxConsecutiveFailedDagRuns: number
  readonly hasTaskConcurrencyLimits: boolean
  readonly parseSeconds: number
  readonly tags: readonly string[]
}

/** Inserts the DAG or brings its row up to date; `is_paused` counts only for a DAG never seen before. */
export async function upsertDag(tx: Sql, dag: DagRow): Promise<void> {
  await tx.query(
    ...bind(
      `insert into dag (dag_id, is_paused, relative_fileloc, fileloc, owners, dag_display_name, description, timetable_summary, timetable_description,
       timetable_type, timezone, has_schedule, max_active_tasks, max_active_runs, max_consecutive_failed_dag_runs, has_task_concurrency_limits,
       last_parse_duration, last_parsed_time)
     values (:dagId, :isPaused, :relativeFileloc, :fileloc, :owners, :displayName, :description, :timetableSummary,
       :timetableDescription, :timetableType, :timezone, :hasSchedule, :maxActiveTasks,
       :maxActiveRuns, :maxConsecutiveFailedDagRuns, :hasTaskConcurrencyLimits, :parseSeconds, now())
     on conflict (dag_id) do update set is_stale = false, has_import_errors = false, relative_fileloc = excluded.relative_fileloc,
       fileloc = excluded.fileloc, owners = excluded.owners, dag_display_name = excluded.dag_display_name, description = excluded.description,
       timetable_summary = excluded.timetable_summary, timetable_description = excluded.timetable_description,
       timetable_type = excluded.timetable_type, timezone = excluded.timezone, has_schedule = excluded.has_schedule,
       max_active_tasks = excluded.max_active_tasks, max_active_runs = excluded.max_active_runs,
       max_consecutive_failed_dag_runs = excluded.max_consecutive_failed_dag_runs,
       has_task_concurrency_limits = excluded.has_task_concurrency_limits, last_parse_duration = excluded.last_parse_duration,
       last_parsed_time = now()`,
      {
        dagId: dag.dagId,
        isPaused: dag.isPaused,
        relativeFileloc: dag.relativeFileloc,
        fileloc: dag.fileloc,
        owners: dag.owners,
        displayName: dag.displayName,
        description: dag.description,
        timetableSummary: dag.timetableSummary,
        timetableDescription: dag.timetableDescription,
        timetableType: dag.timetableType,
        timezone: dag.timezone,
        hasSchedule: dag.hasSchedule,
        maxActiveTasks: dag.maxActiveTasks,
        maxActiveRuns: dag.maxActiveRuns,
        maxConsecutiveFailedDagRuns: dag.maxConsecutiveFailedDagRuns,
        hasTaskConcurrencyLimits: dag.hasTaskConcurrencyLimits,
        parseSeconds: dag.parseSeconds,
      },
    ),
  )
  await tx.query('delete from dag_tag where dag_id = $1 and name <> all($2)', [dag.dagId, dag.tags])
  await tx.query('insert into dag_tag (dag_id, name) select $1, unnest($2::text[]) on conflict do nothing', [
    dag.dagId,
    dag.tags,
  ])
}

/** The file that yields a DAG now, or null when no file does. */
export async function findDagFile(tx: Sql, dagId: string): Promise<string | null> {
  const rows = await rowsOf<{ relativeFileloc: string }>(
    tx,
    'select relative_fileloc from dag where dag_id = $1 and not is_stale',
    [dagId],
  )
  return rows[0]?.relativeFileloc ?? null
}

export async function putModule(tx: Sql, hash: string, code: string): Promise<void> {
  // One that is there already is locked: it could be deleted for its age before its version is written.
  await tx.query(
    'insert into dag_module (hash, code) values ($1, $2) on conflict (hash) do update set hash = excluded.hash',
    [hash, code],
  )
}

export interface LatestVersion {
  readonly id: string
  readonly versionNumber: number
  readonly versionHash: string
  /** A run was created from it, or its code was shown: it must stay as it is. */
  readonly isUsed: boolean
}

export async function findLatestVersion(tx: Sql, dagId: string): Promise<LatestVersion | null> {
  const rows = await rowsOf<LatestVersion>(
    tx,
    `select v.id, v.version_number, v.version_hash,
       v.is_kept or exists (select 1 from dag_run r where r.dag_id = v.dag_id and r.created_dag_version_id = v.id) as is_used
     from dag_version v where v.dag_id = $1 order by v.version_number desc limit 1`,
    [dagId],
  )
  return rows[0] ?? null
}

export interface VersionContent {
  readonly dagId: string
  readonly versionHash: string
  readonly moduleHash: string
  readonly dagHash: string
  /** Canonical JSON text. */
  readonly data: string
  readonly fileloc: string
  readonly sourceCode: string
  readonly sourceHash: string
}

export async function insertVersion(
  tx: Sql,
  ids: { version: string; serialized: string; code: string },
  number: number,
  content: VersionContent,
): Promise<void> {
  await tx.query(
    `insert into dag_version (id, dag_id, version_number, bundle_name, module_hash, version_hash) values ($1, $2, $3, 'dags-folder', $4, $5)`,
    [ids.version, content.dagId, number, content.moduleHash, content.versionHash],
  )
  await tx.query(
    'insert into serialized_dag (id, dag_id, dag_version_id, data, dag_hash) values ($1, $2, $3, $4, $5)',
    [ids.serialized, content.dagId, ids.version, content.data, content.dagHash],
  )
  await tx.query(
    'insert into dag_code (id, dag_id, dag_version_id, fileloc, source_code, source_code_hash) values ($1, $2, $3, $4, $5, $6)',
    [ids.code, content.dagId, ids.version, content.fileloc, content.sourceCode, content.sourceHash],
  )
}

/** A version that no run uses is replaced in place. */
export async function replaceVersion(tx: Sql, versionId: string, content: VersionContent): Promise<void> {
  await tx.query('update dag_version set module_hash = $2, version_hash = $3, last_updated = now() where id = $1', [
    versionId,
    content.moduleHash,
    content.versionHash,
  ])
  await tx.query('update serialized_dag set data = $2, dag_hash = $3, last_updated = now() where dag_version_id = $1', [
    versionId,
    content.data,
    content.dagHash,
  ])
  await tx.query(
    'update dag_code set fileloc = $2, source_code = $3, source_code_hash = $4, last_updated = now() where dag_version_id = $1',
    [versionId, content.fileloc, content.sourceCode, content.sourceHash],
  )
}

export interface NextRun {
  readonly logicalDate: number
  readonly dataInterval: { readonly start: number; readonly end: number }
  readonly runAfter: number
}

export async function setNextRun(tx: Sql, dagId: string, next: NextRun | null): Promise<void> {
  await tx.query(
    `update dag set next_dagrun = $2, next_dagrun_data_interval_start = $3, next_dagrun_data_interval_end = $4, next_dagrun_create_after = $5
     where dag_id = $1`,
    [
      dagId,
      timestampOf(next?.logicalDate),
      timestampOf(next?.dataInterval.start),
      timestampOf(next?.dataInterval.end),
      timestampOf(next?.runAfter),
    ],
    'set_next_run',
  )
}

/** DAGs whose next run is due and that may have one more; paused and stale ones never are. */
export async function findDueDags(sql: Sql, limit: number): Promise<readonly string[]> {
  const rows = await rowsOf<{ dagId: string }>(
    sql,
    `select d.dag_id from dag d
     where not d.is_paused and not d.is_stale and d.next_dagrun_create_after <= now()
       and (select count(*) from dag_run r where r.dag_id = d.dag_id and r.state in (${RUN_ACTIVE}) and r.backfill_id is null) < d.max_active_runs
     order by d.next_dagrun_create_after limit $1`,
    [limit],
    'find_due_dags',
  )
  return rows.map((row) => row.dagId)
}

/** When the next run of any DAG is due, epoch ms, or null. DAGs at their limit are woken by the run that ends. */
export async function nextDueAt(sql: Sql): Promise<number | null> {
  const rows = await rowsOf<{ at: number | null }>(
    sql,
    `select min(d.next_dagrun_create_after) as at from dag d
     where not d.is_paused and not d.is_stale
       and (select count(*) from dag_run r where r.dag_id = d.dag_id and r.state in (${RUN_ACTIVE}) and r.backfill_id is null) < d.max_active_runs`,
    [],
    'next_due_at',
  )
  return rows[0]?.at ?? null
}

export interface DueDag {
  readonly dagId: string
  readonly nextDagrun: number | null
  readonly nextDagrunDataIntervalStart: number | null
  readonly nextDagrunDataIntervalEnd: number | null
  readonly nextDagrunCreateAfter: number | null
  readonly versionId: string
  readonly versionHash: string
  readonly now: number
}

/** Locks a DAG whose run is due; null when another scheduler has it, or it is no longer due. */
export async function lockDueDag(tx: Sql, dagId: string): Promise<DueDag | null> {
  const rows = await rowsOf<DueDag>(
    tx,
    `select d.dag_id, d.next_dagrun, d.next_dagrun_data_interval_start, d.next_dagrun_data_interval_end, d.next_dagrun_create_after,
       v.id as version_id, v.version_hash, clock_timestamp() as now
     from dag d cross join lateral (
       select v.id, v.version_hash from dag_version v where v.dag_id = d.dag_id order by v.version_number desc limit 1) v
     where d.dag_id = $1 and not d.is_paused and not d.is_stale and d.next_dagrun_create_after <= clock_timestamp()
       and (select count(*) from dag_run r where r.dag_id = d.dag_id and r.state in (${RUN_ACTIVE}) and r.backfill_id is null) < d.max_active_runs
     for no key update of d skip locked`,
    [dagId],
    'lock_due_dag',
  )
  return rows[0] ?? null
}

export interface DagFacts {
  readonly dagId: string
  readonly isPaused: boolean
  readonly isStale: boolean
  readonly versionId: string
  readonly versionHash: string
  readonly timezone: string
  readonly hasImportErrors: boolean
}

const LOCK_DAG = `select d.dag_id, d.is_paused, d.is_stale, d.timezone, d.has_import_errors,
       v.id as version_id, v.version_hash
     from dag d left join lateral (
       select v.id, v.version_hash from dag_version v where v.dag_id = d.dag_id order by v.version_number desc limit 1) v on true
     where d.dag_id = $1 for no key update of d`

/** A DAG and its latest version, locked against a change of either. */
export async function lockDag(tx: Sql, dagId: string): Promise<DagFacts | null> {
  const rows = await rowsOf<DagFacts>(tx, LOCK_DAG, [dagId], 'lock_dag')
  return rows[0] ?? null
}

/** As above, but null also when somebody else holds it. */
export async function lockFreeDag(tx: Sql, dagId: string): Promise<DagFacts | null> {
  const rows = await rowsOf<DagFacts>(tx, `${LOCK_DAG} skip locked`, [dagId], 'lock_free_dag')
  return rows[0] ?? null
}

/** As above without a lock: for looking only. */
export async function readSchedule(sql: Sql, dagId: string): Promise<DagFacts | null> {
  const rows = await rowsOf<DagFacts>(
    sql,
    `select d.dag_id, d.is_paused, d.is_stale, d.timezone, d.has_import_errors, v.id as version_id, v.version_hash
     from dag d join lateral (
       select v.id, v.version_hash from dag_version v where v.dag_id = d.dag_id order by v.version_number desc limit 1) v on true
     where d.dag_id = $1`,
    [dagId],
    'read_schedule',
  )
  return rows[0] ?? null
}

export async function setPaused(tx: Sql, dagId: string, isPaused: boolean): Promise<boolean> {
  const { rowCount } = await tx.query('update dag set is_paused = $2 where dag_id = $1', [dagId, isPaused])
  return rowCount === 1
}

/** Pauses those of these DAGs whose last runs have all failed, as many as each allows (Airflow's rule). */
export async function pauseFailingDags(
  tx: Sql,
  dagIds: readonly string[],
): Promise<readonly { readonly dagId: string; readonly limit: number }[]> {
  return rowsOf<{ dagId: string; limit: number }>(
    tx,
    `update dag d set is_paused = true
     where d.dag_id = any($1) and not d.is_paused and d.max_consecutive_failed_dag_runs > 0
       and d.max_consecutive_failed_dag_runs = (
         select count(*) from (select state from dag_run r where r.dag_id = d.dag_id order by r.run_after desc, r.id desc
           limit d.max_consecutive_failed_dag_runs) last where last.state = 'failed')
     returning d.dag_id, d.max_consecutive_failed_dag_runs as "limit"`,
    [dagIds],
  )
}

/** DAGs of a file that it no longer yields: they stay in the database, marked stale. Returns their ids. */
export async function markStale(
  tx: Sql,
  relativeFileloc: string,
  except: readonly string[],
): Promise<readonly string[]> {
  const rows = await rowsOf<{ dagId: string }>(
    tx,
    `update dag set is_stale = true, next_dagrun_create_after = null
     where relative_fileloc = $1 and dag_id <> all($2) and not is_stale returning dag_id`,
    [relativeFileloc, except],
  )
  return rows.map((row) => row.dagId)
}

/** DAGs that some file yields. */
export async function listActiveDags(sql: Sql): Promise<readonly string[]> {
  const rows = await rowsOf<{ dagId: string }>(sql, 'select dag_id from dag where not is_stale')
  return rows.map((row) => row.dagId)
}

/** Files that DAGs in use, or import errors, come from. */
export async function listKnownFiles(sql: Sql): Promise<readonly string[]> {
  const rows = await rowsOf<{ file: string }>(
    sql,
    'select distinct relative_fileloc as file from dag where not is_stale union select filename from import_error',
  )
  return rows.map((row) => row.file)
}

export interface ImportErrorRow {
  readonly filename: string
  readonly stacktrace: string
  readonly details: unknown
}

export async function putImportError(tx: Sql, error: ImportErrorRow): Promise<void> {
  await tx.query(
    `insert into import_error (filename, stacktrace, details) values ($1, $2, $3)
     on conflict (filename) do update set stacktrace = excluded.stacktrace, details = excluded.details,
       timestamp = case when import_error.stacktrace = excluded.stacktrace then import_error.timestamp else now() end`,
    [error.filename, repairText(error.stacktrace), storableJson(error.details)],
  )
  await tx.query('update dag set has_import_errors = true where relative_fileloc = $1', [error.filename])
}

export async function deleteImportError(tx: Sql, filename: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from import_error where filename = $1', [filename])
  await tx.query('update dag set has_import_errors = false where relative_fileloc = $1 and has_import_errors', [
    filename,
  ])
  return rowCount > 0
}

/** A DAG whose run cannot be made is not due for some seconds: it must not be looked at without end. */
export async function postponeDag(tx: Sql, dagId: string, seconds: number): Promise<void> {
  await tx.query(
    `update dag set next_dagrun_create_after = clock_timestamp() + make_interval(secs => $2)
     where dag_id = $1 and next_dagrun_create_after <= clock_timestamp()`,
    [dagId, seconds],
  )
}
