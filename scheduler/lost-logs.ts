// The last line of logs whose worker died: written by the scheduler that finds it, when it shares the worker's host.

import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { messageOf } from '../core/errors.ts'
import type { LostAttempt } from '../engine/verbs.ts'
import { type AttemptLogKey, attemptLogPath } from '../runtime/attempt-log.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Database } from '../store/database.ts'
import { findDeadWorkers, findLastReports } from '../store/postgres/jobs.ts'

function append(folder: string, key: AttemptLogKey, level: string, event: string, log: Logger): void {
  const path = attemptLogPath(folder, key)
  try {
    // The worker may have died before its first line was written.
    mkdirSync(dirname(path), { recursive: true })
    appendFileSync(path, `${JSON.stringify({ timestamp: new Date().toISOString(), level, logger: 'baram', event })}\n`)
  } catch (error) {
    log.warn({ err: messageOf(error), path }, 'the log of a dead worker could not be ended')
  }
}

/** Says in each log how the attempt ended. A worker on another host leaves it to the ledger, which pages show as well. */
export function closeLostLogs(folder: string, lost: readonly LostAttempt[], log: Logger): void {
  for (const attempt of lost) {
    if (attempt.hostname !== hostname()) continue
    append(
      folder,
      attempt,
      'error',
      `Ended: lost, the worker died${attempt.isRetried ? '; the task will be tried again' : ''}`,
      log,
    )
  }
}

function hasEnd(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').includes('"Ended:')
  } catch {
    return false // Not a line of it was written.
  }
}

/**
 * Attempts that a dead worker had reported in its last moments: their outcome is stored, but the end of their log may have
 * died with the worker. Each dead worker is looked at once.
 */
export class LastLogs {
  private readonly seen = new Set<number>()

  async close(database: Database, folder: string, log: Logger): Promise<void> {
    for (const workerId of await findDeadWorkers(database, hostname())) {
      if (this.seen.has(workerId)) continue
      this.seen.add(workerId)
      for (const row of await findLastReports(database, workerId)) {
        const key = {
          dagId: row.dag_id,
          runId: row.run_id,
          taskId: row.task_id,
          mapIndex: row.map_index,
          tryNumber: row.try_number,
        }
        if (hasEnd(attemptLogPath(folder, key))) continue
        append(
          folder,
          key,
          'warning',
          `Ended: ${row.state}; the worker died before it had written the rest of this log`,
          log,
        )
      }
    }
  }
}
