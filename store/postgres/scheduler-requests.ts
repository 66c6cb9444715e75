// Requests to the scheduler: rows that live until the transaction that serves them deletes them. A notification may be
// lost, a row is not.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { RUN_ACTIVE } from './state-lists.ts'

export interface AskedDecision {
  readonly id: number
  readonly dagRunId: number
}

/** Asks for a whole decision of every running run of a DAG. */
export async function askForDag(tx: Sql, dagId: string): Promise<void> {
  await tx.query(
    `insert into inbox (kind, payload) select 'decide', jsonb_build_object('dag_run_id', id) from dag_run
     where dag_id = $1 and state = 'running'`,
    [dagId],
  )
}

/** The same of one run, when it is running. */
export async function askForRun(tx: Sql, dagRunId: number): Promise<void> {
  await tx.query(
    `insert into inbox (kind, payload) select 'decide', jsonb_build_object('dag_run_id', id) from dag_run
     where id = $1 and state = 'running'`,
    [dagRunId],
  )
}

/**
 * Asks for a whole decision of the runs whose past is this run: the next logical date, and a run without a date that was
 * created next. Queued ones too: they may be starting at this moment, on the past as it was.
 */
export async function askForSuccessors(tx: Sql, dagRunId: number): Promise<void> {
  await tx.query(
    `insert into inbox (kind, payload) select 'decide', jsonb_build_object('dag_run_id', n.id)
     from dag_run p cross join lateral (
       (select r.id, r.state from dag_run r where r.dag_id = p.dag_id and r.logical_date > p.logical_date order by r.logical_date limit 1)
       union all
       (select x.id, x.state from (select r.id, r.state, r.logical_date from dag_run r where r.dag_id = p.dag_id and r.id > p.id
          order by r.id limit 1) x where x.logical_date is null)) n
     where p.id = $1 and n.state in (${RUN_ACTIVE})`,
    [dagRunId],
    'ask_for_successors',
  )
}

export async function findAsked(sql: Sql, limit: number): Promise<readonly AskedDecision[]> {
  return rowsOf<AskedDecision>(
    sql,
    "select id, (payload ->> 'dag_run_id')::bigint as dag_run_id from inbox where kind = 'decide' order by id limit $1",
    [limit],
    'find_asked',
  )
}

/**
 * Deletes the requests that were served, and those of runs that are no more. Others stay for a later look.
 * @param served runs
 * @returns how many were deleted
 */
export async function deleteServed(
  tx: Sql,
  asked: readonly AskedDecision[],
  served: (dagRunId: number) => boolean,
): Promise<number> {
  const of = (isServed: boolean) => asked.filter((row) => served(row.dagRunId) === isServed).map((row) => row.id)
  const { rowCount } = await tx.query(
    `delete from inbox where id = any($1::bigint[]) or (id = any($2::bigint[])
       and not exists (select 1 from dag_run r where r.id = (inbox.payload ->> 'dag_run_id')::bigint))`,
    [of(true), of(false)],
    'delete_served',
  )
  return rowCount ?? 0
}

/** An ended run that is to begin again. */
export interface AskedClear extends AskedDecision {
  readonly by: string
  /** With the latest version of its DAG. */
  readonly onLatest: boolean
}

export async function findAskedClears(sql: Sql, limit: number): Promise<readonly AskedClear[]> {
  return rowsOf<AskedClear>(
    sql,
    `select id, (payload ->> 'dag_run_id')::bigint as dag_run_id, payload ->> 'by' as by, (payload ->> 'latest')::boolean as on_latest
     from inbox where kind = 'clear' order by id limit $1`,
    [limit],
    'find_asked_clears',
  )
}

/** A run of a DAG that is paused after several failures has failed: the scheduler looks whether it is time. */
export async function tellFailure(tx: Sql, dagId: string): Promise<void> {
  await tx.query("insert into inbox (kind, payload) values ('failed', jsonb_build_object('dag_id', $1::text))", [dagId])
}

/** One look without a transaction: a pass of the scheduler asks each time, and there is hardly ever one. */
export async function hasFailures(sql: Sql): Promise<boolean> {
  const { rows } = await sql.query("select 1 from inbox where kind = 'failed' limit 1", [], 'has_failures')
  return rows.length > 0
}

/** Takes the failures told since the last look; returns their DAGs. */
export async function takeFailures(tx: Sql): Promise<readonly string[]> {
  const rows = await rowsOf<{ dagId: string }>(
    tx,
    `with taken as (delete from inbox where id in (select id from inbox where kind = 'failed' for update skip locked)
       returning payload ->> 'dag_id' as dag_id)
     select distinct dag_id from taken order by dag_id`,
    [],
    'take_failures',
  )
  return rows.map((row) => row.dagId)
}
