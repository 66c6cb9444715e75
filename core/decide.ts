// What a run's tasks may do next. `decide` looks at the whole run (start, rescue, sweep), `advance` only at the direct
// downstream of what has just finished; a property test holds both equal.

import { mapLength } from './mapping.ts'
import type { Reason } from './reasons.ts'
import type { RunModel, TaskInstanceView, Transition } from './run-model.ts'
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
function pastAllows(model: RunModel, ti: TaskInstanceView): boolean {
  const task = model.graph.task(ti.task)
  if (!task.dependsOnPast && !task.waitForDownstream) return true
  const past = model.past?.get(task.taskId)
  if (past === undefined) return true // the first instance ever has no past to wait for
  if (past.state !== 'success' && past.state !== 'skipped') return false
  return !task.waitForDownstream || past.isDownstreamDone
}

/** Items that an upstream has returned: of a mapped one as many as its instances pushed, though it be none. */
function itemsOf(model: RunModel, taskId: string): number | undefined {
  const task = model.graph.indexOf.get(taskId) ?? -1
  const isMapped = (model.graph.find(taskId)?.mapping ?? null) !== null
  return model.upstreamOutputs.lengths.get(task) ?? (isMapped ? 0 : undefined)
}

/** True when no list that a task is mapped over can grow or shrink any more: a rule may let go before that. */
function areListsFinal(model: RunModel, mapping: TaskMapping): boolean {
  return mapping.over.every(
    (input) => input.kind === 'literal' || model.unfinishedOf(model.graph.indexOf.get(input.taskId) ?? -1) === 0,
  )
}

/** Why a mapped task has no list to be mapped over. */
function withoutList(model: RunModel, ti: TaskInstanceView, taskId: string): Transition[] {
  // A skipped upstream has no items; a failed one leaves a gap.
  const isSkipped = model.byTask[model.graph.indexOf.get(taskId) ?? -1]?.every(
    (instance) => instance.state === 'skipped',
  )
  return isSkipped === true
    ? [model.move(ti, 'skipped', { code: 'map_empty' })]
    : [model.move(ti, 'upstream_failed', { code: 'map_missing', taskId })]
}

/** One instance of a mapped task with this many items; a list without any keeps its first one, skipped. */
function moveToListLength(model: RunModel, instance: TaskInstanceView, length: number, ready: Reason): Transition[] {
  if (Math.max(0, instance.mapIndex) >= length) {
    if (instance.state !== null) return []
    return instance.mapIndex > 0
      ? [model.move(instance, 'removed', { code: 'map_shrunk' })]
      : [model.move(instance, 'skipped', { code: 'map_empty' })]
  }
  if (instance.state === null) return [model.move(instance, 'scheduled', ready)]
  // Its list had shrunk in an earlier life of the run, and has it again.
  if (instance.state !== 'removed') return []
  return [model.move(instance, null, { code: 'map_grown' }), model.move(instance, 'scheduled', ready)]
}

/**
 * The instances of a mapped task whose upstreams are done, or why there are none. One that was expanded in an earlier
 * life of its run keeps its instances: more are added, and those beyond the new length are removed.
 */
function expandMapped(model: RunModel, ti: TaskInstanceView, mapping: TaskMapping, ready: Reason): Transition[] {
  if (!areListsFinal(model, mapping)) return []
  const found = mapLength(mapping, (taskId) => itemsOf(model, taskId))
  if (found.kind === 'missing') return withoutList(model, ti, found.taskId)
  const { length } = found
  const limit = model.maxMapLength
  if (length > limit) return [model.move(ti, 'failed', { code: 'map_too_long', length, limit })]
  return [...model.expand(ti.task, length)].flatMap((instance) => moveToListLength(model, instance, length, ready))
}

