// What pages and the API read of task instances, their tries, XComs and ledger.

import type { JsonValue } from '../../core/json.ts'
import type { TaskState } from '../../core/states.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { type Listed, list, orderBy, type Page, pattern, range, rangeFields } from './read-filters.ts'

export interface TryRow {
  readonly dagRunId: number
  readonly taskId: string
  readonly dagId: string
  readonly dagDisplayName: string
  readonly runId: string
  readonly mapIndex: number
  readonly state: TaskState | null
  readonly tryNumber: number
  readonly maxTries: number
  readonly startDate: number | null
  readonly endDate: number | null
  readonly duration: number | null
  readonly hostname: string | null
  readonly unixname: string | null
  readonly pid: number | null
  readonly pool: string
  readonly poolSlots: number
  readonly queue: string
  readonly priorityWeight: number
  readonly operator: string
  readonly customOperatorName: string | null
  readonly taskDisplayName: string
  readonly queuedDttm: number | null
  readonly scheduledDttm: number | null
  readonly executor: string | null
  readonly executorConfig: unknown
  readonly versionId: string | null
}

export interface InstanceListRow extends TryRow {
  readonly id: string
  readonly logicalDate: number | null
  readonly runAfter: number
  readonly note: string | null
  readonly renderedMapIndex: string | null
  readonly renderedFields: Readonly<Record<string, unknown>>
  readonly readyAt: number | null
  readonly timezone: string
  readonly rescheduleCount: number
  /** What it waits for in the triggerer, while it is deferred. */
  readonly wait: WaitRow | null
}

export interface WaitRow {
  readonly kind: 'time' | 'trigger'
  readonly classpath: string
  readonly kwargs: unknown
  /** Epoch ms. */
  readonly created: number
  readonly triggererId: number | null
  readonly job: {
    readonly id: number
    readonly state: string
    readonly jobType: string
    readonly hostname: string
    readonly unixname: string | null
    readonly executorClass: string | null
    readonly start: number
    readonly end: number | null
    readonly heartbeat: number
  } | null
}

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

/** Looked up for deferred instances alone. */
const WAIT = /* sql */ `case when t.state = 'deferred' then (select json_build_object('kind', g.kind, 'classpath', g.classpath,
    'kwargs', g.kwargs, 'created', ${ms('g.created_date')}, 'triggererId', g.triggerer_id,
    'job', case when j.id is not null then json_build_object('id', j.id, 'state', j.state, 'jobType', j.job_type, 'hostname', j.hostname,
      'unixname', j.unixname, 'executorClass', j.executor_class, 'start', ${ms('j.start_date')}, 'end', ${ms('j.end_date')},
      'heartbeat', ${ms('j.latest_heartbeat')}) end)
  from trigger g left join job j on j.id = g.triggerer_id where g.dag_run_id = t.dag_run_id and g.ti_id = t.id) end as wait`

const TRY = (t: string) => /* sql */ `
  ${t}.dag_run_id, ${t}.task_id, ${t}.dag_id, coalesce(d.dag_display_name, d.dag_id) as dag_display_name, ${t}.run_id, ${t}.map_index,
  ${t}.state, ${t}.try_number, ${t}.max_tries, ${t}.start_date, ${t}.end_date, ${t}.duration, ${t}.hostname, ${t}.unixname, ${t}.pid,
  ${t}.pool, ${t}.pool_slots, ${t}.queue, ${t}.priority_weight, ${t}.operator, ${t}.custom_operator_name,
  coalesce(${t}.task_display_name, ${t}.task_id) as task_display_name, ${t}.queued_dttm, ${t}.scheduled_dttm, ${t}.executor,
  ${t}.executor_config, ${t}.dag_version_id as version_id`

const INSTANCE = /* sql */ `${TRY('t')}, t.id, r.logical_date, r.run_after, t.note, t.rendered_map_index, t.ready_at, t.reschedule_count,
  d.timezone, ${WAIT}, coalesce((select x.rendered_fields from rendered_task_instance_fields x
    where x.dag_run_id = t.dag_run_id and x.task_id = t.task_id and x.map_index = t.map_index), '{}'::json) as rendered_fields`

// The DAG is that of the run: of one that is being deleted there is none (store/postgres/old-runs.ts).
const FROM = 'from task_instance t join dag_run r on r.id = t.dag_run_id join dag d on d.dag_id = r.dag_id'

