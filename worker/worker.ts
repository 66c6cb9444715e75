// The worker: holds slots, claims and reports in run transactions, runs attempts in warm children. One supervisor process; it never runs users' code.
//
// Whatever ends while a transaction is under way goes into the next one; a lone result goes at once. Slots are counted by rows
// at the moment a batch is cut: an attempt holds its slot until its report is committed.

import { hostname } from 'node:os'
import { messageOf } from '../core/errors.ts'
import type { JsonValue } from '../core/json.ts'
import type { Vault } from '../engine/admin/vault.ts'
import { claim } from '../engine/attempts/claim.ts'
import { report } from '../engine/attempts/report.ts'
import { Lease } from '../engine/process/lease.ts'
import { LogEnder } from '../engine/process/log-endings.ts'
import { PageNotifier } from '../engine/process/page-notifier.ts'
import { RunCache } from '../engine/transaction/run-cache.ts'
import {
  type RunTransactionResult,
  RunTransactions,
  type Slots,
  type StartedAttempt,
} from '../engine/transaction/run-transaction.ts'
import type { Report } from '../engine/transaction/settle-attempt.ts'
import type { Config } from '../runtime/config.ts'
import { endOrphans } from '../runtime/descendants.ts'
import type { Logger } from '../runtime/logger.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import { isConnectionError } from '../store/answers.ts'
import type { Database } from '../store/database.ts'
import { Listener } from '../store/listener.ts'
import { findOwnedAttempts } from '../store/postgres/task-queue.ts'
import { Attempt, type AttemptDeps } from './attempts.ts'
import { Housekeeping } from './housekeeping.ts'
import { type FreshValues, freshKey, Inputs } from './inputs.ts'
import { LogWriter } from './log-writer.ts'
import { ChildPool } from './pool.ts'

export interface WorkerOptions {
  readonly config: Config
  readonly database: Database
  readonly vault: Vault
  readonly log: Logger
  readonly concurrency: number
  /** Null = every queue. */
  readonly queues: readonly string[] | null
  /** The lease was lost: the process must end, its attempts are dead already. */
  onFatal(reason: string): void
}

/** Net under lost notifications, ms. */
const POLL_MS = 5_000
/** After a failed transaction, ms: the database may be away for longer, so it grows to the limit. */
const RETRY_MS = 100
const LONGEST_RETRY_MS = 2_000
/** A report whose run another process holds is told again after this, ms: such a transaction takes a few; it grows. */
const HELD_MS = 2
const LONGEST_HELD_MS = 250
/** Queued rows were seen but their run was held by another: look again after this, ms. */
const MISSED_MS = 5

const keyOf = (attempt: { dagRunId: number; tiId: string; epoch: number }) =>
  `${attempt.dagRunId}/${attempt.tiId}/${attempt.epoch}`

export class Worker {
  private readonly options: WorkerOptions
  private readonly runCache: RunCache
  private readonly inputs: Inputs
  private readonly attempts = new Map<string, Attempt>()
  private readonly finished: Report[] = []
  private readonly listener: Listener
  private readonly pool: ChildPool
  private readonly logs: LogWriter
  private readonly logEnder: LogEnder
  private readonly modules: ModuleStore
  private readonly pages: PageNotifier
  private transactions: RunTransactions | null = null
  private lease: Lease | null = null
  private housekeeping: Housekeeping | null = null
  private poll: NodeJS.Timeout | null = null
  private nextAttempt = 1
  private mayClaim = true
  private isTurning = false
  private isStopping = false
  private mustReconcile = false
  private retryMs = RETRY_MS
  /** Reports that wait for a moment, because others hold their runs. */
  private readonly later = new Set<Report>()
  private heldMs = HELD_MS
  private onIdle: (() => void) | null = null

  constructor(options: WorkerOptions) {
    this.options = options
    const { config, database, log } = options
    this.runCache = new RunCache(config.maxMapLength)
    this.inputs = new Inputs(database)
    this.modules = new ModuleStore(config.home)
    this.pool = new ChildPool({
      memoryMb: config.childMemoryMb,
      recycleMb: config.childRecycleMb,
      idleMs: config.idleChildMs,
      cwd: config.home,
      env: config.childEnv,
      log,
    })
    this.logs = new LogWriter({ log, onPace: (isBehind) => this.pool.pace(isBehind) })
    this.logEnder = new LogEnder({ database, folder: config.logFolder, log })
    this.listener = new Listener({
      database,
      channels: ['work'],
      log,
      onNotify: (_, payload) => {
        if (payload === 'stop') void this.review()
        this.wake(true)
      },
      onCatchUp: () => this.wake(true),
    })
    this.pages = new PageNotifier(() => this.listener.sql, log)
  }

