// The triggerer: holds the waits of deferred tasks, thousands in one child process, and lets their tasks go on when their
// triggers have come. Waits by date need no trigger: the scheduler's timers serve them.
//
// A wait belongs to the triggerer whose job stands in its row; when that job is dead anybody takes it over and its
// trigger begins again with the same arguments. An event is written in the transaction that moves its task on, so it is neither
// lost nor used twice.

import { BaramError, messageOf } from '../core/errors.ts'
import type { JsonValue } from '../core/json.ts'
import { maskedParts } from '../core/masked-parts.ts'
import { Masker, secretStrings } from '../core/masker.ts'
import type { FromChild, WatchSpec } from '../core/protocol.ts'
import { triggerContext, type Vault } from '../engine/admin/vault.ts'
import { type Fired, fire } from '../engine/attempts/fire.ts'
import { Lease } from '../engine/process/lease.ts'
import { PageNotifier } from '../engine/process/page-notifier.ts'
import { type Caller, serveCall } from '../engine/task-api/serve.ts'
import { RunCache } from '../engine/transaction/run-cache.ts'
import { RunTransactions } from '../engine/transaction/run-transaction.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import type { Database } from '../store/database.ts'
import { Listener } from '../store/listener.ts'
import { findOwnedWaits, type OwnedWait, takeWaits } from '../store/postgres/triggers.ts'
import { loadModule } from '../store/postgres/versions.ts'
import { WatchChild } from './watch-child.ts'

export interface TriggererOptions {
  readonly config: Config
  readonly database: Database
  readonly vault: Vault
  readonly log: Logger
  onFatal(reason: string): void
}

/** Net under lost notifications, and how soon a wait that ended elsewhere is let go, ms. */
const POLL_MS = 5_000
const TAKE = 1_000
const FIRE = 200
const AFTER_ERROR_MS = 500

const keyOf = (wait: { dagRunId: number; tiId: string; epoch: number }) => `${wait.dagRunId}/${wait.tiId}/${wait.epoch}`

interface WatchedTrigger {
  readonly id: number
  readonly wait: OwnedWait
  readonly spec: WatchSpec
}

export class Triggerer {
  private readonly options: TriggererOptions
  private readonly runCache: RunCache
  private readonly modules: ModuleStore
  private readonly listener: Listener
  private readonly pages: PageNotifier
  private readonly child: WatchChild
  private readonly watched = new Map<number, WatchedTrigger>()
  private readonly fired: Fired[] = []
  /** Secrets that triggers have asked for: what they print goes into this process' log. */
  private readonly masker = new Masker()
  private transactions: RunTransactions | null = null
  private lease: Lease | null = null
  private poll: NodeJS.Timeout | null = null
  private again: NodeJS.Timeout | null = null
  private nextId = 1
  private isWorking = false
  private isWanted = false
  private mustReview = false
  private isStopping = false
  private current: Promise<void> = Promise.resolve()

  constructor(options: TriggererOptions) {
    this.options = options
    const { config, database, log } = options
    this.runCache = new RunCache(config.maxMapLength)
    this.modules = new ModuleStore(config.home)
    this.child = new WatchChild({
      memoryMb: config.childMemoryMb,
      env: config.childEnv,
      cwd: config.home,
      log,
      masker: this.masker,
      onMessage: (message) => this.onMessage(message),
      onGone: () => {
        // A trigger that ends the process would do so again at once: not faster than this.
        setTimeout(
          () => this.child.watch([...this.watched.values()].map((watched) => watched.spec)),
          AFTER_ERROR_MS,
        ).unref()
      },
    })
    this.listener = new Listener({
      database,
      channels: ['triggers'],
      log,
      onNotify: () => this.wake(),
      onCatchUp: () => this.review(),
    })
    this.pages = new PageNotifier(() => this.listener.sql, log)
  }

  /** Waits held now, for tests and benchmarks. */
  get size(): number {
    return this.watched.size
  }

  async start(): Promise<void> {
    const { config, database, log } = this.options
    this.modules.open()
    await this.listener.start()
    this.lease = await Lease.take({
      jobType: 'TriggererJob',
      info: { capacity: config.triggererCapacity },
      heartbeatMs: config.heartbeatMs,
      leaseMs: config.leaseMs,
      log,
      sql: () => this.listener.sql,
      lastDownAt: () => this.listener.lastDownAt,
      session: database.session,
      outageMs: config.outageMs,
      onLost: (reason) => {
        this.isStopping = true
        this.child.close()
        this.options.onFatal(reason)
      },
    })
    this.transactions = new RunTransactions({
      database,
      runCache: this.runCache,
      log,
      limits: { parallelism: config.parallelism },
      who: `triggerer:${this.lease.jobId}`,
      onChange: (result) => this.pages.add(result.changedRuns),
    })
    this.poll = setInterval(() => this.review(), POLL_MS)
    log.info({ jobId: this.lease.jobId }, 'triggerer started')
    this.wake()
  }

  async stop(): Promise<void> {
    this.isStopping = true
    if (this.poll !== null) clearInterval(this.poll)
    if (this.again !== null) clearTimeout(this.again)
    this.child.close()
    await this.current
    await this.pages.flush()
    await this.lease
      ?.end('success')
      .catch((error: unknown) => this.options.log.warn({ err: messageOf(error) }, 'the lease could not be ended'))
    await this.transactions?.close()
    await this.listener.stop()
  }

