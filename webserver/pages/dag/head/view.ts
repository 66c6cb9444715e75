// What the pages of one DAG share: its sentence, facts, tabs, and the selected run.

import type { DagGraph } from '../../../../core/graph.ts'
import { duration, interval, moment, relative, zoneName } from '../../../../core/times.ts'
import { planDag } from '../../../../engine/dags/preview-schedule.ts'
import type { DagWarning } from '../../../../store/postgres/dag-warnings.ts'
import {
  type DagListRow,
  getDag,
  getVersion,
  type VersionListRow,
  type WarnedDagRow,
} from '../../../../store/postgres/read-dags.ts'
import { latestRuns, type RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { notFound } from '../../../http/errors.ts'
import { type Crumb, say } from '../../frame/frame.ts'
import type { Part } from '../../frame/sentence.ts'

export const dagPath = (dagId: string, rest = ''): string => `/dags/${encodeURIComponent(dagId)}${rest}`
export const taskPath = (dagId: string, runId: string, taskId: string, rest = ''): string =>
  `${dagPath(dagId)}/runs/${encodeURIComponent(runId)}/tasks/${encodeURIComponent(taskId)}${rest}`

export const withQuery = (path: string, values: Readonly<Record<string, string | number | null>>): string => {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== null && value !== '') query.set(key, String(value))
  const text = query.toString()
  return text === '' ? path : `${path}?${text}`
}

export interface DagBasics {
  readonly row: WarnedDagRow
  /** What switching it on would set going; null when it is on, or has no file. */
  readonly plan: string | null
  readonly version: VersionListRow
  readonly graph: DagGraph
}

export async function loadBasics(web: Web, dagId: string): Promise<DagBasics> {
  const [row, version] = await Promise.all([getDag(web.database, dagId), getVersion(web.database, dagId, null)])
  if (row === null || version === null) throw notFound(`There is no DAG ${dagId}.`)
  const { graph } = await web.boards.version(web.database, version.id)
  const plan =
    row.is_paused && !row.is_stale && row.has_schedule
      ? (await planDag(web.database, web.boards, dagId, 2)).sentence
      : null
  return { row, plan, version, graph }
}

/** What a colleague would say of this DAG now. */
export function dagSentence(row: DagListRow, runs: readonly RunListRow[]): Part[] {
  const [last, before] = runs
  const dag = row.dag_id
  if (row.is_stale) return say('{dag} is in no file any more; its history stays.', { dag }, 'dag')
  if (last === undefined)
    return row.is_paused
      ? say('{dag} is paused and has never run.', { dag }, 'dag')
      : say('{dag} has not run yet.', { dag }, 'dag')
  if (last.state === 'running')
    return before?.state === 'failed'
      ? say('{dag} is running; the run before it failed.', { dag }, 'dag')
      : say('{dag} is running.', { dag }, 'dag')
  if (last.state === 'queued')
    return row.is_paused
      ? say('{dag} is paused; a run waits until it is switched on.', { dag }, 'dag')
      : say('{dag} has a run that waits to start.', { dag }, 'dag')
  const row_of = runs.findIndex((run) => run.state !== last.state)
  const streak = row_of === -1 ? runs.length : row_of
  if (last.state === 'failed')
    return streak === 1
      ? say('{dag}: the last run failed.', { dag }, 'dag')
      : say('{dag}: the last {n} runs failed.', { dag, n: streak }, 'dag')
  return row.is_paused
    ? say('{dag} is paused; its last run succeeded.', { dag }, 'dag')
    : say('{dag} is fine: the last run succeeded.', { dag }, 'dag')
}

export function scheduleWords(row: DagListRow): string {
  if (!row.has_schedule) return 'manual'
  const text = row.timetable_description ?? ''
  return text === '' ? (row.timetable_summary ?? '') : text.charAt(0).toLowerCase() + text.slice(1)
}

export function nextRunWords(row: DagListRow, plan: string | null, now: number): string {
  const at = row.next_dagrun_create_after
  if (row.is_paused && plan !== null) return `Paused. Switched on: ${plan.charAt(0).toLowerCase()}${plan.slice(1)}`
  if (row.is_paused) return 'No next run while it is paused.'
  if (at === null) return row.has_schedule ? 'No next run.' : 'It runs when it is triggered.'
  if (at <= now) return 'The next run is due now.'
  return `Next run ${relative(at, now)}, ${moment(at, row.timezone, now)} ${zoneName(row.timezone, at)}.`
}

/** A warning as a note: its sentence, and a line for each place it names. A file's name that it begins with stands apart. */
function warningView({ message }: DagWarning, file: string) {
  const [sentence = '', ...lines] = message.split('\n')
  if (sentence.startsWith(`${file} `)) return { file, text: sentence.slice(file.length + 1), lines }
  return { file: null, text: sentence.charAt(0).toUpperCase() + sentence.slice(1), lines }
}

export type DagTab = 'grid' | 'graph' | 'runs' | 'data' | 'reports' | 'code'

export function headView({ row, plan, version }: DagBasics, tab: DagTab, run: string | null, now: number) {
  const tabs: { id: DagTab; text: string; path: string }[] = [
    { id: 'grid', text: 'Grid', path: '' },
    { id: 'graph', text: 'Graph', path: '/graph' },
    { id: 'runs', text: 'Runs', path: '/runs' },
    { id: 'data', text: 'Data', path: '/data' },
    { id: 'reports', text: 'Reports', path: '/reports' },
    { id: 'code', text: 'Code', path: '/code' },
  ]
  return {
    dag: {
      id: row.dag_id,
      path: dagPath(row.dag_id),
      // The next sentence follows it.
      description: row.description === null ? null : row.description.replace(/([^.!?…])$/, '$1.'),
      isPaused: row.is_paused,
      isStale: row.is_stale,
      next: nextRunWords(row, plan, now),
      schedule: row.has_schedule ? (row.timetable_summary ?? '') : 'manual',
      zone: row.timezone,
      zoneName: zoneName(row.timezone, now),
      version: version.version_number,
      versionAt: version.created_at,
      owners: row.owners,
      tags: row.tags,
      hasImportErrors: row.has_import_errors,
      file: row.relative_fileloc,
      warnings: row.warnings.map((warning) => warningView(warning, row.relative_fileloc)),
    },
    tabs: tabs.map(({ id, text, path }) => ({
      text,
      isCurrent: id === tab,
      href: withQuery(dagPath(row.dag_id, path), { run: id === 'grid' || id === 'graph' ? run : null }),
    })),
    now,
  }
}

export const dagCrumbs = (dagId: string, ...more: Crumb[]): Crumb[] => [
  { text: 'DAGs', href: '/dags' },
  { text: dagId, href: dagPath(dagId) },
  ...more,
]

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

export const loadRuns = (web: Web, dagId: string, count: number) => latestRuns(web.database, dagId, count)
