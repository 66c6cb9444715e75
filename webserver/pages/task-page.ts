// The pages of one task instance: its log, XComs, tries and events.

import type { Request, Response } from 'express'
import type { AttemptLogKey } from '../../runtime/attempt-log.ts'
import { getRun } from '../../store/postgres/read-runs.ts'
import {
  getInstance,
  type InstanceListRow,
  listEvents,
  listTries,
  listXComValues,
} from '../../store/postgres/read-task-instances.ts'
import { isTryRunning } from '../api/logs.ts'
import type { Web } from '../deps.ts'
import { notFound } from '../http/errors.ts'
import { Query } from '../http/query.ts'
import { findLog, findTail, parseLine, readChunk } from '../logs/log-file.ts'
import { cellState, STATE_NAMES } from '../shared/cells.ts'
import { logText } from '../shared/log-text.ts'
import { clockSeconds, day, duration, zoneName } from '../text/times.ts'
import { dagCrumbs, runInterval, runLabel, runView, taskPath, withQuery } from './dag-view.ts'
import type { PageView } from './frame.ts'
import { causesByTry, instanceSentence, reasonText, triesLine, tryView, whyText } from './panel.ts'

export type TaskTab = 'log' | 'xcom' | 'tries' | 'events'

/** The end of a log that a page opens with; the rest is a click away. */
const TAIL_BYTES = 192 * 1024
const XCOM_CHARACTERS = 20_000

function placeOf(req: Request): { dagId: string; runId: string; taskId: string; mapIndex: number } {
  const text = new Query(req).text('map_index') ?? '-1'
  return {
    dagId: String(req.params['dag_id'] ?? ''),
    runId: String(req.params['run_id'] ?? ''),
    taskId: String(req.params['task_id'] ?? ''),
    mapIndex: /^-?\d{1,9}$/.test(text) ? Number(text) : -1,
  }
}

/** `12:01:05.123` in the DAG's zone; lines without a time have none. */
function lineClock(timestamp: string, zone: string): string {
  const at = Date.parse(timestamp)
  return Number.isNaN(at) ? '' : `${clockSeconds(at, zone)}.${String(at % 1000).padStart(3, '0')}`
}

async function logView(web: Web, ti: InstanceListRow, place: AttemptLogKey, isWhole: boolean) {
  const path = await findLog(web.config.logFolder, place)
  const isRunning = isTryRunning(ti, place.tryNumber)
  const tail = path === null ? null : isWhole ? { offset: 0, linesBefore: 0 } : await findTail(path, TAIL_BYTES)
  const lines: { n: number; clock: string; level: string; event: string; cls: string }[] = []
  let next = tail?.offset ?? 0
  if (path !== null && tail !== null) {
    // What is appended while the page is made comes by the stream.
    const most = isWhole ? 8 * 1024 * 1024 : TAIL_BYTES * 2
    const chunk = await readChunk(path, tail.offset, !isRunning, most)
    next = chunk?.next ?? next
    for (const text of chunk?.lines ?? []) {
      const line = parseLine(text)
      const level = line.level
      lines.push({
        n: tail.linesBefore + lines.length + 1,
        clock: lineClock(line.timestamp, ti.timezone),
        level,
        event: logText(line.event, line['fields']),
        cls: level === 'error' ? ' e' : level === 'warning' ? ' w' : level === 'debug' ? ' d' : '',
      })
    }
  }
  const counts = (['error', 'warning', 'info', 'debug'] as const).map((level) => ({
    level,
    name: level === 'warning' ? 'WARN' : level.toUpperCase(),
    n: lines.filter((line) => line.level === level).length,
  }))
  return {
    lines,
    linesBefore: tail?.linesBefore ?? 0,
    firstError: lines.find((line) => line.level === 'error')?.n ?? null,
    counts,
    isRunning,
    hasFile: path !== null,
    follow: [place.dagId, place.runId, place.taskId, place.mapIndex, place.tryNumber, next]
      .map((part) => encodeURIComponent(String(part)))
      .join('/'),
    zone: ti.timezone,
  }
}

