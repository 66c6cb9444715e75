// The side panel of one task of a run: its instance, or all of a mapped task.

import { duration } from '../../../core/times.ts'
import type { RunListRow } from '../../../store/postgres/read-runs.ts'
import {
  getInstance,
  type InstanceListRow,
  listEvents,
  listTries,
  type TryRow,
} from '../../../store/postgres/read-task-instances.ts'
import type { Web } from '../../deps.ts'
import { controlLinks, dagPath, taskPath, withQuery } from '../frame/links.ts'
import { say } from '../frame/page-view.ts'
import { runView } from '../run/view.ts'
import { instanceSentence, secondsOf } from './instance.ts'
import { loadStrip } from './mapped/instances.ts'
import { mappedPanel } from './mapped/panel.ts'
import { causesByTry, tryView } from './tries/view.ts'
import { whyText } from './why.ts'

/** Events that may tell the cause of a try. */
const MOST_EVENTS = 50

export async function instancePanel(web: Web, run: RunListRow, taskId: string, now: number) {
  const at = { dagId: run.dagId, runId: run.runId, taskId, mapIndex: -1 }
  const ti = await getInstance(web.database, at)
  const strip = ti === null ? await loadStrip(web, run.id, taskId) : null
  if (strip !== null) return mappedPanel(web, run, taskId, strip, now)
  if (ti === null) return missingPanel(run, taskId)
  const [events, tries] = await Promise.all([
    listEvents(web.database, ti.dagRunId, ti.id, MOST_EVENTS),
    listTries(web.database, ti.dagRunId, ti.taskId, ti.mapIndex),
  ])
  return {
    ...instanceFacts(run, ti, now),
    why: await whyText(web, run, ti, events, now),
    tries: triesOf(run, ti, tries, causesByTry(events, run.timezone), now),
  }
}

const missingPanel = (run: RunListRow, taskId: string) => ({
  kind: 'missing',
  isTask: false,
  isMapped: false,
  isRun: false,
  title: say('{task} had no part in this run.', { task: taskId }, 'task'),
  close: withQuery(dagPath(run.dagId), { run: run.runId }),
})

/** Newest first. */
const triesOf = (
  run: RunListRow,
  ti: InstanceListRow,
  tries: readonly TryRow[],
  causes: ReadonlyMap<number, string>,
  now: number,
) =>
  tries
    .map((row) => ({
      ...tryView(row, ti.timezone, now, causes.get(row.tryNumber) ?? null),
      href: withQuery(taskPath(run.dagId, run.runId, ti.taskId), { try: row.tryNumber }),
    }))
    .reverse()

function instanceFacts(run: RunListRow, ti: InstanceListRow, now: number) {
  const path = (rest: string) => taskPath(run.dagId, run.runId, ti.taskId, rest)
  return {
    kind: 'task',
    isTask: true,
    isMapped: false,
    isRun: false,
    verbs: controlLinks(run, ti.taskId, ti.mapIndex),
    state: ti.state,
    title: instanceSentence(ti),
    run: runView(run, now),
    took: duration(secondsOf(ti, now)),
    start: ti.startDate,
    host: ti.hostname,
    pid: ti.pid,
    operator: ti.customOperatorName ?? ti.operator,
    pool: ti.pool,
    queue: ti.queue,
    log: path(''),
    xcom: path('/xcom'),
    events: path('/events'),
    close: dagPath(run.dagId),
    zone: run.timezone,
    now,
  }
}
