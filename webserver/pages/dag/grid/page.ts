// The pages of one DAG: grid, graph, runs, code, trigger.

import type { Request } from 'express'
import { isStorableInstant } from '../../../../core/storable.ts'
import { duration, zoneName } from '../../../../core/times.ts'
import {
  countRuns,
  getRun,
  MOST_COUNTED,
  pageRuns,
  type RunCursor,
  type RunListRow,
} from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { Query } from '../../../http/query.ts'
import { letterOf, STATE_NAMES } from '../../../states/cells.ts'
import { countTally, readTally } from '../../../states/tally.ts'
import { dagCrumbs, dagPath, withQuery } from '../../frame/links.ts'
import { markup } from '../../frame/markup.ts'
import type { PageView } from '../../frame/page-view.ts'
import { say } from '../../frame/page-view.ts'
import type { Part } from '../../frame/sentence.ts'
import { pageZone, runLabel, runView } from '../../run/view.ts'
import { graphSvg } from '../graph/svg.ts'
import { loadBasics, loadRuns } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'
import { gridGaps } from './missing-runs.ts'
import { instancePanel, runPanel } from './panel.ts'
import { gridData, gridRows } from './rows.ts'
import { gridSvg, medianSeconds } from './svg.ts'

const dagOf = (req: Request): string => String(req.params['dag_id'] ?? '')

const COUNTS = [36, 72, 144, 365] as const

/** The selected run: of the page's own, or looked up when it is older. */
async function findRun(web: Web, dagId: string, runs: readonly RunListRow[], runId: string | undefined) {
  if (runId === undefined || runId === '') return null
  return runs.find((run) => run.run_id === runId) ?? (await getRun(web.database, dagId, runId))
}

export async function gridPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const query = new Query(req)
  const asked = query.int('count') ?? 36
  const count = COUNTS.find((n) => n === asked) ?? 36
  const folded = new Set((query.text('fold') ?? '').split(',').filter((id) => id !== ''))
  const find = (query.text('q') ?? '').trim().toLowerCase()
  const dagId = dagOf(req)
  const [basics, runs] = await Promise.all([loadBasics(web, dagId), loadRuns(web, dagId, count)])
  const run = await findRun(web, dagId, runs, query.text('run'))
  const shown = run === null || runs.some((item) => item.id === run.id) ? runs : [...runs, run]
  const cells = await web.cells.load(web.database, shown)
  const rows = gridRows(basics.graph, folded, find)
  const data = gridData(basics.graph, rows, runs, cells, now)
  const task = query.text('task') ?? null
  const taskRow = rows.findIndex((row) => row.id === task)
  const selection = { column: run === null ? -1 : data.runs.findIndex((item) => item.id === run.id), row: taskRow }
  const isTask = task !== null && basics.graph.indexOf.has(task)
  const panel =
    run === null
      ? null
      : isTask
        ? await instancePanel(web, run, task, now)
        : await runPanel(web, run, cells.get(run.id) ?? new Map(), now)
  const keep = { run: run?.run_id ?? null, task, q: find, count: count === 36 ? null : count }
  const link = (change: Record<string, string | number | null>) =>
    withQuery(dagPath(dagId), { ...keep, fold: [...folded].join(','), ...change })
  const usual = medianSeconds(data, now)
  const gaps = await gridGaps(web, basics.graph, runs, now)
  const shownLetters = new Set(Object.values(data.cells).join(''))
  const zone = basics.row.timezone
  return {
    place: 'dags',
    crumbs: dagCrumbs(
      dagId,
      ...(run === null ? [] : [{ text: `${runLabel(run, now)} run`, href: link({ task: null }) }]),
    ),
    sentence: dagSentence(basics.row, runs),
    topics: `dag:${dagId}`,
    scripts: ['dag-grid.js'],
    zone: zoneName(zone, now),
    isFlush: true,
    view: {
      ...headView(basics, 'grid', run?.run_id ?? null, now),
      hasRuns: runs.length > 0,
      hasBackfills: runs.some((item) => item.run_type === 'backfill'),
      grid: markup(gridSvg(data, selection, zone, now, gaps)),
      gaps: gaps.slice(-3),
      data,
      usual: usual === null ? null : duration(usual),
      rows: rows.map((row, i) => ({
        ...row,
        count: row.tasks.length,
        times: row.isMapped ? timesOf(data.tallies[row.id]) : null,
        isSelected: i === taskRow,
        level: Math.min(row.depth, 6),
        href: row.isGroup
          ? link({ fold: toggled(folded, row.id) })
          : link({ task: row.id, run: run?.run_id ?? runs[0]?.run_id ?? null }),
      })),
      counts: COUNTS.map((n) => ({ n, isCurrent: n === count, href: link({ count: n === 36 ? null : n }) })),
      find,
      keep,
      panel,
      legend: [...USUAL, ...RARE.filter((state) => shownLetters.has(letterOf(state)))].map((state) => ({
        state,
        name: STATE_NAMES[state],
      })),
    },
  }
}

