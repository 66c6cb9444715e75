// Why a task instance is as it is: what it waits for, who holds that, until when; or how it ended.

import type { DagGraph } from '../../core/graph.ts'
import { maskByName } from '../../core/masker.ts'
import type { Reason } from '../../core/reasons.ts'
import type { SerializedTask } from '../../core/serialized.ts'
import { isFinished, type TaskState } from '../../core/states.ts'
import { relative } from '../../core/times.ts'
import type { Database } from '../../store/database.ts'
import {
  type EventRow,
  findInQueue,
  type InstanceListRow,
  type QueueRow,
  type WaitRow,
} from '../../store/postgres/read-task-instances.ts'
import { findPreviousRun } from '../../store/postgres/runs.ts'
import {
  countStatesByTask,
  holdersInRun,
  holdersOfPool,
  holdersOfTask,
  listWorkers,
  slotsOfPool,
  type TaskStateCount,
  worstOfTask,
} from '../../store/postgres/why.ts'
import { reasonText } from './run.ts'
import { at, heldBy, listed, type Why } from './words.ts'

export interface AskedTask {
  readonly database: Database
  readonly graph: DagGraph | null
  readonly ti: InstanceListRow
  /** Newest first. */
  readonly events: readonly EventRow[]
  readonly now: number
}

const ARGUMENT = 120
/** `url=https://…, attempt=3`; what is named like a secret reads `***`. */
function argumentsText(kwargs: unknown): string {
  const masked = maskByName(kwargs)
  if (typeof masked !== 'object' || masked === null) return ''
  return Object.entries(masked)
    .map(([name, value]) => {
      const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
      return `${name}=${text.length > ARGUMENT ? `${text.slice(0, ARGUMENT)}…` : text}`
    })
    .join(', ')
}

function timeOf(kwargs: unknown): number | null {
  const value = typeof kwargs === 'object' && kwargs !== null && 'at' in kwargs ? kwargs.at : null
  const instant = typeof value === 'string' ? Date.parse(value) : value
  return typeof instant === 'number' && Number.isFinite(instant) ? instant : null
}

function waitText(wait: WaitRow, queued: QueueRow | null, zone: string, now: number): string {
  const since = `Waits without a slot since ${at(wait.created, zone, now)}`
  const due = queued?.readyAt ?? null
  if (wait.kind === 'time') {
    const until = timeOf(wait.kwargs) ?? due
    return until === null ? `${since}.` : `${since}, until ${at(until, zone, now)} (${relative(until, now)}).`
  }
  const args = argumentsText(wait.kwargs)
  const what = `${since} for the trigger ${wait.classpath}${args === '' ? '' : ` with ${args}`}`
  const until = due === null ? '' : `, until ${at(due, zone, now)} at the latest (${relative(due, now)})`
  const holder = wait.triggererId === null ? ' No triggerer has taken it yet.' : ''
  return `${what}${until}.${holder}`
}

/** When a rescheduled sensor pokes again, how often it has poked, and when it gives up. */
function rescheduleText(ti: InstanceListRow, task: SerializedTask | null, now: number): string {
  const zone = ti.timezone
  const next =
    ti.readyAt === null
      ? 'Pokes again later'
      : `Pokes again ${relative(ti.readyAt, now)}, at ${at(ti.readyAt, zone, now)}`
  const pokes = ti.rescheduleCount === 1 ? 'once' : `${ti.rescheduleCount} times`
  const so =
    ti.startDate === null || ti.rescheduleCount === 0
      ? ''
      : ` It has poked ${pokes} since ${at(ti.startDate, zone, now)}`
  const seconds = task?.options['timeout']
  const end =
    typeof seconds === 'number' && ti.startDate !== null
      ? `${so === '' ? ' It' : ' and'} gives up at ${at(ti.startDate + seconds * 1000, zone, now)}`
      : ''
  return `${next}.${so}${end}${so + end === '' ? '' : '.'}`
}

