// Drives one run in one process: the core decides, settles and advances as in a deployment; attempts run one after another,
// and the clock is moved over every wait instead of being waited for.

import { refuseToMap } from '../core/arguments.ts'
import { boundResult } from '../core/bound-result.ts'
import { advance, decide, expire, failFast, runOutcome } from '../core/decide.ts'
import { buildGraph } from '../core/graph.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { countItems } from '../core/mapping.ts'
import type { Wait } from '../core/protocol.ts'
import { MAX_MAP_LENGTH, type RunFacts, RunModel, type TaskInstanceView, type Transition } from '../core/run-model.ts'
import type { SerializedDag } from '../core/serialized.ts'
import { type Outcome, settle } from '../core/settle.ts'
import { isFinished } from '../core/states.ts'
import { isOverLimit } from '../core/time-limit.ts'
import type { FacadeDag } from '../sdk/dag.ts'
import { type AttemptDeps, type Continuation, type LogLine, runTry } from './attempt.ts'
import { VirtualClock } from './clock.ts'
import { type Fired, Watch } from './watch.ts'
import type { World } from './world.ts'

export interface DriveOptions {
  readonly dag: FacadeDag
  /** Its stored form, or a part of it. */
  readonly serialized: SerializedDag
  readonly world: World
  readonly run: Pick<RunFacts, 'runId' | 'logicalDate' | 'dataInterval' | 'runAfter'>
  readonly conf: JsonObject
  readonly params: JsonObject
  /** Epoch ms at which the run begins. */
  readonly at: number
  readonly embeddedRoot: string
  readonly hasTimeLimits: boolean
  onLog(line: LogLine): void
  /** Each move, in order. */
  onMove?(transition: Transition, model: RunModel, at: number): void
  onFields?(ti: TaskInstanceView, fields: JsonObject): void
}

interface Waiting extends Continuation {
  readonly readyAt: number | null
  readonly wait: Wait | null
  /** Its trigger, if it waits for one. */
  readonly watch: Watch | null
}

/** When something happens to what waits: its own date, its limit, or its trigger's next step. */
function dueAt({ readyAt, watch }: Waiting): number {
  if (watch?.fired != null) return Number.NEGATIVE_INFINITY
  return Math.min(readyAt ?? Number.POSITIVE_INFINITY, watch?.wakeAt ?? Number.POSITIVE_INFINITY)
}

/** A run that is being driven. */
export class Drive {
  readonly model: RunModel
  readonly clock: VirtualClock
  readonly deps: AttemptDeps
  private readonly options: DriveOptions
  private readonly firstTries = new Map<TaskInstanceView, number>()
  private readonly waiting = new Map<TaskInstanceView, Waiting>()

  constructor(options: DriveOptions) {
    this.options = options
    const { serialized, run, conf, at } = options
    this.clock = new VirtualClock(at)
    const graph = buildGraph(serialized)
    const facts: RunFacts = {
      ...{ dagRunId: 1, dagId: serialized.dagId, ...run, runType: 'manual', startDate: at, conf },
      ...{ versionId: 'test', clearNumber: 0, state: 'running', rev: 0 },
    }
    const instances = graph.tasks.map((task, i) => ({
      ...{ id: `${run.runId}/${task.taskId}`, task: i, mapIndex: -1, pool: task.pool, poolSlots: task.poolSlots },
      ...{ queue: task.queue, priorityWeight: graph.weight[i] ?? 1, state: null, tryNumber: 0 },
      ...{ maxTries: task.retries, epoch: 0, isContinued: false },
    }))
    // Without a past: depends_on_past sees the first run ever.
    this.model = new RunModel(graph, facts, instances, null, { maxMapLength: MAX_MAP_LENGTH })
    const { dag, world, params, embeddedRoot, hasTimeLimits, onLog } = options
    this.deps = {
      ...{ dag, world, params, embeddedRoot, hasTimeLimits, onLog, model: this.model, clock: this.clock },
      dataInterval: run.dataInterval,
      onFields: (ti, fields) => options.onFields?.(ti, fields),
    }
  }

