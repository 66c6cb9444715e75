// A DAG as a row of the list.

import { duration, moment, relative, zoneName } from '../../../core/times.ts'
import type { ListedDag } from '../../../store/postgres/dag-list.ts'
import type { RecentRun } from '../../../store/postgres/read-runs.ts'
import { scheduleWords } from '../dag/head/schedule.ts'
import { dagPath, withQuery } from '../frame/links.ts'
import { markup } from '../frame/markup.ts'
import { barsOf } from './bars.ts'

/** When it ran and for how long. */
function lastWords(run: RecentRun | undefined, zone: string, now: number): string {
  if (run === undefined) return 'never ran'
  if (run.start_date === null) return run.state === 'queued' ? 'waits to start' : 'never started'
  const began = `${moment(run.start_date, zone, now)} ${zoneName(zone, run.start_date)}`
  const took = duration(((run.end_date ?? now) - run.start_date) / 1000)
  return run.state === 'running' ? `since ${began}, ${took}` : `${began}, ${took}`
}

/** When the next run comes, beside its time. */
function nextWords(row: ListedDag, next: number | null, now: number): string {
  if (row.is_paused) return 'paused'
  if (next === null) return ''
  if (row.is_late) return 'late'
  return next <= now ? 'due now' : relative(next, now)
}

export function dagView(
  row: ListedDag,
  runs: readonly RecentRun[],
  { zone, hasWarnings }: { readonly zone: string; readonly hasWarnings: boolean },
  now: number,
) {
  const [last] = runs
  const next = row.is_paused ? null : row.next_dagrun_create_after
  return {
    id: row.dag_id,
    path: dagPath(row.dag_id),
    description: row.description,
    tags: row.tags,
    owners: row.owners,
    isPaused: row.is_paused,
    hasImportErrors: row.has_import_errors,
    hasWarnings,
    schedule: scheduleWords(row),
    cron: row.has_schedule ? `${row.timetable_summary ?? ''}` : 'no schedule',
    isCron: row.has_schedule,
    ownZone: row.timezone,
    zone,
    next,
    isLate: row.is_late,
    nextIn: nextWords(row, next, now),
    state: last?.state ?? null,
    last: lastWords(last, zone, now),
    lastHref: last === undefined ? null : withQuery(dagPath(row.dag_id), { run: last.run_id }),
    bars: markup(barsOf(runs, now)),
  }
}
