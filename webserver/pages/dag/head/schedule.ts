// A DAG's schedule and its next run in words.

import { moment, relative, zoneName } from '../../../../core/times.ts'
import type { DagListRow } from '../../../../store/postgres/read-dags.ts'

export function scheduleWords(row: DagListRow): string {
  if (!row.hasSchedule) return 'manual'
  const text = row.timetableDescription ?? ''
  return text === '' ? (row.timetableSummary ?? '') : text.charAt(0).toLowerCase() + text.slice(1)
}

export function nextRunWords(row: DagListRow, plan: string | null, now: number): string {
  const at = row.nextDagrunCreateAfter
  if (row.isPaused && plan !== null) return `Paused. Switched on: ${plan.charAt(0).toLowerCase()}${plan.slice(1)}`
  if (row.isPaused) return 'No next run while it is paused.'
  if (at === null) return row.hasSchedule ? 'No next run.' : 'It runs when it is triggered.'
  if (at <= now) return 'The next run is due now.'
  return `Next run ${relative(at, now)}, ${moment(at, row.timezone, now)} ${zoneName(row.timezone, at)}.`
}
