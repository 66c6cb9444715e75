// The run transaction (docs/dispatch.md): it locks runs, proves its copies, decides, gives slots, starts attempts on
// the worker that takes it, and writes everything. Reports, claims, starts, retries, rescue and sweeps are all transactions.
//
//   begin → lock runs (ids ascending) → changes since my copies → act (pure) → slots → write → commit → notify
//
// If a statement touches fewer rows than were decided on, the transaction is rolled back, the copies are dropped, and
// the caller may try again: nothing is half done. Attempts start only after the commit.

import { runOutcome } from '../../core/decide.ts'
import { messageOf } from '../../core/errors.ts'
import type { RunModel } from '../../core/run-model.ts'
import { isRunFinished } from '../../core/states.ts'
import type { Logger } from '../../runtime/logger.ts'
import { isConnectionError } from '../../store/answers.ts'
import { type Connection, type Database, sqlOf } from '../../store/database.ts'
import { lockFreeRuns, lockRuns } from '../../store/postgres/runs.ts'
import { peekQueued, peekThrottled, type QueuedRow, type ThrottledInstance } from '../../store/postgres/task-queue.ts'
import { isLasting } from '../../store/refusal.ts'
import type { Sql } from '../../store/sql.ts'
import type { ProcessMetrics } from '../process/metrics.ts'
import { type AdmissionLimits, giveSlots } from './admission.ts'
import { type InstanceChange, RunChanges } from './changes.ts'
import { Pipeline } from './pipeline.ts'
import type { RunCache } from './run-cache.ts'
import { blame, blameAsync, RunFault } from './run-fault.ts'
import { type Slots, type StartedAttempt, startAttempts } from './start-attempts.ts'
import { wakeOthers } from './wake-others.ts'
import { writeChanges } from './write.ts'

const NONE: ReadonlyMap<number, unknown> = new Map()

export interface RunTransactionRequest {
  /** Runs that must be locked, in any order and as often as it comes: the transaction waits for them. */
  readonly runs: readonly number[]
  /** Runs taken only if nobody holds them. */
  readonly freeRuns?: readonly number[]
  readonly slots?: Slots
  /** Reconsider everything that waits for a slot, not only what has just become ready. */
  readonly isWide?: boolean
  /**
   * A run whose part is refused for good is left out and the rest is done without it (`refused` of the result). Without
   * this the whole request fails, as a user's verb must.
   */
  readonly isBatch?: boolean
  /** Runs that somebody else holds at this moment are passed over instead of waited for (docs/reliability.md rule 23). */
  readonly skipsLocked?: boolean
  /** How many of the slots are free, once it is known which runs are locked; default: all. */
  slotsNow?(locked: ReadonlyMap<number, RunChanges>): number
  /** Before runs are locked: locks that come first in the order (dag rows). `refused`: runs that were left out. */
  readonly before?: ((tx: Sql, refused: ReadonlyMap<number, unknown>) => Promise<void>) | undefined
  /** Statements of the same transaction that depend on which runs could be locked. */
  also?(tx: Sql, locked: ReadonlyMap<number, RunChanges>, refused: ReadonlyMap<number, unknown>): Promise<void>
  /** Decides on current models. Pure but for the models, which move. */
  act(changes: ReadonlyMap<number, RunChanges>): void
}

export interface RunTransactionResult {
  readonly started: readonly StartedAttempt[]
  readonly changedRuns: readonly number[]
  /** Runs that ended by it. */
  readonly endedRuns: readonly number[]
  /** A run was passed over that somebody else held at that moment: look again soon. */
  readonly hasMissed: boolean
  /** Of a batch: runs that were left out, with why. */
  readonly refused: ReadonlyMap<number, unknown>
}

export interface RunTransactionDeps {
  readonly database: Database
  readonly runCache: RunCache
  readonly log: Logger
  readonly limits: AdmissionLimits
  /** `worker:12`, `scheduler:3`: stands in the ledger. */
  readonly who: string
  /** Counts transactions and what they bring about. */
  readonly metrics?: ProcessMetrics
  /** Told after each commit which runs changed. */
  onChange(result: RunTransactionResult): void
}

/** How long a run at fault is left out of what is not about it alone, ms. */
const AVOID_MS = 60_000
/** Runs left out of one batch at most: more at once are no longer single runs at fault. */
const MOST_REFUSED = 100

/** Heads of the queue compared with a transaction's own ready instances. */
const PEEK_THROTTLED = 16

interface Prepared {
  readonly all: Map<number, RunChanges>
  readonly queued: readonly QueuedRow[]
  readonly throttled: readonly ThrottledInstance[]
  readonly hasMissed: boolean
}

/** One process' writer: one connection, one transaction at a time; what arrives meanwhile waits in order. */
export class RunTransactions {
  private readonly deps: RunTransactionDeps
  private client: Connection | null = null
  private tail: Promise<unknown> = Promise.resolve()
  private hasMissed = false
  private isClosed = false
  /** Runs at fault, each until when (monotonic ms). */
  private readonly avoided = new Map<number, number>()

