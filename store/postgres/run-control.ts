// What clear, mark and delete would touch, and the rows that go when a run or a DAG is deleted.

import type { RunState, TaskState } from '../../core/states.ts'
import { noteText } from '../note.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'

export interface RunOfDag {
  readonly id: number
  readonly runId: string
  readonly state: RunState
  readonly logicalDate: number | null
  readonly versionId: string | null
}

export async function findRun(sql: Sql, dagId: string, runId: string): Promise<RunOfDag | null> {
  const rows = await rowsOf<RunOfDag>(
    sql,
    'select id, run_id, state, logical_date, created_dag_version_id as version_id from dag_run where dag_id = $1 and run_id = $2',
    [dagId, runId],
  )
  return rows[0] ?? null
}

/** Some runs, or those whose logical dates lie in a range. Without bounds a range has all runs, also those without a date. */
export type RunsWanted =
  | { readonly kind: 'runs'; readonly ids: readonly number[] }
  | { readonly kind: 'dates'; readonly from: number | null; readonly to: number | null }

export interface TouchedInstance {
  readonly dagRunId: number
  readonly runId: string
  readonly logicalDate: number | null
  readonly runState: RunState
  readonly id: string
  readonly taskId: string
  readonly mapIndex: number
  readonly state: TaskState | null
}

const RUNS = /* sql */ `r.dag_id = $1 and ($2::bigint[] is null or r.id = any($2)) and ($3::timestamptz is null or r.logical_date >= $3)
  and ($4::timestamptz is null or r.logical_date <= $4)`

const bounds = (wanted: RunsWanted): readonly unknown[] =>
  wanted.kind === 'runs' ? [wanted.ids, null, null] : [null, timestampOf(wanted.from), timestampOf(wanted.to)]

/**
 * Instances of some runs of a DAG.
 * @param taskIds null = of all tasks
 * @param states null = in every state
 */
export async function findTouched(
  sql: Sql,
  dagId: string,
  runs: RunsWanted,
  taskIds: readonly string[] | null,
  states: readonly TaskState[] | null,
): Promise<readonly TouchedInstance[]> {
  return rowsOf<TouchedInstance>(
    sql,
    `select t.dag_run_id, t.run_id, r.logical_date, r.state as run_state, t.id, t.task_id, t.map_index, t.state
     from dag_run r join task_instance t on t.dag_run_id = r.id
     where ${RUNS} and ($5::text[] is null or t.task_id = any($5)) and ($6::text[] is null or t.state = any($6))
     order by r.logical_date nulls last, r.id, t.task_id, t.map_index`,
    [dagId, ...bounds(runs), taskIds, states],
  )
}

/** Row ids of some runs of a DAG, ascending. */
export async function findRunsWanted(sql: Sql, dagId: string, runs: RunsWanted): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(sql, `select r.id from dag_run r where ${RUNS} order by r.id`, [
    dagId,
    ...bounds(runs),
  ])
  return rows.map((row) => row.id)
}

/** Runs of a DAG in a range of logical dates, in their order. */
export async function findDatedRuns(
  sql: Sql,
  dagId: string,
  from: number | null,
  to: number | null,
): Promise<readonly RunOfDag[]> {
  return rowsOf<RunOfDag>(
    sql,
    `select r.id, r.run_id, r.state, r.logical_date, r.created_dag_version_id as version_id from dag_run r where ${RUNS} order by r.logical_date`,
    [dagId, ...bounds({ kind: 'dates', from, to })],
  )
}

/** First and last logical date of a DAG's runs, or null when none has one. */
export async function findDateRange(sql: Sql, dagId: string): Promise<{ first: number; last: number } | null> {
  const rows = await rowsOf<{ first: number | null; last: number | null }>(
    sql,
    'select min(logical_date) as first, max(logical_date) as last from dag_run where dag_id = $1',
    [dagId],
  )
  const row = rows[0]
  return row === undefined || row.first === null || row.last === null ? null : { first: row.first, last: row.last }
}

