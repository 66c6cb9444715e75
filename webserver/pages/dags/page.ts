// The list of DAGs: the sentence, filters, and a row each with its schedule, next and last run and the bars of its past.

import type { Request } from 'express'
import { duration, moment, relative, zoneName } from '../../../core/times.ts'
import {
  countDags,
  type DagCounts,
  type DagListPage,
  type DagListSort,
  type DagListState,
  type ListedDag,
  pageDags,
} from '../../../store/postgres/dag-list.ts'
import { findWarnedDags } from '../../../store/postgres/dag-warnings.ts'
import { listImportErrors } from '../../../store/postgres/read-admin.ts'
import { type RecentRun, recentRuns } from '../../../store/postgres/read-runs.ts'
import type { Web } from '../../deps.ts'
import { Query } from '../../http/query.ts'
import { scheduleWords } from '../dag/head/schedule.ts'
import { dagPath, withQuery } from '../frame/links.ts'
import { escapeHtml, markup } from '../frame/markup.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { countWord, type Part } from '../frame/sentence.ts'
import { pageZone } from '../run/view.ts'

const PAGE = 100
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

/** When it ran and for how long. */
function lastWords(run: RecentRun | undefined, zone: string, now: number): string {
  if (run === undefined) return 'never ran'
  if (run.start_date === null) return run.state === 'queued' ? 'waits to start' : 'never started'
  const began = `${moment(run.start_date, zone, now)} ${zoneName(zone, run.start_date)}`
  const took = duration(((run.end_date ?? now) - run.start_date) / 1000)
  return run.state === 'running' ? `since ${began}, ${took}` : `${began}, ${took}`
}

/** The worst first: nothing is quiet while a file is broken, a DAG fails or a run is late. */
function listSentence({ all, failing, running, late }: DagCounts, broken: number): Part[] {
  const n = all.toLocaleString('en')
  if (broken > 0)
    return say('{word} DAG {k#file has an error#files have errors}.', { word: countWord(broken), k: broken })
  if (all === 0) return say('No DAGs yet.')
  if (failing > 0)
    return failing === all
      ? say('{k#The only DAG#All {n} DAGs} failed last time.', { n, k: all })
      : say('{word} of {n} DAGs {k#is#are} failing.', { word: countWord(failing), k: failing, n })
  if (late > 0) return say('{word} of {n} DAGs {k#is#are} late.', { word: countWord(late), k: late, n })
  if (running > 0) return say('All quiet: {n} {k#DAG#DAGs}, {running} running now.', { n, k: all, running })
  return say('All quiet: {n} {k#DAG#DAGs}, none failing.', { n, k: all })
}

const STATES: Readonly<Record<DagListState, string>> = {
  all: 'All',
  running: 'Running',
  failing: 'Failing',
  late: 'Late',
  paused: 'Paused',
}

const SORTS: Readonly<Record<DagListSort, string>> = { name: 'Name', next: 'Next run', last: 'Last run' }

const keysOf = <K extends string>(table: Readonly<Record<K, string>>): readonly K[] => Object.keys(table) as K[]

interface Asked {
  readonly find: string
  readonly state: DagListState
  readonly page: DagListPage
}

/** `<value>~<dag id>`; the value is digits. */
function readFrom(text: string | undefined): DagListPage['from'] {
  const [, value, dagId] = /^(\d*)~(.{1,250})$/u.exec(text ?? '') ?? []
  return dagId === undefined ? null : { value: value === '' ? null : (value ?? null), dagId }
}

const fromText = (dag: ListedDag | undefined): string | null =>
  dag === undefined ? null : `${dag.sort_value ?? ''}~${dag.dag_id}`

/** What nobody offers is as if it was not asked for. */
function readAsked(query: Query): Asked {
  const sort = keysOf(SORTS).find((key) => key === query.text('sort')) ?? 'name'
  const after = readFrom(query.text('after'))
  const before = after === null ? readFrom(query.text('before')) : null
  return {
    find: (query.text('q') ?? '').trim().slice(0, 250),
    state: keysOf(STATES).find((key) => key === query.text('state')) ?? 'all',
    page: {
      sort,
      // The newest last run first.
      isDescending: (query.text('desc') ?? (sort === 'last' ? '1' : '0')) === '1',
      from: after ?? before,
      isBackward: before !== null,
      limit: PAGE + 1,
    },
  }
}

