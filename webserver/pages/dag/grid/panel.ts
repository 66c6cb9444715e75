// The side panel of the grid: the selected run, or one task of it, with why it is as it is.

import type { SerializedTask } from '../../../../core/serialized.ts'
import { clockSeconds, duration, moment } from '../../../../core/times.ts'
import { whyRun } from '../../../../engine/why/run.ts'
import { getDag } from '../../../../store/postgres/read-dags.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import {
  type EventRow,
  getInstance,
  type InstanceListRow,
  listEvents,
  listFailures,
  listTries,
  type TryRow,
} from '../../../../store/postgres/read-task-instances.ts'
import { listRunReports } from '../../../../store/postgres/reports.ts'
import type { Web } from '../../../deps.ts'
import { cellState, STATE_NAMES, stateOf } from '../../../states/cells.ts'
import type { TaskCell } from '../../../states/run-cells.ts'
import { makeTally } from '../../../states/tally.ts'
import { controlLinks, dagPath, taskPath, withQuery } from '../../frame/links.ts'
import { say } from '../../frame/page-view.ts'
import { runView } from '../../run/view.ts'
import { loadStrip, mappedPanel } from '../../task/mapped/page.ts'
import { tallyChips } from '../../task/mapped/strip.ts'
import { reasonText, whyText } from '../../task/why.ts'
import { loadSums } from '../data/page.ts'

/** A task of the version that a run was made from. */
export async function findTask(web: Web, run: RunListRow, taskId: string): Promise<SerializedTask | null> {
  if (run.version_id === null) return null
  const { graph } = await web.boards.version(web.database, run.version_id)
  return graph.tasks[graph.indexOf.get(taskId) ?? -1] ?? null
}

export const triesLine = (ti: Pick<TryRow, 'try_number' | 'max_tries'>): string =>
  ti.try_number === 0 ? 'not tried yet' : `try ${ti.try_number} of ${ti.max_tries + 1}`

export function tryView(row: TryRow, zone: string, now: number, cause: string | null) {
  return {
    number: row.try_number,
    state: row.state,
    name: STATE_NAMES[cellState(row.state)],
    took:
      row.duration === null && row.start_date !== null && row.state === 'running'
        ? duration((now - row.start_date) / 1000)
        : duration(row.duration),
    start: row.start_date,
    end: row.end_date,
    clock: row.start_date === null ? '—' : clockSeconds(row.start_date, zone),
    moment: row.start_date === null ? '—' : moment(row.start_date, zone, now),
    host: row.hostname,
    pid: row.pid,
    cause,
  }
}

/** The cause of each try, from the ledger. */
export function causesByTry(events: readonly EventRow[]): ReadonlyMap<number, string> {
  const causes = new Map<number, string>()
  for (const event of events) {
    const text = event.to_state === 'running' ? null : reasonText(event.because)
    if (event.from_state === 'running' && event.try_number !== null && text !== null && !causes.has(event.try_number))
      causes.set(event.try_number, text)
  }
  return causes
}

export async function instancePanel(web: Web, run: RunListRow, taskId: string, now: number) {
  const at = { dagId: run.dag_id, runId: run.run_id, taskId, mapIndex: -1 }
  const ti = await getInstance(web.database, at)
  const strip = ti === null ? await loadStrip(web, run.id, taskId) : null
  if (strip !== null) return mappedPanel(web, run, taskId, strip, now)
  if (ti === null)
    return {
      kind: 'missing',
      isTask: false,
      isMapped: false,
      isRun: false,
      title: say('{task} had no part in this run.', { task: taskId }, 'task'),
      close: withQuery(dagPath(run.dag_id), { run: run.run_id }),
    }
  const [events, tries] = await Promise.all([
    listEvents(web.database, ti.dag_run_id, ti.id, 50),
    listTries(web.database, ti.dag_run_id, ti.task_id, ti.map_index),
  ])
  const causes = causesByTry(events)
  const seconds =
    ti.duration ?? (ti.state === 'running' && ti.start_date !== null ? (now - ti.start_date) / 1000 : null)
  return {
    kind: 'task',
    verbs: controlLinks(run, ti.task_id, ti.map_index),
    isTask: true,
    isMapped: false,
    isRun: false,
    state: ti.state,
    title: instanceSentence(ti),
    why: await whyText(web, run, ti, events, now),
    run: runView(run, now),
    took: duration(seconds),
    start: ti.start_date,
    host: ti.hostname,
    pid: ti.pid,
    operator: ti.custom_operator_name ?? ti.operator,
    pool: ti.pool,
    queue: ti.queue,
    tries: tries
      .map((row) => ({
        ...tryView(row, ti.timezone, now, causes.get(row.try_number) ?? null),
        href: withQuery(taskPath(run.dag_id, run.run_id, taskId), { try: row.try_number }),
      }))
      .reverse(),
    log: taskPath(run.dag_id, run.run_id, taskId),
    xcom: taskPath(run.dag_id, run.run_id, taskId, '/xcom'),
    events: taskPath(run.dag_id, run.run_id, taskId, '/events'),
    close: dagPath(run.dag_id),
    zone: run.timezone,
    now,
  }
}

