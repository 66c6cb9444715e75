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
  if (run.startDate === null) return run.state === 'queued' ? 'waits to start' : 'never started'
  const began = `${moment(run.startDate, zone, now)} ${zoneName(zone, run.startDate)}`
  const took = duration(((run.endDate ?? now) - run.startDate) / 1000)
  return run.state === 'running' ? `since ${began}, ${took}` : `${began}, ${took}`
}

/** When the next run comes, beside its time. */
function nextWords(row: ListedDag, next: number | null, now: number): string {
  if (row.isPaused) return 'paused'
  if (next === null) return ''
  if (row.isLate) return 'late'
  return next <= now ? 'due now' : relative(next, now)
}

export function dagView(
  row: ListedDag,
  runs: readonly RecentRun[],
  { zone, hasWarnings }: { readonly zone: string; readonly hasWarnings: boolean },
  now: number,
) {
  const [last] = runs
  const next = row.isPaused ? null : row.nextDagrunCreateAfter
  return {
    id: row.dagId,
    path: dagPath(row.dagId),
    description: row.description,
    tags: row.tags,
    owners: row.owners,
    isPaused: row.isPaused,
    hasImportErrors: row.hasImportErrors,
    hasWarnings,
    schedule: scheduleWords(row),
    cron: row.hasSchedule ? `${row.timetableSummary ?? ''}` : 'no schedule',
    isCron: row.hasSchedule,
    ownZone: row.timezone,
    zone,
    next,
    isLate: row.isLate,
    nextIn: nextWords(row, next, now),
    state: last?.state ?? null,
    last: lastWords(last, zone, now),
    lastHref: last === undefined ? null : withQuery(dagPath(row.dagId), { run: last.runId }),
    bars: markup(barsOf(runs, now)),
  }
}
