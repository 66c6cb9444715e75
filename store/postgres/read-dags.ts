// What pages and the API read of DAGs, their versions and code.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { type DagWarning, WARNINGS } from './dag-warnings.ts'
import { type Listed, list, orderBy, type Page, pattern, range, rangeFields } from './read-filters.ts'
import { RUN_ACTIVE } from './state-lists.ts'

export interface DagListRow {
  readonly dagId: string
  readonly dagDisplayName: string
  readonly isPaused: boolean
  readonly isStale: boolean
  readonly lastParsedTime: number | null
  readonly lastParseDuration: number | null
  readonly bundleName: string
  readonly bundleVersion: string | null
  readonly relativeFileloc: string
  readonly fileloc: string
  readonly owners: string
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
  readonly hasImportErrors: boolean
  readonly nextDagrun: number | null
  readonly nextDagrunDataIntervalStart: number | null
  readonly nextDagrunDataIntervalEnd: number | null
  readonly nextDagrunCreateAfter: number | null
  readonly tags: readonly string[]
}

export const DAG = /* sql */ `
  d.dag_id, coalesce(d.dag_display_name, d.dag_id) as dag_display_name, d.is_paused, d.is_stale, d.last_parsed_time, d.last_parse_duration,
  d.bundle_name, d.bundle_version, d.relative_fileloc, d.fileloc, d.owners, d.description, d.timetable_summary, d.timetable_description,
  d.timetable_type, d.timezone, d.has_schedule, d.max_active_tasks, d.max_active_runs, d.max_consecutive_failed_dag_runs, d.has_task_concurrency_limits,
  d.has_import_errors, d.next_dagrun, d.next_dagrun_data_interval_start, d.next_dagrun_data_interval_end, d.next_dagrun_create_after,
  coalesce((select json_agg(t.name order by t.name) from dag_tag t where t.dag_id = d.dag_id), '[]'::json) as tags`

export interface DagFilter {
  readonly tags?: readonly string[] | undefined
  readonly tagsAll?: boolean
  readonly owners?: readonly string[] | undefined
  readonly dagIdPattern?: readonly string[] | undefined
  readonly dagDisplayNamePattern?: readonly string[] | undefined
  readonly excludeStale?: boolean
  readonly paused?: boolean | undefined
  readonly hasImportErrors?: boolean | undefined
  readonly lastDagRunState?: string | undefined
  readonly dagRunState?: readonly string[] | undefined
  readonly bundleName?: string | undefined
  readonly bundleVersion?: string | undefined
  readonly timetableType?: readonly string[] | undefined
  /** Whether it is a favourite of `user`. */
  readonly favourite?: boolean | undefined
  readonly user?: string
  readonly [range: `dag_run_${string}`]: unknown
}

const LAST_RUN = `left join lateral (select r.state, r.start_date, r.end_date, r.run_after from dag_run r
     where r.dag_id = d.dag_id order by r.run_after desc, r.id desc limit 1) l on true`

const DAG_LIST = /* sql */ `
from dag d ${LAST_RUN}, json_to_record($1) as f(tags text[], tags_all boolean, owners text[], dag_id_pattern text[],
  dag_display_name_pattern text[], exclude_stale boolean, paused boolean, has_import_errors boolean, last_dag_run_state text,
  dag_run_state text[], bundle_name text, bundle_version text, timetable_type text[], favourite boolean, "user" text,
  ${rangeFields('dag_run_start_date')}, ${rangeFields('dag_run_end_date')})
where (f.tags is null or case when f.tags_all
      then (select count(*) from dag_tag t where t.dag_id = d.dag_id and t.name = any (f.tags)) = cardinality(f.tags)
      else exists (select 1 from dag_tag t where t.dag_id = d.dag_id and t.name = any (f.tags)) end)
  ${pattern('d.owners', 'owners')} ${pattern('d.dag_id', 'dag_id_pattern')}
  ${pattern('coalesce(d.dag_display_name, d.dag_id)', 'dag_display_name_pattern')}
  and (f.exclude_stale is not true or not d.is_stale) and (f.paused is null or d.is_paused = f.paused)
  and (f.has_import_errors is null or d.has_import_errors = f.has_import_errors)
  and (f.last_dag_run_state is null or l.state = f.last_dag_run_state)
  and (f.dag_run_state is null or exists (select 1 from dag_run x where x.dag_id = d.dag_id and x.state = any (f.dag_run_state)))
  and (f.bundle_name is null or d.bundle_name = f.bundle_name) and (f.bundle_version is null or d.bundle_version = f.bundle_version)
  and (f.timetable_type is null or d.timetable_type = any (f.timetable_type))
  and (f.favourite is null or f.favourite = exists (select 1 from dag_favorite v where v.dag_id = d.dag_id and v.user_id = f."user"))
  ${range('l.start_date', 'dag_run_start_date')} ${range('l.end_date', 'dag_run_end_date')}`