/** `collect_page`, or `collect_page [3]` of a mapped one. */
export const instanceName = (ti: Pick<InstanceListRow, 'task_id' | 'map_index' | 'rendered_map_index'>): string =>
  ti.map_index === -1 ? ti.task_id : `${ti.task_id} [${ti.rendered_map_index ?? ti.map_index}]`

export function instanceSentence(ti: InstanceListRow) {
  const values = { task: instanceName(ti), n: ti.try_number, of: ti.max_tries + 1 }
  switch (ti.state) {
    case 'running':
      return say('{task} is running, try {n} of {of}.', values, 'task')
    case 'success':
      return ti.try_number > 1
        ? say('{task} succeeded at try {n} of {of}.', values, 'task')
        : say('{task} succeeded.', values, 'task')
    case 'failed':
      return ti.max_tries > 0
        ? say('{task} failed after {n} {n#try#tries}.', values, 'task')
        : say('{task} failed.', values, 'task')
    case 'upstream_failed':
      return say('{task} did not start: a task before it failed.', values, 'task')
    case 'skipped':
      return say('{task} was skipped.', values, 'task')
    case 'up_for_retry':
      return say('{task} failed try {n} of {of} and will try again.', values, 'task')
    case 'queued':
      return say('{task} waits for a worker.', values, 'task')
    case 'scheduled':
      return say('{task} waits for a slot.', values, 'task')
    case 'up_for_reschedule':
      return say('{task} gave its slot back and will look again.', values, 'task')
    case 'deferred':
      return say('{task} waits without a slot.', values, 'task')
    case null:
      return say('{task} waits for the tasks before it.', values, 'task')
    default:
      return say('{task} is {state}.', { ...values, state: STATE_NAMES[ti.state].toLowerCase() }, 'task')
  }
}

export function runSentence(run: RunListRow, failedTask: string | null, now: number) {
  const took = duration(run.start_date === null ? null : ((run.end_date ?? now) - run.start_date) / 1000)
  switch (run.state) {
    case 'failed':
      return failedTask === null
        ? say('Failed after {took}.', { took })
        : say('Failed after {took} at {task}.', { took, task: failedTask }, 'task')
    case 'success':
      return say('Succeeded in {took}.', { took })
    case 'running':
      return say('Running for {took}.', { took })
    case 'queued':
      return say('Waits to start.')
  }
}

/** Of a run that has not ended what it waits for; the end of the others is told by its title and failures. */
async function runWhy(web: Web, run: RunListRow, now: number): Promise<string | null> {
  if (run.state !== 'queued' && run.state !== 'running') return null
  const dag = await getDag(web.database, run.dag_id)
  return dag === null ? null : (await whyRun(web.database, dag, run, now)).sentence
}

export async function runPanel(web: Web, run: RunListRow, cells: ReadonlyMap<string, TaskCell>, now: number) {
  const tally = makeTally([...cells.values()].flatMap((cell) => cell.tally.map(([letter, n]) => [stateOf(letter), n])))
  const hasFailed = run.state === 'failed' || tally.some(([letter]) => stateOf(letter) === 'failed')
  const [failures, effects, reports] = await Promise.all([
    hasFailed ? listFailures(web.database, run.id) : [],
    loadSums(web, run.id),
    listRunReports(web.database, run.id),
  ])
  return {
    kind: 'run',
    verbs: controlLinks(run, null, null),
    why: await runWhy(web, run, now),
    isTask: false,
    isMapped: false,
    isRun: true,
    state: run.state,
    title: runSentence(run, failures[0]?.task_id ?? null, now),
    run: runView(run, now),
    counts: tallyChips(tally),
    effects,
    data: withQuery(dagPath(run.dag_id, '/data'), { run: run.run_id }),
    reports: reports.map((report) => ({
      title: report.title ?? report.name,
      href: withQuery(dagPath(run.dag_id, `/reports/${encodeURIComponent(report.name)}`), { run: run.run_id }),
    })),
    failures: failures.map((failure) => ({
      task: failure.task_id,
      // Of a mapped task the cause is that of its first failed instance.
      n: failure.n > 1 ? failure.n : null,
      why: reasonText(failure.because),
      href: withQuery(taskPath(run.dag_id, run.run_id, failure.task_id), {
        state: failure.n > 1 ? 'failed' : null,
        map_index: failure.n > 1 || failure.map_index === -1 ? null : failure.map_index,
      }),
    })),
    close: dagPath(run.dag_id),
    zone: run.timezone,
    now,
  }
}
