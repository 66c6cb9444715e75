// A process' row in `job` and its heartbeat (docs/reliability.md rules 8 and 9).
//
// Promise: a process that may be declared dead has stopped acting before. Observers wait 10 s without a heartbeat; the holder
// gives up by itself after 6 s of silence, counted on its own monotonic clock from when the last answered heartbeat was sent.
//
// On failure:
// - a heartbeat fails: the next one is tried; only the time since the last answer decides.
// - the server says that it is down: nobody can take over, so the lease is kept, as long as the outage is tolerated.
// - the process was frozen: it gives up at its first look, whatever the server says to it then.
// - somebody declared it dead: the heartbeat's own statement says so, and it gives up.
// `onLost` is called once, and its owner must end what acts in the lease's name; it is never taken again by this process.

import { hostname } from 'node:os'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import { thisProcess } from '../../runtime/processes.ts'
import { isDown } from '../../store/answers.ts'
import { endJob, heartbeat, heartbeatWithSamples, insertJob, type JobType } from '../../store/postgres/jobs.ts'
import type { Sql } from '../../store/sql.ts'

/** Of the lease's length: after this share without a heartbeat the holder gives up by itself. */
const FENCE_SHARE = 0.6

/** How often a heartbeat carries what the process has counted, ms. */
const SAMPLES_MS = 5_000
/** After one that failed with them, heartbeats go alone for this long, ms: the lease counts, not the counters. */
const SAMPLES_PAUSE_MS = 60_000

export interface LeaseOptions {
  readonly jobType: JobType
  readonly info: object
  readonly heartbeatMs: number
  readonly leaseMs: number
  readonly log: Logger
  /** Where heartbeats go: a connection that hot statements never block. */
  sql(): Sql
  /** When the server last said by another connection that it does not serve, monotonic ms. */
  lastDownAt?(): number
  /** Names the sessions of this process: whoever finds it dead ends them. */
  readonly session: string
  /** How long a database that says it is down is waited for, ms. */
  readonly outageMs: number
  /** At each heartbeat: the database's clock, epoch ms. */
  onClock?(databaseNow: number): void
  /** What this process has counted, as JSON; it goes with a heartbeat every few seconds. */
  samples?(): Promise<string>
  /** The lease is lost, or will be before it can be renewed: stop everything that acts in its name. */
  onLost(reason: string): void
}

export class Lease {
  readonly jobId: number
  private readonly options: LeaseOptions
  private readonly timer: NodeJS.Timeout
  private lastBeat = performance.now()
  /** When the timer last came round: a process that was frozen finds out by it. */
  private lastTick = performance.now()
  /** The last heartbeat to which the server answered that it does not serve. */
  private lastDown = Number.NEGATIVE_INFINITY
  /** When samples are due, monotonic ms. */
  private samplesAt = 0
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
      info: { ...options.info, session: options.session },
    })
    try {
      const { now } = await heartbeat(sql, jobId)
      return new Lease(options, jobId, now)
    } catch (error) {
      await endJob(sql, jobId, 'failed').catch(() => undefined) // Where that fails too, the row runs out.
      throw error
    }
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

  /**
   * Silence fences, down does not (docs/reliability.md rule 8): while the server itself says that it does not serve, nobody can
   * take anything over, and observers count anew from their first look after it is back. What the server says to one
   * that has just thawed comes too late: it may have ended these very sessions because it took the process for dead.
   */
  private fence(): void {
    const now = performance.now()
    const stoodStill = Math.round(now - this.lastTick)
    this.lastTick = now
    if (stoodStill > this.options.leaseMs * FENCE_SHARE) this.lose(`this process stood still for ${stoodStill} ms`)
    const heard = Math.max(this.lastBeat, this.lastDown, this.options.lastDownAt?.() ?? Number.NEGATIVE_INFINITY)
    const silence = Math.round(now - heard)
    const outage = now - this.lastBeat
    if (silence > this.options.leaseMs * FENCE_SHARE) this.lose(`the database has been silent for ${silence} ms`)
    else if (outage > this.options.outageMs)
      this.lose(`the database has been down for ${Math.round(outage / 1000)} s (database.outage_tolerance_sec)`)
  }

  private lose(reason: string): void {
    if (this.isLost) return
    this.isLost = true
    clearInterval(this.timer)
    this.options.onLost(reason)
  }

  /** Null = none are due, or they could not be made. */
  private async dueSamples(): Promise<string | null> {
    const { samples, log } = this.options
    if (samples === undefined || performance.now() < this.samplesAt) return null
    this.samplesAt = performance.now() + SAMPLES_MS
    return samples().catch((error: unknown) => {
      log.warn({ err: messageOf(error) }, 'the metrics of this process could not be read')
      return null
    })
  }

  private async send(samples: string | null): Promise<{ isAlive: boolean; now: number }> {
    const sql = this.options.sql()
    if (samples === null) return heartbeat(sql, this.jobId)
    try {
      return await heartbeatWithSamples(sql, this.jobId, samples)
    } catch (error) {
      this.samplesAt = performance.now() + SAMPLES_PAUSE_MS
      throw error
    }
  }

  private async beat(): Promise<void> {
    this.fence()
    if (this.isBeating || this.isLost) return
    this.isBeating = true
    try {
      const samples = await this.dueSamples()
      const sent = performance.now()
      const { isAlive, now } = await this.send(samples)
      this.clockOffset = now - performance.now()
      this.options.onClock?.(now)
      // From when it was sent: the database may have written it long before the answer came.
      this.lastBeat = sent
      if (!isAlive) this.lose('this process was declared dead')
    } catch (error) {
      if (isDown(error)) this.lastDown = performance.now()
      this.options.log.warn({ err: messageOf(error) }, 'a heartbeat failed')
    } finally {
      this.isBeating = false
    }
  }
}
