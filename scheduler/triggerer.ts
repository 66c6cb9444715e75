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
import { EngineProcess, type ServiceDeps, type Serving } from '../engine/process.ts'
import { type Caller, serveCall } from '../engine/task-api/serve.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import type { Service } from '../runtime/service.ts'
import { findOwnedWaits, type OwnedWait, takeWaits } from '../store/postgres/triggers.ts'
import { loadModule } from '../store/postgres/versions.ts'
import { WatchChild } from './watch-child.ts'

export interface TriggererOptions extends ServiceDeps {
  readonly vault: Vault
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

export class Triggerer implements Service {
  private readonly options: TriggererOptions
  private readonly process: EngineProcess
  private readonly modules: ModuleStore
  private readonly child: WatchChild
  private readonly watched = new Map<number, WatchedTrigger>()
  private readonly fired: Fired[] = []
  /** Secrets that triggers have asked for: what they print goes into this process' log. */
  private readonly masker = new Masker()
  private nextId = 1
  private isWorking = false
  private isWanted = false
  private mustReview = false
  private current: Promise<void> = Promise.resolve()

  constructor(options: TriggererOptions) {
    this.options = options
    const { config, log } = options
    this.process = new EngineProcess({
      ...options,
      jobType: 'TriggererJob',
      channels: ['triggers'],
      info: () => ({ capacity: config.triggererCapacity }),
      onNotify: () => this.wake(),
      onCatchUp: () => this.review(),
      begin: () => this.begin(),
      fence: () => void this.child.close(),
      end: () => this.end(),
    })
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
        this.process.timers.after(AFTER_ERROR_MS, () =>
          this.child.watch([...this.watched.values()].map((watched) => watched.spec)),
        )
      },
    })
  }

  /** Waits held now, for tests and benchmarks. */
  get size(): number {
    return this.watched.size
  }

  start(): Promise<void> {
    return this.process.start()
  }

  stop(): Promise<void> {
    return this.process.stop()
  }

  private begin(): void {
    this.modules.open()
    this.process.timers.every(POLL_MS, () => this.review())
    this.wake()
  }

  private async end(): Promise<void> {
    await this.child.close()
    await this.current
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
    const { isStopping, serving } = this.process
    if (isStopping || serving === null) return
    this.isWorking = true
    this.isWanted = false
    this.current = this.work(serving)
  }

  private async work(serving: Serving): Promise<void> {
    try {
      await this.deliver(serving)
      if (this.mustReview) await this.letGo(serving)
      await this.take(serving)
    } catch (error) {
      this.options.log.warn({ err: messageOf(error) }, 'a look at the waits failed and is repeated')
      this.process.timers.after(AFTER_ERROR_MS, () => this.wake())
    }
    this.isWorking = false
    if (this.isWanted) this.wake()
  }

  /** Events that have come, in batches; those that could not be written are kept. */
  private async deliver({ lease, transactions }: Serving): Promise<void> {
    while (this.fired.length > 0) {
      const batch = this.fired.slice(0, FIRE)
      const lockedElsewhere = await fire(transactions, batch, lease.now())
      this.fired.splice(0, batch.length)
      if (lockedElsewhere.length === 0) continue
      // Their runs are held by others at this moment: the rest does not wait for that.
      this.fired.push(...lockedElsewhere)
      this.process.timers.after(AFTER_ERROR_MS, () => this.wake())
      if (lockedElsewhere.length === batch.length) return
    }
  }

  /** Waits whose tasks no longer wait (cleared, timed out, their run ended). */
  private async letGo({ lease }: Serving): Promise<void> {
    this.mustReview = false
    const before = [...this.watched.values()]
    const rows = await findOwnedWaits(this.options.database, lease.jobId)
    const still = new Set(rows.map(keyOf))
    const gone = before.filter((watched) => !still.has(keyOf(watched.wait)) && this.watched.has(watched.id))
    for (const watched of gone) this.watched.delete(watched.id)
    this.child.unwatch(gone.map((watched) => watched.id))
    if (this.child.isWorn) this.child.replace()
  }

  private async take({ lease }: Serving): Promise<void> {
    const { database, config } = this.options
    for (;;) {
      const room = Math.min(TAKE, config.triggererCapacity - this.watched.size)
      if (room <= 0 || this.process.isStopping) return
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
    const { moduleHash } = await this.process.runCache.version(database, versionId)
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
    const { serving, runCache } = this.process
    if (serving === null) return
    const { database, vault } = this.options
    const deps = { database, runCache, transactions: serving.transactions, vault, masker: this.masker }
    this.process.runBeside('a trigger got no answer', () =>
      serveCall(deps, callerOf(watched.wait), op, args).then(
        (value) => this.child.reply(call, value),
        (error: unknown) =>
          this.child.reply(
            call,
            null,
            error instanceof BaramError ? error.message : `${op} failed: ${messageOf(error)}`,
          ),
      ),
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
