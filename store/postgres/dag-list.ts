// The list of DAGs as its page shows it: searched, filtered, counted and paged in the database, whatever their number.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'
import { DAG, type DagListRow } from './read-dags.ts'
import { RUN_FINISHED } from './state-lists.ts'

export type DagListState = 'all' | 'running' | 'failing' | 'paused' | 'late'
export type DagListSort = 'name' | 'next' | 'last'

export interface DagListFilter {
  /** Part of an id, a display name, an owner or a tag, in any case; empty = all. */
  readonly find: string
  readonly state: DagListState
}

export interface DagListPage {
  readonly sort: DagListSort
  readonly isDescending: boolean
  /** Where the page begins: what the sort says of the DAG beside it, and its id. */
  readonly from: { readonly value: string | null; readonly dagId: string } | null
  /** Towards the beginning of the list instead of its end. */
  readonly isBackward: boolean
  readonly limit: number
}

export interface DagCounts {
  readonly all: number
  readonly running: number
  readonly failing: number
  readonly paused: number
  readonly late: number
}

/** A due run that has not been made for so long is late. A continuous DAG is always due while its run goes on. */
const LATE = /* sql */ `not d.is_paused and d.next_dagrun_create_after < now() - interval '1 minute'
  and d.timetable_type <> 'airflow.timetables.simple.ContinuousTimetable'`

/** Every DAG that is in a file, with what filters and sorts ask of it. `$1`: the pattern of the search. */
const LISTED = /* sql */ `listed as (
  select d.dag_id, d.is_paused, d.next_dagrun_create_after as next_at, last.run_after as last_at,
    exists (select 1 from dag_run r where r.dag_id = d.dag_id and r.state = 'running') as is_running,
    (select r.state from dag_run r where r.dag_id = d.dag_id and r.state in (${RUN_FINISHED})
      order by r.run_after desc, r.id desc limit 1) is not distinct from 'failed' as is_failing,
    ${LATE} as is_late
  from dag d left join lateral (select r.run_after from dag_run r where r.dag_id = d.dag_id order by r.run_after desc, r.id desc limit 1) last on true
  where not d.is_stale and ($1::text is null or d.dag_id ilike $1 or d.dag_display_name ilike $1 or d.owners ilike $1
    or exists (select 1 from dag_tag t where t.dag_id = d.dag_id and t.name ilike $1)))`

const STATE: Readonly<Record<DagListState, string>> = {
  all: 'true',
  running: 'is_running',
  failing: 'is_failing',
  paused: 'is_paused',
  late: 'is_late',
}

/** What is sorted by: text that compares as the value does, so that one cursor serves them all. DAGs without a value last. */
const SORT: Readonly<Record<DagListSort, string>> = {
  name: 'null::text',
  next: "to_char(case when is_paused then null else next_at end at time zone 'UTC', 'YYYYMMDDHH24MISSUS')",
  last: "to_char(last_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS')",
}

const likePattern = (find: string): string | null =>
  find === '' ? null : `%${find.replace(/[\\%_]/g, (character) => `\\${character}`)}%`

export async function countDags(sql: Sql, find: string): Promise<DagCounts> {
  const rows = await rowsOf<DagCounts>(
    sql,
    `with ${LISTED} select count(*)::int as all, (count(*) filter (where is_running))::int as running,
       (count(*) filter (where is_failing))::int as failing, (count(*) filter (where is_paused))::int as paused,
       (count(*) filter (where is_late))::int as late from listed`,
    [likePattern(find)],
  )
  return rows[0] ?? { all: 0, running: 0, failing: 0, paused: 0, late: 0 }
}

export interface DagName {
  readonly dagId: string
  readonly name: string
  readonly description: string | null
}

/** Every DAG that is in a file, by what it is called. */
export function listDagNames(sql: Sql): Promise<readonly DagName[]> {
  return rowsOf<DagName>(
    sql,
    `select dag_id, coalesce(dag_display_name, dag_id) as name, left(description, 200) as description
     from dag where not is_stale order by dag_id limit 20000`,
    [],
    'list_dag_names',
  )
}

export interface ListedDag extends DagListRow {
  readonly isRunning: boolean
  readonly isFailing: boolean
  readonly isLate: boolean
  readonly sortValue: string | null
}

/** `(no value?, value, id)`: DAGs without a value stand last, whichever way the others are sorted; equal ones by id. */
function orderOf({ sort, isDescending, isBackward }: DagListPage) {
  const values = isDescending !== isBackward
  const ids = sort === 'name' ? values : isBackward
  const direction = (down: boolean) => (down ? 'desc' : 'asc')
  return {
    order: `(sort_value is null) ${direction(isBackward)}, sort_value ${direction(values)}, dag_id ${direction(ids)}`,
    value: values ? '<' : '>',
    missing: isBackward ? '<' : '>',
    id: ids ? '<' : '>',
  }
}

/** A page of the list, in the order in which it is shown. */
export async function pageDags(sql: Sql, filter: DagListFilter, page: DagListPage): Promise<readonly ListedDag[]> {
  const { order, value, missing, id } = orderOf(page)
  const { from } = page
  const rows = await rowsOf<ListedDag>(
    sql,
    `with ${LISTED}, sorted as (
       select dag_id, is_running, is_failing, is_late, ${SORT[page.sort]} as sort_value from listed where ${STATE[filter.state]}
     ), shown as (
       select * from sorted
       where $2::text is null or (sort_value is null) ${missing} ($3::text is null)
         or (sort_value is null) = ($3::text is null) and (sort_value ${value} $3 or (sort_value is not distinct from $3 and dag_id ${id} $2))
       order by ${order} limit $4
     )
     select ${DAG}, shown.is_running, shown.is_failing, shown.is_late, shown.sort_value
     from shown join dag d using (dag_id) order by ${order.replaceAll('dag_id', 'd.dag_id')}`,
    [likePattern(filter.find), from?.dagId ?? null, from?.value ?? null, page.limit],
  )
  return page.isBackward ? [...rows].reverse() : rows
}
