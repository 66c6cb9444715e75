// The scheduler: creates runs when they are due, starts them, wakes retries, gives held instances their slots, rescues
// what lost its worker. Event-driven: it sleeps until the next due time or a notification; the sweep is the net below.

import { uptime } from 'node:os'
import { messageOf } from '../core/errors.ts'
import { rescue } from '../engine/attempts/rescue.ts'
import { LastReports } from '../engine/process/log-endings.ts'
import { EngineProcess, type ServiceDeps, type Serving } from '../engine/process.ts'
import { thisProcess } from '../runtime/processes.ts'
import type { Service } from '../runtime/service.ts'
import { isConnectionError } from '../store/answers.ts'
import { nextDueAt } from '../store/postgres/dags.ts'
import { nextDeadlineAt } from '../store/postgres/deadlines.ts'
import { nextRunAfter, nextTimeoutAt } from '../store/postgres/runs.ts'
import { nextReadyAt } from '../store/postgres/task-queue.ts'
import { ClockHold } from './clock-hold.ts'
import { Expiry } from './expiry.ts'
import { LeaseWatch } from './lease-watch.ts'
import { schedulerPass } from './pass.ts'
import { PassWatch } from './pass-watch.ts'

/** Something was due: there may be more, ms. */
const BUSY_MS = 20
/** What another process holds at the moment is looked at again after this, ms. */
const HELD_MS = 250
/** Timers of Node reach 24.8 days; the sweep wakes us long before. */
const AFTER_ERROR_MS = 500

export class Scheduler implements Service {
  private readonly options: ServiceDeps
  private readonly process: EngineProcess
  private readonly watch: LeaseWatch
  private readonly clock: ClockHold
  private readonly expiry: Expiry
  private readonly lastReports = new LastReports()
  private readonly passWatch = new PassWatch((reason) => this.process.giveUp(reason))
  private noting: Promise<void> = Promise.resolve()
  private cancelNext = () => {}
  private isPassing = false
  private isWanted = false
  private mustSweep = true
  private overdueLooks = 0
  private current: Promise<void> = Promise.resolve()

  constructor(options: ServiceDeps) {
    this.options = options
    const { database, log, config } = options
    this.process = new EngineProcess({
      ...options,
      jobType: 'SchedulerJob',
      channels: ['sched'],
      endsLogs: true,
      onNotify: () => this.wake(),
      onCatchUp: () => this.wakeToSweep(),
      onClock: (now) => this.clock.observe(now),
      begin: (serving) => this.begin(serving),
      end: () => this.end(),
    })
    this.clock = new ClockHold({
      database,
      runCache: this.process.runCache,
      log,
      bootId: thisProcess().bootId,
      uptimeMs: () => uptime() * 1000,
      onRelease: () => this.wake(),
    })
    this.expiry = new Expiry({
      ...{ database, log, config, clock: this.clock },
      after: (ms, run) => this.process.timers.after(ms, run),
      runBeside: (failure, work) => this.process.runBeside(failure, work),
    })
    this.watch = new LeaseWatch({
      database,
      log,
      leaseMs: config.leaseMs,
      heartbeatMs: config.heartbeatMs,
      onDead: () => {
        this.process.metrics.add('baram_processes_declared_dead_total', {})
        this.wakeToSweep()
      },
    })
  }

  start(): Promise<void> {
    return this.process.start()
  }

  stop(): Promise<void> {
    return this.process.stop()
  }

  private async begin({ lease }: Serving): Promise<void> {
    const { timers } = this.process
    await this.clock.start(lease.jobId, lease.now())
    timers.every(this.options.config.sweepMs, () => this.wakeToSweep())
    this.expiry.start()
    this.passWatch.start()
    this.watch.start()
    this.wake()
  }

  private async end(): Promise<void> {
    this.passWatch.stop()
    await this.watch.stop()
    await this.clock.stop()
    await this.current
    await this.noting
  }

  private wakeToSweep(): void {
    this.mustSweep = true
    this.wake()
  }

  private wake(): void {
    if (this.isPassing) {
      this.isWanted = true
      return
    }
    const { isStopping, serving } = this.process
    if (isStopping || serving === null) return
    this.cancelNext()
    this.isPassing = true
    this.isWanted = false
    this.current = this.passAndPlan(serving)
  }

  private async passAndPlan(serving: Serving): Promise<void> {
    this.passWatch.begin()
    const began = performance.now()
    const pauseMs = await this.pass(serving)
    this.passWatch.end()
    const seconds = (performance.now() - began) / 1000
    this.process.metrics.observe('airflow_scheduler_scheduler_loop_duration', {}, seconds)
    this.isPassing = false
    if (this.process.isStopping) return
    if (this.isWanted) this.wake()
    else this.cancelNext = this.process.timers.after(pauseMs, () => this.wake())
  }

  /** One look at everything due. Returns how long to wait for the next one, ms. */
  private async pass(serving: Serving): Promise<number> {
    const { database, log } = this.options
    const { mustSweep } = this
    const { lease, transactions } = serving
    try {
      this.mustSweep = false
      const deps = {
        ...{ database, runCache: this.process.runCache, transactions, log, clock: this.clock },
        now: () => lease.now(),
        tookStep: (step: string, seconds: number) =>
          this.process.metrics.add('baram_scheduler_step_seconds_total', { step }, seconds),
        rescue: () => this.takeOver(serving, mustSweep),
      }
      const { didWork, hasFailed } = await schedulerPass(deps, mustSweep)
      if (hasFailed) return AFTER_ERROR_MS
      if (transactions.takeMissed()) return HELD_MS
      return didWork ? BUSY_MS : await this.untilNext(serving)
    } catch (error) {
      this.mustSweep ||= mustSweep
      this.process.metrics.add('airflow_scheduler_loop_exceptions', {})
      const level = isConnectionError(error) ? 'warn' : 'error'
      log[level]({ err: messageOf(error) }, 'a pass failed and is repeated')
      return AFTER_ERROR_MS
    }
  }

  /** What dead workers left: attempts to end as lost, logs to end with a last line. Returns how many attempts. */
  private async takeOver({ lease, transactions }: Serving, mustSweep: boolean): Promise<number> {
    const { database, log } = this.options
    const lost = await rescue(database, transactions, lease.now())
    this.process.metrics.add('airflow_task_instances_without_heartbeats_killed', {}, lost)
    if (lost > 0) log.warn({ attempts: lost }, 'attempts without a worker were taken over')
    // A pass waits neither for a disk nor for a look through the runs of a dead worker.
    if (lost > 0) this.process.logEnder?.look()
    if (mustSweep)
      this.noting = this.noting
        .then(() => this.lastReports.note(database))
        .catch((error: unknown) => log.warn({ err: messageOf(error) }, 'logs of dead workers could not be looked for'))
    return lost
  }

  private async untilNext({ lease }: Serving): Promise<number> {
    const { database, config } = this.options
    const times = [
      // What is held is due already, and would not let us sleep.
      this.clock.isHeld ? null : await nextDueAt(database),
      await nextReadyAt(database),
      await nextRunAfter(database),
      this.clock.isHeld ? null : await nextTimeoutAt(database),
      this.clock.isHeld ? null : await nextDeadlineAt(database),
    ].filter((at) => at !== null)
    const wait = Math.min(...times, Number.POSITIVE_INFINITY) - lease.now()
    // Due, and yet not done in this pass: once it became due meanwhile, again and again something holds it.
    this.overdueLooks = wait > 0 ? 0 : this.overdueLooks + 1
    if (this.overdueLooks > 1) return HELD_MS
    return Math.max(0, Math.min(wait, config.sweepMs))
  }
}
