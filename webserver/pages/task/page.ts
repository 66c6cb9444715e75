// The page of one task instance: its facts, and one of its tabs.

import type { Request } from 'express'
import { duration, zoneName } from '../../../core/times.ts'
import { findNeighbours, type Neighbours } from '../../../store/postgres/read-mapped.ts'
import { getRun, type RunListRow } from '../../../store/postgres/read-runs.ts'
import {
  type EventRow,
  getInstance,
  type InstanceListRow,
  listEvents,
  listTries,
  type TryRow,
} from '../../../store/postgres/read-task-instances.ts'
import { isTryRunning } from '../../api/logs.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/api-error.ts'
import { Query } from '../../http/query.ts'
import { dagCrumbs, taskPath, withQuery } from '../frame/links.ts'
import type { Crumb, PageView } from '../frame/page-view.ts'
import { runCrumb, runInterval, runView } from '../run/view.ts'
import { eventsView } from './events/view.ts'
import { instanceName, instanceSentence, secondsOf } from './instance.ts'
import { logView } from './log/view.ts'
import { loadStrip } from './mapped/instances.ts'
import { mappedPage } from './mapped/page.ts'
import { renderedView } from './rendered/view.ts'
import { type TaskTab, tabsView } from './tabs.ts'
import { causesByTry, triesLine, tryView } from './tries/view.ts'
import { whyText } from './why.ts'
import { xcomView } from './xcom/view.ts'

interface InstancePlace {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
}

function placeOf(req: Request): InstancePlace {
  const text = new Query(req).text('map_index') ?? '-1'
  return {
    dagId: String(req.params['dag_id'] ?? ''),
    runId: String(req.params['run_id'] ?? ''),
    taskId: String(req.params['task_id'] ?? ''),
    mapIndex: /^-?\d{1,9}$/.test(text) ? Number(text) : -1,
  }
}

function emptyLog(ti: InstanceListRow, tryNumber: number, why: string | null): string {
  if (tryNumber === 0) return why ?? 'Lines appear here when its first try begins.'
  if (isTryRunning(ti, tryNumber)) return 'No lines yet. They appear here as the task writes them.'
  return `This host has no log of try ${tryNumber}. The worker that ran it was ${ti.hostname ?? 'never started'}.`
}

const placeText = ({ taskId, mapIndex }: InstancePlace): string =>
  mapIndex === -1 ? taskId : `${taskId} [${mapIndex}]`

/** The page of one instance; or, of a mapped task whose instances exist and none of which is named, of all of them. */
export async function taskPage(
  web: Web,
  req: Request,
  tab: TaskTab,
): Promise<PageView & { readonly template: string }> {
  const place = placeOf(req)
  const query = new Query(req)
  const [run, ti] = await Promise.all([
    getRun(web.database, place.dagId, place.runId),
    getInstance(web.database, place),
  ])
  if (run !== null && ti !== null) {
    const shown = { web, run, ti, place, query, tab, now: Date.now() }
    return { ...(await instancePage(shown)), template: 'task/page' }
  }
  const strip = run === null || place.mapIndex !== -1 ? null : await loadStrip(web, run.id, place.taskId)
  if (run === null || strip === null)
    throw notFound(`There is no task ${placeText(place)} in run ${place.runId} of ${place.dagId}.`)
  return { ...(await mappedPage(web, run, place.taskId, strip, query)), template: 'task/mapped/page' }
}

/** Links to the instances beside one of a mapped task. */
function besideView(path: (index: number | null) => string, mapIndex: number, found: Neighbours | null) {
  if (found === null) return null
  return {
    all: path(null),
    index: mapIndex.toLocaleString('en'),
    last: found.last.toLocaleString('en'),
    before: found.before === null ? null : path(found.before),
    after: found.after === null ? null : path(found.after),
  }
}

/** What every part of the page reads. */
interface Shown {
  readonly web: Web
  readonly run: RunListRow
  readonly ti: InstanceListRow
  readonly place: InstancePlace
  readonly query: Query
  readonly tab: TaskTab
  readonly now: number
}

type More = Readonly<Record<string, string | number | null>>

/** The page's address, of this instance. */
const pathOf =
  ({ dagId, runId, taskId, mapIndex }: InstancePlace) =>
  (rest: string, more: More = {}): string =>
    withQuery(taskPath(dagId, runId, taskId, rest), { map_index: mapIndex === -1 ? null : mapIndex, ...more })

const restOf = (tab: TaskTab): string => (tab === 'log' ? '' : `/${tab}`)

/** Events that the page lists. */
const MOST_EVENTS = 200

