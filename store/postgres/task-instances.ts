// Task instances: creation, and reading a run's. Their state is changed by `moves.ts` alone.

import type { TaskState } from '../../core/states.ts'
import { bind } from '../bind.ts'
import { decidedOn } from '../decided-on.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { FINISHED } from './state-lists.ts'

export interface NewTaskInstance {
  readonly id: string
  readonly taskId: string
  readonly mapIndex: number
  readonly maxTries: number
  readonly pool: string
  readonly poolSlots: number
  readonly queue: string
  readonly priorityWeight: number
  readonly operator: string
}

export async function hasInstance(
  sql: Sql,
  { dagRunId, taskId, mapIndex }: { readonly dagRunId: number; readonly taskId: string; readonly mapIndex: number },
): Promise<boolean> {
  const rows = await rowsOf(
    sql,
    'select 1 from task_instance where dag_run_id = $1 and task_id = $2 and map_index = $3',
    [dagRunId, taskId, mapIndex],
  )
  return rows.length > 0
}

/** One `insert … select unnest` for all instances of a new run. */
export async function insertTaskInstances(
  tx: Sql,
  run: { dagRunId: number; dagId: string; runId: string; versionId: string },
  instances: readonly NewTaskInstance[],
): Promise<void> {
  await tx.query(
    ...bind(
      `insert into task_instance (dag_run_id, dag_id, run_id, dag_version_id, id, task_id, map_index, max_tries, pool, pool_slots, queue,
       priority_weight, operator)
     select :dagRunId, :dagId, :runId, :versionId, x.* from unnest(
       :ids::uuid[], :taskIds::text[], :mapIndices::int[], :maxTries::int[], :pools::text[], :poolSlots::int[],
       :queues::text[], :priorityWeights::int[], :operators::text[])
       as x(id, task_id, map_index, max_tries, pool, pool_slots, queue, priority_weight, operator)`,
      {
        dagRunId: run.dagRunId,
        dagId: run.dagId,
        runId: run.runId,
        versionId: run.versionId,
        ids: instances.map((ti) => ti.id),
        taskIds: instances.map((ti) => ti.taskId),
        mapIndices: instances.map((ti) => ti.mapIndex),
        maxTries: instances.map((ti) => ti.maxTries),
        pools: instances.map((ti) => ti.pool),
        poolSlots: instances.map((ti) => ti.poolSlots),
        queues: instances.map((ti) => ti.queue),
        priorityWeights: instances.map((ti) => ti.priorityWeight),
        operators: instances.map((ti) => ti.operator),
      },
    ),
    'insert_task_instances',
  )
}

/** As above for many runs of one DAG version at once. */
export async function insertInstancesOfRuns(
  tx: Sql,
  dag: { dagId: string; versionId: string },
  rows: readonly (NewTaskInstance & { readonly dagRunId: number; readonly runId: string })[],
): Promise<void> {
  await tx.query(
    ...bind(
      `insert into task_instance (dag_id, dag_version_id, dag_run_id, run_id, id, task_id, map_index, max_tries, pool, pool_slots, queue,
       priority_weight, operator)
     select :dagId, :versionId, x.* from unnest(
       :dagRunIds::bigint[], :runIds::text[], :ids::uuid[], :taskIds::text[], :mapIndices::int[], :maxTries::int[],
       :pools::text[], :poolSlots::int[],
       :queues::text[], :priorityWeights::int[], :operators::text[]) as x`,
      {
        dagId: dag.dagId,
        versionId: dag.versionId,
        dagRunIds: rows.map((ti) => ti.dagRunId),
        runIds: rows.map((ti) => ti.runId),
        ids: rows.map((ti) => ti.id),
        taskIds: rows.map((ti) => ti.taskId),
        mapIndices: rows.map((ti) => ti.mapIndex),
        maxTries: rows.map((ti) => ti.maxTries),
        pools: rows.map((ti) => ti.pool),
        poolSlots: rows.map((ti) => ti.poolSlots),
        queues: rows.map((ti) => ti.queue),
        priorityWeights: rows.map((ti) => ti.priorityWeight),
        operators: rows.map((ti) => ti.operator),
      },
    ),
  )
}

