// What the page of what needs somebody reads: DAGs that fail with their cause, runs under way, dates to come, errors of the last days.

import type { RunState } from '../../core/states.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { FINISHED, RUN_FINISHED } from './state-lists.ts'

/** The newest cause of the first instance that failed in the run `r`. */
const FIRST_FAILURE = /* sql */ `left join lateral (
  select t.task_id, t.map_index, (select e.because from ti_event e
    where e.dag_run_id = r.id and e.ti_id = t.id and e.to_state = 'failed' order by e.rev desc, e.step desc limit 1) as because
  from task_instance t where t.dag_run_id = r.id and t.state = 'failed' order by t.end_date nulls last, t.task_id, t.map_index limit 1) f on true`

export interface FailingDag {
  readonly dagId: string
  readonly timezone: string
  readonly runId: string
  readonly startDate: number | null
  readonly endDate: number
  /** Ended runs since the last that succeeded, at most 100. */
  readonly streak: number
  readonly taskId: string | null
  readonly mapIndex: number | null
  readonly because: unknown
}

/** DAGs whose last run failed, the newest failure first. */
export function listFailingDags(sql: Sql, limit: number): Promise<readonly FailingDag[]> {
  return rowsOf<FailingDag>(
    sql,
    `with failing as (
       select d.dag_id, d.timezone, r.id, r.run_id, r.start_date, r.end_date from dag d
       join lateral (select x.* from dag_run x where x.dag_id = d.dag_id and x.state in (${RUN_FINISHED})
         order by x.run_after desc, x.id desc limit 1) r on r.state = 'failed'
       where not d.is_stale order by r.end_date desc nulls last, d.dag_id limit $1)
     select r.dag_id, r.timezone, r.run_id, r.start_date, r.end_date, f.task_id, f.map_index, f.because,
       (select count(*)::int from (
          select sum(case when s.state = 'failed' then 0 else 1 end) over (order by s.n) as others from (
            select x.state, row_number() over (order by x.run_after desc, x.id desc) as n from dag_run x
            where x.dag_id = r.dag_id and x.state in (${RUN_FINISHED}) order by x.run_after desc, x.id desc limit 100) s) c
        where c.others = 0) as streak
     from failing r ${FIRST_FAILURE} order by r.end_date desc nulls last, r.dag_id`,
    [limit],
  )
}

export interface RunUnderWay {
  readonly dagId: string
  readonly runId: string
  readonly state: RunState
  readonly timezone: string
  readonly startDate: number | null
  /** Instances that have ended, and all. */
  readonly done: number
  readonly all: number
  /** Tasks that run now, at most three. */
  readonly tasks: readonly string[]
}

/** Runs that have started and not ended, the oldest first; how many there are in all. */
export function listRunsUnderWay(
  sql: Sql,
  limit: number,
): Promise<readonly (RunUnderWay & { readonly total: number })[]> {
  return rowsOf(
    sql,
    `with open as (
       select r.id, r.dag_id, r.run_id, r.state, r.start_date, d.timezone, count(*) over ()::int as total
       from dag_run r join dag d using (dag_id) where r.state = 'running' order by r.start_date, r.id limit $1)
     select o.*, c.done, c.all, coalesce(c.tasks, '{}') as tasks from open o join lateral (
       select (count(*) filter (where t.state in (${FINISHED})))::int as done, count(*)::int as all,
         (array_agg(distinct t.task_id) filter (where t.state = 'running'))[1:3] as tasks
       from task_instance t where t.dag_run_id = o.id) c on true order by o.start_date, o.id`,
    [limit],
  )
}

export interface UpcomingRun {
  readonly dagId: string
  readonly timezone: string
  readonly at: number
  readonly isLate: boolean
}

/** The next date of each DAG that is on, until then; those that are late first. A continuous DAG is always due. */
export function listUpcoming(sql: Sql, until: Date, limit: number): Promise<readonly UpcomingRun[]> {
  return rowsOf<UpcomingRun>(
    sql,
    `select dag_id, timezone, next_dagrun_create_after as at, next_dagrun_create_after < now() - interval '1 minute' as is_late
     from dag where not is_paused and not is_stale and next_dagrun_create_after < $1::timestamptz
       and timetable_type <> 'airflow.timetables.simple.ContinuousTimetable'
     order by next_dagrun_create_after, dag_id limit $2`,
    [until.toISOString(), limit],
  )
}

export interface RecentError {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly endDate: number
  readonly message: string
}

/** What runs failed of in the last days, the newest first: of each its first failed instance. */
export function listRecentErrors(sql: Sql, days: number, limit: number): Promise<readonly RecentError[]> {
  return rowsOf<RecentError>(
    sql,
    `with failed as (
       select id, dag_id, run_id, end_date from dag_run
       where end_date > now() - $1::int * interval '1 day' and state = 'failed' order by end_date desc, id desc limit $2)
     select r.dag_id, r.run_id, f.task_id, r.end_date, f.because ->> 'message' as message
     from failed r ${FIRST_FAILURE} where f.because ->> 'message' is not null order by r.end_date desc, r.id desc`,
    [days, limit],
  )
}
