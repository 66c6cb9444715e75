// The address of every page of the demo, by the page's name.

import type { Demo } from './demo.ts'
import { catalogPaths } from './demo-catalog.ts'

export const pagePaths = (demo: Demo): Readonly<Record<string, string>> => {
  const run = encodeURIComponent(demo.failed.runId)
  const live = `/dags/gmarket_hourly/runs/${encodeURIComponent(demo.running.runId)}/tasks/merge_csv`
  return {
    home: '/',
    dags: '/dags',
    grid: '/dags/gmarket_hourly',
    'grid-gap': '/dags/weather_hourly',
    'grid-task': `/dags/gmarket_hourly?run=${run}&task=collect_page`,
    'grid-run': `/dags/gmarket_hourly?run=${run}`,
    run: `/dags/gmarket_hourly/runs/${run}`,
    'run-live': `/dags/gmarket_hourly/runs/${encodeURIComponent(demo.running.runId)}?task=merge_csv`,
    graph: `/dags/gmarket_hourly/graph?run=${encodeURIComponent(demo.running.runId)}`,
    'dag-runs': '/dags/gmarket_hourly/runs',
    runs: '/runs',
    code: '/dags/gmarket_hourly/code',
    'code-diff': '/dags/weather_hourly/code?version=2&against=1',
    data: '/dags/gmarket_hourly/data',
    reports: '/dags/gmarket_hourly/reports',
    'report-lines': '/dags/gmarket_hourly/reports/candle_price',
    'report-bars': '/dags/gmarket_hourly/reports/best_by_category',
    trigger: '/dags/gmarket_mart/trigger',
    'no-runs': '/dags/gmarket_mart',
    log: live,
    xcom: `/dags/gmarket_hourly/runs/${encodeURIComponent(demo.running.runId)}/tasks/collect_page/xcom`,
    tries: `${live}/tries`,
    events: `${live}/events`,
    variables: '/variables',
    variable: '/variables/edit?key=slack_token',
    'variable-new': '/variables/new',
    connections: '/connections',
    connection: '/connections/edit?id=hdfs_default',
    errors: '/errors',
    monitoring: '/monitoring',
    error: '/errors/1',
    'not-found': '/dags/min_candel',
    clear: `/dags/gmarket_hourly/clear?run=${run}&task=collect_page&downstream=1&future=1`,
    mark: `/dags/gmarket_hourly/mark?run=${run}&task=collect_page&to=success`,
    'mark-run': `/dags/gmarket_hourly/mark?run=${encodeURIComponent(demo.running.runId)}&to=failed`,
    delete: `/dags/gmarket_hourly/delete?run=${run}`,
    note: `/dags/gmarket_hourly/note?run=${run}`,
    backfills: '/dags/gmarket_hourly/backfills',
    backfill: `/dags/gmarket_hourly/backfills?from=${encodeURIComponent('2026-01-05T01:00')}&to=${encodeURIComponent('2026-01-05T06:00')}&reprocess=failed`,
    ...catalogPaths(demo.catalog),
  }
}
