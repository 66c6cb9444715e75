// Finds dead processes. A lease is dead when its hb_seq stood still for the lease time on *this* process' monotonic
// clock; a process whose pid this one can judge (same boot, same pid namespace) is dead at once when it has ended. No wall clock decides.

import { hostname } from 'node:os'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../runtime/logger.ts'
import { hasEnded, type ProcessIdentity, sharesPids, thisProcess } from '../runtime/processes.ts'
import type { Database } from '../store/database.ts'
import { type JobRow, listRunningJobs, reapJob } from '../store/postgres/jobs.ts'

export interface LeaseWatchOptions {
  readonly database: Database
  readonly log: Logger
  readonly leaseMs: number
  readonly heartbeatMs: number
  /** Some job was declared dead: its attempts are to be rescued. */
  onDead(): void
}

interface Seen {
  readonly hbSeq: number
  readonly since: number
}

/**
 * Whether a job's process has certainly ended, as far as one that is `me` can see. Only then: containers with equal host
 * names share the machine's boot id, and each of them numbers its own processes.
 */
export function isGoneFromHere(
  job: Pick<JobRow, 'hostname' | 'pid' | 'bootId' | 'pidNamespace' | 'pidStarted'>,
  me: ProcessIdentity,
): boolean {
  // A name of its own tells clones of one frozen machine apart, which share everything else.
  if (job.hostname !== hostname() || job.pidStarted === null || job.pidStarted === '') return false
  if (!sharesPids(me, { bootId: job.bootId, pidNamespace: job.pidNamespace })) return false
  return hasEnded(job.pid, job.pidStarted)
}

export class LeaseWatch {
  private readonly options: LeaseWatchOptions
  private readonly seen = new Map<number, Seen>()
  private readonly self = thisProcess()
  private timer: NodeJS.Timeout | null = null
  private current: Promise<void> = Promise.resolve()
  private isLooking = false
  private lastLook = performance.now()

  constructor(options: LeaseWatchOptions) {
    this.options = options
  }

  start(): void {
    this.timer = setInterval(() => {
      if (!this.isLooking) this.current = this.look()
    }, this.options.heartbeatMs)
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer)
    await this.current
  }

  private async look(): Promise<void> {
    this.isLooking = true
    try {
      const jobs = await listRunningJobs(this.options.database)
      this.forgetAfterGap()
      for (const id of this.seen.keys()) if (!jobs.some((job) => job.id === id)) this.seen.delete(id)
      for (const job of jobs) await this.judge(job)
    } catch (error) {
      // What stood still while nobody could look says nothing: after an outage each lease is counted anew.
      this.seen.clear()
      this.options.log.debug({ err: messageOf(error) }, 'leases could not be read')
    } finally {
      this.isLooking = false
    }
  }

  /** This process was frozen, or the database slow to answer: others may have beaten their leases unseen. */
  private forgetAfterGap(): void {
    const now = performance.now()
    if (now - this.lastLook > this.options.leaseMs / 2) this.seen.clear()
    this.lastLook = now
  }

  private async judge(job: JobRow): Promise<void> {
    const now = performance.now()
    const before = this.seen.get(job.id)
    if (before === undefined || before.hbSeq !== job.hbSeq) this.seen.set(job.id, { hbSeq: job.hbSeq, since: now })
    const silence = before === undefined || before.hbSeq !== job.hbSeq ? 0 : now - before.since
    const isGone = isGoneFromHere(job, this.self)
    if (!isGone && silence < this.options.leaseMs) return
    if (!(await reapJob(this.options.database, job.id, job.hbSeq))) return
    this.options.log.warn(
      { jobId: job.id, jobType: job.jobType, hostname: job.hostname, pid: job.pid, isGone, silence },
      'a dead process was found',
    )
    this.options.onDead()
  }
}
