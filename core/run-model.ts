// A run as decisions see it: its graph, the states of its task instances, and the upstream counts kept up to date, so
// that one finished task costs its direct downstream and nothing more. A copy, never the truth: the engine proves under
// the run's lock that it is current, and drops it when a transaction fails.

import { BaramError } from './errors.ts'
import type { DagGraph } from './graph.ts'
import { mappedId } from './mapping.ts'
import { ReadyList } from './ready-list.ts'
import type { Reason } from './reasons.ts'
import {
  isActive,
  isFinished,
  type Mark,
  mayMove,
  mayMoveRun,
  type RunState,
  type RunType,
  type TaskState,
} from './states.ts'
import { MAX_INT4 } from './storable.ts'
import type { UpstreamCounts } from './trigger-rules.ts'

export interface RunFacts {
  readonly dagRunId: number
  readonly dagId: string
  readonly runId: string
  readonly runType: RunType
  readonly logicalDate: number | null
  readonly dataInterval: { readonly start: number; readonly end: number } | null
  readonly runAfter: number
  /** When it began to run, as far as this copy knows; null = it is queued. */
  readonly startDate: number | null
  readonly conf: unknown
  readonly versionId: string
  /** Grows when the run is cleared: its instances may be others then. */
  readonly clearNumber: number
  /** Moved by `moveRun`, or taken over from the locked row. */
  state: RunState
  rev: number
}

/** What a decision needs of one task instance; `state` and its companions move, the rest stays. */
export interface TaskInstanceView {
  readonly id: string
  readonly task: number
  /** -1 = not mapped, or not yet. */
  mapIndex: number
  readonly pool: string
  readonly poolSlots: number
  readonly queue: string
  readonly priorityWeight: number
  state: TaskState | null
  tryNumber: number
  maxTries: number
  epoch: number
  /** This try was rescheduled or deferred before: its row holds what it resumes with. */
  isContinued: boolean
}

/** More tries than an instance's task begins with, as far as the column goes. */
export function grantTries(ti: TaskInstanceView, tries: number): void {
  ti.maxTries = Math.min(ti.maxTries + tries, MAX_INT4)
}

/** One state change, as a value. `readyAt`: when a waiting instance is due again, epoch ms. */
export interface Transition {
  readonly ti: TaskInstanceView
  readonly from: TaskState | null
  readonly to: TaskState | null
  readonly because: Reason
  readonly readyAt: number | null
}

/** How an instance stands after another process' change. */
export interface RemoteMove {
  readonly id: string
  readonly state: TaskState | null
  readonly tryNumber: number
  readonly epoch: number
  readonly maxTries?: number
  readonly isContinued?: boolean
}

/** State of the same task in the run before, for depends_on_past; `null` = there is no earlier run. */
export interface PastOfTask {
  readonly state: TaskState | null
  /** All direct downstream of the past instance succeeded or were skipped. */
  readonly isDownstreamDone: boolean
}

/** What a mapped task became: its one instance may have become index 0, and others are new. */
export interface Expansion {
  readonly first: TaskInstanceView
  readonly isRenamed: boolean
  readonly added: readonly TaskInstanceView[]
}

/** What tasks have returned that decides on others: lists to map over, tasks to leave out. */
export interface UpstreamOutputs {
  /** By task index: the items of its value; of a mapped task, its instances that pushed one. */
  readonly lengths: Map<number, number>
  /** By task index of a branch: ids it left out. */
  readonly skips: Map<number, readonly string[]>
}

export interface RunModelOptions {
  readonly upstreamOutputs?: UpstreamOutputs
  /** Most instances of a mapped task. */
  readonly maxMapLength?: number
}

/** Ours; Airflow's default of 1,024 is one more setting that bites late. */
export const MAX_MAP_LENGTH = 10_000

type Counted = 'success' | 'failed' | 'upstream_failed' | 'skipped' | 'removed'
type Tally = Record<Counted, number> & { total: number; setupTotal: number; setupSuccess: number; setupSkipped: number }
const COUNTED: ReadonlySet<TaskState | null> = new Set(['success', 'failed', 'upstream_failed', 'skipped', 'removed'])
const isCounted = (state: TaskState | null): state is Counted => COUNTED.has(state)

