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
import { EngineProcess, type ServiceDeps, type Serving } from '../engine/process.ts'
import type { RunTransactionResult } from '../engine/transaction/run-transaction.ts'
import type { Report } from '../engine/transaction/settle-attempt.ts'
import type { Slots, StartedAttempt } from '../engine/transaction/start-attempts.ts'
import { ChildPool } from '../runtime/child-pool.ts'
import { endOrphans } from '../runtime/descendants.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import type { Service } from '../runtime/service.ts'
import { cameWithin } from '../runtime/timer.ts'
import { isConnectionError } from '../store/answers.ts'
import { findOwnedAttempts } from '../store/postgres/task-queue.ts'
import { Attempt, type AttemptDeps } from './attempts.ts'
import { Housekeeping } from './housekeeping.ts'
import { type FreshValues, freshKey, Inputs } from './inputs.ts'
import { LogWriter } from './log-writer.ts'

export interface WorkerOptions extends ServiceDeps {
  readonly vault: Vault
  readonly concurrency: number
  /** Null = every queue. */
  readonly queues: readonly string[] | null
}

/** Net under lost notifications, ms. */
const POLL_MS = 5_000
/** After a failed transaction, ms: the database may be away for longer, so it grows to the limit. */
const RETRY_MS = 100
const LONGEST_RETRY_MS = 2_000
/** A report whose run another process holds is told again after this, ms: such a transaction takes a few; it grows. */
const HELD_MS = 2
const LONGEST_HELD_MS = 250
/** Longer than the grace time of its attempts, a stopping worker waits for their reports, ms. */
const REPORT_MS = 2_000
/** Queued rows were seen but their run was held by another: look again after this, ms. */
const MISSED_MS = 5

const keyOf = (attempt: { dagRunId: number; tiId: string; epoch: number }) =>
  `${attempt.dagRunId}/${attempt.tiId}/${attempt.epoch}`

export class Worker implements Service {
  private readonly options: WorkerOptions
  private readonly process: EngineProcess
  private readonly inputs: Inputs
  private readonly attempts = new Map<string, Attempt>()
  private readonly finished: Report[] = []
  private readonly pool: ChildPool
  private readonly logs: LogWriter
  private readonly modules: ModuleStore
  private housekeeping: Housekeeping | null = null
  private readonly hostname = hostname()
  private nextAttempt = 1
  private mayClaim = true
  private isTurning = false
  private mustReconcile = false
  private retryMs = RETRY_MS
  /** Reports that wait for a moment, because others hold their runs. */
  private readonly later = new Set<Report>()
  private heldMs = HELD_MS
  private onIdle: (() => void) | null = null
  /** When each report came, monotonic ms. */
  private readonly endedAt = new WeakMap<Report, number>()

  constructor(options: WorkerOptions) {
    this.options = options
    const { config, database, log } = options
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
    const { queues, concurrency } = options
    this.process = new EngineProcess({
      ...options,
      jobType: 'WorkerJob',
      channels: ['work'],
      endsLogs: true,
      info: (logFolder) => ({ queues, concurrency, ...(logFolder !== null && { logFolder }) }),
      onNotify: (payload) => {
        if (payload === 'stop') this.review()
        this.wake(true)
      },
      onCatchUp: () => this.wake(true),
      begin: () => this.begin(),
      // docs/reliability.md rule 8: children die before anybody may take their attempts over.
      fence: () => {
        this.pool.killAll()
        this.interruptAll(0)
      },
      end: () => this.end(),
    })
  }

  start(): Promise<void> {
    this.watchSlots()
    return this.process.start()
  }

  /** Asks running attempts to end, reports them, and ends the lease. Nothing stays `running`. */
  stop(): Promise<void> {
    return this.process.stop()
  }

  private watchSlots(): void {
    const { metrics } = this.process
    metrics.onRead(() => {
      metrics.set('baram_worker_attempts', {}, this.attempts.size)
      metrics.set('baram_worker_slots', {}, this.options.concurrency)
      metrics.set('baram_worker_children', {}, this.pool.size)
    })
  }