export interface InstanceFilter {
  readonly dagIds?: readonly string[] | undefined
  readonly runIds?: readonly string[] | undefined
  readonly dagIdPattern?: readonly string[] | undefined
  readonly runIdPattern?: readonly string[] | undefined
  readonly namePattern?: readonly string[] | undefined
  readonly poolPattern?: readonly string[] | undefined
  readonly queuePattern?: readonly string[] | undefined
  readonly operatorPattern?: readonly string[] | undefined
  readonly taskId?: string | undefined
  readonly taskIds?: readonly string[] | undefined
  readonly state?: readonly string[] | undefined
  readonly withNoState?: boolean
  readonly pool?: readonly string[] | undefined
  readonly queue?: readonly string[] | undefined
  readonly executor?: readonly string[] | undefined
  readonly operator?: readonly string[] | undefined
  readonly versionNumber?: readonly number[] | undefined
  readonly tryNumber?: readonly number[] | undefined
  readonly mapIndex?: readonly number[] | undefined
  /** Instances of mapped tasks that have been expanded. */
  readonly onlyMapped?: boolean
  readonly [range: string]: unknown
}

const RANGES = { run_after: 'r', logical_date: 'r', start_date: 't', end_date: 't', updated_at: 't' } as const

const INSTANCE_LIST = /* sql */ `
${FROM}, json_to_record($1) as f(dag_id_pattern text[], run_id_pattern text[], name_pattern text[], pool_pattern text[], queue_pattern text[],
  operator_pattern text[], task_id text, task_ids text[], state text[], with_no_state boolean, pool text[], queue text[], executor text[],
  operator text[], version_number int[], try_number int[], map_index int[], only_mapped boolean, dag_ids text[], run_ids text[],
  ${Object.keys(RANGES)
    .map((name) => rangeFields(name))
    .join(', ')}, ${rangeFields('duration', 'float8')})
where ($4::text is null or t.dag_id = $4) and ($5::text is null or t.run_id = $5)
  ${pattern('t.dag_id', 'dag_id_pattern')} ${pattern('t.run_id', 'run_id_pattern')}
  ${pattern('coalesce(t.task_display_name, t.task_id)', 'name_pattern')} ${pattern('t.pool', 'pool_pattern')}
  ${pattern('t.queue', 'queue_pattern')} ${pattern('t.operator', 'operator_pattern')}
  and (f.task_id is null or t.task_id = f.task_id) and (f.task_ids is null or t.task_id = any (f.task_ids))
  and (f.state is null and f.with_no_state is not true or t.state = any (f.state) or (f.with_no_state and t.state is null))
  and (f.pool is null or t.pool = any (f.pool)) and (f.queue is null or t.queue = any (f.queue))
  and (f.executor is null or t.executor = any (f.executor)) and (f.operator is null or t.operator = any (f.operator))
  and (f.try_number is null or t.try_number = any (f.try_number)) and (f.map_index is null or t.map_index = any (f.map_index))
  and (f.only_mapped is not true or t.map_index >= 0)
  and (f.dag_ids is null or t.dag_id = any (f.dag_ids)) and (f.run_ids is null or t.run_id = any (f.run_ids))
  and (f.version_number is null or exists (select 1 from dag_version v where v.id = t.dag_version_id and v.version_number = any (f.version_number)))
  ${Object.entries(RANGES)
    .map(([name, table]) => range(`${table}.${name}`, name))
    .join(' ')} ${range('t.duration', 'duration')}`

export const INSTANCE_ORDER = {
  id: 't.id',
  state: 't.state',
  duration: 't.duration',
  start_date: 't.start_date',
  end_date: 't.end_date',
  map_index: 't.map_index',
  try_number: 't.try_number',
  logical_date: 'r.logical_date',
  run_after: 'r.run_after',
  data_interval_start: 'r.data_interval_start',
  data_interval_end: 'r.data_interval_end',
  rendered_map_index: 't.rendered_map_index',
  operator: 't.operator',
  queued_when: 't.queued_dttm',
  scheduled_when: 't.scheduled_dttm',
  task_id: 't.task_id',
  dag_id: 't.dag_id',
  run_id: 't.run_id',
} as const

