// The run grid of a DAG: runs by tasks, with the selected run or task beside it.

import type { Request } from 'express'
import type { DagGraph } from '../../../../core/graph.ts'
import { duration, zoneName } from '../../../../core/times.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { Query } from '../../../http/query.ts'
import type { TaskCell } from '../../../states/run-cells.ts'
import { countTally, readTally } from '../../../states/tally.ts'
import { dagCrumbs, dagPath, withQuery } from '../../frame/links.ts'
import { markup } from '../../frame/markup.ts'
import type { PageView } from '../../frame/page-view.ts'
import { runLabel } from '../../run/view.ts'
import { instancePanel } from '../../task/panel.ts'
import { type DagBasics, dagOf, findRun, loadBasics, loadRuns } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'
import type { GridData } from './geometry.ts'
import { legendOf } from './legend.ts'
import { gridGaps } from './missing-runs.ts'
import { gridData, gridRows } from './rows.ts'
import { runPanel } from './run-panel.ts'
import { gridSvg, medianSeconds } from './svg.ts'

/** How many runs may be asked for; the first is usual. */
const COUNTS = [36, 72, 144, 365] as const
const [USUAL_COUNT] = COUNTS

/** What the address asks for. */
interface Asked {
  readonly count: number
  readonly folded: ReadonlySet<string>
  readonly find: string
  readonly run: string | undefined
  readonly task: string | null
}

function readAsked(query: Query): Asked {
  const count = query.int('count') ?? USUAL_COUNT
  return {
    count: COUNTS.find((n) => n === count) ?? USUAL_COUNT,
    folded: new Set((query.text('fold') ?? '').split(',').filter((id) => id !== '')),
    find: (query.text('q') ?? '').trim().toLowerCase(),
    run: query.text('run'),
    task: query.text('task') ?? null,
  }
}

type Change = Readonly<Record<string, string | number | null>>

/** What a link on the page keeps of the address. */
const keptOf = ({ task, find, count }: Asked, run: RunListRow | null) => ({
  run: run?.runId ?? null,
  task,
  q: find,
  count: count === USUAL_COUNT ? null : count,
})

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

/** The names at the left: a task selects its cell of the selected run, a group folds. */
function namesView(
  data: GridData,
  { folded }: Asked,
  selectedRow: number,
  runId: string | null,
  link: (change: Change) => string,
) {
  return data.rows.map((row, i) => ({
    ...row,
    count: row.tasks.length,
    times: row.isMapped ? timesOf(data.tallies[row.id]) : null,
    isSelected: i === selectedRow,
    level: Math.min(row.depth, 6),
    href: row.isGroup ? link({ fold: toggled(folded, row.id) }) : link({ task: row.id, run: runId }),
  }))
}

/** The selected task of the run, or the run; null when no run is selected. */
async function panelOf(
  web: Web,
  graph: DagGraph,
  run: RunListRow | null,
  task: string | null,
  cells: ReadonlyMap<number, ReadonlyMap<string, TaskCell>>,
  now: number,
) {
  if (run === null) return null
  if (task !== null && graph.indexOf.has(task)) return instancePanel(web, run, task, now)
  return runPanel(web, run, cells.get(run.id) ?? new Map(), now)
}

export async function gridPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const dagId = dagOf(req)
  const asked = readAsked(new Query(req))
  const [basics, runs] = await Promise.all([loadBasics(web, dagId), loadRuns(web, dagId, asked.count)])
  const run = await findRun(web, dagId, runs, asked.run)
  const kept = keptOf(asked, run)
  const link = (change: Change) => withQuery(dagPath(dagId), { ...kept, fold: [...asked.folded].join(','), ...change })
  const zone = basics.row.timezone
  return {
    section: 'dags',
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
      ...headView(basics, 'grid', run?.runId ?? null, now),
      ...(await gridView(web, basics, runs, run, asked, link, now)),
      hasRuns: runs.length > 0,
      hasBackfills: runs.some((item) => item.runType === 'backfill'),
      counts: COUNTS.map((n) => ({
        n,
        isCurrent: n === asked.count,
        href: link({ count: n === USUAL_COUNT ? null : n }),
      })),
      find: asked.find,
      keep: kept,
    },
  }
}

/** Of the dates without a run those that are told below the grid. */
const MOST_GAPS = 3

/** The drawing, its names and legend, and the panel beside it. */
async function gridView(
  web: Web,
  { graph, row: dag }: DagBasics,
  runs: readonly RunListRow[],
  run: RunListRow | null,
  asked: Asked,
  link: (change: Change) => string,
  now: number,
) {
  // A selected run may be older than those of the grid.
  const known = run === null || runs.some((item) => item.id === run.id) ? runs : [...runs, run]
  const cells = await web.cells.load(web.database, known)
  const data = gridData(graph, gridRows(graph, asked.folded, asked.find), runs, cells, now)
  const row = data.rows.findIndex((item) => item.id === asked.task)
  const column = run === null ? -1 : data.runs.findIndex((item) => item.id === run.id)
  const usual = medianSeconds(data, now)
  const gaps = await gridGaps(web, graph, runs, now)
  return {
    grid: markup(gridSvg(data, { column, row }, dag.timezone, now, gaps)),
    data,
    gaps: gaps.slice(-MOST_GAPS),
    usual: usual === null ? null : duration(usual),
    rows: namesView(data, asked, row, run?.runId ?? runs[0]?.runId ?? null, link),
    panel: await panelOf(web, graph, run, asked.task, cells, now),
    legend: legendOf(data.cells),
  }
}
