// The page of one run: what it did or why it failed, its tasks in time, every failed instance, what happened to it and who did it.

import type { Request } from 'express'
import type { DagGraph } from '../../../core/graph.ts'
import type { TaskState } from '../../../core/states.ts'
import { clockSeconds, duration, zoneName } from '../../../core/times.ts'
import { reasonText } from '../../../engine/why/run.ts'
import { getRun, type RunListRow } from '../../../store/postgres/read-runs.ts'
import type { EventRow } from '../../../store/postgres/read-task-instances.ts'
import { listRunResultTables } from '../../../store/postgres/result-tables.ts'
import {
  type BesideRuns,
  type EventCursor,
  type FailedInstance,
  findBesideRuns,
  listFailedInstances,
  listRunAttempts,
  pageEvents,
} from '../../../store/postgres/run-page.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/api-error.ts'
import { Query } from '../../http/query.ts'
import { readLastError } from '../../logs/last-error.ts'
import { cellState, stateOf } from '../../states/cells.ts'
import { runTally, type TaskCell } from '../../states/run-cells.ts'
import { countTally, type Tally, worstOf } from '../../states/tally.ts'
import { tallyChips } from '../../states/words.ts'
import { loadSums } from '../dag/data/page.ts'
import { controlLinks, dagCrumbs, dagPath, runPath, taskPath, withQuery } from '../frame/links.ts'
import { markup } from '../frame/markup.ts'
import type { PageView } from '../frame/page-view.ts'
import { eventsView } from '../task/events/view.ts'
import { type GanttRow, ganttSvg } from './gantt.ts'
import { runSentence, runWhy } from './sentence.ts'
import { criticalPath, type Span, type TimelineRow, timelineRows, timeSpent } from './timeline.ts'
import { runCrumb, runView } from './view.ts'

/** Tasks that the gantt draws; tries, failed instances and events that are read for one page. */
const MOST_TASKS = 300
const MOST_ATTEMPTS = 3_000
const MOST_FAILED = 50
const MOST_EVENTS = 100

interface Shown {
  readonly web: Web
  readonly run: RunListRow
  readonly graph: DagGraph | null
  readonly cells: ReadonlyMap<string, TaskCell>
  /** The task whose events are asked for. */
  readonly task: string | null
  readonly before: EventCursor | null
  readonly now: number
}

function readCursor(text: string | undefined): EventCursor | null {
  const [, rev, step] = /^(\d{1,15})_(\d{1,4})$/.exec(text ?? '') ?? []
  return rev === undefined || step === undefined ? null : { rev: Number(rev), step: Number(step) }
}

async function loadShown(web: Web, req: Request): Promise<Shown> {
  const [dagId, runId] = [String(req.params['dag_id'] ?? ''), String(req.params['run_id'] ?? '')]
  const query = new Query(req)
  const run = await getRun(web.database, dagId, runId)
  if (run === null) throw notFound(`There is no run ${runId} of ${dagId}.`)
  const [cells, version] = await Promise.all([
    web.cells.load(web.database, [run]),
    run.versionId === null ? null : web.runCache.version(web.database, run.versionId),
  ])
  const known = cells.get(run.id) ?? new Map<string, TaskCell>()
  const asked = query.text('task')
  const task = asked !== undefined && known.has(asked) ? asked : null
  const before = readCursor(query.text('before'))
  return { web, run, graph: version?.graph ?? null, cells: known, task, before, now: Date.now() }
}

const stateOfCell = (cell: TaskCell | undefined): TaskState | null => {
  const state = cell === undefined ? null : stateOf(worstOf(cell.tally))
  // A cell's states are the database's, but for the one of no state yet.
  return state === null || state === undefined || state === 'none' ? null : (state as TaskState)
}