function emptyLog(ti: InstanceListRow, tryNumber: number, why: string | null): string {
  if (tryNumber === 0) return why ?? 'Lines appear here when its first try begins.'
  if (isTryRunning(ti, tryNumber)) return 'No lines yet. They appear here as the task writes them.'
  return `This host has no log of try ${tryNumber}. The worker that ran it was ${ti.hostname ?? 'never started'}.`
}

export async function taskPage(web: Web, req: Request, _res: Response, tab: TaskTab): Promise<PageView> {
  const now = Date.now()
  const place = placeOf(req)
  const query = new Query(req)
  const [run, ti] = await Promise.all([
    getRun(web.database, place.dagId, place.runId),
    getInstance(web.database, place),
  ])
  if (run === null || ti === null)
    throw notFound(`There is no task ${place.taskId} in run ${place.runId} of ${place.dagId}.`)
  const [events, tries] = await Promise.all([
    listEvents(web.database, ti.dag_run_id, ti.id, 200),
    listTries(web.database, ti.dag_run_id, ti.task_id, ti.map_index),
  ])
  const causes = causesByTry(events)
  const tryNumber = query.int('try', 1) ?? tries.at(-1)?.try_number ?? 0
  const why = await whyText(web, ti, events, now)
  const path = (rest: string, more: Record<string, string | number | null> = {}) =>
    withQuery(taskPath(place.dagId, place.runId, place.taskId, rest), {
      map_index: place.mapIndex === -1 ? null : place.mapIndex,
      ...more,
    })
  const log = tab === 'log' ? await logView(web, ti, { ...place, tryNumber }, query.bool('whole') ?? false) : null
  const xcoms =
    tab === 'xcom' ? await listXComValues(web.database, ti.dag_run_id, ti.task_id, ti.map_index, XCOM_CHARACTERS) : []
  const seconds =
    ti.duration ?? (ti.state === 'running' && ti.start_date !== null ? (now - ti.start_date) / 1000 : null)
  const tabs: { id: TaskTab; text: string; n: number | null }[] = [
    { id: 'log', text: 'Log', n: null },
    { id: 'xcom', text: 'XCom', n: null },
    { id: 'tries', text: 'Tries', n: tries.length },
    { id: 'events', text: 'Events', n: events.length },
  ]
  return {
    place: 'dags',
    crumbs: dagCrumbs(
      place.dagId,
      {
        text: `${runLabel(run, now)} run`,
        href: withQuery(`/dags/${encodeURIComponent(place.dagId)}`, { run: place.runId }),
      },
      { text: place.taskId, href: path('') },
    ),
    sentence: instanceSentence(ti),
    topics: `run:${ti.dag_run_id}`,
    scripts: tab === 'log' ? ['task.js'] : [],
    zone: zoneName(ti.timezone, now),
    isFlush: tab === 'log',
    view: {
      state: ti.state,
      isLog: tab === 'log',
      isXcom: tab === 'xcom',
      isTries: tab === 'tries',
      isEvents: tab === 'events',
      why,
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
      log,
      emptyLog: emptyLog(ti, tryNumber, why),
      whole: path('', { try: tryNumber, whole: 'true' }),
      download: `/api/v2/dags/${encodeURIComponent(place.dagId)}/dagRuns/${encodeURIComponent(place.runId)}/taskInstances/${encodeURIComponent(place.taskId)}/logs/${tryNumber}?full_content=true&map_index=${place.mapIndex}`,
      xcoms: xcoms.map((entry) => ({
        key: entry.key,
        text: pretty(entry.text, entry.length),
        isCut: entry.length > XCOM_CHARACTERS,
        length: entry.length,
        at: entry.timestamp,
      })),
      rendered: Object.entries(ti.rendered_fields).map(([key, value]) => ({
        key,
        text: typeof value === 'string' ? value : JSON.stringify(value),
      })),
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

/** JSON laid out for reading; cut text stays as it is. */
function pretty(text: string | null, length: number): string {
  if (text === null) return 'null'
  if (length > XCOM_CHARACTERS) return `${text}…`
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