  private review(): void {
    this.mustReview = true
    this.wake()
  }

  private wake(): void {
    if (this.isWorking) {
      this.isWanted = true
      return
    }
    if (this.isStopping || this.transactions === null || this.lease === null) return
    this.isWorking = true
    this.isWanted = false
    this.current = this.work(this.transactions, this.lease)
  }

  private async work(transactions: RunTransactions, lease: Lease): Promise<void> {
    try {
      await this.deliver(transactions, lease)
      if (this.mustReview) await this.letGo(lease)
      await this.take(lease)
    } catch (error) {
      this.options.log.warn({ err: messageOf(error) }, 'a look at the waits failed and is repeated')
      this.again = setTimeout(() => this.wake(), AFTER_ERROR_MS)
    }
    this.isWorking = false
    if (this.isWanted) this.wake()
  }

  /** Events that have come, in batches; those that could not be written are kept. */
  private async deliver(transactions: RunTransactions, lease: Lease): Promise<void> {
    while (this.fired.length > 0) {
      const batch = this.fired.slice(0, FIRE)
      const lockedElsewhere = await fire(transactions, batch, lease.now())
      this.fired.splice(0, batch.length)
      if (lockedElsewhere.length === 0) continue
      // Their runs are held by others at this moment: the rest does not wait for that.
      this.fired.push(...lockedElsewhere)
      this.again = setTimeout(() => this.wake(), AFTER_ERROR_MS)
      if (lockedElsewhere.length === batch.length) return
    }
  }

  /** Waits whose tasks no longer wait (cleared, timed out, their run ended). */
  private async letGo(lease: Lease): Promise<void> {
    this.mustReview = false
    const before = [...this.watched.values()]
    const rows = await findOwnedWaits(this.options.database, lease.jobId)
    const still = new Set(rows.map(keyOf))
    const gone = before.filter((watched) => !still.has(keyOf(watched.wait)) && this.watched.has(watched.id))
    for (const watched of gone) this.watched.delete(watched.id)
    this.child.unwatch(gone.map((watched) => watched.id))
    if (this.child.isWorn) this.child.replace()
  }

  private async take(lease: Lease): Promise<void> {
    const { database, config } = this.options
    for (;;) {
      const room = Math.min(TAKE, config.triggererCapacity - this.watched.size)
      if (room <= 0 || this.isStopping) return
      const waits = await takeWaits(database, lease.jobId, room)
      const specs: WatchSpec[] = []
      for (const wait of waits) specs.push(...(await this.hold(wait)))
      this.child.watch(specs)
      if (waits.length < room) return
    }
  }

  private async hold(wait: OwnedWait): Promise<WatchSpec[]> {
    const id = this.nextId++
    try {
      const spec: WatchSpec = {
        id,
        modulePath: await this.findModule(wait.versionId),
        dagId: wait.dagId,
        taskId: wait.taskId,
        runId: wait.runId,
        mapIndex: wait.mapIndex,
        tryNumber: wait.tryNumber,
        trigger: wait.name,
        args: this.openArguments(wait),
      }
      this.watched.set(id, { id, wait, spec })
      return [spec]
    } catch (error) {
      if (!(error instanceof BaramError)) throw error
      this.fired.push({ ...firedOf(wait), result: { error: error.message } })
      this.isWanted = true
      return []
    }
  }

  /** What its task gave it. Secrets among it are hidden from what the trigger prints and fails with. */
  private openArguments({ sealed, args, tiId }: OwnedWait): JsonValue {
    if (sealed === null) return args
    const real = this.options.vault.openJson(sealed, triggerContext(tiId))
    this.masker.add(maskedParts(args, real).flatMap(secretStrings))
    return real
  }

  private async findModule(versionId: string): Promise<string> {
    const { database } = this.options
    const { moduleHash } = await this.runCache.version(database, versionId)
    return this.modules.obtain(moduleHash, (hash) => loadModule(database, hash))
  }

  private onMessage(message: FromChild): void {
    if (message.type === 'call') this.answer(message)
    if (message.type !== 'event' && message.type !== 'watch_failed') return
    const watched = this.watched.get(message.id)
    if (watched === undefined) return
    this.watched.delete(watched.id)
    const result = message.type === 'event' ? { event: message.event } : { error: this.masker.mask(message.message) }
    this.fired.push({ ...firedOf(watched.wait), result })
    this.wake()
  }

  private answer({ call, attempt, op, args }: FromChild & { type: 'call' }): void {
    const watched = this.watched.get(attempt)
    if (watched === undefined) return
    const { transactions, options } = this
    if (transactions === null) return
    const { database, vault } = options
    serveCall(
      { database, runCache: this.runCache, transactions, vault, masker: this.masker },
      callerOf(watched.wait),
      op,
      args,
    ).then(
      (value) => this.child.reply(call, value),
      (error: unknown) =>
        this.child.reply(call, null, error instanceof BaramError ? error.message : `${op} failed: ${messageOf(error)}`),
    )
  }
}

const firedOf = (wait: OwnedWait) => ({ dagRunId: wait.dagRunId, tiId: wait.tiId, epoch: wait.epoch })

const callerOf = (wait: OwnedWait): Caller => ({
  dagRunId: wait.dagRunId,
  tiId: wait.tiId,
  dagId: wait.dagId,
  runId: wait.runId,
  taskId: wait.taskId,
  mapIndex: wait.mapIndex,
  epoch: null,
})
