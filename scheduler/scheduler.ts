// The scheduler: creates runs when they are due, starts them, wakes retries, gives held instances their slots, rescues
// what lost its worker. Event-driven: it sleeps until the next due time or a notification; the sweep is the net below.

import { uptime } from 'node:os'
import { messageOf } from '../core/errors.ts'
import { dropExpired } from '../engine/admin/retention.ts'
import { rescue } from '../engine/attempts/rescue.ts'
import { Lease } from '../engine/process/lease.ts'
import { LastReports, LogEnder } from '../engine/process/log-endings.ts'
import { PageNotifier } from '../engine/process/page-notifier.ts'
import { RunCache } from '../engine/transaction/run-cache.ts'
import { RunTransactions } from '../engine/transaction/run-transaction.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { thisProcess } from '../runtime/processes.ts'
import { isConnectionError } from '../store/answers.ts'
import type { Database } from '../store/database.ts'
import { Listener } from '../store/listener.ts'
import { nextDueAt } from '../store/postgres/dags.ts'
import { nextRunAfter, nextTimeoutAt } from '../store/postgres/runs.ts'
import { nextReadyAt } from '../store/postgres/task-queue.ts'
import { ClockHold } from './clock-hold.ts'
import { LeaseWatch } from './lease-watch.ts'
import { schedulerPass } from './pass.ts'
import { PassWatch } from './pass-watch.ts'

export interface SchedulerOptions {
  readonly config: Config
  readonly database: Database
  readonly log: Logger
  onFatal(reason: string): void
}

/** Between deletions of what has expired, ms: ages are counted in days. */
const RETENTION_MS = 600_000

/** Something was due: there may be more, ms. */
const BUSY_MS = 20
/** What another process holds at the moment is looked at again after this, ms. */
const HELD_MS = 250
/** Timers of Node reach 24.8 days; the sweep wakes us long before. */
const AFTER_ERROR_MS = 500

export class Scheduler {
  private readonly options: SchedulerOptions
  private readonly runCache: RunCache
  private readonly listener: Listener
  private readonly pages: PageNotifier
  private readonly watch: LeaseWatch
  private readonly clock: ClockHold
  private readonly lastReports = new LastReports()
  private readonly logEnder: LogEnder
  private noting: Promise<void> = Promise.resolve()
  private transactions: RunTransactions | null = null
  private lease: Lease | null = null
  private timer: NodeJS.Timeout | null = null
  private sweep: NodeJS.Timeout | null = null
  private retention: NodeJS.Timeout | null = null
  private isPassing = false
  private isWanted = false
  private isStopping = false
  private mustSweep = true
  private readonly passWatch = new PassWatch((reason) => {
    this.isStopping = true
    this.options.onFatal(reason)
  })
  private overdueLooks = 0
  private current: Promise<void> = Promise.resolve()

  constructor(options: SchedulerOptions) {
    this.options = options
    const { database, log, config } = options
    this.runCache = new RunCache(config.maxMapLength)
    this.listener = new Listener({
      database,
      channels: ['sched'],
      log,
      onNotify: () => this.wake(),
      onCatchUp: () => {
        this.mustSweep = true
        this.wake()
      },
    })
    this.pages = new PageNotifier(() => this.listener.sql, log)
    this.logEnder = new LogEnder({ database, folder: config.logFolder, log })
    this.clock = new ClockHold({
      database,
      runCache: this.runCache,
      log,
      bootId: thisProcess().bootId,
      uptimeMs: () => uptime() * 1000,
      onRelease: () => this.wake(),
    })
    this.watch = new LeaseWatch({
      database,
      log,
      leaseMs: config.leaseMs,
      heartbeatMs: config.heartbeatMs,
      onDead: () => this.wakeForRescue(),
    })
  }

  async start(): Promise<void> {
    const { config, database, log } = this.options
    await this.listener.start()
    this.lease = await Lease.take({
      jobType: 'SchedulerJob',
      info: {},
      heartbeatMs: config.heartbeatMs,
      leaseMs: config.leaseMs,
      log,
      sql: () => this.listener.sql,
      lastDownAt: () => this.listener.lastDownAt,
      session: database.session,
      outageMs: config.outageMs,
      onClock: (now) => this.clock.observe(now),
      onLost: (reason) => {
        this.isStopping = true
        this.options.onFatal(reason)
      },
    })
    await this.clock.start(this.lease.jobId, this.lease.now())
    this.transactions = new RunTransactions({
      database,
      runCache: this.runCache,
      log,
      limits: { parallelism: config.parallelism },
      who: `scheduler:${this.lease.jobId}`,
      onChange: (result) => this.pages.add(result.changedRuns),
    })
    this.sweep = setInterval(() => {
      this.mustSweep = true
      this.wake()
    }, config.sweepMs)
    this.retention = setInterval(() => this.dropExpired(), RETENTION_MS)
    this.retention.unref()
    await this.logEnder.start()
    this.passWatch.start()
    this.watch.start()
    log.info({ jobId: this.lease.jobId }, 'scheduler started')
    this.wake()
  }

