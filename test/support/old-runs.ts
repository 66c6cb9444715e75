// Finished runs of long ago, made by a statement: as many as a test wants.

/** What a test asks statements of. */
interface Asks {
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
}

export interface OldRuns {
  readonly dagId: string
  readonly runs: number
  /** Task instances of each; default 1. */
  readonly instances?: number
  /** Age of the last one's end, days; each before it is an hour older. Default 400. */
  readonly days?: number
}

/** Makes runs `old-1` (the oldest) and on, with an XCom and rendered fields for each instance. Their DAG must be there. */
export async function addOldRuns(to: Asks, { dagId, runs, instances = 1, days = 400 }: OldRuns): Promise<void> {
  await to.query(
    `with v as (select id from dag_version where dag_id = $1 order by version_number desc limit 1),
     r as (insert into dag_run (dag_id, run_id, run_type, state, logical_date, data_interval_start, data_interval_end, run_after, start_date,
         end_date, created_dag_version_id, rev)
       select $1, 'old-' || i, 'scheduled', 'success', at, at, at, at, at, at, v.id, 1
       from v, generate_series(1, $2::int) i, lateral (select now() - make_interval(days => $4::int, hours => $2::int - i) as at) t
       returning id, run_id),
     t as (insert into task_instance (dag_run_id, id, task_id, dag_id, run_id, map_index, pool, pool_slots, queue, priority_weight, operator)
       select r.id, gen_random_uuid(), 'a', $1, r.run_id, i, 'default_pool', 1, 'default', 1, 'T' from r, generate_series(0, $3::int - 1) i
       returning dag_run_id, task_id, map_index, run_id),
     e as (insert into ti_event (dag_run_id, rev, from_state, to_state, who) select id, 1, 'queued', 'success', 'test' from r),
     f as (insert into rendered_task_instance_fields (dag_run_id, task_id, map_index, rendered_fields)
       select dag_run_id, task_id, map_index, '{}' from t)
     insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value)
       select dag_run_id, task_id, map_index, 'return_value', $1, run_id, '1' from t`,
    [dagId, runs, instances, days],
  )
}