/** The one instance of a mapped task becomes its first. @throws when it no longer is what was decided on (`isOutdated`) */
export async function becomeFirstOfMapped(tx: Sql, dagRunId: number, tiId: string): Promise<void> {
  await tx.query(
    `with renamed as (
       update task_instance set map_index = 0 where dag_run_id = $1 and id = $2 and map_index = -1 and state is null returning 1)
     select ${decidedOn('(select count(*) from renamed) = 1')}`,
    [dagRunId, tiId],
    'become_first_of_mapped',
  )
}

export interface InstanceRow {
  readonly id: string
  readonly taskId: string
  readonly mapIndex: number
  readonly state: TaskState | null
  readonly tryNumber: number
  readonly maxTries: number
  readonly epoch: number
  readonly pool: string
  readonly poolSlots: number
  readonly queue: string
  readonly priorityWeight: number
  readonly isContinued: boolean
}

type InstanceLists = { readonly [Field in keyof InstanceRow]: readonly InstanceRow[Field][] }

/**
 * In no order. A column comes as one list: of 20,000 instances pg makes 20,000 rows in 140 ms of processor time, twelve lists in 30.
 */
export async function loadInstances(tx: Sql, dagRunId: number): Promise<readonly InstanceRow[]> {
  const { rows } = await tx.query(
    `select json_agg(id) as id, json_agg(task_id) as "taskId", json_agg(map_index) as "mapIndex", json_agg(state) as state,
       json_agg(try_number) as "tryNumber", json_agg(max_tries) as "maxTries", json_agg(epoch) as epoch, json_agg(pool) as pool,
       json_agg(pool_slots) as "poolSlots", json_agg(queue) as queue, json_agg(priority_weight) as "priorityWeight",
       json_agg(next_method is not null or reschedule_count > 0) as "isContinued"
     from task_instance where dag_run_id = $1 having count(*) > 0`,
    [dagRunId],
    'load_instances',
  )
  const [lists] = rows as readonly InstanceLists[]
  return lists === undefined ? [] : lists.id.map((id, i) => instanceAt(lists, id, i))
}

/** The lists are of one length: each holds a value, or null, for every row. */
const instanceAt = (lists: InstanceLists, id: string, i: number): InstanceRow => ({
  id,
  taskId: lists.taskId[i] as string,
  mapIndex: lists.mapIndex[i] as number,
  state: lists.state[i] ?? null,
  tryNumber: lists.tryNumber[i] as number,
  maxTries: lists.maxTries[i] as number,
  epoch: lists.epoch[i] as number,
  pool: lists.pool[i] as string,
  poolSlots: lists.poolSlots[i] as number,
  queue: lists.queue[i] as string,
  priorityWeight: lists.priorityWeight[i] as number,
  isContinued: lists.isContinued[i] as boolean,
})

/** What others changed in runs since the caller's copies: the ledger tells which instances, their rows tell how they stand. */
export interface RecordedMove {
  readonly dagRunId: number
  readonly tiId: string
  readonly toState: TaskState | null
  readonly tryNumber: number
  readonly maxTries: number
  readonly epoch: number
  readonly taskId: string
  readonly mapIndex: number
  readonly isContinued: boolean
}

export async function loadChanges(
  tx: Sql,
  copies: readonly { id: number; rev: number }[],
): Promise<readonly RecordedMove[]> {
  return rowsOf<RecordedMove>(
    tx,
    `select t.dag_run_id, t.id as ti_id, t.state as to_state, t.try_number, t.max_tries, t.epoch,
       t.task_id, t.map_index, t.next_method is not null or t.reschedule_count > 0 as is_continued
     from (
       select distinct e.dag_run_id, e.ti_id from unnest($1::bigint[], $2::bigint[]) x(id, rev)
       join ti_event e on e.dag_run_id = x.id and e.rev > x.rev
       where e.ti_id is not null
     ) c
     join task_instance t on t.dag_run_id = c.dag_run_id and t.id = c.ti_id`,
    [copies.map((copy) => copy.id), copies.map((copy) => copy.rev)],
    'load_changes',
  )
}

