// The list of DAGs: the sentence, filters, and a row each with its schedule, next and last run and the bars of its past.

import type { Request } from 'express'
import { clock, duration, moment, relative, zoneName } from '../../core/times.ts'
import { listImportErrors } from '../../store/postgres/read-admin.ts'
import { listDags } from '../../store/postgres/read-dags.ts'
import { type RecentRun, recentRuns } from '../../store/postgres/read-runs.ts'
import type { Web } from '../deps.ts'
import { Query } from '../http/query.ts'
import { countWord, type Part } from '../text/text.ts'
import { dagPath, scheduleWords, withQuery } from './dag-view.ts'
import { type PageView, say } from './frame.ts'
import { escapeHtml, markup } from './helpers.ts'

/** More DAGs than this need the filter. */
const MOST_DAGS = 500
const BARS = 24

export function barsOf(runs: readonly RecentRun[], now: number): string {
  const columns = [...runs].reverse()
  const seconds = (run: RecentRun) => (run.start_date === null ? 0 : ((run.end_date ?? now) - run.start_date) / 1000)
  const most = Math.max(...columns.map(seconds), 0.1)
  const empty = BARS - columns.length
  const parts = Array.from({ length: empty }, (_, i) => `<rect class="nil" x="${i * 8}" y="26" width="6" height="2"/>`)
  for (const [k, run] of columns.entries()) {
    const x = (k + empty) * 8
    const h = Math.max(4, Math.round((seconds(run) / most) * 21))
    parts.push(
      `<rect class="b f-${escapeHtml(run.state)}" x="${x + 0.5}" y="${27.5 - h}" width="5" height="${h}" rx="1"/>`,
    )
    // Failure is told by form too: a detached cap.
    if (run.state === 'failed')
      parts.push(`<rect class="b f-failed" x="${x + 0.5}" y="${Math.max(0.5, 23 - h)}" width="5" height="2"/>`)
  }
  const failed = columns.filter((run) => run.state === 'failed').length
  const label = columns.length === 0 ? 'No runs yet' : `${columns.length} runs, ${failed} failed`
  return `<svg class="runs" viewBox="0 0 192 28" preserveAspectRatio="none" role="img" aria-label="${label}">${parts.join('')}</svg>`
}

function lastWords(run: RecentRun | undefined, zone: string, now: number): string {
  if (run === undefined) return 'never ran'
  const took = run.start_date === null ? null : ((run.end_date ?? now) - run.start_date) / 1000
  if (run.state === 'running') return `running for ${duration(took)}`
  if (run.state === 'queued') return 'waits to start'
  return `${moment(run.run_after, zone, now)} ${zoneName(zone, run.run_after)}, ${duration(took)}`
}

interface Counts {
  readonly all: number
  readonly running: number
  readonly failing: number
  readonly paused: number
}

function listSentence({ all, failing, running }: Counts): Part[] {
  if (all === 0) return say('No DAGs yet.')
  if (failing > 0)
    return failing === all
      ? say('All {n} DAGs failed last time.', { n: all })
      : say('{word} of {n} DAGs {k#is#are} failing.', { word: countWord(failing), k: failing, n: all })
  if (running > 0) return say('All quiet: {n} {n#DAG#DAGs}, {k} running now.', { n: all, k: running })
  return say('All quiet: {n} {n#DAG#DAGs}, none failing.', { n: all })
}

const STATES = ['all', 'running', 'failing', 'paused'] as const

export async function dagsPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const query = new Query(req)
  const find = (query.text('q') ?? '').trim()
  const chosen = STATES.find((state) => state === query.text('state')) ?? 'all'
  const [{ rows }, errors] = await Promise.all([
    listDags(
      web.database,
      { exclude_stale: true },
      { limit: MOST_DAGS, offset: 0, order: [{ key: 'dag_id', isDescending: false }] },
    ),
    listImportErrors(web.database, {}, { limit: 5, offset: 0, order: [{ key: 'timestamp', isDescending: true }] }),
  ])
  const recent = await recentRuns(
    web.database,
    rows.map((row) => row.dag_id),
    BARS,
  )
  const runsOf = new Map<string, RecentRun[]>()
  for (const run of recent) {
    const list = runsOf.get(run.dag_id)
    if (list === undefined) runsOf.set(run.dag_id, [run])
    else list.push(run)
  }
  const items = rows.map((row) => {
    const runs = runsOf.get(row.dag_id) ?? []
    const [last] = runs
    const lastEnded = runs.find((run) => run.state === 'success' || run.state === 'failed')
    const next = row.next_dagrun_create_after
    return {
      id: row.dag_id,
      path: dagPath(row.dag_id),
      description: row.description,
      tags: row.tags,
      owners: row.owners,
      isPaused: row.is_paused,
      isFailing: lastEnded?.state === 'failed',
      isRunning: runs.some((run) => run.state === 'running'),
      hasImportErrors: row.has_import_errors,
      schedule: scheduleWords(row),
      cron: row.has_schedule ? `${row.timetable_summary ?? ''}` : 'no schedule',
      isCron: row.has_schedule,
      zone: row.timezone,
      zoneName: zoneName(row.timezone, now),
      next: row.is_paused ? null : next,
      nextClock:
        row.is_paused || next === null ? '—' : `${moment(next, row.timezone, now)} ${zoneName(row.timezone, next)}`,
      nextIn: row.is_paused ? 'paused' : next === null ? '' : next <= now ? 'due now' : relative(next, now),
      state: last?.state ?? null,
      last: lastWords(last, row.timezone, now),
      lastClock: last === undefined ? null : clock(last.run_after, row.timezone),
      lastHref: last === undefined ? null : withQuery(dagPath(row.dag_id), { run: last.run_id }),
      bars: markup(barsOf(runs, now)),
    }
  })
  const counts: Counts = {
    all: items.length,
    running: items.filter((item) => item.isRunning).length,
    failing: items.filter((item) => item.isFailing).length,
    paused: items.filter((item) => item.isPaused).length,
  }
  const lower = find.toLowerCase()
  const shown = items.filter(
    (item) =>
      (chosen === 'all' ||
        (chosen === 'running' && item.isRunning) ||
        (chosen === 'failing' && item.isFailing) ||
        (chosen === 'paused' && item.isPaused)) &&
      (lower === '' || [item.id, item.owners, ...item.tags].some((text) => text.toLowerCase().includes(lower))),
  )
  const names = { all: 'All', running: 'Running', failing: 'Failing', paused: 'Paused' }
  const [error] = errors.rows
  return {
    place: 'dags',
    crumbs: [{ text: 'DAGs', href: '/dags' }],
    sentence: listSentence(counts),
    topics: 'dags',
    scripts: ['dags.js'],
    view: {
      dags: shown,
      shown: shown.length,
      total: items.length,
      hasNone: items.length === 0,
      folder: web.config.dagsFolder,
      find,
      chosen,
      states: STATES.map((state) => ({
        name: names[state],
        n: counts[state],
        isCurrent: state === chosen,
        href: withQuery('/dags', { q: find, state: state === 'all' ? null : state }),
      })),
      broken: errors.total,
      error: error === undefined ? null : { file: error.filename, href: `/errors/${error.id}` },
      now,
    },
  }
}