  private begin(): void {
    const { config, log } = this.options
    this.modules.open()
    this.endOrphans()
    this.housekeeping = new Housekeeping(config, this.modules.folder, log)
    this.pool.warm(1)
    this.process.timers.every(POLL_MS, () => {
      this.review()
      this.mustReconcile = true
      this.wake(true)
    })
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

  private async end(): Promise<void> {
    const graceMs = this.options.config.killedTaskCleanupMs
    this.housekeeping?.stop()
    const empty = new Promise<void>((done) => {
      this.onIdle = done
    })
    this.interruptAll(graceMs)
    this.wake(false)
    if (this.attempts.size > 0 || this.isTurning) await cameWithin(graceMs + REPORT_MS, empty)
    await this.pool.close()
    await this.logs.close()
  }

  private interruptAll(graceMs: number): void {
    for (const attempt of this.attempts.values()) attempt.interrupt(graceMs)
  }

  private wake(mayClaim: boolean): void {
    this.mayClaim ||= mayClaim
    const { serving, isStopping } = this.process
    if (this.isTurning || serving === null) return
    const hasSlots = !isStopping && this.mayClaim && this.attempts.size < this.options.concurrency
    if (this.finished.length === 0 && !hasSlots && !this.mustReconcile) {
      if (isStopping && this.attempts.size === 0) this.onIdle?.()
      return
    }
    this.isTurning = true
    void this.takeTurn(serving).finally(() => {
      this.isTurning = false
      this.wake(false)
    })
  }

  private slots({ lease }: Serving, endedCount: number): Slots {
    const { concurrency, queues } = this.options
    const { isStopping } = this.process
    return {
      worker: { jobId: lease.jobId, hostname: this.hostname, pid: process.pid },
      count: isStopping ? 0 : Math.max(0, concurrency - (this.attempts.size - endedCount)),
      queues,
      mayClaim: this.mayClaim && !isStopping,
    }
  }

  private async takeTurn(serving: Serving): Promise<void> {
    const batch = this.finished.splice(0)
    const slots = this.slots(serving, batch.length)
    const claimed = slots.mayClaim
    if (claimed) this.mayClaim = false
    try {
      if (this.mustReconcile) await this.reconcile(serving)
      const result = await this.reportOrClaim(serving, batch, slots)
      this.retryMs = RETRY_MS
      this.runStarted(serving, result, batch)
      if (claimed) this.lookAgain(result, slots.count)
    } catch (error) {
      this.finished.unshift(...batch)
      this.mayClaim ||= claimed
      // A lost reply may hide a commit: then rows say `running` for us that we have not begun.
      this.mustReconcile = true
      const level = isConnectionError(error) ? 'warn' : 'error'
      this.options.log[level]({ err: messageOf(error), reports: batch.length }, 'run transaction failed; retrying')
      await this.process.timers.pause(this.retryMs)
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS)
    }
  }

  private async reportOrClaim(
    { transactions, lease }: Serving,
    batch: readonly Report[],
    slots: Slots,
  ): Promise<RunTransactionResult> {
    if (batch.length === 0) return claim(transactions, slots)
    const result = await report(transactions, batch, slots, lease.now())
    const lockedElsewhere = new Set(result.lockedElsewhere)
    for (const report of batch) if (!lockedElsewhere.has(report)) this.forget(report)
    this.tellLater(result.lockedElsewhere)
    return result
  }

  /** It is stored. */
  private forget(report: Report): void {
    this.attempts.delete(keyOf(report))
    const endedAt = this.endedAt.get(report)
    if (endedAt === undefined) return // Found by a comparison with the database: nothing ended here.
    this.process.metrics.observe('baram_worker_report_seconds', {}, (performance.now() - endedAt) / 1000)
  }