  constructor(deps: RunTransactionDeps) {
    this.deps = deps
  }

  get database(): Database {
    return this.deps.database
  }

  get log(): Logger {
    return this.deps.log
  }

  get who(): string {
    return this.deps.who
  }

  /**
   * @throws BaramError SETTLED_ELSEWHERE when rows had moved; connection errors as they come; a RunFault of a request
   *   that is no batch
   */
  run(request: RunTransactionRequest): Promise<RunTransactionResult> {
    if (this.isClosed) return Promise.reject(new Error('the writer of run transactions is closed'))
    const take = () => (request.isBatch === true ? this.batch(request) : this.once(request, NONE))
    const next = this.tail.then(take, take)
    this.tail = next.catch(() => undefined)
    return next
  }

  /** Again and again without the run that was refused, until the rest is through. */
  private async batch(request: RunTransactionRequest): Promise<RunTransactionResult> {
    const refused = new Map<number, unknown>()
    for (;;) {
      try {
        return await this.once(request, refused)
      } catch (error) {
        if (!(error instanceof RunFault)) throw error
        if (!isLasting(error.cause) || refused.size >= MOST_REFUSED) throw error.cause
        refused.set(error.dagRunId, error.cause)
        this.avoided.set(error.dagRunId, performance.now() + AVOID_MS)
        const { dagRunId, cause } = error
        this.deps.log.error({ dagRunId, err: messageOf(cause) }, 'a run was left out: its part is refused for good')
      }
    }
  }

  /** Whether since the last look some run was passed over because another process held it. */
  takeMissed(): boolean {
    const { hasMissed } = this
    this.hasMissed = false
    return hasMissed
  }

  /** Something was passed over beside a transaction because another process held it. */
  noteMissed(): void {
    this.hasMissed = true
  }

  /** Runs that nobody asked for by name and that are at fault. */
  private avoiding(refused: ReadonlyMap<number, unknown>): number[] {
    const now = performance.now()
    for (const [id, until] of this.avoided) if (until <= now) this.avoided.delete(id)
    return [...new Set([...refused.keys(), ...this.avoided.keys()])]
  }

  /** What was asked before is done; what is asked later is refused. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.tail
    await this.client?.end().catch(() => undefined)
    this.client = null
  }

  private async connection(): Promise<Connection> {
    if (this.client !== null) return this.client
    const client = await this.deps.database.connect('writer')
    client.on('end', () => {
      if (this.client === client) this.client = null
    })
    this.client = client
    return client
  }

  private async once(
    request: RunTransactionRequest,
    refused: ReadonlyMap<number, unknown>,
  ): Promise<RunTransactionResult> {
    const client = await this.connection()
    const began = performance.now()
    const tx = sqlOf(client, true)
    const touched = new Set<number>([...request.runs, ...(request.freeRuns ?? [])])
    try {
      const result = await this.transact(tx, request, refused, touched)
      this.hasMissed ||= result.hasMissed
      if (result.changedRuns.length > 0) this.deps.onChange(result)
      return result
    } catch (error) {
      this.deps.metrics?.add('baram_run_transaction_failures_total', {})
      this.deps.runCache.forget(touched)
      await this.rollback(client, error)
      throw error
    } finally {
      this.deps.metrics?.observe('baram_run_transaction_seconds', {}, (performance.now() - began) / 1000)
    }
  }

  private async rollback(client: Connection, reason: unknown): Promise<void> {
    const cause = reason instanceof RunFault ? reason.cause : reason
    try {
      if (isConnectionError(cause)) throw cause
      await client.query('rollback')
    } catch (error) {
      this.deps.log.warn({ err: messageOf(error), reason: messageOf(reason) }, 'the writing connection is replaced')
      if (this.client === client) this.client = null
      this.deps.database.abandon(client)
    }
  }

  private async transact(
    tx: Sql,
    request: RunTransactionRequest,
    refused: ReadonlyMap<number, unknown>,
    touched: Set<number>,
  ): Promise<RunTransactionResult> {
    const begun = tx.query('begin')
    begun.catch(() => undefined) // The same failure rejects the next statement, which is awaited.
    await request.before?.(tx, refused)
    const prepared = await this.prepare(tx, request, refused, touched)
    request.act(prepared.all)
    const all = [...prepared.all.values()]
    const slots = await giveSlots(tx, all, prepared.throttled, this.deps.limits, request.isWide === true)
    const started =
      request.slots === undefined
        ? []
        : startAttempts(prepared.all, prepared.queued, slots.admitted, slotsOf(request, request.slots, prepared))
    for (const changes of all) blame(changes.model.run.dagRunId, () => finishRun(changes))
    const changed = all.filter((changes) => !changes.isEmpty)
    for (const changes of changed)
      if (changes.isCleared || isRunFinished(changes.model.run.state)) touched.add(changes.model.run.dagRunId)
    await this.write(tx, request, changed, slots.hasLeftover, prepared, refused)
    return { ...this.afterCommit(changed, started, prepared.hasMissed), refused }
  }

  /**
   * Statements and COMMIT leave together: one that fails, also because rows had moved, makes the server answer COMMIT by rolling back.
   * Only where the caller's own statements decide on what they read, COMMIT waits for all.
   */
  private async write(
    tx: Sql,
    request: RunTransactionRequest,
    changed: readonly RunChanges[],
    hasLeftover: boolean,
    { all }: Prepared,
    refused: ReadonlyMap<number, unknown>,
  ): Promise<void> {
    const pipeline = new Pipeline(tx)
    for (const changes of changed) {
      const { dagRunId } = changes.model.run
      const send = (answer: Promise<unknown>) => pipeline.add(blameAsync(dagRunId, () => answer))
      blame(dagRunId, () => writeChanges(pipeline, changes, this.deps.who, request.slots?.worker ?? null, send))
    }
    for (const answer of wakeOthers(pipeline, changed, hasLeftover && request.isWide !== true)) pipeline.add(answer)
    if (request.also !== undefined) {
      pipeline.add(request.also(pipeline, all, refused))
      await pipeline.settle()
    }
    await pipeline.commit()
  }

