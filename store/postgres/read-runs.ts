// What pages and the API read of runs.

import type { RunState, RunType } from '../../core/states.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { type Listed, list, orderBy, type Page, pattern, range, rangeFields } from './read-filters.ts'
import { RUN_ACTIVE } from './state-lists.ts'

export interface RunListRow {
  readonly id: number
  readonly dagId: string
  readonly dagDisplayName: string
  readonly runId: string
  readonly runType: RunType
  readonly state: RunState
  readonly logicalDate: number | null
  readonly dataIntervalStart: number | null
  readonly dataIntervalEnd: number | null
  readonly runAfter: number
  readonly queuedAt: number | null
  readonly startDate: number | null
  readonly endDate: number | null
  readonly duration: number | null
  readonly conf: Readonly<Record<string, unknown>>
  readonly triggeredBy: string | null
  readonly triggeringUserName: string | null
  readonly note: string | null
  readonly versionId: string | null
  readonly versionNumber: number | null
  readonly bundleVersion: string | null
  readonly lastSchedulingDecision: number | null
  readonly partitionKey: string | null
  readonly timezone: string
  /** Grows with every change of the run or of its instances. */
  readonly rev: number
  /** Why nothing of it can be decided since its last change; null = it can. */
  readonly setAside: string | null
}

const DURATION = 'extract(epoch from (r.end_date - r.start_date))::float8'

const RUN = /* sql */ `
  r.id, r.dag_id, coalesce(d.dag_display_name, d.dag_id) as dag_display_name, r.run_id, r.run_type, r.state, r.logical_date,
  r.data_interval_start, r.data_interval_end, r.run_after, r.queued_at, r.start_date, r.end_date, ${DURATION} as duration, r.conf,
  r.triggered_by, r.triggering_user_name, r.note, r.created_dag_version_id as version_id, r.bundle_version, r.last_scheduling_decision,
  r.partition_key, r.rev, case when r.state in (${RUN_ACTIVE}) then (select e.because ->> 'message' from ti_event e
    where e.dag_run_id = r.id and e.rev = r.rev and e.ti_id is null and e.because ->> 'code' = 'set_aside' limit 1) end as set_aside, d.timezone,
      (select v.version_number from dag_version v where v.id = r.created_dag_version_id) as version_number`

export interface RunFilter {
  readonly dagIds?: readonly string[] | undefined
  readonly dagIdPattern?: readonly string[] | undefined
  readonly runIdPattern?: readonly string[] | undefined
  readonly userPattern?: readonly string[] | undefined
  readonly partitionKeyPattern?: readonly string[] | undefined
  readonly runType?: readonly string[] | undefined
  readonly state?: readonly string[] | undefined
  readonly dagVersion?: readonly number[] | undefined
  readonly bundleVersion?: string | undefined
  readonly confContains?: string | undefined
  readonly [range: string]: unknown
}

const RANGES = ['run_after', 'logical_date', 'start_date', 'end_date', 'updated_at'] as const

const RUN_LIST = /* sql */ `
from dag_run r join dag d using (dag_id), json_to_record($1) as f(dag_ids text[], dag_id_pattern text[], run_id_pattern text[],
  user_pattern text[], partition_key_pattern text[], run_type text[], state text[], dag_version int[], bundle_version text,
  conf_contains text, ${RANGES.map((name) => rangeFields(name)).join(', ')}, ${rangeFields('duration', 'float8')})
where ($4::text is null or r.dag_id = $4) and (f.dag_ids is null or r.dag_id = any (f.dag_ids))
  ${pattern('r.dag_id', 'dag_id_pattern')} ${pattern('r.run_id', 'run_id_pattern')}
  ${pattern('r.triggering_user_name', 'user_pattern')} ${pattern('r.partition_key', 'partition_key_pattern')}
  and (f.run_type is null or r.run_type = any (f.run_type)) and (f.state is null or r.state = any (f.state))
  and (f.bundle_version is null or r.bundle_version = f.bundle_version)
  and (f.conf_contains is null or strpos(r.conf::jsonb::text, f.conf_contains) > 0)
  and (f.dag_version is null or exists (select 1 from dag_version v where v.id = r.created_dag_version_id and v.version_number = any (f.dag_version)))
  ${RANGES.map((name) => range(`r.${name}`, name)).join(' ')} ${range(DURATION, 'duration')}`

export const RUN_ORDER = {
  id: 'r.id',
  dag_id: 'r.dag_id',
  dag_run_id: 'r.run_id',
  run_id: 'r.run_id',
  run_after: 'r.run_after',
  logical_date: 'r.logical_date',
  start_date: 'r.start_date',
  end_date: 'r.end_date',
  state: 'r.state',
  run_type: 'r.run_type',
  updated_at: 'r.updated_at',
  conf: 'r.conf::jsonb::text',
  duration: DURATION,
} as const

