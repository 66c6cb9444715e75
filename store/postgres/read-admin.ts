// What pages and the API read of variables, connections, pools, import errors, jobs and the audit log.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { type Listed, list, orderBy, type Page, pattern, range, rangeFields } from './read-filters.ts'

export const VARIABLE_ORDER = {
  key: 'v.key',
  id: 'v.id',
  _val: 'v.val',
  description: 'v.description',
  is_encrypted: 'v.is_encrypted',
} as const

/** Keys of one page; the values are opened by the vault. */
export function listVariableKeys(
  sql: Sql,
  filter: { p?: readonly string[] | undefined },
  page: Page,
): Promise<Listed<{ key: string }>> {
  return list(
    sql,
    'v.key',
    /* sql */ `from variable v, json_to_record($1) as f(p text[]) where true ${pattern('v.key', 'p')}`,
    orderBy(VARIABLE_ORDER, page.order, 'v.id'),
    filter,
    page,
  )
}

export const CONNECTION_ORDER = {
  conn_id: 'c.conn_id',
  connection_id: 'c.conn_id',
  conn_type: 'c.conn_type',
  description: 'c.description',
  host: 'c.host',
  port: 'c.port',
  id: 'c.id',
} as const

export function listConnectionIds(
  sql: Sql,
  filter: { p?: readonly string[] | undefined },
  page: Page,
): Promise<Listed<{ connId: string }>> {
  return list(
    sql,
    'c.conn_id',
    /* sql */ `from connection c, json_to_record($1) as f(p text[]) where true ${pattern('c.conn_id', 'p')}`,
    orderBy(CONNECTION_ORDER, page.order, 'c.id'),
    filter,
    page,
  )
}

export interface PoolRow {
  readonly id: number
  readonly pool: string
  readonly slots: number
  readonly description: string | null
  readonly includeDeferred: boolean
  readonly running: number
  readonly queued: number
  readonly scheduled: number
  readonly deferred: number
}

const POOL = /* sql */ `p.id, p.pool, p.slots, p.description, p.include_deferred,
  coalesce(l.running, 0)::int as running, coalesce(l.queued, 0)::int as queued, coalesce(l.scheduled, 0)::int as scheduled, 0 as deferred`
const POOL_FROM = /* sql */ `from slot_pool p left join (
  select pool, sum(pool_slots) filter (where stage in ('running', 'restarting')) as running, sum(pool_slots) filter (where stage = 'queued') as queued,
    sum(pool_slots) filter (where stage = 'throttled') as scheduled
  from task_queue group by pool) l on l.pool = p.pool`

export const POOL_ORDER = { id: 'p.id', pool: 'p.pool', name: 'p.pool', slots: 'p.slots' } as const

export function listPools(
  sql: Sql,
  filter: { p?: readonly string[] | undefined },
  page: Page,
): Promise<Listed<PoolRow>> {
  return list(
    sql,
    POOL,
    `${POOL_FROM}, json_to_record($1) as f(p text[]) where true ${pattern('p.pool', 'p')}`,
    orderBy(POOL_ORDER, page.order, 'p.id'),
    filter,
    page,
  )
}

export async function getPool(sql: Sql, name: string): Promise<PoolRow | null> {
  const rows = await rowsOf<PoolRow>(sql, `select ${POOL} ${POOL_FROM} where p.pool = $1`, [name])
  return rows[0] ?? null
}

export interface ImportErrorListRow {
  readonly id: number
  readonly timestamp: number
  readonly filename: string
  readonly bundleName: string | null
  readonly stacktrace: string
  readonly details: unknown
}

const IMPORT_ERROR = 'e.id, e.timestamp, e.filename, e.bundle_name, e.stacktrace, e.details'

export const IMPORT_ERROR_ORDER = {
  id: 'e.id',
  import_error_id: 'e.id',
  timestamp: 'e.timestamp',
  filename: 'e.filename',
  bundle_name: 'e.bundle_name',
  stacktrace: 'e.stacktrace',
} as const

export function listImportErrors(
  sql: Sql,
  filter: { p?: readonly string[] | undefined },
  page: Page,
): Promise<Listed<ImportErrorListRow>> {
  return list(
    sql,
    IMPORT_ERROR,
    /* sql */ `from import_error e, json_to_record($1) as f(p text[]) where true ${pattern('e.filename', 'p')}`,
    orderBy(IMPORT_ERROR_ORDER, page.order, 'e.id'),
    filter,
    page,
  )
}

export async function getImportError(sql: Sql, id: number): Promise<ImportErrorListRow | null> {
  const rows = await rowsOf<ImportErrorListRow>(sql, `select ${IMPORT_ERROR} from import_error e where e.id = $1`, [id])
  return rows[0] ?? null
}

export async function countImportErrors(sql: Sql): Promise<number> {
  const rows = await rowsOf<{ n: number }>(sql, 'select count(*) as n from import_error', [], 'count_import_errors')
  return rows[0]?.n ?? 0
}

/** DAGs that a file declares, with the version they run on. */
export async function listDagsOfFile(
  sql: Sql,
  file: string,
): Promise<readonly { dagId: string; versionNumber: number | null; isStale: boolean }[]> {
  return rowsOf<{ dagId: string; versionNumber: number | null; isStale: boolean }>(
    sql,
    `select d.dag_id, d.is_stale, (select max(v.version_number) from dag_version v where v.dag_id = d.dag_id) as version_number
     from dag d where d.relative_fileloc = $1 order by d.dag_id limit 100`,
    [file],
  )
}

export interface AuditRow {
  readonly id: number
  readonly dttm: number
  readonly dagId: string | null
  readonly dagDisplayName: string | null
  readonly taskId: string | null
  readonly runId: string | null
  readonly mapIndex: number | null
  readonly tryNumber: number | null
  readonly event: string
  readonly logicalDate: number | null
  readonly owner: string | null
  readonly extra: string | null
}

