// Writes what a transaction has decided on: moves, values, waits, and the rows of `task_queue`. Statements are sent one after the other
// without waiting, and each that decides checks that it met what was decided on.

import { BaramError } from '../../core/errors.ts'
import type { Expansion, RunModel } from '../../core/run-model.ts'
import { isFinished, type TaskState } from '../../core/states.ts'
import { bumpRun, countClear, recordRunEvent } from '../../store/postgres/runs.ts'
import {
  becomeFirstOfMapped,
  insertTaskInstances,
  moveInstances,
  recordTries,
} from '../../store/postgres/task-instances.ts'
import { markRestarting, putInQueue, removeFromQueue } from '../../store/postgres/task-queue.ts'
import { putWait, recordEvent } from '../../store/postgres/triggers.ts'
import { clearXComs, putXCom } from '../../store/postgres/xcoms.ts'
import type { Sql } from '../../store/sql.ts'
import { recordCallbacks } from '../alerts/record.ts'
import { groupChanges, groupThrottled, type InstanceChange, type RunChanges } from './changes.ts'

/** The worker on which a transaction may start attempts. */
export interface WorkerSelf {
  readonly jobId: number
  readonly hostname: string
  readonly pid: number
}

/** Everything one transaction changes in one run. Fails when rows are not what was decided on. */
export async function writeChanges(
  tx: Sql,
  changes: RunChanges,
  who: string,
  worker: WorkerSelf | null,
): Promise<void> {
  const { model } = changes
  const { dagRunId } = model.run
  const rev = model.run.rev + 1
  const state = model.run.state === changes.runStateBefore ? null : model.run.state
  const limit = model.graph.dag.dagrunTimeout
  const pending: Promise<unknown>[] = [expectTrue(bumpRun(tx, dagRunId, model.run.rev, state, limit), model)]
  if (state !== null)
    pending.push(recordRunEvent(tx, dagRunId, rev, changes.runStateBefore, state, who, changes.runBecause))
  // Before their moves: the rows must be there.
  for (const expansion of model.expansions.splice(0)) pending.push(...writeExpansion(tx, model, expansion))
  for (const group of groupChanges(changes.moved.values()))
    pending.push(...writeGroup(tx, changes, group, rev, who, worker))
  for (const xcom of changes.xcoms) pending.push(putXCom(tx, { dagRunId, ...xcom }, xcom.value))
  for (const { tiId, wait } of changes.waits) pending.push(putWait(tx, dagRunId, tiId, wait))
  for (const { tiId, event } of changes.fired) pending.push(recordEvent(tx, dagRunId, tiId, event))
  if (changes.isCleared) pending.push(countClear(tx, dagRunId))
  pending.push(...recordCallbacks(tx, changes))
  const isBackfill = model.run.runType === 'backfill'
  for (const { ids, because } of groupThrottled(changes.throttled))
    pending.push(putInQueue(tx, dagRunId, ids, 'throttled', { because, isBackfill }))
  const outcomes = await Promise.allSettled(pending)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** Instances that make the same moves. */
function writeGroup(
  tx: Sql,
  changes: RunChanges,
  group: readonly InstanceChange[],
  rev: number,
  who: string,
  worker: WorkerSelf | null,
): Promise<unknown>[] {
  const { model } = changes
  const { dagRunId } = model.run
  const first = group[0]
  const to = first?.steps[first.steps.length - 1]?.to ?? null
  if (first === undefined) return []
  const ids = group.map((change) => change.ti.id)
  const pending: Promise<unknown>[] = []
  const isNewTry = beginsTry(first)
  for (const { ti } of group)
    if (ti.tryNumber > (isNewTry ? 1 : 0) && (isNewTry || endsUnrun(first)))
      pending.push(clearXComs(tx, dagRunId, model.graph.task(ti.task).taskId, ti.mapIndex))
  // The tries that ended stay in the history, before their rows are used again.
  if (first.steps.some((step) => step.to === null)) pending.push(recordTries(tx, dagRunId, ids))
  const move = {
    dagRunId,
    rev,
    ids,
    from: first.from,
    steps: first.steps,
    who: who,
    readyAt: first.readyAt,
    isNewTry,
    extraTries: extraTriesOf(first),
    worker: to === 'running' ? worker : null,
  }
  pending.push(expectTrue(moveInstances(tx, move), model))
  pending.push(...writeLive(tx, model, first, to, ids, worker))
  return pending
}

/** What `task_queue` has of instances after their move. */
function writeLive(
  tx: Sql,
  { run }: RunModel,
  { from, readyAt }: InstanceChange,
  to: TaskState | null,
  ids: readonly string[],
  worker: WorkerSelf | null,
): Promise<unknown>[] {
  const { dagRunId } = run
  const isBackfill = run.runType === 'backfill'
  switch (to) {
    case 'running':
      return worker === null ? [] : [putInQueue(tx, dagRunId, ids, 'running', { workerId: worker.jobId, isBackfill })]
    case 'queued':
      return [putInQueue(tx, dagRunId, ids, 'queued', { isBackfill })]
    case 'up_for_retry':
      return [recordTries(tx, dagRunId, ids), putInQueue(tx, dagRunId, ids, 'waiting', { readyAt, isBackfill })]
    case 'up_for_reschedule':
      return [putInQueue(tx, dagRunId, ids, 'waiting', { readyAt, isBackfill })]
    case 'deferred':
      return [putInQueue(tx, dagRunId, ids, 'deferred', { readyAt, isBackfill })]
    case 'restarting':
      return [markRestarting(tx, dagRunId, ids)]
    default:
      return from !== null || isFinished(to) ? [removeFromQueue(tx, dagRunId, ids)] : []
  }
}

/** `none → scheduled` and `up_for_retry → scheduled` begin a try (docs/reliability.md rule 14), wherever among the steps they are. */
function beginsTry({ from, steps }: InstanceChange): boolean {
  return steps.some(({ to }, i) => {
    const before = i === 0 ? from : (steps[i - 1]?.to ?? null)
    return to === 'scheduled' && (before === null || before === 'up_for_retry')
  })
}

/** No value outlives what made it: one that ends without running in this life of its run returns nothing of an earlier one. */
const endsUnrun = ({ from, steps }: InstanceChange): boolean => {
  const last = steps[steps.length - 1]
  const before = steps.length > 1 ? (steps[steps.length - 2]?.to ?? null) : from
  return before === null && (last?.to === 'skipped' || last?.to === 'upstream_failed' || last?.to === 'removed')
}

/** Tries granted beside the task's own: for an interruption one, for a clearing as many as a task begins with. */
function extraTriesOf(change: InstanceChange): number {
  return change.steps.reduce((sum, { because }) => {
    if (because.code === 'interrupted') return sum + 1
    return because.code === 'cleared' ? sum + because.extraTries : sum
  }, 0)
}

/** The instances that a mapped task has grown. */
function writeExpansion(tx: Sql, model: RunModel, { first, isRenamed, added }: Expansion): Promise<unknown>[] {
  const { dagRunId, dagId, runId, versionId } = model.run
  const task = model.graph.task(first.task)
  const rows = added.map((ti) => ({ ...ti, taskId: task.taskId, operator: task.operator }))
  return [
    ...(isRenamed ? [expectTrue(becomeFirstOfMapped(tx, dagRunId, first.id), model)] : []),
    ...(rows.length > 0 ? [insertTaskInstances(tx, { dagRunId, dagId, runId, versionId }, rows)] : []),
  ]
}

async function expectTrue(done: Promise<boolean>, model: RunModel): Promise<void> {
  if (!(await done))
    throw new BaramError(
      'SETTLED_ELSEWHERE',
      `run ${model.run.runId} of ${model.run.dagId} changed while a decision on it was written; nothing was written`,
    )
}
