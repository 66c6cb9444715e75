// What each service of the engine stands on: a row in `job` with its lease, a connection that listens and beats, the writer of
// run transactions, the notifier of pages, and the ender of logs where the log folder is at hand. Worker, scheduler, triggerer
// and dag-processor say what they do between `begin` and `end`; when that is, and what a lost lease means, is decided here.
//
// Promise:
// - Nothing acts before the lease is taken, and nothing that acts in its name outlives it. Start: connection, log folder, lease,
//   writer, `begin`. Stop: `end`, log ender, writer, pages, lease, and last the connection that carried it.
// - Heartbeats have a connection of their own (docs/reliability.md rule 8): the one that listens.
// - It is started and stopped by the contract of runtime/service.ts.
//
// On failure:
// - A start fails half way: what was opened is closed in the order of a stop, and the job's row ends as failed.
// - The lease is lost, or the service gives up by itself: `fence` kills at once what acts in its name, nothing new begins, and
//   `onFatal` ends the process. Nobody is waited for: others take over soon.
// - A step of a stop fails: it is logged, the others are done. A row that could not be ended runs out like that of a dead process.
// - The connection breaks: the listener opens another, `onCatchUp` looks at what was missed, the lease judges the silence.

import { messageOf } from '../core/errors.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { Lifecycle, type Service } from '../runtime/service.ts'
import { TimerSet } from '../runtime/timer.ts'
import type { Database } from '../store/database.ts'
import { type Channel, Listener } from '../store/listener.ts'
import type { JobType } from '../store/postgres/jobs.ts'
import { Lease } from './process/lease.ts'
import { LogEnder } from './process/log-endings.ts'
import { ProcessMetrics, watchDisk, watchPool } from './process/metrics.ts'
import { PageNotifier } from './process/page-notifier.ts'
import { traceEndedRuns } from './process/traces.ts'
import { RunCache } from './transaction/run-cache.ts'
import { RunTransactions } from './transaction/run-transaction.ts'

/** What every service is given by the wiring. */
export interface ServiceDeps {
  readonly config: Config
  readonly database: Database
  readonly log: Logger
  /** The lease was lost, or the service cannot go on: the process must end; what acted in its name is dead already. */
  onFatal(reason: string): void
}

/** What a service is given while it serves. */
export interface Serving {
  readonly lease: Lease
  readonly transactions: RunTransactions
}

export interface EngineProcessOptions extends ServiceDeps {
  readonly jobType: Exclude<JobType, 'WebserverJob'>
  readonly channels: readonly Channel[]
  /** It sees the log folder, and writes the last lines of logs whose workers died. */
  readonly endsLogs?: boolean
  /** What its job's row says. `logFolder`: the folder's id among all hosts; null when it has none or ends no logs. */
  info?(logFolder: string | null): object
  onNotify?(payload: string): void
  /** Notifications may have been lost: look at the tables. Called before `begin` too. */
  onCatchUp?(): void
  /** At each heartbeat: the database's clock, epoch ms. */
  onClock?(databaseNow: number): void
  /** The lease is taken: begin to act. May fail half way: `end` follows. */
  begin(serving: Serving): Promise<void> | void
  /** It was told to stop, maybe before `begin` is through: break off what would take long. */
  interrupt?(): void
  /** The lease is lost: kill what acts in its name. */
  fence?(): void
  /** Called when `begin` was: waits for what is under way, leaves no child. Lease, writer and timers still serve it. */
  end(): Promise<void>
}

/** Names in logs and in the ledger. */
const NAMES = {
  CallbackJob: 'callbacks',
  DagProcessorJob: 'dag-processor',
  SchedulerJob: 'scheduler',
  TriggererJob: 'triggerer',
  WorkerJob: 'worker',
} as const satisfies Readonly<Record<EngineProcessOptions['jobType'], string>>

export class EngineProcess implements Service {
  readonly runCache: RunCache
  /** What this service counts: stored with its heartbeats. */
  readonly metrics: ProcessMetrics
  /** Null when this service ends no logs. */
  readonly logEnder: LogEnder | null
  /** Of the service: ended after `end`. What they call must ask `isStopping` before it begins something. */
  readonly timers = new TimerSet()
  private readonly options: EngineProcessOptions
  private readonly name: (typeof NAMES)[keyof typeof NAMES]
  private readonly lifecycle: Lifecycle
  private readonly listener: Listener
  private readonly pages: PageNotifier
  private readonly beside = new Set<Promise<unknown>>()
  private lease: Lease | null = null
  private current: Serving | null = null
  private hasGivenUp = false
  /** Of the job, should it end now. */
  private endState: 'success' | 'failed' = 'failed'