  /** To the end of the run. */
  async run(): Promise<'success' | 'failed'> {
    this.tell(decide(this.model))
    for (;;) {
      const outcome = runOutcome(this.model)
      if (outcome !== null) return outcome.state === 'success' ? 'success' : 'failed'
      const next = this.next()
      if (next !== null) await this.start(next)
      else await this.moveOn()
      if (this.isTooLate()) return 'failed'
    }
  }

  private tell(transitions: readonly Transition[]): void {
    for (const transition of transitions) this.options.onMove?.(transition, this.model, this.clock.now())
  }

  /** The heaviest of what is ready, as the scheduler would admit it. */
  private next(): TaskInstanceView | null {
    const ready = this.model.readyLists
      .flatMap((list) => list.first(list.size))
      .sort(
        (a, b) =>
          b.priorityWeight - a.priorityWeight ||
          (this.model.graph.rank[a.task] ?? 0) - (this.model.graph.rank[b.task] ?? 0) ||
          a.mapIndex - b.mapIndex,
      )
    return ready[0] ?? null
  }

  private taskId(ti: TaskInstanceView): string {
    return this.model.graph.task(ti.task).taskId
  }

  private firstTriedAt(ti: TaskInstanceView): number {
    const at = this.firstTries.get(ti) ?? this.clock.now()
    this.firstTries.set(ti, at)
    return at
  }

  private async start(ti: TaskInstanceView): Promise<void> {
    const { model, clock } = this
    const waited = ti.isContinued ? this.waiting.get(ti) : undefined
    this.waiting.delete(ti)
    if (waited === undefined && ti.tryNumber > 1) this.options.world.clearXComs(this.taskId(ti), ti.mapIndex)
    model.move(ti, 'queued', { code: 'admitted' })
    this.tell([model.move(ti, 'running', { code: 'started', worker: 'test' })])
    const from: Continuation = {
      triedAt: waited?.triedAt ?? clock.now(),
      firstTriedAt: this.firstTriedAt(ti),
      rescheduleCount: waited?.rescheduleCount ?? 0,
      resume: waited?.resume ?? null,
    }
    const outcome = this.checkMappable(ti, this.bounded(ti, await runTry(this.deps, ti, from)))
    this.take(ti, outcome, from)
  }

  /** A task that others are mapped over must return something with items. */
  private checkMappable(ti: TaskInstanceView, outcome: Outcome): Outcome {
    const { graph, maxMapLength } = this.model
    const isSource = graph.mapSources.has(ti.task) && ti.mapIndex < 0 && graph.tasks[ti.task]?.mapping === null
    if (outcome.kind !== 'success' || !isSource) return outcome
    const message = refuseToMap(this.taskId(ti), outcome.value, maxMapLength)
    return message === null ? outcome : { kind: 'failure', message, isRetryable: true }
  }

  /** What an attempt returned, its move, and what that releases. */
  private take(ti: TaskInstanceView, outcome: Outcome, from: Continuation): void {
    const { model } = this
    if (outcome.kind === 'success') this.keep(ti, outcome.value, outcome.skips ?? [])
    const moved = settle(model, ti, this.masked(outcome), this.clock.now())
    this.tell([moved])
    if (!isFinished(moved.to)) {
      this.waiting.set(ti, this.waitOf(ti, outcome, moved.readyAt, from))
      return
    }
    if (moved.to === 'failed' && model.graph.dag.failFast) this.tell(failFast(model, ti))
    this.tell(advance(model, [ti]))
    model.expansions = []
  }

  /** As a worker does: secrets are masked, and what cannot be stored or waited for is cut or refused, and said. */
  private bounded(ti: TaskInstanceView, outcome: Outcome): Outcome {
    const masked = this.masked(outcome)
    if (masked.kind === 'timeout' || masked.kind === 'lost' || masked.kind === 'interrupted') return masked
    if (masked.kind === 'wait_timeout') return masked
    const { result, note } = boundResult(masked)
    const { mapIndex, tryNumber } = ti
    if (note !== null)
      this.deps.onLog({ taskId: this.taskId(ti), mapIndex, tryNumber, level: 'warning', message: note, fields: {} })
    return result
  }