/** Topological; tasks that the run's version does not have stand last. */
function taskOrder({ graph, cells }: Shown): readonly string[] {
  const rank = (taskId: string) => graph?.rank[graph.indexOf.get(taskId) ?? -1] ?? Number.MAX_SAFE_INTEGER
  return [...cells.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

function ganttRow(shown: Shown, taskId: string, row: TimelineRow | undefined, critical: ReadonlySet<string>): GanttRow {
  const { run, cells, task } = shown
  const cell = cells.get(taskId)
  const n = cell === undefined ? 1 : countTally(cell.tally)
  const path = runPath(run.dagId, run.runId)
  return {
    taskId,
    name: taskId,
    state: cellState(stateOfCell(cell)),
    n: n > 1 ? n : null,
    work: row?.work ?? [],
    isCritical: critical.has(taskId),
    isSelected: taskId === task,
    href: taskId === task ? taskPath(run.dagId, run.runId, taskId) : withQuery(path, { task: taskId }),
  }
}

/** Where the time went, in the order of what one can do about it; parts of nothing are left out. */
function spentView(span: Span, path: readonly string[], rows: ReadonlyMap<string, TimelineRow>) {
  const spent = timeSpent(span, path, rows)
  const parts = [
    ['Running, critical path', spent.running],
    ['Between tries', spent.retries],
    ['Waiting for a worker', spent.queued],
    ['Slots, timers, scheduler', spent.other],
  ] as const
  return {
    total: duration(spent.total / 1_000),
    parts: parts.filter(([, ms]) => ms > 0).map(([name, ms]) => ({ name, took: duration(ms / 1_000) })),
  }
}

async function timeView(shown: Shown) {
  const { web, run, graph, cells, now } = shown
  const attempts = await listRunAttempts(web.database, run.id, MOST_ATTEMPTS)
  const rows = timelineRows(attempts, (taskId) => stateOfCell(cells.get(taskId)), now)
  const path = graph === null ? [] : criticalPath(graph, rows)
  const critical = new Set(path)
  const order = taskOrder(shown)
  const drawn = order.slice(0, MOST_TASKS)
  if (run.startDate === null || drawn.length === 0)
    return { gantt: null, spent: null, moreTasks: null, mostAttempts: null }
  const span = { start: run.startDate, end: run.endDate ?? now }
  return {
    gantt: markup(
      ganttSvg(
        drawn.map((taskId) => ganttRow(shown, taskId, rows.get(taskId), critical)),
        span,
        run.timezone,
      ),
    ),
    spent: path.length === 0 ? null : spentView(span, path, rows),
    mostAttempts: attempts.length === MOST_ATTEMPTS ? MOST_ATTEMPTS.toLocaleString('en') : null,
    moreTasks: order.length > drawn.length ? (order.length - drawn.length).toLocaleString('en') : null,
  }
}

function failedView({ dagId, runId, timezone }: RunListRow, failed: FailedInstance) {
  const { taskId, mapIndex, renderedMapIndex, tryNumber, maxTries, endDate, because } = failed
  return {
    name: mapIndex < 0 ? taskId : `${taskId} [${renderedMapIndex ?? mapIndex}]`,
    href: withQuery(taskPath(dagId, runId, taskId), { map_index: mapIndex < 0 ? null : mapIndex }),
    why: reasonText(because, timezone),
    tries: maxTries > 0 && tryNumber > 0 ? `try ${tryNumber} of ${maxTries + 1}` : null,
    at: endDate === null ? null : clockSeconds(endDate, timezone),
  }
}

/** Every failed instance, and of the first what its log says. */
async function failuresView({ web, run }: Shown, tally: Tally) {
  const total = tally.find(([letter]) => stateOf(letter) === 'failed')?.[1] ?? 0
  const failed = total === 0 ? [] : await listFailedInstances(web.database, run.id, MOST_FAILED)
  const [first] = failed
  const error =
    first === undefined
      ? null
      : await readLastError(web.config.logFolder, { dagId: run.dagId, runId: run.runId, ...first }, run.timezone)
  return {
    first:
      first === undefined ? null : { ...failedView(run, first), taskId: first.taskId, frame: error?.frame ?? null },
    failures: failed.map((one) => failedView(run, one)),
    moreFailures: total > failed.length ? (total - failed.length).toLocaleString('en') : null,
    totalFailures: total,
  }
}

const cursorOf = (event: EventRow | undefined): string | null =>
  event === undefined ? null : `${event.rev}_${event.step}`

async function ledgerView({ web, run, task, before }: Shown) {
  const found = await pageEvents(web.database, run.id, task, before, MOST_EVENTS + 1)
  const events = found.slice(0, MOST_EVENTS)
  const path = runPath(run.dagId, run.runId)
  const views = eventsView(events, run.timezone)
  return {
    events: views.map((view, i) => ({ ...view, name: nameOf(events[i]) })),
    eventsFilter: task === null ? null : { task, all: path, log: taskPath(run.dagId, run.runId, task) },
    olderEvents: found.length > events.length ? withQuery(path, { task, before: cursorOf(events.at(-1)) }) : null,
    newestEvents: before === null ? null : withQuery(path, { task }),
  }
}

const nameOf = (event: EventRow | undefined): string | null =>
  event?.taskId == null
    ? null
    : event.mapIndex === null || event.mapIndex < 0
      ? event.taskId
      : `${event.taskId} [${event.mapIndex}]`

function linksOf({ run }: Shown, beside: BesideRuns) {
  const at = { run: run.runId }
  const of = (runId: string | null) => (runId === null ? null : runPath(run.dagId, runId))
  return {
    verbs: controlLinks(run, null, null),
    earlier: of(beside.earlier),
    later: of(beside.later),
    tabs: [
      { text: 'Run', href: runPath(run.dagId, run.runId), isCurrent: true },
      { text: 'Grid', href: withQuery(dagPath(run.dagId), at), isCurrent: false },
      { text: 'Graph', href: withQuery(dagPath(run.dagId, '/graph'), at), isCurrent: false },
      { text: 'Data', href: withQuery(dagPath(run.dagId, '/data'), at), isCurrent: false },
      {
        text: 'Code',
        href: withQuery(dagPath(run.dagId, '/code'), { version: run.versionNumber }),
        isCurrent: false,
      },
    ],
    data: withQuery(dagPath(run.dagId, '/data'), at),
  }
}

export async function runPage(web: Web, req: Request): Promise<PageView> {
  const shown = await loadShown(web, req)
  const { run, cells, now } = shown
  const tally = runTally(cells.values())
  const [failures, time, ledger, beside, effects, reports, why] = await Promise.all([
    failuresView(shown, tally),
    timeView(shown),
    ledgerView(shown),
    findBesideRuns(web.database, run),
    loadSums(web, run.id),
    listRunResultTables(web.database, run.id),
    runWhy(web, run, now),
  ])
  return {
    section: 'runs',
    crumbs: dagCrumbs(run.dagId, runCrumb(run, now)),
    sentence: runSentence(run, failures.first?.taskId ?? null, now),
    topics: `run:${run.id}`,
    scripts: ['run.js'],
    zone: zoneName(run.timezone, now),
    view: {
      ...{ ...failures, ...time, ...ledger, ...linksOf(shown, beside) },
      ...{ why: failures.first?.why ?? why, isFailed: run.state === 'failed', isOpen: run.endDate === null },
      run: runView(run, now),
      counts: tallyChips(tally),
      effects,
      reports: reports.map((report) => ({
        title: report.title ?? report.name,
        href: withQuery(dagPath(run.dagId, `/reports/${encodeURIComponent(report.name)}`), { run: run.runId }),
      })),
      zone: run.timezone,
      now,
    },
  }
}