function dagView(
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
    nextIn: row.is_paused
      ? 'paused'
      : next === null
        ? ''
        : row.is_late
          ? 'late'
          : next <= now
            ? 'due now'
            : relative(next, now),
    state: last?.state ?? null,
    last: lastWords(last, zone, now),
    lastHref: last === undefined ? null : withQuery(dagPath(row.dag_id), { run: last.run_id }),
    bars: markup(barsOf(runs, now)),
  }
}

function byDag(recent: readonly RecentRun[]): ReadonlyMap<string, readonly RecentRun[]> {
  const found = new Map<string, RecentRun[]>()
  for (const run of recent) {
    const list = found.get(run.dag_id)
    if (list === undefined) found.set(run.dag_id, [run])
    else list.push(run)
  }
  return found
}

/** The rows of one page, and whether there are others on either side. */
function cut(rows: readonly ListedDag[], page: DagListPage) {
  const hasMore = rows.length > PAGE
  const shown = page.isBackward ? rows.slice(hasMore ? 1 : 0) : rows.slice(0, PAGE)
  return {
    shown,
    before: (page.isBackward ? hasMore : page.from !== null) ? fromText(shown[0]) : null,
    after: page.isBackward || hasMore ? fromText(shown.at(-1)) : null,
  }
}

export async function dagsPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const { find, state, page } = readAsked(new Query(req))
  const [counts, rows, errors] = await Promise.all([
    countDags(web.database, find),
    pageDags(web.database, { find, state }, page),
    listImportErrors(web.database, {}, { limit: 1, offset: 0, order: [{ key: 'timestamp', isDescending: true }] }),
  ])
  const { shown, before, after } = cut(rows, page)
  const ids = shown.map((row) => row.dag_id)
  const [recent, warned] = await Promise.all([recentRuns(web.database, ids, BARS), findWarnedDags(web.database, ids)])
  const runs = byDag(recent)
  const zone = pageZone(shown)
  const usual = page.sort === 'last'
  const kept = {
    q: find,
    state: state === 'all' ? null : state,
    sort: page.sort === 'name' ? null : page.sort,
    desc: page.isDescending === usual ? null : Number(page.isDescending),
  }
  const link = (change: Readonly<Record<string, string | number | null>>) => withQuery('/dags', { ...kept, ...change })
  const [error] = errors.rows
  return {
    place: 'dags',
    crumbs: [{ text: 'DAGs', href: '/dags' }],
    sentence: listSentence(counts, find === '' ? errors.total : 0),
    topics: 'dags',
    zone: zoneName(zone, now),
    scripts: ['dags.js'],
    view: {
      dags: shown.map((row) =>
        dagView(row, runs.get(row.dag_id) ?? [], { zone, hasWarnings: warned.has(row.dag_id) }, now),
      ),
      shown: shown.length,
      total: counts[state].toLocaleString('en'),
      hasNone: counts.all === 0 && find === '',
      folder: web.config.dagsFolder,
      find,
      kept,
      states: keysOf(STATES)
        .filter((key) => key !== 'late' || counts.late > 0 || state === 'late')
        .map((key) => ({
          name: STATES[key],
          n: counts[key].toLocaleString('en'),
          isCurrent: key === state,
          href: link({ state: key === 'all' ? null : key }),
        })),
      sorts: Object.fromEntries(
        keysOf(SORTS).map((key) => {
          const isCurrent = key === page.sort
          const isDown = isCurrent ? !page.isDescending : key === 'last'
          const href = link({
            sort: key === 'name' ? null : key,
            desc: isDown === (key === 'last') ? null : Number(isDown),
          })
          return [
            key,
            { name: SORTS[key], href, order: isCurrent ? (page.isDescending ? 'descending' : 'ascending') : null },
          ]
        }),
      ),
      before: before === null ? null : link({ before }),
      after: after === null ? null : link({ after }),
      broken: errors.total,
      error: error === undefined ? null : { file: error.filename, href: `/errors/${error.id}` },
      now,
    },
  }
}
