// Beside the passes: deletes what has expired, in bounded calls. While more is left they follow each other with a pause, so that a
// backlog of years drains without one long transaction, and without taking the disk from those who work.

import { dropExpired, dropHistory } from '../engine/admin/retention.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Database } from '../store/database.ts'
import { databaseNow } from '../store/postgres/jobs.ts'
import type { ClockHold } from './clock-hold.ts'

/** Between looks, ms: ages are counted in days. */
const LOOK_MS = 600_000
/** Between calls while more is left, ms: a call takes a fifth of it. */
const MORE_MS = 1_000
const FAILURE = 'expired rows could not be deleted'

export interface ExpiryDeps {
  readonly database: Database
  readonly log: Logger
  readonly config: Pick<
    Config,
    'runRetentionDays' | 'auditRetentionDays' | 'jobRetentionDays' | 'versionRetentionDays' | 'callbackRetentionDays'
  >
  /** By a clock that is not believed nothing has expired: a year too many would delete a year of runs. */
  readonly clock: Pick<ClockHold, 'isHeld' | 'trusts'>
  /** Calls something after a time, ms. */
  after(ms: number, run: () => void): void
  /** Runs work beside the passes; a stop waits for it. */
  runBeside(failure: string, work: () => Promise<unknown>): void
}

export class Expiry {
  private readonly deps: ExpiryDeps
  /** Runs that the database will not delete, told once. */
  private readonly refused = new Set<number>()

  constructor(deps: ExpiryDeps) {
    this.deps = deps
  }

  start(): void {
    this.deps.after(LOOK_MS, () => this.look())
  }

  private look(): void {
    this.deps.runBeside(FAILURE, () => this.dropOthers())
    this.lookAtHistory()
  }

  /** More often while a backlog drains: the others have none. */
  private lookAtHistory(): void {
    const { after, runBeside } = this.deps
    runBeside(FAILURE, async () => {
      let hasMore = false
      try {
        hasMore = await this.dropHistory()
      } finally {
        if (hasMore) after(MORE_MS, () => this.lookAtHistory())
        else after(LOOK_MS, () => this.look())
      }
    })
  }

  /** One bounded call. @returns whether more is left */
  async dropHistory(): Promise<boolean> {
    const { database, log, clock, config } = this.deps
    const now = await databaseNow(database)
    if (clock.isHeld || !clock.trusts(now)) return false
    const days = { runDays: config.runRetentionDays, auditDays: config.auditRetentionDays }
    const { hasMore, refused, ...dropped } = await dropHistory(database, days, now)
    this.tell(dropped)
    for (const run of refused) if (!this.refused.has(run.dagRunId)) log.warn(run, 'a run could not be deleted')
    for (const { dagRunId } of refused) this.refused.add(dagRunId)
    return hasMore
  }

  private async dropOthers(): Promise<void> {
    const { database, clock, config } = this.deps
    if (clock.isHeld || !clock.trusts(await databaseNow(database))) return
    const { jobRetentionDays: jobDays, versionRetentionDays: versionDays, callbackRetentionDays: callbackDays } = config
    this.tell(await dropExpired(database, { jobDays, versionDays, callbackDays }))
  }

  private tell(dropped: object): void {
    if (Object.values(dropped).some((count) => count > 0)) this.deps.log.info(dropped, 'expired rows were deleted')
  }
}
