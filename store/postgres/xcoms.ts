// XComs: values tasks return. Written with the success that made them, in its transaction.

import type { JsonValue } from '../../core/json.ts'
import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

/** Airflow's key of what a branch has left out: `{"skipped": [task ids]}`; read again when those tasks are cleared. */
export const SKIP_KEY = 'skipmixin_key'

export interface XComKey {
  readonly dagRunId: number
  readonly taskId: string
  readonly mapIndex: number
  readonly key: string
}

/** Upserts values of one run, one statement; of two under one key the later. Dag and run id are taken from the run's own row. */
export async function putXComs(
  tx: Sql,
  dagRunId: number,
  values: readonly (Omit<XComKey, 'dagRunId'> & { readonly value: JsonValue })[],
): Promise<void> {
  const byKey = new Map(values.map((xcom) => [JSON.stringify([xcom.taskId, xcom.mapIndex, xcom.key]), xcom]))
  const last = [...byKey.values()]
  await tx.query(
    `insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value)
     select r.id, x.task_id, x.map_index, x.key, r.dag_id, r.run_id, x.value::json
     from dag_run r cross join unnest($2::text[], $3::int[], $4::text[], $5::text[]) as x(task_id, map_index, key, value) where r.id = $1
     on conflict (dag_run_id, task_id, map_index, key) do update set value = excluded.value, timestamp = now()`,
    [
      dagRunId,
      last.map(({ taskId }) => taskId),
      last.map(({ mapIndex }) => mapIndex),
      last.map(({ key }) => key),
      last.map(({ value }) => JSON.stringify(value)),
    ],
    'put_xcoms',
  )
}

/**
 * As `putXComs` for one value of a running attempt, in its own run: the statement writes only while the attempt is the current one. Its
 * row is locked, so that one which is being taken over at this moment is seen as it will be.
 * @returns false when the attempt has been taken over
 */
export async function putXComOfAttempt(
  sql: Sql,
  attempt: { readonly dagRunId: number; readonly tiId: string; readonly epoch: number },
  at: Omit<XComKey, 'dagRunId'>,
  value: JsonValue,
): Promise<boolean> {
  const { rowCount } = await sql.query(
    ...bind(
      `with mine as (
       select dag_run_id, dag_id, run_id from task_instance
       where dag_run_id = :dagRunId and id = :tiId and epoch = :epoch and state = 'running' for share)
     insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value)
     select dag_run_id, :taskId, :mapIndex, :key, dag_id, run_id, :value::json from mine
     on conflict (dag_run_id, task_id, map_index, key) do update set value = excluded.value, timestamp = now()`,
      {
        dagRunId: attempt.dagRunId,
        tiId: attempt.tiId,
        epoch: attempt.epoch,
        taskId: at.taskId,
        mapIndex: at.mapIndex,
        key: at.key,
        value: JSON.stringify(value),
      },
    ),
    'put_xcom_of_attempt',
  )
  return rowCount === 1
}

/** @returns false when there is none */
export async function deleteXCom(tx: Sql, { dagRunId, taskId, mapIndex, key }: XComKey): Promise<boolean> {
  const { rowCount } = await tx.query(
    'delete from xcom where dag_run_id = $1 and task_id = $2 and map_index = $3 and key = $4',
    [dagRunId, taskId, mapIndex, key],
  )
  return rowCount === 1
}

export async function hasXCom(sql: Sql, { dagRunId, taskId, mapIndex, key }: XComKey): Promise<boolean> {
  const rows = await rowsOf(
    sql,
    'select 1 from xcom where dag_run_id = $1 and task_id = $2 and map_index = $3 and key = $4',
    [dagRunId, taskId, mapIndex, key],
  )
  return rows.length > 0
}

/** All values of a task instance: they end with its try. */
export async function clearXComs(tx: Sql, dagRunId: number, taskId: string, mapIndex: number): Promise<void> {
  await tx.query(
    'delete from xcom where dag_run_id = $1 and task_id = $2 and map_index = $3',
    [dagRunId, taskId, mapIndex],
    'clear_xcoms',
  )
}