export class RunModel {
  readonly graph: DagGraph
  readonly run: RunFacts
  readonly instances: ReadonlyMap<string, TaskInstanceView>
  /** Of each task: its instances (one, unless mapped). */
  readonly byTask: readonly (readonly TaskInstanceView[])[]
  upstreamOutputs: UpstreamOutputs
  readonly maxMapLength: number
  /** Mapped tasks that this decision has expanded; whoever writes the decision takes them. */
  expansions: Expansion[] = []
  /** Absent = the DAG has no task that looks at its past. */
  readonly past: ReadonlyMap<string, PastOfTask> | null
  /** Instances that are ready and have not been refused a slot, as far as this copy knows. */
  readonly ready = new ReadyList<TaskInstanceView>()
  /** Those that have been, by pool. */
  readonly throttled = new Map<string, ReadyList<TaskInstanceView>>()
  /** With the code of the reason: what is known need not be written again. */
  private readonly refusals = new Map<string, Reason['code']>()
  activeCount = 0
  unfinishedCount = 0
  /** Instances without a state: nothing has decided on them yet. */
  undecidedCount = 0
  private readonly tallies: Tally[]
  /** By task: its unfinished instances. */
  private readonly unfinished: number[]

  constructor(
    graph: DagGraph,
    run: RunFacts,
    instances: readonly TaskInstanceView[],
    past: ReadonlyMap<string, PastOfTask> | null,
    options: RunModelOptions = {},
  ) {
    this.graph = graph
    this.run = run
    this.past = past
    this.upstreamOutputs = options.upstreamOutputs ?? { lengths: new Map(), skips: new Map() }
    this.maxMapLength = options.maxMapLength ?? MAX_MAP_LENGTH
    this.instances = new Map(instances.map((ti) => [ti.id, ti]))
    const byTask: TaskInstanceView[][] = graph.tasks.map(() => [])
    for (const ti of instances) byTask[ti.task]?.push(ti)
    this.byTask = byTask
    this.tallies = graph.tasks.map(() => ({
      success: 0,
      failed: 0,
      upstream_failed: 0,
      skipped: 0,
      removed: 0,
      total: 0,
      setupTotal: 0,
      setupSuccess: 0,
      setupSkipped: 0,
    }))
    this.unfinished = graph.tasks.map(() => 0)
    for (const ti of instances) this.enter(ti)
  }

  /** Unfinished instances of a task, without a look at each: there may be ten thousand. */
  unfinishedOf(task: number): number {
    return this.unfinished[task] ?? 0
  }

  private enter(ti: TaskInstanceView): void {
    for (const child of this.graph.downstream[ti.task] ?? []) this.tally(child).total++
    this.count(ti, 1)
  }

  private tally(task: number): Tally {
    const tally = this.tallies[task]
    if (tally === undefined)
      throw new BaramError('SERIALIZED_INVALID', `task index ${task} is outside DAG ${this.run.dagId}`)
    return tally
  }

  private count(ti: TaskInstanceView, step: 1 | -1): void {
    const { state } = ti
    if (isActive(state)) this.activeCount += step
    if (!isFinished(state)) {
      this.unfinishedCount += step
      this.unfinished[ti.task] = this.unfinishedOf(ti.task) + step
    }
    if (state === null) this.undecidedCount += step
    if (state === 'scheduled') {
      if (step === 1) this.ready.add(ti)
      else if (!this.ready.delete(ti)) {
        this.throttled.get(ti.pool)?.delete(ti)
        this.refusals.delete(ti.id)
      }
    }
    if (isCounted(state)) for (const child of this.graph.downstream[ti.task] ?? []) this.tally(child)[state] += step
  }

  /** Whether an instance waits for a slot that it has been refused, as far as this copy knows. */
  isThrottled(ti: TaskInstanceView): boolean {
    return this.refusals.has(ti.id)
  }

  /** Refuses a ready instance a slot. @returns whether that is news */
  throttle(ti: TaskInstanceView, code: Reason['code']): boolean {
    if (this.refusals.get(ti.id) === code) return false
    this.refusals.set(ti.id, code)
    this.ready.delete(ti)
    const inPool = this.throttled.get(ti.pool) ?? new ReadyList<TaskInstanceView>()
    this.throttled.set(ti.pool, inPool)
    inPool.add(ti)
    return true
  }

  /** Ready instances with and without a refusal, each list in its order. */
  get readyLists(): readonly ReadyList<TaskInstanceView>[] {
    return [this.ready, ...this.throttled.values()]
  }

  /** Upstream counts of one instance. */
  countsFor(ti: TaskInstanceView): UpstreamCounts {
    const t = this.tally(ti.task)
    return {
      total: t.total,
      success: t.success,
      failed: t.failed,
      upstreamFailed: t.upstream_failed,
      skipped: t.skipped,
      removed: t.removed,
      setups: { total: t.setupTotal, success: t.setupSuccess, skipped: t.setupSkipped },
    }
  }

