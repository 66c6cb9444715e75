// The scheduler: creates runs when they are due, starts them, wakes retries, gives held instances their slots, rescues
// what lost its worker. Event-driven: it sleeps until the next due time or a notification; the sweep is the net below.

import { messageOf } from '../core/errors.ts'
import { noteBackfillEnds } from '../engine/backfill.ts'
import { Boards } from '../engine/boards.ts'
import { clearAsked } from '../engine/clear.ts'
import { createDueRuns } from '../engine/create-run.ts'
import { Lease } from '../engine/lease.ts'
import { PageNotifier } from '../engine/pages.ts'
import { dropExpired } from '../engine/retention.ts'
import { expireRuns, pauseFailing } from '../engine/run-ends.ts'
import { TurnRunner } from '../engine/turn.ts'
import { admitHeld, decideAsked, decideIdle, rescue, startRuns } from '../engine/verbs.ts'
import { wakeDue } from '../engine/waits.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Database, isConnectionError } from '../store/database.ts'
import { Listener } from '../store/listener.ts'
import { nextDueAt } from '../store/postgres/dags.ts'
import { nextReadyAt } from '../store/postgres/live.ts'
import { nextRunAfter, nextTimeoutAt } from '../store/postgres/runs.ts'
import { LeaseWatch } from './lease-watch.ts'
import { closeLostLogs, LastLogs } from './lost-logs.ts'

export interface SchedulerOptions {
  readonly config: Config
  readonly database: Database
  readonly log: Logger
  onFatal(reason: string): void
}

/** Between deletions of what has expired, ms: ages are counted in days. */
const RETENTION_MS = 600_000

/** Work that another process holds at the moment is looked at again after this, ms. */
const BUSY_MS = 20
/** Timers of Node reach 24.8 days; the sweep wakes us long before. */
const AFTER_ERROR_MS = 500

export class Scheduler {
  private readonly options: SchedulerOptions
  private readonly boards: Boards
  private readonly listener: Listener
  private readonly pages: PageNotifier
  private readonly watch: LeaseWatch
  private readonly lastLogs = new LastLogs()
  private endingLogs: Promise<void> = Promise.resolve()
  private turns: TurnRunner | null = null
  private lease: Lease | null = null
  private timer: NodeJS.Timeout | null = null
  private sweep: NodeJS.Timeout | null = null
  private retention: NodeJS.Timeout | null = null
  private isPassing = false
  private isWanted = false
  private isStopping = false
  private mustSweep = true
  private current: Promise<void> = Promise.resolve()

  constructor(options: SchedulerOptions) {
    this.options = options
    const { database, log, config } = options
    this.boards = new Boards(config.maxMapLength)
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
      onLost: (reason) => {
        this.isStopping = true
        this.options.onFatal(reason)
      },
    })
    this.turns = new TurnRunner({
      database,
      boards: this.boards,
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
    this.watch.start()
    log.info({ jobId: this.lease.jobId }, 'scheduler started')
    this.wake()
  }

  async stop(): Promise<void> {
    this.isStopping = true
    if (this.timer !== null) clearTimeout(this.timer)
    if (this.sweep !== null) clearInterval(this.sweep)
    if (this.retention !== null) clearInterval(this.retention)
    await this.watch.stop()
    await this.current
    await this.endingLogs
    await this.pages.flush()
    await this.lease
      ?.end('success')
      .catch((error: unknown) => this.options.log.warn({ err: messageOf(error) }, 'the lease could not be ended'))
    await this.turns?.close()
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
    if (this.isStopping || this.turns === null || this.lease === null) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.isPassing = true
    this.isWanted = false
    this.current = this.passAndPlan(this.turns, this.lease)
  }

  private async passAndPlan(turns: TurnRunner, lease: Lease): Promise<void> {
    let pauseMs: number
    try {
      const isBusy = await this.pass(turns, lease)
      pauseMs = isBusy ? BUSY_MS : await this.untilNext(lease)
    } catch (error) {
      const level = isConnectionError(error) ? 'warn' : 'error'
      this.options.log[level]({ err: messageOf(error) }, 'a pass failed and is repeated')
      pauseMs = AFTER_ERROR_MS
    }
    this.isPassing = false
    if (this.isStopping) return
    if (this.isWanted) this.wake()
    else this.timer = setTimeout(() => this.wake(), pauseMs)
  }

  /** One look at everything due; true = something was due that could not be served at once. */
  private async pass(turns: TurnRunner, lease: Lease): Promise<boolean> {
    const { database } = this.options
    await this.takeOver(turns, lease)
    if (this.mustSweep) {
      this.mustSweep = false
      await decideIdle(database, turns)
    }
    const cleared = await clearAsked({ database, boards: this.boards, turns })
    const created = await createDueRuns(database, this.boards)
    const started = await startRuns(database, turns)
    const due = await wakeDue(database, turns, lease.now())
    const expired = await expireRuns(database, turns)
    await pauseFailing(database)
    const asked = await decideAsked(database, turns)
    await admitHeld(database, turns)
    await noteBackfillEnds(database)
    return cleared > 0 || created > 0 || started > 0 || due > 0 || expired > 0 || asked > 0
  }

  /** What dead workers left: attempts to end as lost, logs to end with a last line. */
  private async takeOver(turns: TurnRunner, lease: Lease): Promise<void> {
    const { database, log, config } = this.options
    const lost = await rescue(database, turns, lease.now())
    if (lost.length > 0) log.warn({ attempts: lost.length }, 'attempts without a worker were taken over')
    // A pass does not wait for a disk.
    this.endingLogs = this.endingLogs
      .then(() => closeLostLogs(config.logFolder, lost, log))
      .then(() => this.lastLogs.close(database, config.logFolder, log))
      .catch((error: unknown) => log.warn({ err: messageOf(error) }, 'logs of dead workers could not be ended'))
  }

  private async untilNext(lease: Lease): Promise<number> {
    const { database, config } = this.options
    const times = [
      await nextDueAt(database),
      await nextReadyAt(database),
      await nextRunAfter(database),
      await nextTimeoutAt(database),
    ].filter((at) => at !== null)
    const soonest = Math.min(...times, Number.POSITIVE_INFINITY)
    return Math.max(0, Math.min(soonest - lease.now(), config.sweepMs))
  }
}