/** `return_value` of several tasks of a run at once, in order of map index: the arguments of an attempt. */
export async function getReturnValues(
  sql: Sql,
  dagRunId: number,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, readonly { readonly mapIndex: number; readonly value: JsonValue }[]>> {
  const rows = await rowsOf<{ taskId: string; mapIndex: number; value: JsonValue }>(
    sql,
    `select task_id, map_index, value from xcom
     where dag_run_id = $1 and task_id = any($2) and key = 'return_value' order by task_id, map_index`,
    [dagRunId, taskIds],
    'get_return_values',
  )
  const found = new Map<string, { mapIndex: number; value: JsonValue }[]>()
  for (const row of rows) {
    const list = found.get(row.taskId) ?? []
    list.push({ mapIndex: row.mapIndex, value: row.value })
    found.set(row.taskId, list)
  }
  return found
}

/** Every value of a run, in the order of map indexes. */
export async function listRunValues(
  sql: Sql,
  dagRunId: number,
): Promise<readonly { taskId: string; mapIndex: number; key: string; value: JsonValue }[]> {
  return rowsOf<{ taskId: string; mapIndex: number; key: string; value: JsonValue }>(
    sql,
    'select task_id, map_index, key, value from xcom where dag_run_id = $1 order by task_id, map_index, key',
    [dagRunId],
  )
}

/** When values were written: whoever keeps one knows whether it still is the stored one. */
export async function getValueStamp(sql: Sql, dagRunId: number, taskId: string): Promise<string> {
  const rows = await rowsOf<{ stamp: string | null }>(
    sql,
    `select count(*) || ' ' || max(timestamp)::text as stamp from xcom
     where dag_run_id = $1 and task_id = $2 and key = 'return_value'`,
    [dagRunId, taskId],
    'get_value_stamp',
  )
  return rows[0]?.stamp ?? ''
}

/** How many items tasks have returned: of a mapped task its values, else the items of its one value. */
export async function loadLengths(
  sql: Sql,
  dagRunId: number,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await rowsOf<{ taskId: string; length: number }>(
    sql,
    `select task_id, case when max(map_index) >= 0 then count(*) else max(case json_typeof(value)
         when 'array' then json_array_length(value)
         when 'object' then (select count(*) from json_object_keys(value)) else 0 end) end::int as length
     from xcom join task_instance t using (dag_run_id, task_id, map_index)
     where dag_run_id = $1 and task_id = any($2) and key = 'return_value' and t.state = 'success' group by task_id`,
    [dagRunId, taskIds],
    'load_lengths',
  )
  return new Map(rows.map((row) => [row.taskId, row.length]))
}

/** What branches have left out, by their task ids. */
export async function loadSkips(
  sql: Sql,
  dagRunId: number,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await rowsOf<{ taskId: string; skipped: unknown }>(
    sql,
    `select task_id, value -> 'skipped' as skipped from xcom where dag_run_id = $1 and task_id = any($2) and key = $3`,
    [dagRunId, taskIds, SKIP_KEY],
    'load_skips',
  )
  return new Map(rows.map((row) => [row.taskId, Array.isArray(row.skipped) ? row.skipped.map(String) : []]))
}

/** By names instead of the row id; `includePriorDates` looks back through earlier logical dates. */
export async function findXCom(
  sql: Sql,
  at: { dagId: string; runId: string; taskId: string; mapIndex: number; key: string; includePriorDates: boolean },
): Promise<{ value: JsonValue } | null> {
  const rows = await rowsOf<{ value: JsonValue }>(
    sql,
    `select x.value from xcom x join dag_run r on r.id = x.dag_run_id
     where r.dag_id = $1 and x.task_id = $3 and x.map_index = $4 and x.key = $5
       and (r.run_id = $2 or ($6::boolean and r.logical_date <= (select logical_date from dag_run where dag_id = $1 and run_id = $2)))
     order by (r.run_id = $2) desc, r.logical_date desc nulls last limit 1`,
    [at.dagId, at.runId, at.taskId, at.mapIndex, at.key, at.includePriorDates],
  )
  return rows[0] ?? null
}

/** The row id of a run by its names, or null. */
export async function findRunRowId(sql: Sql, dagId: string, runId: string): Promise<number | null> {
  const rows = await rowsOf<{ id: number }>(
    sql,
    'select id from dag_run where dag_id = $1 and run_id = $2',
    [dagId, runId],
    'find_run_row_id',
  )
  return rows[0]?.id ?? null
}