function judge(model: RunModel, ti: TaskInstanceView): Transition[] {
  if (ti.state !== null) return []
  const task = model.graph.task(ti.task)
  const mustWait = () => task.waitForPastDependsBeforeSkipping && !pastAllows(model, ti)
  const skipper = model.skipperOf(ti.task)
  if (skipper !== null) return mustWait() ? [] : [model.move(ti, 'skipped', { code: 'skipped_by', taskId: skipper })]
  const verdict = judgeRule(task.triggerRule, model.countsFor(ti))
  const impossible: Reason = { code: 'rule_impossible', rule: task.triggerRule }
  switch (verdict) {
    case 'wait':
      return []
    case 'run': {
      if (!pastAllows(model, ti)) return []
      const ready: Reason = { code: 'ready', rule: task.triggerRule }
      if (task.mapping !== null) return expandMapped(model, ti, task.mapping, ready)
      return [model.move(ti, 'scheduled', ready)]
    }
    case 'skipped':
      return mustWait() ? [] : [model.move(ti, 'skipped', impossible)]
    case 'upstream_failed':
      return [model.move(ti, verdict, impossible)]
  }
}

function follow(model: RunModel, agenda: Agenda): Transition[] {
  const transitions: Transition[] = []
  for (let task = agenda.take(); task !== null; task = agenda.take()) {
    // A copy: a mapped task's list grows while it is judged.
    for (const ti of [...(model.byTask[task] ?? [])]) {
      const moved = judge(model, ti)
      for (const transition of moved) transitions.push(transition)
      if (moved.some((transition) => isFinished(transition.to)))
        for (const child of model.graph.downstream[task] ?? []) agenda.add(child)
    }
  }
  return transitions
}

/** The whole run: every instance without a state is judged. The model moves; the transitions tell how. */
export function decide(model: RunModel): Transition[] {
  const agenda = new Agenda(model.graph.rank)
  for (const task of model.graph.order) agenda.add(task)
  return follow(model, agenda)
}

/** Only what the finished instances can have changed: their direct downstream, and on from what that forces to end. */
export function advance(model: RunModel, finished: readonly TaskInstanceView[]): Transition[] {
  const agenda = new Agenda(model.graph.rank)
  for (const ti of finished) {
    for (const child of model.graph.downstream[ti.task] ?? []) agenda.add(child)
    // A branch may leave out tasks that are not directly downstream of it.
    for (const taskId of model.upstreamOutputs.skips.get(ti.task) ?? []) {
      const skipped = model.graph.indexOf.get(taskId)
      if (skipped !== undefined) agenda.add(skipped)
    }
  }
  return follow(model, agenda)
}

/** Ends everything of a run that has not ended, without asking it; `ends` says how a running instance ends. */
function endRest(model: RunModel, because: Reason, ends: 'failed' | 'skipped'): Transition[] {
  const rest = [...model.instances.values()].filter((ti) => !isFinished(ti.state))
  return rest.map((ti) => model.move(ti, ti.state === 'running' ? ends : 'skipped', because))
}

/** A task of a DAG that fails fast has failed for good: what runs fails with it, the rest is skipped. */
export function failFast(model: RunModel, failed: TaskInstanceView): Transition[] {
  const taskId = model.graph.task(failed.task).taskId
  return endRest(model, { code: 'stopped_by_fail_fast', taskId }, 'failed')
}

/** The run took too long: whatever has not ended is skipped (docs/compatibility.md#runs). */
export function expire(model: RunModel, seconds: number): Transition[] {
  return endRest(model, { code: 'run_timed_out', seconds }, 'skipped')
}

/** How a run stands once nothing more can be decided; `null` = it goes on. */
export function runOutcome(model: RunModel): { state: RunState; because: 'leaves' | 'deadlock' } | null {
  if (model.unfinishedCount === 0) {
    // Failing fast skips what is downstream of the failure, leaves too: the failure itself must count then.
    const judged = model.graph.dag.failFast ? model.graph.order : model.graph.leaves
    const failed = judged.some((task) => (model.byTask[task] ?? []).some((ti) => isFailed(ti.state)))
    return { state: failed ? 'failed' : 'success', because: 'leaves' }
  }
  return isDeadlocked(model) ? { state: 'failed', because: 'deadlock' } : null
}

/** Unfinished instances exist, none of them can ever move, and nothing outside the run (a past run) could wake them. */
function isDeadlocked(model: RunModel): boolean {
  return model.past === null && model.undecidedCount === model.unfinishedCount
}
