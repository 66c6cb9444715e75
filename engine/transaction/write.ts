// Writes what a transaction has decided on: moves, values, waits, and the rows of `task_queue`. Statements are sent one after the other
// without waiting, and COMMIT with them: each that decides fails by itself when it does not meet what was decided on.

import type { Expansion, RunModel } from '../../core/run-model.ts'
import { isFinished, type TaskState } from '../../core/states.ts'
import { type MoveGroup, moveInstances } from '../../store/postgres/moves.ts'
import { countClear, moveRun, recordRunEvent } from '../../store/postgres/runs.ts'
import { becomeFirstOfMapped, insertTaskInstances, recordTries } from '../../store/postgres/task-instances.ts'
import { markRestarting, putInQueue } from '../../store/postgres/task-queue.ts'
import { putWait, recordEvent } from '../../store/postgres/triggers.ts'
import { clearXComs, putXComs } from '../../store/postgres/xcoms.ts'
import type { Sql } from '../../store/sql.ts'
import { recordCallbacks } from '../alerts/record.ts'
import { groupChanges, groupThrottled, type InstanceChange, type RunChanges } from './changes.ts'
import { decided } from './decided.ts'

/** The worker on which a transaction may start attempts. */
export interface WorkerSelf {
  readonly jobId: number
  readonly hostname: string
  readonly pid: number
}

type Send = (answer: Promise<unknown>) => void

/**
 * Sends everything that one transaction changes in one run, and waits for nothing.
 * @param send takes the answers, in the order of the statements; one fails with SETTLED_ELSEWHERE when rows are not what was decided on
 */
export function writeChanges(tx: Sql, changes: RunChanges, who: string, worker: WorkerSelf | null, send: Send): void {
  const { model } = changes
  const { dagRunId } = model.run
  const rev = model.run.rev + 1
  const isBackfill = model.run.runType === 'backfill'
  const groups = groupChanges(changes.moved.values())
  const hasMoved = model.run.state !== changes.runStateBefore
  if (hasMoved) moveRunItself(tx, changes, who, send)
  // Before their moves: the rows must be there.
  for (const expansion of model.expansions.splice(0)) writeExpansion(tx, model, expansion, send)
  for (const group of groups) clearTries(tx, model, group, send)
  const moves = {
    ...{ dagRunId, rev, isBump: !hasMoved, isBackfill, who, worker },
    groups: groups.map((group) => moveOf(group, worker)),
  }
  for (const moved of moveInstances(tx, moves)) send(decided(moved, model.run))
  for (const group of groups) closeTries(tx, model, group, send)
  if (changes.xcoms.length > 0) send(putXComs(tx, dagRunId, changes.xcoms))
  for (const { tiId, wait } of changes.waits) send(putWait(tx, dagRunId, tiId, wait))
  for (const { tiId, event } of changes.fired) send(recordEvent(tx, dagRunId, tiId, event))
  if (changes.isCleared) send(countClear(tx, dagRunId))
  for (const answer of recordCallbacks(tx, changes)) send(answer)
  for (const { ids, because } of groupThrottled(changes.throttled))
    send(putInQueue(tx, dagRunId, ids, 'throttled', { because, isBackfill }))
}

function moveRunItself(tx: Sql, { model, runStateBefore, runBecause }: RunChanges, who: string, send: Send): void {
  const { dagRunId, rev, state } = model.run
  send(decided(moveRun(tx, dagRunId, rev, state, model.graph.dag.dagrunTimeout), model.run))
  send(recordRunEvent(tx, dagRunId, rev + 1, runStateBefore, state, who, runBecause))
}

type Group = readonly [InstanceChange, ...InstanceChange[]]

const stateAfter = ({ steps }: InstanceChange): TaskState | null => steps.at(-1)?.to ?? null
const idsOf = (group: Group): readonly string[] => group.map(({ ti }) => ti.id)

/** What earlier tries have left, before their rows are used again. */
function clearTries(tx: Sql, { run, graph }: RunModel, group: Group, send: Send): void {
  const [first] = group
  const isNewTry = beginsTry(first)
  for (const { ti } of group)
    if (ti.tryNumber > (isNewTry ? 1 : 0) && (isNewTry || endsUnrun(first)))
      send(clearXComs(tx, run.dagRunId, graph.task(ti.task).taskId, ti.mapIndex))
  // The tries that ended stay in the history.
  if (first.steps.some((step) => step.to === null)) send(recordTries(tx, run.dagRunId, idsOf(group)))
}

/** What follows on the end of a try that is not the last. */
function closeTries(tx: Sql, { run }: RunModel, group: Group, send: Send): void {
  const to = stateAfter(group[0])
  if (to === 'up_for_retry') send(recordTries(tx, run.dagRunId, idsOf(group)))
  if (to === 'restarting') send(markRestarting(tx, run.dagRunId, idsOf(group)))
}

/** Instances that make the same moves. */
function moveOf(group: Group, worker: WorkerSelf | null): MoveGroup {
  const [first] = group
  const { from, steps, readyAt } = first
  return {
    ids: idsOf(group),
    ...{ from, steps, readyAt },
    isNewTry: beginsTry(first),
    extraTries: extraTriesOf(first),
    queue: queueAfter(first, worker),
  }
}

/** What `task_queue` has of an instance after its move. */
function queueAfter(change: InstanceChange, worker: WorkerSelf | null): MoveGroup['queue'] {
  const to = stateAfter(change)
  switch (to) {
    case 'running':
      return worker === null ? 'unchanged' : 'running'
    case 'queued':
      return 'queued'
    case 'up_for_retry':
    case 'up_for_reschedule':
      return 'waiting'
    case 'deferred':
      return 'deferred'
    case 'restarting':
      return 'unchanged'
    default:
      return change.from !== null || isFinished(to) ? 'left' : 'unchanged'
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
function writeExpansion(tx: Sql, model: RunModel, { first, isRenamed, added }: Expansion, send: Send): void {
  const { dagRunId, dagId, runId, versionId } = model.run
  const task = model.graph.task(first.task)
  const rows = added.map((ti) => ({ ...ti, taskId: task.taskId, operator: task.operator }))
  if (isRenamed) send(decided(becomeFirstOfMapped(tx, dagRunId, first.id), model.run))
  if (rows.length > 0) send(insertTaskInstances(tx, { dagRunId, dagId, runId, versionId }, rows))
}
