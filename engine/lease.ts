// A process' row in `job` and its heartbeat. Losing the database for the fence time means somebody may soon declare this
// process dead: its owner must stop acting before that (watchdog 4 s < fence 6 s < lease 10 s).

import { hostname } from 'node:os'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../runtime/logger.ts'
import { thisProcess } from '../runtime/processes.ts'
import { endJob, heartbeat, insertJob, type JobType } from '../store/postgres/jobs.ts'
import type { Sql } from '../store/sql.ts'

/** Of the lease's length: after this share without a heartbeat the holder gives up by itself. */
const FENCE_SHARE = 0.6

export interface LeaseOptions {
  readonly jobType: JobType
  readonly info: unknown
  readonly heartbeatMs: number
  readonly leaseMs: number
  readonly log: Logger
  /** Where heartbeats go: a connection that hot statements never block. */
  sql(): Sql
  /** At each heartbeat: the database's clock, epoch ms. */
  onClock?(databaseNow: number): void
  /** The lease is lost, or will be before it can be renewed: stop everything that acts in its name. */
  onLost(reason: string): void
}

export class Lease {
  readonly jobId: number
  private readonly options: LeaseOptions
  private readonly timer: NodeJS.Timeout
  private lastBeat = performance.now()
  private isBeating = false
  private isLost = false
  /** Database clock minus this process' monotonic clock, ms. */
  private clockOffset: number

  private constructor(options: LeaseOptions, jobId: number, now: number) {
    this.options = options
    this.jobId = jobId
    this.clockOffset = now - performance.now()
    this.timer = setInterval(() => void this.beat(), options.heartbeatMs)
  }

  /** Registers the process. @throws Error when the database does not answer */
  static async take(options: LeaseOptions): Promise<Lease> {
    const self = thisProcess()
    const sql = options.sql()
    const jobId = await insertJob(sql, {
      jobType: options.jobType,
      hostname: hostname(),
      pid: self.pid,
      bootId: self.bootId,
      pidStarted: self.startTime,
      pidNamespace: self.pidNamespace,
      info: options.info,
    })
    const { now } = await heartbeat(sql, jobId)
    return new Lease(options, jobId, now)
  }

  /** The database's clock, as of the last heartbeat and this process' own monotonic clock since, epoch ms. */
  now(): number {
    return Math.round(performance.now() + this.clockOffset)
  }

  async end(state: 'success' | 'failed'): Promise<void> {
    clearInterval(this.timer)
    this.isLost = true
    await endJob(this.options.sql(), this.jobId, state)
  }

  private lose(reason: string): void {
    if (this.isLost) return
    this.isLost = true
    clearInterval(this.timer)
    this.options.onLost(reason)
  }

  private async beat(): Promise<void> {
    const silence = performance.now() - this.lastBeat
    if (silence > this.options.leaseMs * FENCE_SHARE)
      this.lose(`no heartbeat reached the database for ${Math.round(silence)} ms`)
    if (this.isBeating || this.isLost) return
    this.isBeating = true
    try {
      const sent = performance.now()
      const { isAlive, now } = await heartbeat(this.options.sql(), this.jobId)
      this.clockOffset = now - performance.now()
      this.options.onClock?.(now)
      // From when it was sent: the database may have written it long before the answer came.
      this.lastBeat = sent
      if (!isAlive) this.lose('this process was declared dead')
    } catch (error) {
      this.options.log.warn({ err: messageOf(error) }, 'a heartbeat failed')
    } finally {
      this.isBeating = false
    }
  }
}
