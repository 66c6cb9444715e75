// Why a run stands as it does: what it waits for before it starts, what holds it, or how it ended.

import { describeReason, type Reason } from '../../core/reasons.ts'
import type { TaskState } from '../../core/states.ts'
import { duration, relative } from '../../core/times.ts'
import type { Database } from '../../store/database.ts'
import type { DagListRow } from '../../store/postgres/read-dags.ts'
import type { RunListRow } from '../../store/postgres/read-runs.ts'
import { listEvents, listFailures } from '../../store/postgres/read-task-instances.ts'
import {
  activeRunsAt,
  countStatesByTask,
  findBackfillOf,
  hasScheduler,
  type TaskStateCount,
} from '../../store/postgres/why.ts'
import { at, listed, type Why } from './words.ts'

/** A stored reason as a sentence, its times in `zone`; one of another version as nothing. */
export function reasonText(because: unknown, zone: string): string | null {
  if (typeof because !== 'object' || because === null || !('code' in because)) return null
  try {
    // Written by our own engine; a code this version does not know throws and is told as nothing.
    return describeReason(because as Reason, zone)
  } catch {
    return null
  }
}

async function whyQueued(database: Database, dag: DagListRow, run: RunListRow, now: number): Promise<Why> {
  const told = (code: string, why: string): Why => ({ code, sentence: `Run ${run.runId} waits to start: ${why}.` })
  if (run.runAfter > now)
    return told('later', `it may start at ${at(run.runAfter, dag.timezone, now)} (${relative(run.runAfter, now)})`)
  if (dag.isPaused) return told('paused', `${dag.dagId} is paused`)
  if (dag.isStale) return told('stale', `no file declares ${dag.dagId} any more`)
  if (!(await hasScheduler(database))) return told('no_scheduler', 'no scheduler is running')
  const backfill = await findBackfillOf(database, run.id)
  if (backfill !== null) {
    if (backfill.isPaused) return told('backfill_paused', `its backfill ${backfill.id} is paused`)
    if (backfill.running >= backfill.maxActiveRuns)
      return told(
        'backfill_full',
        `${backfill.running} of ${backfill.maxActiveRuns} runs of its backfill ${backfill.id} are running`,
      )
  } else {
    const running = (await activeRunsAt(database, dag.dagId, now)).filter((run) => run.state === 'running')
    if (running.length >= dag.maxActiveRuns)
      return told(
        'max_active_runs',
        `${running.length} of ${dag.maxActiveRuns} runs of ${dag.dagId} are running (${listed(running.map((run) => run.runId))})`,
      )
  }
  return told('starting', 'the scheduler starts it now')
}

/** Words for states that hold a run, the most telling first. */
const WORK: readonly (readonly [TaskState | null, string])[] = [
  ['running', 'running'],
  ['restarting', 'restarting'],
  ['queued', 'waiting for a worker'],
  ['scheduled', 'waiting for a slot'],
  ['up_for_retry', 'waiting for a retry'],
  ['up_for_reschedule', 'waiting to poke again'],
  ['deferred', 'waiting without a slot'],
  ['awaiting_input', 'waiting for a person'],
]

function whyRunning(dag: DagListRow, run: RunListRow, states: readonly TaskStateCount[], now: number): Why {
  const parts = WORK.flatMap(([state, words]) => {
    const tasks = states
      .filter((count) => count.state === state)
      .map((state) => (state.n > 1 ? `${state.taskId} (${state.n})` : state.taskId))
    return tasks.length === 0 ? [] : [`${words}: ${listed(tasks)}`]
  })
  const open = states.filter((state) => state.state === null).length
  const since = run.startDate === null ? '' : ` since ${at(run.startDate, dag.timezone, now)}`
  const held = dag.isPaused ? ' Its DAG is paused: nothing of it starts.' : ''
  const rest = open === 0 ? '' : `; ${open} ${open === 1 ? 'task waits' : 'tasks wait'} for others`
  return {
    code: 'running',
    sentence: `Run ${run.runId} runs${since}: ${parts.length === 0 ? 'nothing of it is at work' : parts.join('; ')}${rest}.${held}`,
  }
}

async function whyEnded(database: Database, run: RunListRow, states: readonly TaskStateCount[]): Promise<Why> {
  const took = run.duration === null ? '' : ` after ${duration(run.duration)}`
  const [last] = (await listEvents(database, run.id, null, 200)).filter(
    (event) => event.taskId === null && event.toState === run.state,
  )
  const code = codeOf(last?.because)
  if (code === 'run_marked' || code === 'run_timed_out')
    return { code, sentence: `Run ${run.runId} is ${run.state}: ${reasonText(last?.because, run.timezone) ?? ''}` }
  if (code === 'deadlock')
    return {
      code,
      sentence: `Run ${run.runId} failed${took}: no task of it could go on, and nothing outside it would have changed that.`,
    }
  if (run.state === 'failed') return whyFailed(database, run, took)
  const skipped = states.filter((state) => state.state === 'skipped').map((state) => state.taskId)
  return {
    code: 'success',
    sentence: `Run ${run.runId} succeeded${took}${skipped.length === 0 ? '' : `; skipped: ${listed(skipped)}`}.`,
  }
}

const codeOf = (because: unknown): string =>
  typeof because === 'object' && because !== null && 'code' in because ? String(because.code) : ''

async function whyFailed(database: Database, run: RunListRow, took: string): Promise<Why> {
  const failures = await listFailures(database, run.id)
  const [first] = failures
  if (first === undefined) return { code: 'failed', sentence: `Run ${run.runId} failed${took}.` }
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : ''
  return {
    code: 'failed',
    sentence: `Run ${run.runId} failed${took} at ${first.taskId}${more}: ${reasonText(first.because, run.timezone) ?? 'no reason is recorded.'}`,
  }
}

/** A run that cannot be decided on says so, whatever else is true of it. */
const whySetAside = ({ runId, state }: RunListRow, reason: string): Why => ({
  code: 'set_aside',
  sentence: `Run ${runId} is ${state} and cannot go on: ${reason}. The scheduler tries again each minute; other runs go on.`,
})

export async function whyRun(database: Database, dag: DagListRow, run: RunListRow, now: number): Promise<Why> {
  if (run.setAside !== null) return whySetAside(run, run.setAside)
  if (run.state === 'queued') return whyQueued(database, dag, run, now)
  const states = await countStatesByTask(database, run.id)
  return run.state === 'running' ? whyRunning(dag, run, states, now) : whyEnded(database, run, states)
}
