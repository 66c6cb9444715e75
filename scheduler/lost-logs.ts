// The last line of logs whose worker died: written by the scheduler that finds it, when it shares the worker's host.
// A log may be as large as its limit allows and stand on a slow disk: only its end is read, and nothing waits for it.

import { appendFile, mkdir, open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { messageOf } from '../core/errors.ts'
import type { LostAttempt } from '../engine/verbs.ts'
import { type AttemptLogKey, attemptLogPath } from '../runtime/attempt-log.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Database } from '../store/database.ts'
import { findDeadWorkers, findLastReports } from '../store/postgres/jobs.ts'

/** The last line says how an attempt ended and is much shorter than this, bytes. */
const TAIL_BYTES = 64 * 1024

async function readTail(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const length = Math.min(size, TAIL_BYTES)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

function isEnd(line: string): boolean {
  try {
    const { logger, event } = JSON.parse(line) as { readonly logger?: unknown; readonly event?: unknown }
    return logger === 'baram' && typeof event === 'string' && event.startsWith('Ended:')
  } catch {
    return false // Torn by the death of its writer.
  }
}

/** What a log lacks: null = nothing, else what to write before its last line. */
export async function missingEnd(path: string): Promise<string | null> {
  let tail: string
  try {
    tail = await readTail(path)
  } catch {
    return '' // Not a line of it was written.
  }
  const lines = tail.split('\n')
  const isWhole = tail === '' || tail.endsWith('\n')
  return isEnd(lines.at(isWhole ? -2 : -1) ?? '') ? null : isWhole ? '' : '\n'
}

interface LastLine {
  readonly level: 'error' | 'warning'
  readonly event: string
}

/** Says how an attempt ended; `isAgain` although its log ends already, for a try that went on after a wait. */
async function endLog(
  folder: string,
  key: AttemptLogKey,
  line: LastLine,
  isAgain: boolean,
  log: Logger,
): Promise<void> {
  const { level, event } = line
  const path = attemptLogPath(folder, key)
  try {
    const before = await missingEnd(path)
    if (before === null && !isAgain) return
    // The worker may have died before its first line was written.
    await mkdir(dirname(path), { recursive: true })
    const text = JSON.stringify({ timestamp: new Date().toISOString(), level, logger: 'baram', event })
    await appendFile(path, `${before ?? ''}${text}\n`)
  } catch (error) {
    log.warn({ err: messageOf(error), path }, 'the log of a dead worker could not be ended')
  }
}

/** Says in each log how the attempt ended. A worker on another host leaves it to the ledger, which pages show as well. */
export async function closeLostLogs(folder: string, lost: readonly LostAttempt[], log: Logger): Promise<void> {
  for (const attempt of lost) {
    if (attempt.hostname !== hostname()) continue
    const event = `Ended: lost, the worker died${attempt.isRetried ? '; the task will be tried again' : ''}`
    await endLog(folder, attempt, { level: 'error', event }, true, log)
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
        const event = `Ended: ${row.state}; the worker died before it had written the rest of this log`
        await endLog(folder, key, { level: 'warning', event }, false, log)
      }
    }
  }
}