export function listInstances(
  sql: Sql,
  dagId: string | null,
  runId: string | null,
  filter: InstanceFilter,
  page: Page,
): Promise<Listed<InstanceListRow>> {
  const order = page.order.length === 0 ? [{ key: 'map_index', isDescending: false }] : page.order
  return list<InstanceListRow>(sql, INSTANCE, INSTANCE_LIST, orderBy(INSTANCE_ORDER, order, 't.id'), filter, page, [
    dagId,
    runId,
  ])
}

/** Instances by their ids, in the order of the lists. */
export async function findInstances(sql: Sql, ids: readonly string[]): Promise<readonly InstanceListRow[]> {
  return rowsOf<InstanceListRow>(
    sql,
    `select ${INSTANCE} ${FROM} where t.id = any($1::uuid[]) order by r.logical_date nulls last, r.id, t.task_id, t.map_index`,
    [ids],
  )
}

/** All instances of a task in a run: one, unless it is mapped. */
export async function findInstancesOf(
  sql: Sql,
  at: { dagId: string; runId: string; taskId: string },
): Promise<readonly InstanceListRow[]> {
  return rowsOf<InstanceListRow>(
    sql,
    `select ${INSTANCE} ${FROM} where r.dag_id = $1 and r.run_id = $2 and t.task_id = $3 order by t.map_index`,
    [at.dagId, at.runId, at.taskId],
  )
}

export async function getInstance(
  sql: Sql,
  at: { dagId: string; runId: string; taskId: string; mapIndex: number },
): Promise<InstanceListRow | null> {
  const rows = await rowsOf<InstanceListRow>(
    sql,
    `select ${INSTANCE} ${FROM} where r.dag_id = $1 and r.run_id = $2 and t.task_id = $3 and t.map_index = $4`,
    [at.dagId, at.runId, at.taskId, at.mapIndex],
    'get_instance',
  )
  return rows[0] ?? null
}

/** Tries of an instance, oldest first; the current one is the last. Instances that never began a try have none. */
export async function listTries(
  sql: Sql,
  dagRunId: number,
  taskId: string,
  mapIndex: number,
): Promise<readonly TryRow[]> {
  return rowsOf<TryRow>(
    sql,
    `select ${TRY('h')} from task_instance_history h join dag d on d.dag_id = h.dag_id
     where h.dag_run_id = $1 and h.task_id = $2 and h.map_index = $3
       and h.try_number <> (select t.try_number from task_instance t where t.dag_run_id = $1 and t.task_id = $2 and t.map_index = $3)
     union all
     select ${TRY('t')} from task_instance t join dag d on d.dag_id = t.dag_id
     where t.dag_run_id = $1 and t.task_id = $2 and t.map_index = $3 and t.try_number > 0
     order by try_number`,
    [dagRunId, taskId, mapIndex],
  )
}

export interface EventRow {
  readonly rev: number
  readonly step: number
  readonly taskId: string | null
  readonly mapIndex: number | null
  readonly tryNumber: number | null
  readonly fromState: string | null
  readonly toState: string | null
  readonly at: number
  readonly who: string
  readonly because: unknown
}

/** Rows of the ledger; of the run itself without a task. */
export const EVENT = /* sql */ `select e.rev, e.step, t.task_id, t.map_index, e.try_number, e.from_state, e.to_state, e.at, e.who, e.because
  from ti_event e left join task_instance t on t.dag_run_id = e.dag_run_id and t.id = e.ti_id`

/** The ledger of a run, or of one of its instances, newest first. */
export async function listEvents(
  sql: Sql,
  dagRunId: number,
  tiId: string | null,
  limit: number,
): Promise<readonly EventRow[]> {
  return rowsOf<EventRow>(
    sql,
    `${EVENT} where e.dag_run_id = $1 and ($2::uuid is null or e.ti_id = $2) order by e.rev desc, e.step desc limit $3`,
    [dagRunId, tiId, limit],
  )
}

export interface QueueRow {
  readonly stage: string
  readonly readyAt: number | null
  readonly because: unknown
}

/** Why an instance does not start, as the scheduler last found, and when its wait is due; null when it is not waiting. */
export async function findInQueue(sql: Sql, dagRunId: number, tiId: string): Promise<QueueRow | null> {
  const rows = await rowsOf<QueueRow>(
    sql,
    'select stage, ready_at, because from task_queue where dag_run_id = $1 and ti_id = $2',
    [dagRunId, tiId],
  )
  return rows[0] ?? null
}

/**
 * Per task with failed instances how many, and the newest cause of the first of them: for the run's sentence. Causes are
 * looked up for these alone: a run of 10,000 instances has tens of thousands of ledger rows.
 */