  private async prepare(
    tx: Sql,
    request: RunTransactionRequest,
    refused: ReadonlyMap<number, unknown>,
    touched: Set<number>,
  ): Promise<Prepared> {
    const { slots } = request
    const avoided = this.avoiding(refused)
    const runs = [...new Set(request.runs)].filter((id) => !refused.has(id))
    const freeRuns = (request.freeRuns ?? []).filter((id) => !avoided.includes(id))
    const heads =
      slots?.mayClaim === true && slots.count > 0
        ? peekQueued(tx, slots.queues, slots.count, avoided)
        : Promise.resolve([])
    const waiting = peekThrottled(tx, PEEK_THROTTLED)
    const lock = request.skipsLocked === true ? lockFreeRuns : lockRuns
    const mustLock = runs.length > 0 ? lock(tx, runs) : Promise.resolve([])
    const [queued, throttled, locked] = await Promise.all([heads, waiting, mustLock])
    const have = new Set(locked.map((run) => run.id))
    const wanted = [...new Set([...freeRuns, ...queued.map((row) => row.dagRunId)])].filter((id) => !have.has(id))
    const free = wanted.length > 0 ? await lockFreeRuns(tx, wanted) : []
    const rows = [...locked, ...free]
    for (const row of rows) touched.add(row.id)
    const models = await this.deps.runCache.current(tx, rows)
    const all = new Map<number, RunChanges>()
    for (const row of rows) {
      const model = models.get(row.id)
      if (model !== undefined) all.set(row.id, new RunChanges(model, row.isPaused))
    }
    const hasPassed = request.skipsLocked === true && locked.length < runs.length
    return { all, queued, throttled, hasMissed: hasPassed || free.length < wanted.length }
  }

  private afterCommit(
    changed: readonly RunChanges[],
    started: readonly StartedAttempt[],
    hasMissed: boolean,
  ): Omit<RunTransactionResult, 'refused'> {
    const ended: number[] = []
    const finished: number[] = []
    for (const changes of changed) {
      const { model, moved, isCleared } = changes
      this.deps.metrics?.countChanges(changes)
      model.run.rev++
      if (isRunFinished(model.run.state)) finished.push(model.run.dagRunId)
      if (isRunFinished(model.run.state) && model.run.state !== changes.runStateBefore) ended.push(model.run.dagRunId)
      if (isCleared) this.deps.runCache.forget([model.run.dagRunId])
      for (const change of moved.values()) this.logMove(model, change)
    }
    this.deps.runCache.forget(finished)
    return { started, changedRuns: changed.map((changes) => changes.model.run.dagRunId), endedRuns: ended, hasMissed }
  }

  private logMove(model: RunModel, change: InstanceChange): void {
    if (!this.deps.log.isLevelEnabled('debug')) return
    const { dagId, runId } = model.run
    const taskId = model.graph.task(change.ti.task).taskId
    this.deps.log.debug(
      { dagId, runId, taskId, tryNumber: change.ti.tryNumber, from: change.from, steps: change.steps },
      'task instance moved',
    )
  }
}

const slotsOf = (request: RunTransactionRequest, slots: Slots, { all }: Prepared): Slots =>
  request.slotsNow === undefined ? slots : { ...slots, count: request.slotsNow(all) }

/** Closes the run once nothing of it can go on. */
function finishRun(changes: RunChanges): void {
  const { model } = changes
  if (model.run.state !== 'running') return
  const outcome = runOutcome(model)
  if (outcome === null) return
  changes.moveRun(outcome.state, { code: outcome.because })
}
