// The pages of one task instance: its log, XComs, tries and events.

import type { Request } from 'express'
import { maskByName } from '../../../core/secret-names.ts'
import { clockSeconds, day, duration, zoneName } from '../../../core/times.ts'
import { findNeighbours, type Neighbours } from '../../../store/postgres/read-mapped.ts'
import { getRun, type RunListRow } from '../../../store/postgres/read-runs.ts'
import {
  getInstance,
  type InstanceListRow,
  listEvents,
  listTries,
} from '../../../store/postgres/read-task-instances.ts'
import { isTryRunning } from '../../api/logs.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/errors.ts'
import { Query } from '../../http/query.ts'
import { cellState, STATE_NAMES } from '../../states/cells.ts'
import { causesByTry, findTask, instanceName, instanceSentence, triesLine, tryView } from '../dag/grid/panel.ts'
import { dagCrumbs, taskPath, withQuery } from '../frame/links.ts'
import type { PageView } from '../frame/page-view.ts'
import { runInterval, runLabel, runView } from '../run/view.ts'
import { charactersText, prettyJson } from './json-text.ts'
import { logView } from './log/view.ts'
import { loadStrip, mappedSentence, mappedView } from './mapped/page.ts'
import type { Strip } from './mapped/strip.ts'
import { reasonText, whyText } from './why.ts'
import { xcomView } from './xcom/view.ts'

export type TaskTab = 'log' | 'rendered' | 'xcom' | 'tries' | 'events'

function placeOf(req: Request): { dagId: string; runId: string; taskId: string; mapIndex: number } {
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
  if (run !== null && ti !== null)
    return { ...(await instancePage(web, run, ti, place, query, tab)), template: 'task/page' }
  const strip = run === null || place.mapIndex !== -1 ? null : await loadStrip(web, run.id, place.taskId)
  if (run === null || strip === null)
    throw notFound(
      `There is no task ${place.taskId}${place.mapIndex === -1 ? '' : ` [${place.mapIndex}]`} in run ${place.runId} of ${place.dagId}.`,
    )
  return { ...(await mappedPage(web, run, place.taskId, strip, query)), template: 'task/mapped/page' }
}

const runCrumb = (run: RunListRow, now: number) => ({
  text: `${runLabel(run, now)} run`,
  href: withQuery(`/dags/${encodeURIComponent(run.dag_id)}`, { run: run.run_id }),
})