/** Sets the note of instances; null takes it away. */
export async function setInstanceNotes(tx: Sql, ids: readonly string[], note: string | null): Promise<void> {
  await tx.query('update task_instance set note = $2, updated_at = now() where id = any($1::uuid[])', [
    ids,
    noteText(note),
  ])
}

export async function setRunNote(tx: Sql, id: number, note: string | null): Promise<void> {
  await tx.query('update dag_run set note = $2, updated_at = now() where id = $1', [id, noteText(note)])
}

/** A run goes on with another version. Copies of it are loaded anew. */
export async function recordVersionChange(tx: Sql, id: number, versionId: string): Promise<number> {
  const rows = await rowsOf<{ rev: number }>(
    tx,
    `update dag_run set created_dag_version_id = $2, rev = rev + 1, clear_number = clear_number + 1, updated_at = now()
     where id = $1 returning rev`,
    [id, versionId],
  )
  return rows[0]?.rev ?? 0
}

/** Whatever processes remember of a run is loaded anew: what it is made of has changed without a move of an instance. */
export async function dropCopies(tx: Sql, id: number): Promise<void> {
  await tx.query(
    'update dag_run set rev = rev + 1, clear_number = clear_number + 1, updated_at = now() where id = $1',
    [id],
  )
}

/** Runs with the rows that have no foreign key on them, which the database would follow by itself. What has run keeps its version. */
export async function deleteRuns(tx: Sql, ids: readonly number[]): Promise<void> {
  for (const table of ['task_queue', 'ti_event', 'xcom'])
    await tx.query(`delete from ${table} where dag_run_id = any($1::bigint[])`, [ids])
  await tx.query(
    "delete from inbox where kind in ('decide', 'clear') and (payload ->> 'dag_run_id')::bigint = any($1)",
    [ids],
  )
  await tx.query(
    `update dag_version set is_kept = true where not is_kept
       and id in (select created_dag_version_id from dag_run where id = any($1::bigint[]))`,
    [ids],
  )
  await tx.query('delete from dag_run where id = any($1::bigint[])', [ids])
}

/** Instances of a run with their tries, values, waits and events. What they did outside, effects and results, stays with the run. */
export async function deleteInstances(tx: Sql, dagRunId: number, ids: readonly string[]): Promise<void> {
  for (const table of ['task_queue', 'trigger', 'ti_event'])
    await tx.query(`delete from ${table} where dag_run_id = $1 and ti_id = any($2::uuid[])`, [dagRunId, ids])
  for (const table of ['task_instance_history', 'rendered_task_instance_fields', 'xcom'])
    await tx.query(
      `delete from ${table} x using task_instance t
       where t.dag_run_id = $1 and t.id = any($2::uuid[]) and x.dag_run_id = t.dag_run_id and x.task_id = t.task_id and x.map_index = t.map_index`,
      [dagRunId, ids],
    )
  await tx.query('delete from task_instance where dag_run_id = $1 and id = any($2::uuid[])', [dagRunId, ids])
}

/** All runs of a DAG, locked in the order of their ids. */
export async function lockRunsOfDag(
  tx: Sql,
  dagId: string,
): Promise<readonly { readonly id: number; readonly state: RunState; readonly active: number }[]> {
  return rowsOf<{ id: number; state: RunState; active: number }>(
    tx,
    `select r.id, r.state, (select count(*) from task_queue l where l.dag_run_id = r.id and l.stage in ('running', 'restarting'))::int as active
     from dag_run r where r.dag_id = $1 order by r.id for update of r`,
    [dagId],
  )
}

/** The DAG itself with its versions and warnings. Modules stay: other DAGs may come from the same file. */
export async function deleteDag(tx: Sql, dagId: string): Promise<void> {
  await tx.query('delete from backfill where dag_id = $1', [dagId])
  await tx.query('delete from dag where dag_id = $1', [dagId])
}