/** States that the legend always names, and those it names where a cell has them. */
const USUAL = ['success', 'running', 'up_for_retry', 'queued', 'none', 'failed', 'upstream_failed', 'skipped'] as const
const RARE = ['scheduled', 'deferred', 'up_for_reschedule', 'removed'] as const

/** How many instances a mapped task last had. */
function timesOf(tallies: readonly string[] | undefined): string | null {
  const last = tallies?.findLast((text) => text !== '')
  return last === undefined ? null : countTally(readTally(last)).toLocaleString('en')
}

function toggled(folded: ReadonlySet<string>, id: string): string {
  const next = new Set(folded)
  if (!next.delete(id)) next.add(id)
  return [...next].join(',')
}

export async function graphPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const dagId = dagOf(req)
  const [basics, runs] = await Promise.all([loadBasics(web, dagId), loadRuns(web, dagId, 36)])
  const run = (await findRun(web, dagId, runs, new Query(req).text('run'))) ?? runs[0] ?? null
  const cells = run === null ? undefined : (await web.cells.load(web.database, [run])).get(run.id)
  // A run keeps the graph it was made from.
  const graph =
    run?.version_id === null || run === null
      ? basics.graph
      : (await web.boards.version(web.database, run.version_id)).graph
  const at = run === null ? -1 : runs.findIndex((item) => item.id === run.id)
  const go = (i: number) => {
    const other = runs[i]
    return other === undefined ? null : withQuery(dagPath(dagId, '/graph'), { run: other.run_id })
  }
  return {
    place: 'dags',
    crumbs: dagCrumbs(dagId, { text: run === null ? 'Graph' : `${runLabel(run, now)} run`, href: '' }),
    sentence: dagSentence(basics.row, runs),
    topics: `dag:${dagId}`,
    zone: zoneName(basics.row.timezone, now),
    isFlush: true,
    view: {
      ...headView(basics, 'graph', run?.run_id ?? null, now),
      run: run === null ? null : runView(run, now),
      older: at === -1 ? null : go(at + 1),
      newer: at <= 0 ? null : go(at - 1),
      graph: markup(graphSvg(graph, cells ?? new Map(), run)),
    },
  }
}

const PAGE = 50

/** `<run_after>_<row id>` of the last run shown. */
const cursorOf = (run: RunListRow | undefined): string | null =>
  run === undefined ? null : `${run.run_after}_${run.id}`

/** One that nobody has made is as none. */
function readCursor(text: string | undefined): RunCursor | null {
  const [, runAfter, id] = /^(-?\d{1,15})_(\d{1,15})$/.exec(text ?? '') ?? []
  const cursor = { runAfter: Number(runAfter), id: Number(id) }
  return isStorableInstant(cursor.runAfter) && id !== undefined ? cursor : null
}

const totalText = (total: number): string => `${total.toLocaleString('en')}${total === MOST_COUNTED ? ' or more' : ''}`

function runsSentence(total: number, state: string | null): Part[] {
  const n = totalText(total)
  if (total === 0) return say('No runs.')
  if (total === 1) return state === null ? say('One run.') : say('One {state} run.', { state })
  return state === null ? say('{n} runs.', { n }) : say('{n} {state} runs.', { n, state })
}

export async function runsPage(web: Web, req: Request, dagId: string | null): Promise<PageView> {
  const now = Date.now()
  const query = new Query(req)
  const state = query.text('state') ?? null
  const before = readCursor(query.text('before'))
  const version = query.int('version', 1) ?? null
  const basics = dagId === null ? null : await loadBasics(web, dagId)
  const filter = { dagId, state, version }
  const [runs, total] = await Promise.all([
    pageRuns(web.database, filter, before, PAGE + 1),
    countRuns(web.database, filter),
  ])
  const shown = runs.slice(0, PAGE)
  const path = dagId === null ? '/runs' : dagPath(dagId, '/runs')
  const states = ['running', 'queued', 'failed', 'success'] as const
  const words = runsSentence(total, state)
  const zone = basics?.row.timezone ?? pageZone(shown)
  return {
    place: dagId === null ? 'runs' : 'dags',
    crumbs: dagId === null ? [{ text: 'Runs', href: '/runs' }] : dagCrumbs(dagId, { text: 'Runs', href: path }),
    sentence: basics === null ? words : dagSentence(basics.row, shown),
    topics: dagId === null ? 'dags' : `dag:${dagId}`,
    zone: zoneName(zone, now),
    view: {
      ...(basics === null ? { dag: null, tabs: [], now } : headView(basics, 'runs', null, now)),
      runs: shown.map((run) => runView(run, now, zone)),
      states: [null, ...states].map((name) => ({
        name: name === null ? 'All' : STATE_NAMES[name],
        state: name,
        isCurrent: name === state,
        href: withQuery(path, { state: name, version }),
      })),
      version: version === null ? null : { n: version, all: withQuery(path, { state }) },
      more: runs.length > PAGE ? withQuery(path, { state, version, before: cursorOf(shown.at(-1)) }) : null,
      newest: before === null ? null : withQuery(path, { state, version }),
      shown: shown.length,
      total: totalText(total),
    },
  }
}
