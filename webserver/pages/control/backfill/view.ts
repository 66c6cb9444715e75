// Backfills and their dates as rows.

import { moment, zoneName } from '../../../../core/times.ts'
import type { BackfillDate } from '../../../../engine/runs/backfill.ts'
import type { BackfillRow } from '../../../../store/postgres/backfills.ts'
import { dagPath, withQuery } from '../../frame/links.ts'

/** A backfill as the state of a run. */
function stateOf({ completedAt: end, failed, isPaused }: BackfillRow) {
  if (end !== null) return failed > 0 ? 'failed' : 'success'
  return isPaused ? 'queued' : 'running'
}

function wordOf({ completedAt: end, isPaused, running, queued }: BackfillRow): string {
  if (end !== null) return 'over'
  return isPaused ? 'paused' : `${running} running, ${queued} waiting`
}

export function backfillView(row: BackfillRow, zone: string, now: number) {
  const path = dagPath(row.dagId, `/backfills/${row.id}`)
  const isOver = row.completedAt !== null
  const done = row.success + row.failed
  const runs = row.dates - row.withoutRun
  return {
    id: row.id,
    state: stateOf(row),
    range: `${moment(row.fromDate, zone, now)} → ${moment(row.toDate, zone, now)} ${zoneName(zone, row.fromDate)}`,
    progress: `${done} of ${runs}`,
    failed: row.failed === 0 ? null : row.failed,
    by: row.triggeringUserName,
    created: row.createdAt,
    isOver,
    isPaused: row.isPaused,
    word: wordOf(row),
    pause: `${path}/${row.isPaused ? 'unpause' : 'pause'}`,
    cancel: `${path}/cancel`,
  }
}

const WHAT: Readonly<Record<string, string>> = {
  'already exists': 'has a run, left as it is',
  'in flight': 'has a run that goes on',
  unknown: 'unknown',
}

export const dateView = ({ run, existing, exception }: BackfillDate, zone: string, dagId: string, now: number) => ({
  date: `${moment(run.logicalDate, zone, now)} ${zoneName(zone, run.logicalDate)}`,
  interval:
    run.dataInterval.start === run.dataInterval.end
      ? null
      : `${moment(run.dataInterval.start, zone, now)} → ${moment(run.dataInterval.end, zone, now)}`,
  state: existing?.state ?? null,
  href: existing === null ? null : withQuery(dagPath(dagId), { run: existing.runId }),
  what: exception !== null ? WHAT[exception] : existing === null ? 'new run' : 'cleared, and run again',
  isLeft: exception !== null,
})