  /** What a failure or a skip says is shown: without the secrets its task was given. */
  private masked(outcome: Outcome): Outcome {
    const { masker } = this.options.world
    if (outcome.kind === 'failure') return { ...outcome, message: masker.mask(outcome.message) }
    if (outcome.kind === 'skip' && outcome.message !== null)
      return { ...outcome, message: masker.mask(outcome.message) }
    return outcome
  }

  private keep(ti: TaskInstanceView, value: JsonValue | undefined, skips: readonly string[]): void {
    const { model, options } = this
    const taskId = this.taskId(ti)
    if (value !== undefined) options.world.putXCom(taskId, ti.mapIndex, 'return_value', value)
    if (model.graph.skippers.has(ti.task)) {
      const skipped = model.recordSkips(ti.task, skips)
      if (skipped.length > 0) options.world.putXCom(taskId, ti.mapIndex, 'skipmixin_key', { skipped: [...skipped] })
    }
    if (value !== undefined && model.graph.mapSources.has(ti.task)) model.recordLength(ti, countItems(value) ?? 0)
  }

  private waitOf(ti: TaskInstanceView, outcome: Outcome, readyAt: number | null, from: Continuation): Waiting {
    const wait = outcome.kind === 'defer' ? outcome.wait : null
    return {
      triedAt: from.triedAt,
      firstTriedAt: from.firstTriedAt,
      rescheduleCount: from.rescheduleCount + (outcome.kind === 'reschedule' ? 1 : 0),
      resume: null,
      readyAt,
      wait,
      watch: wait?.kind === 'trigger' ? new Watch(this.deps, ti, wait) : null,
    }
  }

  /** Nothing is ready: what comes first in time goes on. */
  private async moveOn(): Promise<void> {
    for (const { watch } of this.waiting.values())
      if (watch !== null && watch.wakeAt === null && watch.fired === null) await watch.step()
    const [first] = [...this.waiting].sort(([, a], [, b]) => dueAt(a) - dueAt(b))
    if (first === undefined) throw new Error('the run can neither go on nor end; please report this with the DAG')
    const [ti, waited] = first
    if (Number.isFinite(dueAt(waited))) this.clock.moveTo(dueAt(waited))
    await this.wake(ti, waited)
  }

  private async wake(ti: TaskInstanceView, waited: Waiting): Promise<void> {
    const { model } = this
    const { wait, watch } = waited
    if (ti.state === 'up_for_retry') {
      this.waiting.delete(ti)
      this.tell([model.move(ti, 'scheduled', { code: 'retry_due' })])
    } else if (ti.state === 'up_for_reschedule') this.tell([model.move(ti, 'scheduled', { code: 'reschedule_due' })])
    else if (watch?.fired != null) this.fire(ti, waited, watch.fired)
    else if (watch?.wakeAt != null && watch.wakeAt <= this.clock.now()) await watch.step()
    else if (wait?.kind === 'time' && wait.at <= this.clock.now())
      this.fire(ti, waited, { event: new Date(wait.at).toISOString() })
    else this.fire(ti, waited, { outcome: this.lateOutcome(ti, waited) })
  }

  private lateOutcome(ti: TaskInstanceView, { triedAt }: Waiting): Outcome {
    const limit = this.model.graph.task(ti.task).executionTimeout
    return isOverLimit(limit, triedAt, this.clock.now())
      ? { kind: 'timeout', seconds: limit }
      : { kind: 'wait_timeout' }
  }

  private fire(ti: TaskInstanceView, waited: Waiting, fired: Fired): void {
    if ('outcome' in fired) {
      waited.watch?.stop()
      this.waiting.delete(ti)
      this.take(ti, fired.outcome, waited)
      return
    }
    this.waiting.set(ti, { ...waited, watch: null, resume: { event: fired.event } })
    this.tell([this.model.move(ti, 'scheduled', { code: 'wait_over' })])
  }

  private isTooLate(): boolean {
    const { model, clock, options } = this
    const limit = model.graph.dag.dagrunTimeout
    if (limit === null || clock.now() - options.at <= limit * 1000 || runOutcome(model) !== null) return false
    this.tell(expire(model, limit))
    return true
  }
}