/** What holds an instance that is ready, now: the record tells which limit, the tables who is inside. */
async function heldText({ database, ti }: AskedTask, because: Reason): Promise<string | null> {
  switch (because.code) {
    case 'waits_for_pool':
    case 'waits_its_turn': {
      const holders = (await holdersOfPool(database, ti.pool)).filter((holder) => holder.runId !== '')
      const used = holders.reduce((sum, holder) => sum + holder.poolSlots, 0)
      const slots = await slotsOfPool(database, ti.pool)
      if (slots === null) return null
      const turn = because.code === 'waits_its_turn' ? ' More urgent tasks wait for it too.' : ''
      return `Waits for a slot in pool ${ti.pool}, ${used} of ${slots} in use${heldBy(holders)}.${turn}`
    }
    case 'waits_for_run_limit': {
      const holders = await holdersInRun(database, ti.dagRunId)
      return `Waits: the run has ${holders.length} of ${because.limit} active tasks (maxActiveTasks)${heldBy(holders)}.`
    }
    case 'waits_for_task_limit': {
      const own = because.per === 'dagrun' ? ti.dagRunId : null
      const holders = await holdersOfTask(database, ti.dagId, ti.taskId, own)
      return (
        `Waits: ${holders.length} of ${because.limit} instances of ${ti.taskId} are active ` +
        `${own === null ? 'in all runs' : 'in this run'}${heldBy(holders)}.`
      )
    }
    default:
      return null
  }
}

async function scheduledText(asked: AskedTask): Promise<Why> {
  const because = (await findInQueue(asked.database, asked.ti.dagRunId, asked.ti.id))?.because
  // Written by our own engine.
  const reason = reasonText(because, asked.ti.timezone) === null ? null : (because as Reason)
  if (reason === null) return { code: 'ready', sentence: 'Ready: waits for room in its own run (maxActiveTasks).' }
  return { code: reason.code, sentence: (await heldText(asked, reason)) ?? reasonText(reason, asked.ti.timezone) ?? '' }
}

async function queuedText({ database, ti }: AskedTask): Promise<Why> {
  const workers = await listWorkers(database)
  if (workers.length === 0)
    return { code: 'no_worker', sentence: 'Waits for a worker, and none is running. Start one with `dagctl worker`.' }
  const able = workers.filter(({ queues }) => queues === null || queues.includes(ti.queue))
  if (able.length === 0)
    return {
      code: 'no_worker_for_queue',
      sentence:
        `Waits for a worker that takes queue ${ti.queue}: none of the ${workers.length} running ones does. Start one ` +
        `with \`dagctl worker --queues ${ti.queue}\`.`,
    }
  const [busy, all] = [
    able.reduce((sum, worker) => sum + worker.busy, 0),
    able.reduce((sum, worker) => sum + worker.concurrency, 0),
  ]
  if (busy >= all)
    return {
      code: 'workers_busy',
      sentence: `Waits for a worker: all ${all} slots of ${able.length} ${able.length === 1 ? 'worker' : 'workers'} are in use.`,
    }
  return { code: 'queued', sentence: 'Got a slot in its pool; a worker takes it now.' }
}

const WORDS: Partial<Record<TaskState | 'none', string>> = {
  none: 'has not begun',
  scheduled: 'waits for a slot',
  queued: 'waits for a worker',
  up_for_retry: 'waits for its retry',
  up_for_reschedule: 'pokes again later',
  awaiting_input: 'waits for a person',
}
const stateWords = (count: TaskStateCount): string =>
  `${count.taskId}, which ${WORDS[count.state ?? 'none'] ?? `is ${count.state ?? 'none'}`}`

/** What an instance without a state waits for: tasks before it, or its own past. */
async function undecidedText({ database, graph, ti }: AskedTask): Promise<Why> {
  const index = graph?.indexOf.get(ti.taskId) ?? -1
  const task = graph?.tasks[index]
  if (graph === null || task === undefined)
    return { code: 'waits_for_upstream', sentence: 'Waits for its upstream tasks.' }
  const before = new Set((graph.upstream[index] ?? []).map((position) => graph.task(position).taskId))
  const states = (await countStatesByTask(database, ti.dagRunId)).filter((count) => before.has(count.taskId))
  const open = states.filter((state) => !isFinished(state.state))
  if (open.length > 0)
    return {
      code: 'waits_for_upstream',
      sentence: `Waits for ${listed(open.map(stateWords))}${task.triggerRule === 'all_success' ? '' : ` (trigger rule ${task.triggerRule})`}.`,
    }
  if (task.dependsOnPast || task.waitForDownstream) return pastText(database, ti, task)
  return { code: 'not_decided', sentence: 'Nothing is in its way: the scheduler decides on it now.' }
}

