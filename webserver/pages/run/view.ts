// A run as pages show it: its short name, interval and facts.

import { duration, interval, moment, zoneName } from '../../../core/times.ts'
import type { RunListRow } from '../../../store/postgres/read-runs.ts'
import { dagPath, withQuery } from '../frame/links.ts'

/** A run's short name: its time in the DAG's zone. */
export const runLabel = (run: RunListRow, now: number): string => moment(run.run_after, run.timezone, now)

export const runInterval = (run: RunListRow, now: number): string | null =>
  run.data_interval_start === run.data_interval_end
    ? null
    : interval(run.data_interval_start, run.data_interval_end, run.timezone, now)

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
  const seconds = run.start_date === null ? null : ((run.end_date ?? now) - run.start_date) / 1000
  return {
    id: run.id,
    dag: run.dag_id,
    run: run.run_id,
    state: run.state,
    label: runLabel(run, now),
    type: TYPES[run.run_type] ?? run.run_type,
    interval: runInterval(run, now),
    after: run.run_after,
    start: run.start_date,
    end: run.end_date,
    took: duration(seconds),
    isRunning: run.state === 'running',
    by: run.triggering_user_name,
    triggeredBy: run.triggered_by,
    version: run.version_number,
    note: run.note,
    conf: Object.keys(run.conf).length === 0 ? null : JSON.stringify(run.conf, null, 2),
    zone: run.timezone,
    zoneName: zoneName(run.timezone, run.run_after),
    href: withQuery(dagPath(run.dag_id), { run: run.run_id }),
  }
}

/** A run in the crumbs of its tasks. */
export const runCrumb = (run: RunListRow, now: number) => ({
  text: `${runLabel(run, now)} run`,
  href: withQuery(dagPath(run.dag_id), { run: run.run_id }),
})
