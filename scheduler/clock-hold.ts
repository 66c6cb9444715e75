// Holds the creation of runs while the database's clock is not believed, says so in the job's row, and goes on when the
// clock returns or somebody confirms it (`dagctl db confirm-clock` empties the row).

import { messageOf } from '../core/errors.ts'
import { refreshNextRuns } from '../engine/dags/sync.ts'
import { ClockGuard } from '../engine/process/clock-guard.ts'
import type { RunCache } from '../engine/transaction/run-cache.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Database } from '../store/database.ts'
import { dropClockHolds, findLastClockHold, readClockHold, setClockHold } from '../store/postgres/clock-holds.ts'

export interface ClockHoldOptions {
  readonly database: Database
  readonly runCache: RunCache
  readonly log: Logger
  /** Of this machine: a hold outlives its scheduler within one boot. */
  readonly bootId: string
  /** Time since the machine's boot, ms. */
  uptimeMs(): number
  /** Runs may be created again. */
  onRelease(): void
}

export class ClockHold {
  private readonly options: ClockHoldOptions
  private guard: ClockGuard
  private jobId: number | null = null
  /** The job's row says so. */
  private isNoted = false
  private isSettling = false
  private current: Promise<void> = Promise.resolve()

  constructor(options: ClockHoldOptions) {
    this.options = options
    this.guard = new ClockGuard(() => options.uptimeMs())
  }

  get isHeld(): boolean {
    return this.guard.moved !== 0
  }

  /** Whether runs may be created at this instant of the database's clock. */
  trusts(databaseNow: number): boolean {
    return this.guard.look(databaseNow)
  }

  async start(jobId: number, databaseNow: number): Promise<void> {
    this.jobId = jobId
    const { database, bootId } = this.options
    const left = await findLastClockHold(database, bootId)
    if (left !== null) this.guard = new ClockGuard(() => this.options.uptimeMs(), left.trustedMs)
    this.observe(databaseNow)
  }

  /** At each heartbeat, with the clock it brought. */
  observe(databaseNow: number): void {
    this.guard.look(databaseNow)
    const isQuiet = !this.isHeld && !this.isNoted
    if (!isQuiet && this.jobId !== null && !this.isSettling) this.current = this.settle(this.jobId, databaseNow)
  }

  async stop(): Promise<void> {
    this.jobId = null
    await this.current
  }

  private async settle(jobId: number, databaseNow: number): Promise<void> {
    this.isSettling = true
    try {
      if (!this.isHeld) await this.release(jobId, 'the database clock is back; runs are created again')
      else if (!this.isNoted) await this.hold(jobId)
      else if ((await readClockHold(this.options.database, jobId)) === null) {
        this.guard.confirm(databaseNow)
        await this.release(jobId, 'the database clock was confirmed; runs are created again')
      }
    } catch (error) {
      this.options.log.warn(
        { err: messageOf(error) },
        'what is held of the clock could not be noted; it is tried again',
      )
    } finally {
      this.isSettling = false
    }
  }

  private async hold(jobId: number): Promise<void> {
    const { database, log } = this.options
    const movedMs = this.guard.moved
    await setClockHold(database, jobId, { movedMs, trustedMs: this.guard.trusted ?? 0 })
    this.isNoted = true
    log.error(
      { movedMinutes: Math.round(movedMs / 60_000) },
      'the database clock jumped: no run is created until it is back or confirmed (dagctl db confirm-clock)',
    )
  }

  private async release(jobId: number, sentence: string): Promise<void> {
    const { database, runCache, log, bootId } = this.options
    // Next dates that were computed meanwhile lie after a clock that was wrong. Before the row says that all is well: a
    // scheduler that ends in between leaves this to its successor.
    const refused = await refreshNextRuns(database, runCache)
    await setClockHold(database, jobId, null)
    await dropClockHolds(database, bootId)
    this.isNoted = false
    log.warn({ refused }, sentence)
    this.options.onRelease()
  }
}