export function listRuns(sql: Sql, dagId: string | null, filter: RunFilter, page: Page): Promise<Listed<RunListRow>> {
  return list<RunListRow>(sql, RUN, RUN_LIST, orderBy(RUN_ORDER, page.order, 'r.id'), filter, page, [dagId])
}

export async function getRun(sql: Sql, dagId: string, runId: string): Promise<RunListRow | null> {
  const rows = await rowsOf<RunListRow>(
    sql,
    `select ${RUN} from dag_run r join dag d using (dag_id) where r.dag_id = $1 and r.run_id = $2`,
    [dagId, runId],
    'get_run',
  )
  return rows[0] ?? null
}

/** The runs of a DAG with the newest dates, newest first: the columns of its grid. */
export async function latestRuns(sql: Sql, dagId: string, limit: number): Promise<readonly RunListRow[]> {
  return rowsOf<RunListRow>(
    sql,
    `select ${RUN} from dag_run r join dag d using (dag_id) where r.dag_id = $1 order by r.run_after desc, r.id desc limit $2`,
    [dagId, limit],
    'latest_runs',
  )
}

export interface RunPageFilter {
  readonly dagId: string | null
  readonly state: string | null
  readonly version: number | null
}

const RUN_PAGE = /* sql */ `from dag_run r join dag d using (dag_id)
  where ($1::text is null or r.dag_id = $1) and ($2::text is null or r.state = $2)
    and ($3::int is null or exists (select 1 from dag_version v where v.id = r.created_dag_version_id and v.version_number = $3))`

/** Where a page of runs begins: the date and row id of the run before it. */
export interface RunCursor {
  readonly runAfter: number
  readonly id: number
}

/** Runs by keyset, the newest date first. */
export async function pageRuns(
  sql: Sql,
  { dagId, state, version }: RunPageFilter,
  before: RunCursor | null,
  limit: number,
): Promise<readonly RunListRow[]> {
  return rowsOf<RunListRow>(
    sql,
    `select ${RUN} ${RUN_PAGE} and ($4::timestamptz is null or (r.run_after, r.id) < ($4, $5::bigint))
     order by r.run_after desc, r.id desc limit $6`,
    [dagId, state, version, timestampOf(before?.runAfter ?? null), before?.id ?? null, limit],
  )
}

/** More are not counted: a list says "100,000 or more". */
export const MOST_COUNTED = 100_000

/** How many runs a list has, up to `MOST_COUNTED`. */
export async function countRuns(sql: Sql, { dagId, state, version }: RunPageFilter): Promise<number> {
  const rows = await rowsOf<{ n: number }>(
    sql,
    `select count(*)::int as n from (select 1 ${RUN_PAGE} limit ${MOST_COUNTED}) x`,
    [dagId, state, version],
  )
  return rows[0]?.n ?? 0
}

export interface RecentRun {
  readonly dagId: string
  readonly id: number
  readonly runId: string
  readonly state: RunState
  readonly runAfter: number
  readonly startDate: number | null
  readonly endDate: number | null
}

/** The `each` runs with the newest dates of every given DAG, newest first: the bars of the DAG list. */
export async function recentRuns(sql: Sql, dagIds: readonly string[], each: number): Promise<readonly RecentRun[]> {
  return rowsOf<RecentRun>(
    sql,
    `select x.dag_id, r.id, r.run_id, r.state, r.run_after, r.start_date, r.end_date
     from unnest($1::text[]) x(dag_id) cross join lateral
       (select * from dag_run r where r.dag_id = x.dag_id order by r.run_after desc, r.id desc limit $2) r
     order by x.dag_id, r.run_after desc, r.id desc`,
    [dagIds, each],
    'recent_runs',
  )
}

export interface RunSnapshot {
  readonly id: number
  readonly dagId: string
  readonly runId: string
  readonly state: RunState
  readonly rev: number
  readonly startDate: number | null
  readonly endDate: number | null
  /** `[task_id, state, count]`: a mapped task's 10,000 instances are a few of them. */
  readonly counts: readonly (readonly [string, string | null, number])[]
}

/** What changed runs look like now, for open pages: one statement a batch, counted in the database. */
export async function snapshotRuns(sql: Sql, ids: readonly number[]): Promise<readonly RunSnapshot[]> {
  return rowsOf<RunSnapshot>(
    sql,
    `select r.id, r.dag_id, r.run_id, r.state, r.rev, r.start_date, r.end_date, coalesce(c.counts, '[]'::json) as counts
     from dag_run r left join (
       select g.dag_run_id, json_agg(json_build_array(g.task_id, g.state, g.n)) as counts from (
         select dag_run_id, task_id, state, count(*)::int as n from task_instance where dag_run_id = any($1::bigint[])
         group by dag_run_id, task_id, state) g
       group by g.dag_run_id) c on c.dag_run_id = r.id
     where r.id = any($1::bigint[])`,
    [ids],
    'snapshot_runs',
  )
}