  async stop(): Promise<void> {
    this.isStopping = true
    if (this.timer !== null) clearTimeout(this.timer)
    if (this.sweep !== null) clearInterval(this.sweep)
    if (this.retention !== null) clearInterval(this.retention)
    this.passWatch.stop()
    await this.watch.stop()
    await this.clock.stop()
    await this.current
    await this.noting
    await this.logEnder.stop()
    await this.pages.flush()
    await this.lease
      ?.end('success')
      .catch((error: unknown) => this.options.log.warn({ err: messageOf(error) }, 'the lease could not be ended'))
    await this.transactions?.close()
    await this.listener.stop()
  }

  /** Beside the passes: what nothing needs any more can wait. */
  private dropExpired(): void {
    const { config, database, log } = this.options
    dropExpired(database, { jobDays: config.jobRetentionDays, versionDays: config.versionRetentionDays }).then(
      (dropped) =>
        dropped.jobs + dropped.versions + dropped.modules > 0 && log.info(dropped, 'expired rows were deleted'),
      (error: unknown) => log.warn({ err: messageOf(error) }, 'expired rows could not be deleted'),
    )
  }

  private wakeForRescue(): void {
    this.mustSweep = true
    this.wake()
  }

  private wake(): void {
    if (this.isPassing) {
      this.isWanted = true
      return
    }
    if (this.isStopping || this.transactions === null || this.lease === null) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.isPassing = true
    this.isWanted = false
    this.current = this.passAndPlan(this.transactions, this.lease)
  }

  private async passAndPlan(transactions: RunTransactions, lease: Lease): Promise<void> {
    this.passWatch.begin()
    const pauseMs = await this.pass(transactions, lease)
    this.passWatch.end()
    this.isPassing = false
    if (this.isStopping) return
    if (this.isWanted) this.wake()
    else this.timer = setTimeout(() => this.wake(), pauseMs)
  }

  /** One look at everything due. Returns how long to wait for the next one, ms. */
  private async pass(transactions: RunTransactions, lease: Lease): Promise<number> {
    const { database, log } = this.options
    const { runCache, mustSweep } = this
    try {
      this.mustSweep = false
      const deps = {
        ...{ database, runCache, transactions, log, clock: this.clock },
        now: () => lease.now(),
        rescue: () => this.takeOver(transactions, lease, mustSweep),
      }
      const { didWork, hasFailed } = await schedulerPass(deps, mustSweep)
      if (hasFailed) return AFTER_ERROR_MS
      if (transactions.takeMissed()) return HELD_MS
      return didWork ? BUSY_MS : await this.untilNext(lease)
    } catch (error) {
      this.mustSweep ||= mustSweep
      const level = isConnectionError(error) ? 'warn' : 'error'
      log[level]({ err: messageOf(error) }, 'a pass failed and is repeated')
      return AFTER_ERROR_MS
    }
  }

  /** What dead workers left: attempts to end as lost, logs to end with a last line. Returns how many attempts. */
  private async takeOver(transactions: RunTransactions, lease: Lease, mustSweep: boolean): Promise<number> {
    const { database, log } = this.options
    const lost = await rescue(database, transactions, lease.now())
    if (lost > 0) log.warn({ attempts: lost }, 'attempts without a worker were taken over')
    // A pass waits neither for a disk nor for a look through the runs of a dead worker.
    if (lost > 0) this.logEnder.look()
    if (mustSweep)
      this.noting = this.noting
        .then(() => this.lastReports.note(database))
        .catch((error: unknown) => log.warn({ err: messageOf(error) }, 'logs of dead workers could not be looked for'))
    return lost
  }

  private async untilNext(lease: Lease): Promise<number> {
    const { database, config } = this.options
    const times = [
      // What is held is due already, and would not let us sleep.
      this.clock.isHeld ? null : await nextDueAt(database),
      await nextReadyAt(database),
      await nextRunAfter(database),
      this.clock.isHeld ? null : await nextTimeoutAt(database),
    ].filter((at) => at !== null)
    const wait = Math.min(...times, Number.POSITIVE_INFINITY) - lease.now()
    // Due, and yet not done in this pass: once it became due meanwhile, again and again something holds it.
    this.overdueLooks = wait > 0 ? 0 : this.overdueLooks + 1
    if (this.overdueLooks > 1) return HELD_MS
    return Math.max(0, Math.min(wait, config.sweepMs))
  }
}