async function loadInstance({ web, ti }: Shown) {
  const [events, tries, neighbours] = await Promise.all([
    listEvents(web.database, ti.dagRunId, ti.id, MOST_EVENTS),
    listTries(web.database, ti.dagRunId, ti.taskId, ti.mapIndex),
    ti.mapIndex === -1 ? null : findNeighbours(web.database, ti.dagRunId, ti.taskId, ti.mapIndex),
  ])
  return { events, tries, neighbours }
}

/** What the tab that is shown has to read. */
async function tabView({ web, ti, place, query, tab }: Shown, tryNumber: number) {
  const path = pathOf(place)
  if (tab === 'log') {
    const log = await logView(web, ti, { ...place, tryNumber }, query, (more) => path('', more))
    return { log, xcoms: null }
  }
  if (tab !== 'xcom') return { log: null, xcoms: null }
  const after = query.text('after') ?? null
  return { log: null, xcoms: await xcomView(web, ti, after, (key) => path('/xcom', { after: key })) }
}

const triesOf = ({ ti, place, now }: Shown, tries: readonly TryRow[], events: readonly EventRow[], current: number) => {
  const causes = causesByTry(events, ti.timezone)
  return tries.map((row) => ({
    ...tryView(row, ti.timezone, now, causes.get(row.tryNumber) ?? null),
    isCurrent: row.tryNumber === current,
    isLive: isTryRunning(ti, row.tryNumber),
    href: pathOf(place)('', { try: row.tryNumber }),
  }))
}

/** What the head and the side of the page tell. */
function factsOf({ run, ti, now }: Shown) {
  return {
    state: ti.state,
    name: instanceName(ti),
    triesLine: triesLine(ti),
    interval: runInterval(run, now),
    run: runView(run, now),
    start: ti.startDate,
    took: duration(secondsOf(ti, now)),
    host: ti.hostname,
    pid: ti.pid,
    operator: ti.customOperatorName ?? ti.operator,
    pool: ti.pool,
    queue: ti.queue,
    zone: ti.timezone,
    zoneName: zoneName(ti.timezone, now),
    now,
  }
}

const tabFlags = (tab: TaskTab) => ({
  isLog: tab === 'log',
  isRendered: tab === 'rendered',
  isXcom: tab === 'xcom',
  isTries: tab === 'tries',
  isEvents: tab === 'events',
})

function crumbsOf({ run, ti, place, now }: Shown): Crumb[] {
  const instance = { text: ti.mapIndex === -1 ? place.taskId : `[${ti.mapIndex}]`, href: pathOf(place)('') }
  const all = { text: place.taskId, href: taskPath(place.dagId, place.runId, place.taskId) }
  return dagCrumbs(place.dagId, runCrumb(run, now), ...(ti.mapIndex === -1 ? [instance] : [all, instance]))
}

async function instanceView(shown: Shown) {
  const { web, run, ti, place, query, tab, now } = shown
  const { events, tries, neighbours } = await loadInstance(shown)
  const asked = query.int('try', 1)
  const tryNumber = asked ?? tries.at(-1)?.tryNumber ?? 0
  const why = await whyText(web, run, ti, events, now)
  const rendered = renderedView(ti)
  const path = pathOf(place)
  const counts = { rendered: rendered.length, tries: tries.length, events: events.length }
  const neighbourPath = (index: number | null) =>
    withQuery(taskPath(place.dagId, place.runId, place.taskId, restOf(tab)), { map_index: index })
  return {
    ...factsOf(shown),
    ...tabFlags(tab),
    ...(await tabView(shown, tryNumber)),
    why,
    beside: besideView(neighbourPath, ti.mapIndex, neighbours),
    tabs: tabsView(tab, counts, (id) =>
      path(restOf(id), { try: id === 'log' && asked !== undefined ? tryNumber : null }),
    ),
    tries: triesOf(shown, tries, events, tryNumber),
    tryNumber,
    isMapped: place.mapIndex >= 0,
    mapIndex: place.mapIndex,
    emptyLog: emptyLog(ti, tryNumber, why),
    rendered,
    events: eventsView(events, ti.timezone),
  }
}

async function instancePage(shown: Shown): Promise<PageView> {
  const { ti, tab, now } = shown
  return {
    section: 'dags',
    crumbs: crumbsOf(shown),
    sentence: instanceSentence(ti),
    topics: `run:${ti.dagRunId}`,
    scripts: tab === 'log' ? ['task-log.js'] : [],
    zone: zoneName(ti.timezone, now),
    isFlush: tab === 'log',
    view: await instanceView(shown),
  }
}
