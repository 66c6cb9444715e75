// Tells pages which runs changed: gathered for a moment and sent beside the hot path, one notification for many commits.

import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import { notifyPages } from '../../store/postgres/notify.ts'
import type { Sql } from '../../store/sql.ts'

/** Long enough to gather a burst, short enough to look immediate. */
const GATHER_MS = 60

export class PageNotifier {
  private readonly runs = new Set<number>()
  private readonly sql: () => Sql
  private readonly log: Logger
  private timer: NodeJS.Timeout | null = null
  private current: Promise<void> = Promise.resolve()

  constructor(sql: () => Sql, log: Logger) {
    this.sql = sql
    this.log = log
  }

  add(runs: readonly number[]): void {
    for (const run of runs) this.runs.add(run)
    this.timer ??= setTimeout(() => void this.flush(), GATHER_MS)
  }

  /** Resolves when everything added until now was sent, or could not be: nothing waits and no statement is under way. */
  flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.current = this.current.then(() => this.send())
    return this.current
  }

  private async send(): Promise<void> {
    if (this.runs.size === 0) return
    const runs = [...this.runs]
    this.runs.clear()
    try {
      await notifyPages(this.sql(), { runs, dags: [] })
    } catch (error) {
      // Pages look again when they reconnect; nothing is decided by this.
      this.log.debug({ err: messageOf(error) }, 'pages were not told of a change')
    }
  }
}