  /**
   * Moves one instance and tells it as a transition. A new try begins on `none → scheduled` and `up_for_retry → scheduled`
   * only (docs/reliability.md rule 14).
   * @throws BaramError TRANSITION_ILLEGAL
   */
  move(ti: TaskInstanceView, to: TaskState | null, because: Reason, readyAt: number | null = null): Transition {
    const from = ti.state
    if (!mayMove(from, to)) {
      const task = this.graph.task(ti.task).taskId
      throw new BaramError(
        'TRANSITION_ILLEGAL',
        `task ${task} of run ${this.run.runId} may not move from ${from ?? 'none'} to ${to ?? 'none'}`,
      )
    }
    if (to === 'scheduled' && (from === null || from === 'up_for_retry')) {
      ti.tryNumber++
      ti.isContinued = false
    }
    if (to === 'deferred' || to === 'up_for_reschedule') ti.isContinued = true
    if (to === 'running') ti.epoch++
    this.set(ti, to)
    return { ti, from, to, because, readyAt }
  }

  /** Moves the run itself. @throws BaramError TRANSITION_ILLEGAL */
  moveRun(to: RunState): void {
    const { run } = this
    if (!mayMoveRun(run.state, to))
      throw new BaramError('TRANSITION_ILLEGAL', `run ${run.runId} may not move from ${run.state} to ${to}`)
    run.state = to
  }

  /** A user's word: any state may become one of those a user may set. */
  mark(ti: TaskInstanceView, to: Mark, because: Reason): Transition {
    const from = ti.state
    this.set(ti, to)
    return { ti, from, to, because, readyAt: null }
  }

  /** Takes over what another process did (read from the ledger). */
  applyRemote(change: RemoteMove): void {
    const ti = this.instances.get(change.id)
    if (ti === undefined)
      throw new BaramError(
        'SETTLED_ELSEWHERE',
        `task instance ${change.id} is not in the copy of run ${this.run.runId}`,
      )
    ti.tryNumber = change.tryNumber
    ti.maxTries = change.maxTries ?? ti.maxTries
    ti.epoch = change.epoch
    ti.isContinued = change.isContinued ?? ti.isContinued
    this.set(ti, change.state)
  }

  /** The branch that left a task out, or null. A branch that runs anew has no say until it has ended. */
  skipperOf(task: number): string | null {
    const taskId = this.graph.task(task).taskId
    for (const [branch, ids] of this.upstreamOutputs.skips) {
      const has = taskId !== undefined && ids.includes(taskId)
      if (has && this.byTask[branch]?.[0]?.state === 'success') return this.graph.task(branch).taskId
    }
    return null
  }

  /** A branch has ended: these downstream tasks are not to run. Names of other tasks are ignored. */
  recordSkips(task: number, taskIds: readonly string[]): readonly string[] {
    const rank = this.graph.rank[task] ?? 0
    const known = taskIds.filter((taskId) => (this.graph.rank[this.graph.indexOf.get(taskId) ?? -1] ?? -1) > rank)
    this.upstreamOutputs.skips.set(task, known)
    return known
  }

  /** A task that others are mapped over has returned a value. */
  recordLength(ti: TaskInstanceView, items: number): void {
    const { lengths } = this.upstreamOutputs
    lengths.set(ti.task, ti.mapIndex < 0 ? items : (lengths.get(ti.task) ?? 0) + 1)
  }

  /**
   * Gives a mapped task its instances, up to `count`: its one instance becomes the first, those that are missing are added
   * without a state. Returns all in order.
   */
  expand(task: number, count: number): readonly TaskInstanceView[] {
    // Ours to grow: handed out as read-only, so that nobody else does.
    const [all, byId] = [this.byTask[task] as TaskInstanceView[], this.instances as Map<string, TaskInstanceView>]
    const first = all.find((ti) => ti.mapIndex <= 0)
    if (first === undefined || count < 1) return all
    const isRenamed = first.mapIndex === -1
    first.mapIndex = 0
    const { length } = all
    const added = Array.from({ length: Math.max(0, count - length) }, (_, i) => ({
      ...first,
      id: mappedId(first.id, length + i),
      mapIndex: length + i,
      state: null,
      tryNumber: 0,
      maxTries: this.graph.task(task).retries,
      epoch: 0,
      isContinued: false,
    }))
    for (const ti of added) {
      all.push(ti)
      byId.set(ti.id, ti)
      this.enter(ti)
    }
    if (isRenamed || added.length > 0) this.expansions.push({ first, isRenamed, added })
    return all
  }

  private set(ti: TaskInstanceView, to: TaskState | null): void {
    this.count(ti, -1)
    ti.state = to
    this.count(ti, 1)
  }
}