  constructor(options: EngineProcessOptions) {
    this.options = options
    this.name = NAMES[options.jobType]
    const { config, database, log, channels } = options
    this.metrics = new ProcessMetrics(this.name)
    watchPool(this.metrics, database)
    if (options.endsLogs === true) watchDisk(this.metrics, config.logFolder)
    this.runCache = new RunCache(config.maxMapLength)
    this.logEnder = options.endsLogs === true ? new LogEnder({ database, folder: config.logFolder, log }) : null
    this.listener = new Listener({
      database,
      channels,
      log,
      onNotify: (_channel, payload) => options.onNotify?.(payload),
      onCatchUp: () => options.onCatchUp?.(),
    })
    this.pages = new PageNotifier(() => this.listener.sql, log)
    this.lifecycle = new Lifecycle({
      open: () => this.open(),
      interrupt: () => options.interrupt?.(),
      close: () => this.close(),
    })
  }

  /** Lease and writer, from before `begin` until after `end`; null otherwise. */
  get serving(): Serving | null {
    return this.current
  }

  /** Nothing new begins: it was told to stop, could not start, or has lost its lease. */
  get isStopping(): boolean {
    return this.lifecycle.isStopping || this.hasGivenUp
  }

  start(): Promise<void> {
    return this.lifecycle.start()
  }

  stop(): Promise<void> {
    return this.lifecycle.stop()
  }

  /** Ends what acts in the lease's name, and the process. */
  giveUp(reason: string): void {
    if (this.hasGivenUp) return
    this.hasGivenUp = true
    this.options.fence?.()
    this.options.log.error({ service: this.name, reason }, 'a service gives up; whatever acted in its name was ended')
    this.options.onFatal(reason)
  }

  /** Work beside the service's own course: what fails is a line in the log, and a stop waits for it. */
  runBeside(failure: string, work: () => Promise<unknown>): void {
    if (this.isStopping) return
    const running = work()
      .catch((error: unknown) => this.options.log.warn({ err: messageOf(error) }, failure))
      .finally(() => this.beside.delete(running))
    this.beside.add(running)
  }

  private async open(): Promise<void> {
    const { log } = this.options
    await this.listener.start()
    const logFolder = (await this.logEnder?.start()) ?? null
    const info = this.options.info?.(logFolder) ?? {}
    const lease = await this.takeLease(info)
    this.lease = lease
    if (!this.isStopping) {
      this.current = { lease, transactions: this.makeWriter(lease) }
      await this.options.begin(this.current)
      log.info({ jobId: lease.jobId, ...info }, `${this.name} started`)
    }
    this.endState = 'success'
  }

  private takeLease(info: object): Promise<Lease> {
    const { jobType, config, database, log, onClock } = this.options
    return Lease.take({
      jobType,
      info,
      heartbeatMs: config.heartbeatMs,
      leaseMs: config.leaseMs,
      outageMs: config.outageMs,
      log,
      session: database.session,
      sql: () => this.listener.sql,
      lastDownAt: () => this.listener.lastDownAt,
      samples: () => this.metrics.samples(),
      ...(onClock !== undefined && { onClock }),
      onLost: (reason) => this.giveUp(reason),
    })
  }

  private makeWriter(lease: Lease): RunTransactions {
    const { database, log, config } = this.options
    return new RunTransactions({
      database,
      runCache: this.runCache,
      log,
      limits: { parallelism: config.parallelism },
      who: `${this.name}:${lease.jobId}`,
      metrics: this.metrics,
      onChange: ({ changedRuns, endedRuns }) => {
        this.pages.add(changedRuns)
        if (endedRuns.length > 0)
          this.runBeside('runs that ended could not be traced', () => traceEndedRuns({ database, log }, endedRuns))
      },
    })
  }

  private async close(): Promise<void> {
    const serving = this.current
    if (serving !== null) await this.step('end', () => this.options.end())
    this.current = null
    this.timers.end()
    await this.step('work beside', () => Promise.all(this.beside))
    await this.step('log ender', () => this.logEnder?.stop())
    await this.step('writer', () => serving?.transactions.close())
    await this.step('pages', () => this.pages.flush())
    await this.step('lease', () => this.lease?.end(this.endState))
    await this.step('connection', () => this.listener.stop())
  }

  private async step(step: string, run: () => Promise<unknown> | undefined): Promise<void> {
    try {
      await run()
    } catch (error) {
      const fields = { service: this.name, step, err: messageOf(error) }
      this.options.log.warn(fields, 'a step of stopping a service failed; the others are done')
    }
  }
}
