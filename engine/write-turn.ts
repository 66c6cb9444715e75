// Writes what a turn has decided on: moves, values, waits, and the rows of `live`. Statements are sent one after the other
// without waiting, and each that decides checks that it met what was decided on.

import type { Expansion, RunBoard } from '../core/board.ts'
import { BaramError } from '../core/errors.ts'
import { isFinished } from '../core/states.ts'
import { deleteLive, putLive } from '../store/postgres/live.ts'
import { bumpRun, countClear, recordRunEvent } from '../store/postgres/runs.ts'
import {
  becomeFirstOfMapped,
  insertTaskInstances,
  moveInstances,
  recordTries,
} from '../store/postgres/task-instances.ts'
import { putWait, recordEvent } from '../store/postgres/triggers.ts'
import { clearXComs, putXCom } from '../store/postgres/xcoms.ts'
import type { Sql } from '../store/sql.ts'
import { groupHeld, groupWays, type RunChanges, type Way } from './changes.ts'

/** The worker on which a turn may start attempts. */
export interface WorkerSelf {
  readonly jobId: number
  readonly hostname: string
  readonly pid: number
}

/** Everything one turn changes in one run. Fails when rows are not what was decided on. */
export async function writeChanges(
  tx: Sql,
  changes: RunChanges,
  who: string,
  worker: WorkerSelf | null,
): Promise<void> {
  const { board } = changes
  const { dagRunId } = board.run
  const rev = board.run.rev + 1
  const state = board.run.state === changes.runStateBefore ? null : board.run.state
  const limit = board.graph.dag.dagrunTimeout
  const pending: Promise<unknown>[] = [expectTrue(bumpRun(tx, dagRunId, board.run.rev, state, limit), board)]
  if (state !== null)
    pending.push(recordRunEvent(tx, dagRunId, rev, changes.runStateBefore, state, who, changes.runBecause))
  // Before their moves: the rows must be there.
  for (const expansion of board.expansions.splice(0)) pending.push(...writeExpansion(tx, board, expansion))
  for (const group of groupWays(changes.ways.values()))
    pending.push(...writeGroup(tx, changes, group, rev, who, worker))
  for (const xcom of changes.xcoms) pending.push(putXCom(tx, { dagRunId, ...xcom }, xcom.value))
  for (const { tiId, wait } of changes.waits) pending.push(putWait(tx, dagRunId, tiId, wait))
  for (const { tiId, event } of changes.fired) pending.push(recordEvent(tx, dagRunId, tiId, event))
  if (changes.isCleared) pending.push(countClear(tx, dagRunId))
  for (const { ids, because } of groupHeld(changes.held)) pending.push(putLive(tx, dagRunId, ids, 'held', { because }))
  const outcomes = await Promise.allSettled(pending)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** Instances that make the same way. */
function writeGroup(
  tx: Sql,
  changes: RunChanges,
  group: readonly Way[],
  rev: number,
  who: string,
  worker: WorkerSelf | null,
): Promise<unknown>[] {
  const { board } = changes
  const { dagRunId } = board.run
  const first = group[0]
  const to = first?.steps[first.steps.length - 1]?.to ?? null
  if (first === undefined) return []
  const ids = group.map((way) => way.ti.id)
  const pending: Promise<unknown>[] = []
  for (const way of group) {
    const isNewTry = way.from === null || way.from === 'up_for_retry'
    const startsNewTry = isNewTry && way.ti.tryNumber > 1 && way.steps.some((step) => step.to === 'scheduled')
    if (startsNewTry)
      pending.push(clearXComs(tx, dagRunId, board.graph.tasks[way.ti.task]?.taskId ?? '', way.ti.mapIndex))
  }
  // The tries that ended stay in the history, before their rows are used again.
  if (to === null) pending.push(recordTries(tx, dagRunId, ids))
  const move = {
    dagRunId,
    rev,
    ids,
    from: first.from,
    steps: first.steps,
    who: who,
    readyAt: first.readyAt,
    extraTries: extraTriesOf(first),
    worker: to === 'running' ? worker : null,
  }
  pending.push(expectTrue(moveInstances(tx, move), board))
  if (to === 'running' && worker !== null)
    pending.push(putLive(tx, dagRunId, ids, 'running', { workerId: worker.jobId }))
  else if (to === 'queued') pending.push(putLive(tx, dagRunId, ids, 'queued'))
  else if (to === 'up_for_retry') {
    pending.push(recordTries(tx, dagRunId, ids), putLive(tx, dagRunId, ids, 'waiting', { readyAt: first.readyAt }))
  } else if (to === 'up_for_reschedule') pending.push(putLive(tx, dagRunId, ids, 'waiting', { readyAt: first.readyAt }))
  else if (to === 'deferred') pending.push(putLive(tx, dagRunId, ids, 'deferred', { readyAt: first.readyAt }))
  else if (first.from !== null || isFinished(to)) pending.push(deleteLive(tx, dagRunId, ids))
  return pending
}

/** Tries granted beside the task's own: for an interruption one, for a clearing as many as a task begins with. */
function extraTriesOf(way: Way): number {
  return way.steps.reduce((sum, { because }) => {
    if (because.code === 'interrupted') return sum + 1
    return because.code === 'cleared' ? sum + because.extraTries : sum
  }, 0)
}

/** The instances that a mapped task has grown. */
function writeExpansion(tx: Sql, board: RunBoard, { first, isRenamed, added }: Expansion): Promise<unknown>[] {
  const { dagRunId, dagId, runId, versionId } = board.run
  const task = board.graph.tasks[first.task]
  if (task === undefined) throw new BaramError('SERIALIZED_INVALID', `task index ${first.task} is outside DAG ${dagId}`)
  const rows = added.map((ti) => ({ ...ti, taskId: task.taskId, operator: task.operator }))
  return [
    ...(isRenamed ? [expectTrue(becomeFirstOfMapped(tx, dagRunId, first.id), board)] : []),
    ...(rows.length > 0 ? [insertTaskInstances(tx, { dagRunId, dagId, runId, versionId }, rows)] : []),
  ]
}

async function expectTrue(done: Promise<boolean>, board: RunBoard): Promise<void> {
  if (!(await done))
    throw new BaramError(
      'SETTLED_ELSEWHERE',
      `run ${board.run.runId} of ${board.run.dagId} changed while a decision on it was written; nothing was written`,
    )
}