/**
 * Keeps the try that has ended, before the row is used for the next one. One that had not ended by itself (it waits for its
 * retry, it was cleared) has `failed`, as in Airflow.
 */
export async function recordTries(tx: Sql, dagRunId: number, ids: readonly string[]): Promise<void> {
  await tx.query(
    `insert into task_instance_history (dag_run_id, task_instance_id, task_id, dag_id, run_id, map_index, try_number, state, max_tries,
       start_date, end_date, duration, hostname, unixname, pid, pool, pool_slots, queue, priority_weight, operator, custom_operator_name,
       task_display_name, queued_dttm, scheduled_dttm, executor, executor_config, rendered_map_index, dag_version_id)
     select dag_run_id, gen_random_uuid(), task_id, dag_id, run_id, map_index, try_number,
       case when state in (${FINISHED}) then state else 'failed' end, max_tries,
       start_date, coalesce(end_date, now()), coalesce(duration, extract(epoch from now() - start_date), 0),
         hostname, unixname, pid, pool, pool_slots, queue, priority_weight, operator, custom_operator_name,
       task_display_name, queued_dttm, scheduled_dttm, executor, executor_config, rendered_map_index, dag_version_id
     from task_instance where dag_run_id = $1 and id = any($2::uuid[]) and try_number > 0
     on conflict (dag_run_id, task_id, map_index, try_number) do nothing`,
    [dagRunId, ids],
    'record_tries',
  )
}

/** Instances take over what the latest version of their tasks says, where they are to run by it. */
export async function refreshInstances(
  tx: Sql,
  dagRunId: number,
  versionId: string,
  instances: readonly NewTaskInstance[],
): Promise<void> {
  await tx.query(
    ...bind(
      `update task_instance t set pool = x.pool, pool_slots = x.pool_slots, queue = x.queue, priority_weight = x.priority_weight,
       operator = x.operator, dag_version_id = :versionId, updated_at = now()
     from unnest(:ids::uuid[], :pools::text[], :poolSlots::int[], :queues::text[], :priorityWeights::int[], :operators::text[])
       as x(id, pool, pool_slots, queue, priority_weight, operator)
     where t.dag_run_id = :dagRunId and t.id = x.id`,
      {
        dagRunId,
        versionId,
        ids: instances.map((ti) => ti.id),
        pools: instances.map((ti) => ti.pool),
        poolSlots: instances.map((ti) => ti.poolSlots),
        queues: instances.map((ti) => ti.queue),
        priorityWeights: instances.map((ti) => ti.priorityWeight),
        operators: instances.map((ti) => ti.operator),
      },
    ),
  )
}

/** States of one run by task, with whether everything directly downstream of each task is done: the past of depends_on_past. */
export async function loadStates(
  tx: Sql,
  dagRunId: number,
): Promise<ReadonlyMap<string, readonly (TaskState | null)[]>> {
  const rows = await rowsOf<{ taskId: string; states: (TaskState | null)[] }>(
    tx,
    'select task_id, array_agg(state) as states from task_instance where dag_run_id = $1 group by task_id',
    [dagRunId],
  )
  return new Map(rows.map((row) => [row.taskId, row.states]))
}

/**
 * Holds an attempt for the rest of the transaction: nobody takes it over while it writes, and one that was taken over is
 * not found (docs/reliability.md rule 21).
 * @returns false when it is no longer the one that runs
 */
export async function holdAttempt(tx: Sql, dagRunId: number, tiId: string, epoch: number): Promise<boolean> {
  const { rows } = await tx.query(
    "select 1 from task_instance where dag_run_id = $1 and id = $2 and epoch = $3 and state = 'running' for share",
    [dagRunId, tiId, epoch],
    'hold_attempt',
  )
  return rows.length === 1
}
