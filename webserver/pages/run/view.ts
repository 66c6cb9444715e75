// A run as pages show it: its short name, interval and facts.

import { duration, interval, moment, zoneName } from '../../../core/times.ts'
import type { RunListRow } from '../../../store/postgres/read-runs.ts'
import { dagPath, runPath, withQuery } from '../frame/links.ts'

/** A run's short name: its time in the DAG's zone. */
export const runLabel = (run: RunListRow, now: number): string => moment(run.runAfter, run.timezone, now)

export const runInterval = (run: RunListRow, now: number): string | null =>
  run.dataIntervalStart === run.dataIntervalEnd
    ? null
    : interval(run.dataIntervalStart, run.dataIntervalEnd, run.timezone, now)

const TYPES: Readonly<Record<string, string>> = {
  scheduled: 'Scheduled',
  manual: 'Manual',
  backfill: 'Backfill',
  asset_triggered: 'By an asset',
  asset_materialization: 'Materialization',
}

/** One zone for all times of a page: that of the DAGs it shows if they have one, else UTC. */
export function pageZone(rows: readonly { readonly timezone: string }[]): string {
  const zones = new Set(rows.map((row) => row.timezone))
  return zones.size === 1 ? (rows[0]?.timezone ?? 'UTC') : 'UTC'
}

/** @param zone default: the DAG's own */
export function runView(own: RunListRow, now: number, zone = own.timezone) {
  const run = { ...own, timezone: zone }
  const seconds = run.startDate === null ? null : ((run.endDate ?? now) - run.startDate) / 1000
  return {
    id: run.id,
    dag: run.dagId,
    run: run.runId,
    state: run.state,
    label: runLabel(run, now),
    type: TYPES[run.runType] ?? run.runType,
    interval: runInterval(run, now),
    after: run.runAfter,
    start: run.startDate,
    end: run.endDate,
    took: duration(seconds),
    isRunning: run.state === 'running',
    by: run.triggeringUserName,
    triggeredBy: run.triggeredBy,
    version: run.versionNumber,
    note: run.note,
    conf: Object.keys(run.conf).length === 0 ? null : JSON.stringify(run.conf, null, 2),
    zone: run.timezone,
    zoneName: zoneName(run.timezone, run.runAfter),
    href: runPath(run.dagId, run.runId),
    grid: withQuery(dagPath(run.dagId), { run: run.runId }),
  }
}

/** A run in the crumbs of its tasks. */
export const runCrumb = (run: RunListRow, now: number) => ({
  text: `${runLabel(run, now)} run`,
  href: runPath(run.dagId, run.runId),
})
