// What a run's tasks may do next. `decide` looks at the whole run (start, rescue, sweep), `advance` only at the direct
// downstream of what has just finished; a property test holds both equal.

import type { RunBoard, TaskInstanceView, Transition } from './board.ts'
import { mapLength } from './mapping.ts'
import type { Reason } from './reasons.ts'
import type { TaskMapping } from './serialized.ts'
import { isFailed, isFinished, type RunState } from './states.ts'
import { judgeRule } from './trigger-rules.ts'

/** Task indexes to look at, each once, always the next in topological order: effects only flow downstream. */
class Agenda {
  private readonly rank: readonly number[]
  private readonly heap: number[] = []
  private readonly waiting = new Set<number>()

  constructor(rank: readonly number[]) {
    this.rank = rank
  }

  add(task: number): void {
    if (this.waiting.has(task)) return
    this.waiting.add(task)
    this.heap.push(task)
    let i = this.heap.length - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (this.before(parent, i)) break
      this.swap(parent, i)
      i = parent
    }
  }

  take(): number | null {
    const top = this.heap[0]
    if (top === undefined) return null
    const last = this.heap.pop() as number
    if (this.heap.length > 0) {
      this.heap[0] = last
      this.sink()
    }
    this.waiting.delete(top)
    return top
  }

  private sink(): void {
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      let least = i
      if (left < this.heap.length && this.before(left, least)) least = left
      if (left + 1 < this.heap.length && this.before(left + 1, least)) least = left + 1
      if (least === i) return
      this.swap(least, i)
      i = least
    }
  }

  private before(a: number, b: number): boolean {
    return (this.rank[this.heap[a] ?? 0] ?? 0) <= (this.rank[this.heap[b] ?? 0] ?? 0)
  }

  private swap(a: number, b: number): void {
    const kept = this.heap[a] as number
    this.heap[a] = this.heap[b] as number
    this.heap[b] = kept
  }
}

/** True when the task's own past allows it to run (depends_on_past, wait_for_downstream). */
function pastAllows(board: RunBoard, ti: TaskInstanceView): boolean {
  const task = board.graph.tasks[ti.task]
  if (task === undefined || (!task.dependsOnPast && !task.waitForDownstream)) return true
  const past = board.past?.get(task.taskId)
  if (past === undefined) return true // the first instance ever has no past to wait for
  if (past.state !== 'success' && past.state !== 'skipped') return false
  return !task.waitForDownstream || past.isDownstreamDone
}

/** Items that an upstream has handed on: of a mapped one as many as its instances pushed, though it be none. */
function itemsOf(board: RunBoard, taskId: string): number | undefined {
  const task = board.graph.indexOf.get(taskId) ?? -1
  const isMapped = (board.graph.tasks[task]?.mapping ?? null) !== null
  return board.handed.lengths.get(task) ?? (isMapped ? 0 : undefined)
}

/** True when no list that a task is mapped over can grow or shrink any more: a rule may let go before that. */
function areListsFinal(board: RunBoard, mapping: TaskMapping): boolean {
  return mapping.over.every(
    (input) => input.kind === 'literal' || board.unfinishedOf(board.graph.indexOf.get(input.taskId) ?? -1) === 0,
  )
}

/** Why a mapped task has no list to be mapped over. */
function withoutList(board: RunBoard, ti: TaskInstanceView, taskId: string): Transition[] {
  // A skipped upstream has no items; a failed one leaves a gap.
  const isSkipped = board.byTask[board.graph.indexOf.get(taskId) ?? -1]?.every((each) => each.state === 'skipped')
  return isSkipped === true
    ? [board.move(ti, 'skipped', { code: 'map_empty' })]
    : [board.move(ti, 'upstream_failed', { code: 'map_missing', taskId })]
}

/** One instance of a mapped task with this many items; a list without any keeps its first one, skipped. */
function place(board: RunBoard, each: TaskInstanceView, length: number, ready: Reason): Transition[] {
  if (Math.max(0, each.mapIndex) >= length) {
    if (each.state !== null) return []
    return each.mapIndex > 0
      ? [board.move(each, 'removed', { code: 'map_shrunk' })]
      : [board.move(each, 'skipped', { code: 'map_empty' })]
  }
  if (each.state === null) return [board.move(each, 'scheduled', ready)]
  // Its list had shrunk in an earlier life of the run, and has it again.
  if (each.state !== 'removed') return []
  return [board.move(each, null, { code: 'map_grown' }), board.move(each, 'scheduled', ready)]
}

/**
 * The instances of a mapped task whose upstreams are done, or why there are none. One that was expanded in an earlier
 * life of its run keeps its instances: more are added, and those beyond the new length are removed.
 */
