// The last line of a log whose worker died: written by the scheduler that found it, when it shares the worker's host.

import { appendFileSync, mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { messageOf } from '../core/errors.ts'
import type { LostAttempt } from '../engine/verbs.ts'
import { attemptLogPath } from '../runtime/attempt-log.ts'
import type { Logger } from '../runtime/logger.ts'

/** Says in each log how the attempt ended. A worker on another host leaves it to the ledger, which pages show as well. */
export function closeLostLogs(folder: string, lost: readonly LostAttempt[], log: Logger): void {
  for (const attempt of lost) {
    if (attempt.hostname !== hostname()) continue
    const path = attemptLogPath(folder, attempt)
    const event = `Ended: lost, the worker died${attempt.isRetried ? '; the task will be tried again' : ''}`
    const line = JSON.stringify({ timestamp: new Date().toISOString(), level: 'error', logger: 'baram', event })
    try {
      // The worker may have died before its first line was written.
      mkdirSync(dirname(path), { recursive: true })
      appendFileSync(path, `${line}\n`)
    } catch (error) {
      log.warn({ err: messageOf(error), path }, 'the log of a lost attempt could not be ended')
    }
  }
}