const AUDIT = /* sql */ `l.id, l.dttm, l.dag_id, (select coalesce(d.dag_display_name, d.dag_id) from dag d where d.dag_id = l.dag_id) as dag_display_name,
  l.task_id, l.run_id, l.map_index, l.try_number, l.event, l.logical_date, l.owner, l.extra`

export interface AuditFilter {
  readonly dagId?: string | undefined
  readonly taskId?: string | undefined
  readonly runId?: string | undefined
  readonly mapIndex?: number | undefined
  readonly tryNumber?: number | undefined
  readonly owner?: string | undefined
  readonly event?: string | undefined
  readonly excludedEvents?: readonly string[] | undefined
  readonly includedEvents?: readonly string[] | undefined
  readonly before?: string | undefined
  readonly after?: string | undefined
  readonly [name: `${string}_pattern`]: readonly string[] | undefined
}

export const AUDIT_ORDER = {
  id: 'l.id',
  event_log_id: 'l.id',
  dttm: 'l.dttm',
  when: 'l.dttm',
  dag_id: 'l.dag_id',
  task_id: 'l.task_id',
  run_id: 'l.run_id',
  event: 'l.event',
  logical_date: 'l.logical_date',
  owner: 'l.owner',
  extra: 'l.extra',
} as const

export function listAudit(sql: Sql, filter: AuditFilter, page: Page): Promise<Listed<AuditRow>> {
  return list(
    sql,
    AUDIT,
    /* sql */ `from log l, json_to_record($1) as f(dag_id text, task_id text, run_id text, map_index int, try_number int, owner text, event text,
      excluded_events text[], included_events text[], before timestamptz, after timestamptz, dag_id_pattern text[], task_id_pattern text[],
      run_id_pattern text[], owner_pattern text[], event_pattern text[])
    where (f.dag_id is null or l.dag_id = f.dag_id) and (f.task_id is null or l.task_id = f.task_id)
      and (f.run_id is null or l.run_id = f.run_id) and (f.map_index is null or l.map_index = f.map_index)
      and (f.try_number is null or l.try_number = f.try_number) and (f.owner is null or l.owner = f.owner)
      and (f.event is null or l.event = f.event) and (f.excluded_events is null or l.event <> all (f.excluded_events))
      and (f.included_events is null or l.event = any (f.included_events))
      and (f.before is null or l.dttm < f.before) and (f.after is null or l.dttm > f.after)
      ${pattern('l.dag_id', 'dag_id_pattern')} ${pattern('l.task_id', 'task_id_pattern')} ${pattern('l.run_id', 'run_id_pattern')}
      ${pattern('l.owner', 'owner_pattern')} ${pattern('l.event', 'event_pattern')}`,
    orderBy(AUDIT_ORDER, page.order, 'l.id'),
    filter,
    page,
  )
}

export async function getAudit(sql: Sql, id: number): Promise<AuditRow | null> {
  const rows = await rowsOf<AuditRow>(sql, `select ${AUDIT} from log l where l.id = $1`, [id])
  return rows[0] ?? null
}

export interface JobListRow {
  readonly id: number
  readonly jobType: string
  readonly state: string
  readonly hostname: string
  readonly unixname: string | null
  readonly executorClass: string | null
  readonly startDate: number
  readonly endDate: number | null
  readonly latestHeartbeat: number
}

export interface JobFilter {
  readonly isAlive?: boolean | undefined
  readonly jobState?: string | undefined
  readonly jobType?: string | undefined
  readonly hostname?: string | undefined
  readonly executorClass?: string | undefined
  readonly [range: string]: unknown
}

export const JOB_ORDER = {
  id: 'j.id',
  state: 'j.state',
  job_type: 'j.job_type',
  start_date: 'j.start_date',
  end_date: 'j.end_date',
  latest_heartbeat: 'j.latest_heartbeat',
  hostname: 'j.hostname',
  executor_class: 'j.executor_class',
} as const

export function listJobs(sql: Sql, filter: JobFilter, page: Page): Promise<Listed<JobListRow>> {
  return list(
    sql,
    'j.id, j.job_type, j.state, j.hostname, j.unixname, j.executor_class, j.start_date, j.end_date, j.latest_heartbeat',
    /* sql */ `from job j, json_to_record($1) as f(is_alive boolean, job_state text, job_type text, hostname text, executor_class text,
      ${rangeFields('start_date')}, ${rangeFields('end_date')})
    where (f.is_alive is null or f.is_alive = (j.state = 'running' and j.latest_heartbeat > now() - interval '30 seconds'))
      and (f.job_state is null or j.state = f.job_state) and (f.job_type is null or j.job_type = f.job_type)
      and (f.hostname is null or j.hostname = f.hostname) and (f.executor_class is null or j.executor_class = f.executor_class)
      ${range('j.start_date', 'start_date')} ${range('j.end_date', 'end_date')}`,
    orderBy(JOB_ORDER, page.order, 'j.id'),
    filter,
    page,
  )
}

/** The newest heartbeat of each kind of process, with whether it is younger than 30 s. */
export async function latestHeartbeats(
  sql: Sql,
): Promise<ReadonlyMap<string, { readonly at: number; readonly isFresh: boolean }>> {
  const rows = await rowsOf<{ jobType: string; at: number; fresh: boolean }>(
    sql,
    `select job_type, max(latest_heartbeat) as at,
       bool_or(state = 'running' and latest_heartbeat > now() - interval '30 seconds') as fresh from job group by job_type`,
    [],
    'latest_heartbeats',
  )
  return new Map(rows.map((row) => [row.jobType, { at: row.at, isFresh: row.fresh }]))
}