export const DAG_ORDER = {
  dag_id: 'd.dag_id',
  dag_display_name: 'coalesce(d.dag_display_name, d.dag_id)',
  is_paused: 'd.is_paused',
  is_stale: 'd.is_stale',
  last_parsed_time: 'd.last_parsed_time',
  next_dagrun: 'd.next_dagrun_create_after',
  next_dagrun_logical_date: 'd.next_dagrun',
  next_dagrun_run_after: 'd.next_dagrun_create_after',
  last_run_state: 'l.state',
  last_run_start_date: 'l.start_date',
  last_run_run_after: 'l.run_after',
} as const

export function listDags(sql: Sql, filter: DagFilter, page: Page): Promise<Listed<DagListRow>> {
  return list<DagListRow>(sql, DAG, DAG_LIST, orderBy(DAG_ORDER, page.order, 'd.dag_id'), filter, page)
}

export interface WarnedDagRow extends DagListRow {
  readonly warnings: readonly DagWarning[]
}

export async function getDag(sql: Sql, dagId: string): Promise<WarnedDagRow | null> {
  const rows = await rowsOf<WarnedDagRow>(
    sql,
    `select ${DAG}, ${WARNINGS} from dag d where d.dag_id = $1`,
    [dagId],
    'get_dag',
  )
  return rows[0] ?? null
}

export interface VersionListRow {
  readonly id: string
  readonly versionNumber: number
  readonly dagId: string
  readonly dagDisplayName: string
  readonly bundleName: string | null
  readonly bundleVersion: string | null
  readonly createdAt: number
}

const VERSION = /* sql */ `v.id, v.version_number, v.dag_id, v.bundle_name, v.bundle_version, v.created_at,
  (select coalesce(d.dag_display_name, d.dag_id) from dag d where d.dag_id = v.dag_id) as dag_display_name`

export interface VersionFilter {
  readonly dagId?: string | undefined
  readonly versionNumber?: number | undefined
  readonly bundleName?: string | undefined
  readonly bundleVersion?: string | undefined
}

export const VERSION_ORDER = {
  id: 'v.id',
  version_number: 'v.version_number',
  bundle_name: 'v.bundle_name',
  bundle_version: 'v.bundle_version',
} as const

const VERSION_LIST = /* sql */ `
from dag_version v, json_to_record($1) as f(dag_id text, version_number int, bundle_name text, bundle_version text)
where (f.dag_id is null or v.dag_id = f.dag_id) and (f.version_number is null or v.version_number = f.version_number)
  and (f.bundle_name is null or v.bundle_name = f.bundle_name) and (f.bundle_version is null or v.bundle_version = f.bundle_version)`

export function listVersions(sql: Sql, filter: VersionFilter, page: Page): Promise<Listed<VersionListRow>> {
  return list<VersionListRow>(sql, VERSION, VERSION_LIST, orderBy(VERSION_ORDER, page.order, 'v.id'), filter, page)
}