  /** Their runs are held by others at this moment: nobody else waits for that. */
  private tellLater(lockedElsewhere: readonly Report[]): void {
    if (lockedElsewhere.length === 0) {
      this.heldMs = HELD_MS
      return
    }
    for (const report of lockedElsewhere) this.later.add(report)
    this.process.timers.after(this.heldMs, () => {
      for (const report of lockedElsewhere) this.later.delete(report)
      this.finished.push(...lockedElsewhere)
      this.wake(false)
    })
    this.heldMs = Math.min(this.heldMs * 2, LONGEST_HELD_MS)
  }

  /** Full slots mean there may be more; a run held by another is looked at again soon. */
  private lookAgain(result: RunTransactionResult, count: number): void {
    if (result.started.length >= count) this.mayClaim = true
    else if (result.hasMissed) this.process.timers.after(MISSED_MS, () => this.wake(true))
  }

  private runStarted(serving: Serving, result: RunTransactionResult, batch: readonly Report[]): void {
    this.process.metrics.add('baram_attempts_started_total', {}, result.started.length)
    const fresh = new Map<string, JsonValue>()
    for (const report of batch.filter(({ dagRunId }) => !result.refused.has(dagRunId)))
      for (const xcom of report.xcoms)
        if (xcom.key === 'return_value' && xcom.mapIndex < 0)
          fresh.set(freshKey(report.dagRunId, xcom.taskId), xcom.value)
    for (const started of result.started) this.run(serving, started, fresh)
  }

  private run({ transactions }: Serving, started: StartedAttempt, fresh: FreshValues): void {
    const { config, database, vault, log } = this.options
    const startedAt = performance.now()
    const deps: AttemptDeps = {
      config,
      database,
      runCache: this.process.runCache,
      inputs: this.inputs,
      transactions,
      modules: this.modules,
      pool: this.pool,
      logs: this.logs,
      vault,
      log,
      hostname: this.hostname,
      onEnd: (ended) => {
        const now = performance.now()
        this.process.metrics.observe('airflow_task_duration', {}, (now - startedAt) / 1000)
        this.endedAt.set(ended, now)
        this.finished.push(ended)
        this.wake(false)
      },
    }
    const attempt = new Attempt(deps, started, this.nextAttempt++)
    this.attempts.set(keyOf(started), attempt)
    void attempt.run(fresh)
    // Claimed by a transaction that was under way when the worker was told to stop.
    if (this.process.isStopping) attempt.interrupt(config.killedTaskCleanupMs)
  }

  /** Attempts here whose rows no longer say `running` for us: somebody has ended them, their processes must end too. */
  private review(): void {
    const { serving } = this.process
    if (serving === null || this.attempts.size === 0) return
    // The next look, in a few seconds, sees the same.
    this.process.runBeside('the worker could not compare its attempts with the database', async () => {
      const before = [...this.attempts]
      const rows = await findOwnedAttempts(this.options.database, serving.lease.jobId)
      const owned = new Set(
        rows
          .filter((row) => !row.isRestarting)
          .map((row) => keyOf({ dagRunId: row.dagRunId, tiId: row.tiId, epoch: row.epoch })),
      )
      for (const [key, attempt] of before) if (!owned.has(key)) attempt.cancel()
    })
  }

  /**
   * Rows that say `running` here and are not: they were started by a transaction whose reply was lost or came late. They are
   * reported as interrupted, which costs them a moment and no try. Between two transactions, so that nothing is on its way; and
   * the read waits until the fate of broken connections is settled (`store/doubtful.ts`).
   */
  private async reconcile({ lease }: Serving): Promise<void> {
    for (const row of await findOwnedAttempts(this.options.database, lease.jobId)) {
      const key = keyOf({ dagRunId: row.dagRunId, tiId: row.tiId, epoch: row.epoch })
      const isKnown =
        this.attempts.has(key) || [...this.finished, ...this.later].some((report) => keyOf(report) === key)
      if (isKnown) continue
      const outcome = { kind: 'interrupted' as const, worker: this.hostname }
      this.finished.push({ dagRunId: row.dagRunId, tiId: row.tiId, epoch: row.epoch, outcome, xcoms: [] })
    }
    this.mustReconcile = false
  }
}