async function pastText(database: Database, ti: InstanceListRow, task: SerializedTask): Promise<Why> {
  const previous = await findPreviousRun(database, ti.dagId, ti.dagRunId, ti.logicalDate)
  const row = previous === null ? null : await worstOfTask(database, previous, ti.taskId)
  const state = row?.state ?? 'not begun'
  if (row !== null && (row.state === 'success' || row.state === 'skipped'))
    return {
      code: 'waits_for_past_downstream',
      sentence: `Waits for what follows ${ti.taskId} in the run before, ${row.runId} (waitForDownstream).`,
    }
  return {
    code: 'waits_for_past',
    sentence:
      `Waits for ${ti.taskId} of the run before${row === null ? '' : `, ${row.runId}`}, which is ${state} ` +
      `(${task.dependsOnPast ? 'dependsOnPast' : 'waitForDownstream'}).`,
  }
}

/** Whose failure or skip made an instance impossible. */
async function blockedText({ database, graph, ti }: AskedTask): Promise<Why> {
  const index = graph?.indexOf.get(ti.taskId) ?? -1
  const before = new Set((graph?.upstream[index] ?? []).map((position) => graph?.tasks[position]?.taskId))
  const states = (await countStatesByTask(database, ti.dagRunId)).filter((count) => before.has(count.taskId))
  const bad = states.filter((state) => state.state !== 'success')
  const rule = graph?.tasks[index]?.triggerRule ?? 'all_success'
  const verb = ti.state === 'skipped' ? 'Was skipped' : 'Did not start'
  const why = bad.length === 0 ? '' : `: ${listed(bad.map((count) => `${count.taskId} is ${count.state ?? 'none'}`))}`
  return {
    code: 'rule_impossible',
    sentence: `${verb}, since its trigger rule ${rule} can no longer be met${why}.`,
  }
}

function endedText({ ti, events, now }: AskedTask): Why {
  const because = events[0]?.because
  const code = typeof because === 'object' && because !== null && 'code' in because ? String(because.code) : 'unknown'
  const when = ti.endDate === null ? '' : ` at ${at(ti.endDate, ti.timezone, now)}`
  const text = reasonText(because, ti.timezone)
  if (ti.state === 'success' && code === 'succeeded')
    return { code, sentence: `Ended with success${when}, at try ${ti.tryNumber} of ${ti.maxTries + 1}.` }
  return { code, sentence: text ?? `State ${ti.state ?? 'none'}${when}; no reason is recorded.` }
}

function runningText({ ti, now }: AskedTask): Why {
  const since = ti.startDate === null ? '' : ` since ${at(ti.startDate, ti.timezone, now)}`
  const where = ti.hostname === null ? '' : ` on ${ti.hostname}`
  return { code: 'running', sentence: `Runs${since}${where}, try ${ti.tryNumber} of ${ti.maxTries + 1}.` }
}

/** Why an instance is as it is, now. */
export async function whyTask(asked: AskedTask): Promise<Why> {
  const { ti, database, graph, events, now } = asked
  const task = graph?.tasks[graph.indexOf.get(ti.taskId) ?? -1] ?? null
  switch (ti.state) {
    case null:
      return undecidedText(asked)
    case 'scheduled':
      return scheduledText(asked)
    case 'queued':
      return queuedText(asked)
    case 'running':
      return runningText(asked)
    case 'restarting':
      return {
        code: 'restarting',
        sentence: 'Was cleared while it ran: its attempt is being ended, then it begins again.',
      }
    case 'up_for_retry':
      if (ti.readyAt === null) return endedText(asked)
      return {
        code: 'up_for_retry',
        sentence:
          `Tries again ${relative(ti.readyAt, now)}, at ${at(ti.readyAt, ti.timezone, now)} (try ` +
          `${ti.tryNumber + 1} of ${ti.maxTries + 1}).${lastFailure(events, ti.timezone)}`,
      }
    case 'up_for_reschedule':
      return { code: 'up_for_reschedule', sentence: rescheduleText(ti, task, now) }
    case 'deferred':
      if (ti.wait === null) return endedText(asked)
      return {
        code: 'deferred',
        sentence: waitText(ti.wait, await findInQueue(database, ti.dagRunId, ti.id), ti.timezone, now),
      }
    case 'upstream_failed':
    case 'skipped': {
      const isRule = (events[0]?.because as { code?: unknown } | null | undefined)?.code === 'rule_impossible'
      return isRule ? blockedText(asked) : endedText(asked)
    }
    default:
      return endedText(asked)
  }
}

/** What the last try failed with, after the time of the next. */
function lastFailure(events: readonly EventRow[], zone: string): string {
  const text = reasonText(events[0]?.because, zone)
  return text === null ? '' : ` ${text}`
}