/** Versions by id, for the runs and task instances of one page. */
export async function findVersions(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, VersionListRow>> {
  if (ids.length === 0) return new Map()
  const rows = await rowsOf<VersionListRow>(
    sql,
    `select ${VERSION} from dag_version v where v.id = any($1::uuid[])`,
    [ids],
    'find_versions',
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** A version by its number; null number = the newest. */
export async function getVersion(sql: Sql, dagId: string, number: number | null): Promise<VersionListRow | null> {
  const rows = await rowsOf<VersionListRow>(
    sql,
    `select ${VERSION} from dag_version v where v.dag_id = $1 and ($2::int is null or v.version_number = $2)
     order by v.version_number desc limit 1`,
    [dagId, number],
    'get_version',
  )
  return rows[0] ?? null
}

export interface SourceRow {
  readonly sourceCode: string
  readonly versionNumber: number
  readonly fileloc: string
  readonly createdAt: number
}

export interface VersionUse {
  readonly versionNumber: number
  readonly createdAt: number
  readonly runs: number
  readonly active: number
}

/** Versions of a DAG, newest first, with how many runs each has. */
export async function listVersionUses(sql: Sql, dagId: string, limit: number): Promise<readonly VersionUse[]> {
  return rowsOf<VersionUse>(
    sql,
    `select v.version_number, v.created_at, count(r.id)::int as runs,
       (count(r.id) filter (where r.state in (${RUN_ACTIVE})))::int as active
     from dag_version v left join dag_run r on r.dag_id = v.dag_id and r.created_dag_version_id = v.id
     where v.dag_id = $1 group by v.id order by v.version_number desc limit $2`,
    [dagId, limit],
  )
}

/** The code of a version, for somebody to see: from now on it is kept, whatever becomes of its file. Null number = the newest. */
export async function showSource(sql: Sql, dagId: string, number: number | null): Promise<SourceRow | null> {
  const rows = await rowsOf<SourceRow>(
    sql,
    `with shown as (
       select v.id, c.source_code, v.version_number, c.fileloc, v.created_at from dag_version v join dag_code c on c.dag_version_id = v.id
       where v.dag_id = $1 and ($2::int is null or v.version_number = $2) order by v.version_number desc limit 1
     ), kept as (update dag_version v set is_kept = true from shown where v.id = shown.id and not v.is_kept)
     select source_code, version_number, fileloc, created_at from shown`,
    [dagId, number],
  )
  return rows[0] ?? null
}

export async function countActiveRuns(sql: Sql, dagId: string): Promise<number> {
  const rows = await rowsOf<{ n: number }>(
    sql,
    `select count(*) as n from dag_run where dag_id = $1 and state in (${RUN_ACTIVE})`,
    [dagId],
  )
  return rows[0]?.n ?? 0
}

/** Runs by state of each DAG; DAGs without runs are there with none. */
export async function countRunsByState(
  sql: Sql,
  dagIds: readonly string[] | null,
): Promise<readonly { dagId: string; dagDisplayName: string; state: string | null; n: number }[]> {
  return rowsOf<{ dagId: string; dagDisplayName: string; state: string | null; n: number }>(
    sql,
    `select d.dag_id, coalesce(d.dag_display_name, d.dag_id) as dag_display_name, r.state, count(r.id) as n
     from dag d left join dag_run r using (dag_id)
     where ($1::text[] is null or d.dag_id = any($1)) and ($1::text[] is not null or not d.is_stale)
     group by d.dag_id, r.state order by d.dag_id, r.state`,
    [dagIds],
  )
}

export async function listTags(
  sql: Sql,
  patterns: readonly string[] | null,
  page: Page,
): Promise<Listed<{ name: string }>> {
  return list<{ name: string }>(
    sql,
    'n.name',
    /* sql */ `from (select distinct name from dag_tag) n, json_to_record($1) as f(p text[]) where (f.p is null or n.name ilike any (f.p))`,
    orderBy({ name: 'n.name' }, page.order, 'n.name'),
    { p: patterns },
    page,
  )
}

export interface WarningRow {
  readonly dagId: string
  readonly dagDisplayName: string
  readonly warningType: string
  readonly message: string
  readonly timestamp: number
}

export const WARNING_ORDER = {
  dag_id: 'w.dag_id',
  warning_type: 'w.warning_type',
  message: 'w.message',
  timestamp: 'w.timestamp',
} as const

export function listWarnings(
  sql: Sql,
  filter: { dagId?: string | undefined; warningType?: string | undefined },
  page: Page,
): Promise<Listed<WarningRow>> {
  return list<WarningRow>(
    sql,
    'w.dag_id, coalesce(d.dag_display_name, d.dag_id) as dag_display_name, w.warning_type, w.message, w.timestamp',
    /* sql */ `from dag_warning w join dag d using (dag_id), json_to_record($1) as f(dag_id text, warning_type text)
    where (f.dag_id is null or w.dag_id = f.dag_id) and (f.warning_type is null or w.warning_type = f.warning_type)`,
    orderBy(WARNING_ORDER, page.order, 'w.dag_id'),
    filter,
    page,
  )
}