  async start(): Promise<void> {
    const { config, database, log, queues, concurrency } = this.options
    this.modules.open()
    await this.listener.start()
    const logFolder = await this.logEnder.start()
    this.lease = await Lease.take({
      jobType: 'WorkerJob',
      info: { queues, concurrency, ...(logFolder !== null && { logFolder }) },
      heartbeatMs: config.heartbeatMs,
      leaseMs: config.leaseMs,
      log,
      sql: () => this.listener.sql,
      lastDownAt: () => this.listener.lastDownAt,
      session: database.session,
      outageMs: config.outageMs,
      onLost: (reason) => this.fence(reason),
    })
    this.transactions = new RunTransactions({
      database,
      runCache: this.runCache,
      log,
      limits: { parallelism: config.parallelism },
      who: `worker:${this.lease.jobId}`,
      onChange: (result) => this.pages.add(result.changedRuns),
    })
    this.endOrphans()
    this.housekeeping = new Housekeeping(config, this.modules.folder, log)
    this.pool.warm(1)
    this.poll = setInterval(() => {
      void this.review()
      this.mustReconcile = true
      this.wake(true)
    }, POLL_MS)
    log.info({ jobId: this.lease.jobId, concurrency, queues }, 'worker started')
    this.wake(true)
  }

  /** A power of destruction that hit worker and children at once may have left what those had started. */
  private endOrphans(): void {
    const count = endOrphans()
    if (count > 0) this.options.log.warn({ count }, 'processes that an earlier worker left running were ended')
  }

  /** Children's pids, for tests and `dagctl info`. */
  get childPids(): readonly number[] {
    return this.pool.pids
  }

  /** Asks running attempts to end, reports them, and ends the lease. Nothing stays `running`. */
  async stop(graceMs: number): Promise<void> {
    this.isStopping = true
    this.housekeeping?.stop()
    if (this.poll !== null) clearInterval(this.poll)
    const empty = new Promise<void>((done) => {
      this.onIdle = done
    })
    for (const attempt of this.attempts.values()) attempt.interrupt(graceMs)
    this.wake(false)
    if (this.attempts.size > 0 || this.isTurning)
      await Promise.race([empty, new Promise((done) => setTimeout(done, graceMs + 2_000))])
    await this.pool.close()
    await this.logs.close()
    await this.logEnder.stop()
    await this.pages.flush()
    await this.lease
      ?.end('success')
      .catch((error: unknown) => this.options.log.warn({ err: messageOf(error) }, 'the lease could not be ended'))
    await this.transactions?.close()
    await this.listener.stop()
  }

  /** docs/reliability.md rule 8: children die before anybody may take their attempts over. */
  private fence(reason: string): void {
    this.isStopping = true
    this.pool.killAll()
    this.options.log.error({ reason }, 'the worker gives up its attempts')
    this.options.onFatal(reason)
  }

  private wake(mayClaim: boolean): void {
    this.mayClaim ||= mayClaim
    if (this.isTurning || this.transactions === null || this.lease === null) return
    const hasSlots = !this.isStopping && this.mayClaim && this.attempts.size < this.options.concurrency
    if (this.finished.length === 0 && !hasSlots && !this.mustReconcile) {
      if (this.isStopping && this.attempts.size === 0) this.onIdle?.()
      return
    }
    this.isTurning = true
    void this.takeTurn(this.transactions, this.lease).finally(() => {
      this.isTurning = false
      this.wake(false)
    })
  }

  private slots(lease: Lease, endedCount: number): Slots {
    const { concurrency, queues } = this.options
    return {
      worker: { jobId: lease.jobId, hostname: hostname(), pid: process.pid },
      count: this.isStopping ? 0 : Math.max(0, concurrency - (this.attempts.size - endedCount)),
      queues,
      mayClaim: this.mayClaim && !this.isStopping,
    }
  }

