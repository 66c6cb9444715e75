// Calls authors' callbacks: what happened is a row, stored with what it tells of; here it is called in a child, until it
// succeeds or has no try left.
//
// Promise: at least once, with the same id each time. On failure:
// - the callback throws or hangs: it is ended and called again with growing delays, a bounded number of times.
// - this process dies: its rows say `running` under a dead job; any scheduler calls them again.
// - one DAG's receiver hangs, or floods: it has at most `PER_DAG` of the children (docs/reliability.md I18).

import { messageOf } from '../core/errors.ts'
import type { Vault } from '../engine/admin/vault.ts'
import { type CallResult, endCall, nameCallback } from '../engine/alerts/deliver.ts'
import { EngineProcess, type ServiceDeps, type Serving } from '../engine/process.ts'
import { ChildPool } from '../runtime/child-pool.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import type { Service } from '../runtime/service.ts'
import { cameWithin } from '../runtime/timer.ts'
import {
  type ClaimedCallback,
  claimCallbacks,
  nextCallbackAt,
  releaseLostCallbacks,
} from '../store/postgres/callbacks.ts'
import { callCallback } from './callback-call.ts'

export interface CallbacksOptions extends ServiceDeps {
  readonly vault: Vault
}

/** Net under lost notifications, and how soon callbacks of a dead scheduler are called again, ms. */
const POLL_MS = 5_000
const AFTER_ERROR_MS = 500
/** Of one DAG at a time. */
const PER_DAG = 2
/** Calls in flight may end well when the process is told to stop, ms. */
const STOP_MS = 2_000

export class Callbacks implements Service {
  private readonly options: CallbacksOptions
  private readonly process: EngineProcess
  private readonly modules: ModuleStore
  private readonly pool: ChildPool
  private readonly calls = new Set<Promise<void>>()
  private lastNumber = 0
  private isWorking = false
  private isWanted = false
  private mustReview = true
  private cancelNext = () => {}
  private current: Promise<void> = Promise.resolve()

  constructor(options: CallbacksOptions) {
    this.options = options
    const { config, log } = options
    this.process = new EngineProcess({
      ...options,
      jobType: 'CallbackJob',
      channels: ['callbacks'],
      onNotify: () => this.wake(),
      onCatchUp: () => this.review(),
      begin: () => this.begin(),
      fence: () => this.pool.killAll(),
      end: () => this.end(),
    })
    this.modules = new ModuleStore(config.home)
    const { childMemoryMb: memoryMb, childRecycleMb: recycleMb, idleChildMs: idleMs, home: cwd, childEnv: env } = config
    this.pool = new ChildPool({ memoryMb, recycleMb, idleMs, cwd, env, log })
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
    this.review()
  }

  private async end(): Promise<void> {
    await this.current
    await cameWithin(STOP_MS, Promise.all(this.calls))
    await this.pool.close()
    await Promise.all(this.calls)
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
    this.cancelNext()
    this.isWorking = true
    this.isWanted = false
    this.current = this.work(serving)
  }

  private async work(serving: Serving): Promise<void> {
    let waitMs = AFTER_ERROR_MS
    try {
      waitMs = await this.look(serving)
    } catch (error) {
      this.options.log.warn({ err: messageOf(error) }, 'callbacks could not be read; retrying')
    }
    this.isWorking = false
    if (this.isWanted) this.wake()
    else this.cancelNext = this.process.timers.after(waitMs, () => this.wake())
  }

  /** Calls what is due, as far as there is room. Returns how long to wait for the next, ms. */
  private async look(serving: Serving): Promise<number> {
    const { database, config, log } = this.options
    if (this.mustReview) {
      this.mustReview = false
      const lost = await releaseLostCallbacks(database)
      if (lost > 0) log.warn({ callbacks: lost }, 'callbacks of a dead scheduler are called again')
    }
    const room = config.callbackConcurrency - this.calls.size
    // The end of a call wakes us.
    if (room <= 0) return POLL_MS
    for (const call of await claimCallbacks(database, serving.lease.jobId, room, PER_DAG)) this.startCall(serving, call)
    const next = await nextCallbackAt(database)
    // One that is due already waits for room of its DAG.
    const wait = next === null ? POLL_MS : next - serving.lease.now()
    return wait <= 0 ? POLL_MS : Math.min(wait, POLL_MS)
  }

  private startCall(serving: Serving, call: ClaimedCallback): void {
    const running = this.run(serving, call).finally(() => {
      this.calls.delete(running)
      this.wake()
    })
    this.calls.add(running)
  }

  private async run({ transactions, lease }: Serving, call: ClaimedCallback): Promise<void> {
    const { database, vault, config, log } = this.options
    const { callbackTimeoutMs: timeoutMs, baseUrl } = config
    const deps = { database, vault, log, timeoutMs, baseUrl, transactions, runCache: this.process.runCache }
    const { modules, pool } = this
    const result = await callCallback({ ...deps, modules, pool }, call, ++this.lastNumber)
    await this.finish(call, lease.jobId, result)
  }

  /** The end of a call is written as soon as the database answers; one that never is, is called again by the next scheduler. */
  private async finish(call: ClaimedCallback, jobId: number, result: CallResult): Promise<void> {
    const { database, log } = this.options
    const fields = { dagId: call.dagId, runId: call.runId, taskId: call.taskId, kind: call.kind, tries: call.tries }
    for (;;) {
      try {
        const again = await endCall(database, call, jobId, result)
        if (result.kind === 'success') log.info(fields, 'a callback was called')
        else if (again != null)
          log.warn({ ...fields, again, err: result.message }, 'a callback failed and is called again')
        else log.error({ ...fields, err: result.message }, `${nameCallback(call)} failed and is not called again`)
        return
      } catch (error) {
        log.warn({ ...fields, err: messageOf(error) }, 'the end of a callback could not be written yet')
        if (this.process.isStopping) return
        await this.process.timers.pause(AFTER_ERROR_MS)
      }
    }
  }
}