function expandMapped(board: RunBoard, ti: TaskInstanceView, mapping: TaskMapping, ready: Reason): Transition[] {
  if (!areListsFinal(board, mapping)) return []
  const found = mapLength(mapping, (taskId) => itemsOf(board, taskId))
  if (found.kind === 'missing') return withoutList(board, ti, found.taskId)
  const { length } = found
  const limit = board.maxMapLength
  if (length > limit) return [board.move(ti, 'failed', { code: 'map_too_long', length, limit })]
  return [...board.expand(ti.task, length)].flatMap((each) => place(board, each, length, ready))
}

function judge(board: RunBoard, ti: TaskInstanceView): Transition[] {
  const task = board.graph.tasks[ti.task]
  if (task === undefined || ti.state !== null) return []
  const mustWait = () => task.waitForPastDependsBeforeSkipping && !pastAllows(board, ti)
  const skipper = board.skipperOf(ti.task)
  if (skipper !== null) return mustWait() ? [] : [board.move(ti, 'skipped', { code: 'skipped_by', taskId: skipper })]
  const verdict = judgeRule(task.triggerRule, board.countsFor(ti))
  const impossible: Reason = { code: 'rule_impossible', rule: task.triggerRule }
  switch (verdict) {
    case 'wait':
      return []
    case 'run': {
      if (!pastAllows(board, ti)) return []
      const ready: Reason = { code: 'ready', rule: task.triggerRule }
      if (task.mapping !== null) return expandMapped(board, ti, task.mapping, ready)
      return [board.move(ti, 'scheduled', ready)]
    }
    case 'skipped':
      return mustWait() ? [] : [board.move(ti, 'skipped', impossible)]
    case 'upstream_failed':
      return [board.move(ti, verdict, impossible)]
  }
}

function follow(board: RunBoard, agenda: Agenda): Transition[] {
  const transitions: Transition[] = []
  for (let task = agenda.take(); task !== null; task = agenda.take()) {
    // A copy: a mapped task's list grows while it is judged.
    for (const ti of [...(board.byTask[task] ?? [])]) {
      const moved = judge(board, ti)
      for (const transition of moved) transitions.push(transition)
      if (moved.some((transition) => isFinished(transition.to)))
        for (const child of board.graph.downstream[task] ?? []) agenda.add(child)
    }
  }
  return transitions
}

/** The whole run: every instance without a state is judged. The board moves; the transitions tell how. */
export function decide(board: RunBoard): Transition[] {
  const agenda = new Agenda(board.graph.rank)
  for (const task of board.graph.order) agenda.add(task)
  return follow(board, agenda)
}

/** Only what the finished instances can have changed: their direct downstream, and on from what that forces to end. */
export function advance(board: RunBoard, finished: readonly TaskInstanceView[]): Transition[] {
  const agenda = new Agenda(board.graph.rank)
  for (const ti of finished) {
    for (const child of board.graph.downstream[ti.task] ?? []) agenda.add(child)
    // A branch may leave out tasks that are not directly behind it.
    for (const taskId of board.handed.skips.get(ti.task) ?? []) {
      const skipped = board.graph.indexOf.get(taskId)
      if (skipped !== undefined) agenda.add(skipped)
    }
  }
  return follow(board, agenda)
}

/** Ends everything of a run that has not ended, without asking it; `ends` says how a running instance ends. */
function endRest(board: RunBoard, because: Reason, ends: 'failed' | 'skipped'): Transition[] {
  const rest = [...board.instances.values()].filter((ti) => !isFinished(ti.state))
  return rest.map((ti) => board.move(ti, ti.state === 'running' ? ends : 'skipped', because))
}

/** A task of a DAG that fails fast has failed for good: what runs fails with it, the rest is skipped. */
export function failFast(board: RunBoard, failed: TaskInstanceView): Transition[] {
  const taskId = board.graph.tasks[failed.task]?.taskId ?? ''
  return endRest(board, { code: 'stopped_by_fail_fast', taskId }, 'failed')
}

/** The run took too long: whatever has not ended is skipped (CONTRACT §2.2). */
export function expire(board: RunBoard, seconds: number): Transition[] {
  return endRest(board, { code: 'run_timed_out', seconds }, 'skipped')
}

/** How a run stands once nothing more can be decided; `null` = it goes on. */
export function runOutcome(board: RunBoard): { state: RunState; because: 'leaves' | 'deadlock' } | null {
  if (board.unfinishedCount === 0) {
    // Failing fast skips what is behind the failure, leaves too: the failure itself must count then.
    const judged = board.graph.dag.failFast ? board.graph.order : board.graph.leaves
    const failed = judged.some((task) => (board.byTask[task] ?? []).some((ti) => isFailed(ti.state)))
    return { state: failed ? 'failed' : 'success', because: 'leaves' }
  }
  return isDeadlocked(board) ? { state: 'failed', because: 'deadlock' } : null
}

/** Unfinished instances exist, none of them can ever move, and nothing outside the run (a past run) could wake them. */
function isDeadlocked(board: RunBoard): boolean {
  return board.past === null && board.undecidedCount === board.unfinishedCount
}