export async function listFailures(
  sql: Sql,
  dagRunId: number,
): Promise<readonly { taskId: string; mapIndex: number; n: number; because: unknown }[]> {
  return rowsOf<{ taskId: string; mapIndex: number; n: number; because: unknown }>(
    sql,
    `with failed as (
       select task_id, min(map_index) as map_index, count(*)::int as n from task_instance
       where dag_run_id = $1 and state = 'failed' group by task_id limit 50
     ), one as (
       select f.task_id, f.map_index, f.n, t.id, t.end_date from failed f
       join task_instance t on t.dag_run_id = $1 and t.task_id = f.task_id and t.map_index = f.map_index
     ), cause as (
       select distinct on (e.ti_id) e.ti_id, e.because from ti_event e
       where e.dag_run_id = $1 and e.to_state = 'failed' and e.ti_id in (select id from one) order by e.ti_id, e.rev desc, e.step desc
     )
     select one.task_id, one.map_index, one.n, cause.because from one left join cause on cause.ti_id = one.id
     order by one.end_date nulls last, one.task_id`,
    [dagRunId],
  )
}

export interface XComRow {
  readonly key: string
  readonly timestamp: number
  readonly logicalDate: number | null
  readonly runAfter: number
  readonly mapIndex: number
  readonly taskId: string
  readonly dagId: string
  readonly runId: string
  readonly dagDisplayName: string
  readonly taskDisplayName: string
}

const XCOM = /* sql */ `x.key, x.timestamp, r.logical_date, r.run_after, x.map_index, x.task_id, x.dag_id, x.run_id,
  coalesce(d.dag_display_name, d.dag_id) as dag_display_name,
  coalesce((select t.task_display_name from task_instance t where t.dag_run_id = x.dag_run_id and t.task_id = x.task_id and t.map_index = x.map_index),
    x.task_id) as task_display_name`

export interface XComFilter {
  readonly key?: string | undefined
  readonly mapIndex?: number | undefined
  readonly keyPattern?: readonly string[] | undefined
  readonly dagPattern?: readonly string[] | undefined
  readonly runIdPattern?: readonly string[] | undefined
  readonly taskIdPattern?: readonly string[] | undefined
  readonly [range: string]: unknown
}

const XCOM_LIST = /* sql */ `
from xcom x join dag_run r on r.id = x.dag_run_id join dag d on d.dag_id = r.dag_id, json_to_record($1) as f(key text, map_index int,
  key_pattern text[], dag_pattern text[], run_id_pattern text[], task_id_pattern text[], ${rangeFields('logical_date')}, ${rangeFields('run_after')})
where ($4::text is null or x.dag_id = $4) and ($5::text is null or x.run_id = $5) and ($6::text is null or x.task_id = $6)
  and (f.key is null or x.key = f.key) and (f.map_index is null or x.map_index = f.map_index)
  ${pattern('x.key', 'key_pattern')} ${pattern('coalesce(d.dag_display_name, d.dag_id)', 'dag_pattern')}
  ${pattern('x.run_id', 'run_id_pattern')} ${pattern('x.task_id', 'task_id_pattern')}
  ${range('r.logical_date', 'logical_date')} ${range('r.run_after', 'run_after')}`

export function listXComs(
  sql: Sql,
  at: { dagId: string | null; runId: string | null; taskId: string | null },
  filter: XComFilter,
  page: Page,
): Promise<Listed<XComRow>> {
  const order = 'order by x.dag_id, x.task_id, x.run_id, x.map_index, x.key'
  return list<XComRow>(sql, XCOM, XCOM_LIST, order, filter, page, [at.dagId, at.runId, at.taskId])
}

export interface XComValueRow extends XComRow {
  readonly value: JsonValue
}

export async function getXComEntry(
  sql: Sql,
  at: { dagId: string; runId: string; taskId: string; mapIndex: number; key: string },
): Promise<XComValueRow | null> {
  const rows = await rowsOf<XComValueRow>(
    sql,
    `select ${XCOM}, x.value from xcom x join dag_run r on r.id = x.dag_run_id join dag d on d.dag_id = r.dag_id
     where r.dag_id = $1 and r.run_id = $2 and x.task_id = $3 and x.map_index = $4 and x.key = $5`,
    [at.dagId, at.runId, at.taskId, at.mapIndex, at.key],
  )
  return rows[0] ?? null
}