async function mappedPage(web: Web, run: RunListRow, taskId: string, strip: Strip, query: Query): Promise<PageView> {
  const now = Date.now()
  const task = await findTask(web, run, taskId)
  const view = await mappedView(web, run, taskId, strip, query, now)
  return {
    place: 'dags',
    crumbs: dagCrumbs(run.dag_id, runCrumb(run, now), { text: taskId, href: taskPath(run.dag_id, run.run_id, taskId) }),
    sentence: mappedSentence(taskId, strip),
    topics: `run:${run.id}`,
    zone: zoneName(run.timezone, now),
    view: {
      ...view,
      task: taskId,
      interval: runInterval(run, now),
      run: runView(run, now),
      operator: task?.operator ?? null,
      zone: run.timezone,
      zoneName: zoneName(run.timezone, now),
      now,
    },
  }
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

async function instancePage(
  web: Web,
  run: RunListRow,
  ti: InstanceListRow,
  place: ReturnType<typeof placeOf>,
  query: Query,
  tab: TaskTab,
): Promise<PageView> {
  const now = Date.now()
  const [events, tries, beside] = await Promise.all([
    listEvents(web.database, ti.dag_run_id, ti.id, 200),
    listTries(web.database, ti.dag_run_id, ti.task_id, ti.map_index),
    ti.map_index === -1 ? null : findNeighbours(web.database, ti.dag_run_id, ti.task_id, ti.map_index),
  ])
  const causes = causesByTry(events)
  const tryNumber = query.int('try', 1) ?? tries.at(-1)?.try_number ?? 0
  const why = await whyText(web, run, ti, events, now)
  const rendered = renderedView(ti)
  const path = (rest: string, more: Record<string, string | number | null> = {}) =>
    withQuery(taskPath(place.dagId, place.runId, place.taskId, rest), {
      map_index: place.mapIndex === -1 ? null : place.mapIndex,
      ...more,
    })
  const log = tab === 'log' ? await logView(web, ti, { ...place, tryNumber }, query, (more) => path('', more)) : null
  const after = query.text('after') ?? null
  const xcoms = tab === 'xcom' ? await xcomView(web, ti, after, (key) => path('/xcom', { after: key })) : null
  const seconds =
    ti.duration ?? (ti.state === 'running' && ti.start_date !== null ? (now - ti.start_date) / 1000 : null)
  const tabs: { id: TaskTab; text: string; n: number | null }[] = [
    { id: 'log', text: 'Log', n: null },
    ...(rendered.length === 0 && tab !== 'rendered'
      ? []
      : [{ id: 'rendered' as const, text: 'Rendered', n: rendered.length }]),
    { id: 'xcom', text: 'XCom', n: null },
    { id: 'tries', text: 'Tries', n: tries.length },
    { id: 'events', text: 'Events', n: events.length },
  ]
  return {
    place: 'dags',
    crumbs: dagCrumbs(
      place.dagId,
      runCrumb(run, now),
      ...(ti.map_index === -1 ? [] : [{ text: place.taskId, href: taskPath(place.dagId, place.runId, place.taskId) }]),
      { text: ti.map_index === -1 ? place.taskId : `[${ti.map_index}]`, href: path('') },
    ),
    sentence: instanceSentence(ti),
    topics: `run:${ti.dag_run_id}`,
    scripts: tab === 'log' ? ['task-log.js'] : [],
    zone: zoneName(ti.timezone, now),
    isFlush: tab === 'log',
    view: {
      state: ti.state,
      isLog: tab === 'log',
      isRendered: tab === 'rendered',
      isXcom: tab === 'xcom',
      isTries: tab === 'tries',
      isEvents: tab === 'events',
      why,
      beside: besideView(
        (index) =>
          withQuery(taskPath(place.dagId, place.runId, place.taskId, tab === 'log' ? '' : `/${tab}`), {
            map_index: index,
          }),
        ti.map_index,
        beside,
      ),
      name: instanceName(ti),
      triesLine: triesLine(ti),
      interval: runInterval(run, now),
      run: runView(run, now),
      start: ti.start_date,
      took: duration(seconds),
      host: ti.hostname,
      pid: ti.pid,
      operator: ti.custom_operator_name ?? ti.operator,
      pool: ti.pool,
      queue: ti.queue,
      zone: ti.timezone,
      zoneName: zoneName(ti.timezone, now),
      now,
      tabs: tabs.map(({ id, text, n }) => ({
        text,
        n,
        isCurrent: id === tab,
        href: path(id === 'log' ? '' : `/${id}`, {
          try: id === 'log' && query.int('try', 1) !== undefined ? tryNumber : null,
        }),
      })),
      tries: tries.map((row) => ({
        ...tryView(row, ti.timezone, now, causes.get(row.try_number) ?? null),
        isCurrent: row.try_number === tryNumber,
        isLive: isTryRunning(ti, row.try_number),
        href: path('', { try: row.try_number }),
      })),
      tryNumber,
      isMapped: place.mapIndex >= 0,
      mapIndex: place.mapIndex,
      log,
      emptyLog: emptyLog(ti, tryNumber, why),
      xcoms,
      rendered,
      events: events.map((event) => ({
        at: event.at,
        clock: clockSeconds(event.at, ti.timezone),
        day: day(event.at, ti.timezone),
        from: event.from_state === null ? null : STATE_NAMES[cellState(event.from_state)],
        to: event.to_state,
        toName: STATE_NAMES[cellState(event.to_state)],
        try: event.try_number,
        who: event.who,
        why: reasonText(event.because),
      })),
    },
  }
}

const RENDERED_CHARACTERS = 50_000

/** Template fields as they were rendered; texts that are JSON are laid out for reading too. */
function renderedView(ti: InstanceListRow) {
  return Object.entries(ti.rendered_fields).map(([key, value]) => {
    const shown: unknown = Reflect.get(Object(maskByName({ [key]: value })), key)
    const text =
      typeof shown === 'string' ? (/^\s*[[{]/.test(shown) ? prettyJson(shown) : shown) : JSON.stringify(shown, null, 2)
    return {
      key,
      text: text.slice(0, RENDERED_CHARACTERS),
      length: charactersText(text.length),
      isCut: text.length > RENDERED_CHARACTERS,
    }
  })
}