  private async takeTurn(transactions: RunTransactions, lease: Lease): Promise<void> {
    const batch = this.finished.splice(0)
    const slots = this.slots(lease, batch.length)
    const claimed = slots.mayClaim
    if (claimed) this.mayClaim = false
    try {
      if (this.mustReconcile) await this.reconcile(lease)
      const result = await this.reportOrClaim(transactions, lease, batch, slots)
      this.retryMs = RETRY_MS
      this.begin(transactions, result, batch)
      if (claimed) this.lookAgain(result, slots.count)
    } catch (error) {
      this.finished.unshift(...batch)
      this.mayClaim ||= claimed
      // A lost reply may hide a commit: then rows say `running` for us that we have not begun.
      this.mustReconcile = true
      const level = isConnectionError(error) ? 'warn' : 'error'
      this.options.log[level]({ err: messageOf(error), reports: batch.length }, 'run transaction failed; retrying')
      await new Promise((done) => setTimeout(done, this.retryMs))
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS)
    }
  }

  private async reportOrClaim(
    transactions: RunTransactions,
    lease: Lease,
    batch: readonly Report[],
    slots: Slots,
  ): Promise<RunTransactionResult> {
    if (batch.length === 0) return claim(transactions, slots)
    const result = await report(transactions, batch, slots, lease.now())
    const lockedElsewhere = new Set(result.lockedElsewhere)
    for (const report of batch) if (!lockedElsewhere.has(report)) this.attempts.delete(keyOf(report))
    this.tellLater(result.lockedElsewhere)
    return result
  }

  /** Their runs are held by others at this moment: nobody else waits for that. */
  private tellLater(lockedElsewhere: readonly Report[]): void {
    if (lockedElsewhere.length === 0) {
      this.heldMs = HELD_MS
      return
    }
    for (const report of lockedElsewhere) this.later.add(report)
    setTimeout(() => {
      for (const report of lockedElsewhere) this.later.delete(report)
      this.finished.push(...lockedElsewhere)
      this.wake(false)
    }, this.heldMs)
    this.heldMs = Math.min(this.heldMs * 2, LONGEST_HELD_MS)
  }

  /** Full slots mean there may be more; a run held by another is looked at again soon. */
  private lookAgain(result: RunTransactionResult, count: number): void {
    if (result.started.length >= count) this.mayClaim = true
    else if (result.hasMissed) setTimeout(() => this.wake(true), MISSED_MS)
  }

  private begin(transactions: RunTransactions, result: RunTransactionResult, batch: readonly Report[]): void {
    const fresh = new Map<string, JsonValue>()
    for (const report of batch.filter(({ dagRunId }) => !result.refused.has(dagRunId)))
      for (const xcom of report.xcoms)
        if (xcom.key === 'return_value' && xcom.mapIndex < 0)
          fresh.set(freshKey(report.dagRunId, xcom.taskId), xcom.value)
    for (const started of result.started) this.run(transactions, started, fresh)
  }

  private run(transactions: RunTransactions, started: StartedAttempt, fresh: FreshValues): void {
    const { config, database, vault, log } = this.options
    const deps: AttemptDeps = {
      config,
      database,
      runCache: this.runCache,
      inputs: this.inputs,
      transactions,
      modules: this.modules,
      pool: this.pool,
      logs: this.logs,
      vault,
      log,
      hostname: hostname(),
      onEnd: (ended) => {
        this.finished.push(ended)
        this.wake(false)
      },
    }
    const attempt = new Attempt(deps, started, this.nextAttempt++)
    this.attempts.set(keyOf(started), attempt)
    void attempt.run(fresh)
  }

  /** Attempts here whose rows no longer say `running` for us: somebody has ended them, their processes must end too. */
  private async review(): Promise<void> {
    const { lease } = this
    if (lease === null || this.attempts.size === 0) return
    const before = [...this.attempts]
    try {
      const rows = await findOwnedAttempts(this.options.database, lease.jobId)
      const owned = new Set(
        rows
          .filter((row) => !row.isRestarting)
          .map((row) => keyOf({ dagRunId: row.dagRunId, tiId: row.tiId, epoch: row.epoch })),
      )
      for (const [key, attempt] of before) if (!owned.has(key)) attempt.cancel()
    } catch (error) {
      // The next look, in a few seconds, sees the same.
      this.options.log.warn({ err: messageOf(error) }, 'the worker could not compare its attempts with the database')
    }
  }

  /**
   * Rows that say `running` here and are not: they were started by a transaction whose reply was lost or came late. They are
   * reported as interrupted, which costs them a moment and no try. Between two transactions, so that nothing is on its way; and
   * the read waits until the fate of broken connections is settled (`store/doubtful.ts`).
   */
  private async reconcile(lease: Lease): Promise<void> {
    for (const row of await findOwnedAttempts(this.options.database, lease.jobId)) {
      const key = keyOf({ dagRunId: row.dagRunId, tiId: row.tiId, epoch: row.epoch })
      const isKnown =
        this.attempts.has(key) || [...this.finished, ...this.later].some((report) => keyOf(report) === key)
      if (isKnown) continue
      const outcome = { kind: 'interrupted' as const, worker: hostname() }
      this.finished.push({ dagRunId: row.dagRunId, tiId: row.tiId, epoch: row.epoch, outcome, xcoms: [] })
    }
    this.mustReconcile = false
  }
}
