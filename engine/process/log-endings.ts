// The last line of logs whose worker died. Whoever ends the attempt notes it in that transaction; a scheduler or worker that
// sees the folder of the log writes it, one at a time. A log may be as large as its limit allows and stand on a slow disk:
// only its end is read, and nothing waits for it.

import { appendFile, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { attemptLogPath } from '../../runtime/attempt-log.ts'
import { logFolderId } from '../../runtime/log-folder.ts'
import type { Logger } from '../../runtime/logger.ts'
import { cameWithin } from '../../runtime/timer.ts'
import type { Database } from '../../store/database.ts'
import {
  findDeadWorkers,
  type LogEnding,
  noteLastReports,
  settleLogEndings,
  takeLogEndings,
} from '../../store/postgres/log-endings.ts'

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

/** The event of a line that says how an attempt ended; null for any other. */
function endOf(line: string): string | null {
  try {
    const { logger, event } = JSON.parse(line) as { readonly logger?: unknown; readonly event?: unknown }
    return logger === 'baram' && typeof event === 'string' && event.startsWith('Ended:') ? event : null
  } catch {
    return null // Torn by the death of its writer.
  }
}

/** How a log ends: `event` = what its last line says of the end, null = nothing; `before` = what a new line must begin with. */
export async function readEnd(path: string): Promise<{ readonly event: string | null; readonly before: '' | '\n' }> {
  let tail: string
  try {
    tail = await readTail(path)
  } catch {
    return { event: null, before: '' } // Not a line of it was written.
  }
  const isWhole = tail === '' || tail.endsWith('\n')
  return { event: endOf(tail.split('\n').at(isWhole ? -2 : -1) ?? ''), before: isWhole ? '' : '\n' }
}

/** Says how the attempt ended, unless the log does. @throws what the file system says */
async function endLog(folder: string, ending: LogEnding): Promise<void> {
  const path = attemptLogPath(folder, ending)
  const { level, event, isFinal } = ending
  const last = await readEnd(path)
  // The very line: whoever wrote it died before it could tell.
  if (last.event === event || (last.event !== null && !isFinal)) return
  // The worker may have died before its first line was written.
  await mkdir(dirname(path), { recursive: true })
  const text = JSON.stringify({ timestamp: new Date().toISOString(), level, logger: 'baram', event })
  await appendFile(path, `${last.before}${text}\n`)
}

/** Endings of one transaction: on a slow disk it must be over before the server ends it for its silence (8 s). */
const BATCH = 10

/**
 * Writes the last lines that are noted for a log folder. One that cannot be written (a full disk) is tried again later.
 * @returns how many were taken
 */
export async function endLogs(database: Database, folder: string, folderId: string, log: Logger): Promise<number> {
  return await database.transaction(async (tx) => {
    const endings = await takeLogEndings(tx, folderId, BATCH)
    if (endings.length === 0) return 0
    const [written, unwritten]: [number[], number[]] = [[], []]
    for (const ending of endings)
      try {
        await endLog(folder, ending)
        written.push(ending.id)
      } catch (error) {
        unwritten.push(ending.id)
        log.warn(
          { err: messageOf(error), path: attemptLogPath(folder, ending) },
          'the log of a dead worker has no end yet',
        )
      }
    await settleLogEndings(tx, written, unwritten)
    return endings.length
  })
}

/** Notes what dead workers had reported in their last moments. Each dead worker is looked at once. */
export class LastReports {
  private readonly seen = new Set<number>()

  async note(database: Database): Promise<void> {
    for (const workerId of await findDeadWorkers(database)) {
      if (this.seen.has(workerId)) continue
      await noteLastReports(database, workerId)
      this.seen.add(workerId)
    }
  }
}

/** A disk that hangs keeps nobody from stopping, ms. */
const STOP_MS = 2_000
/** Between two looks, ms: a page says from the ledger how such an attempt ended, so a moment does no harm. */
const LOOK_MS = 5_000

/** Ends the logs in this process' log folder, from `start` to `stop`. */
export class LogEnder {
  private readonly options: { readonly database: Database; readonly folder: string; readonly log: Logger }
  private id: string | null = null
  private timer: NodeJS.Timeout | null = null
  private current: Promise<void> = Promise.resolve()
  private isWanted = false

  constructor(options: { readonly database: Database; readonly folder: string; readonly log: Logger }) {
    this.options = options
  }

  /** The folder's name among all; null when it cannot have one: then its logs may lack their last line. */
  async start(): Promise<string | null> {
    const { folder, log } = this.options
    try {
      this.id = await logFolderId(folder)
    } catch (error) {
      log.warn(
        { err: messageOf(error), folder },
        'the log folder cannot be written: logs of dead workers get no last line',
      )
      return null
    }
    this.timer = setInterval(() => this.look(), LOOK_MS)
    this.timer.unref()
    return this.id
  }

  /** Looks now, or once more after the look that is under way. */
  look(): void {
    if (this.isWanted) return
    this.isWanted = true
    this.current = this.current.then(() => {
      this.isWanted = false
      return this.endAll()
    })
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer)
    await cameWithin(STOP_MS, this.current)
  }

  private async endAll(): Promise<void> {
    const { database, folder, log } = this.options
    if (this.id === null) return
    try {
      while ((await endLogs(database, folder, this.id, log)) === BATCH);
    } catch (error) {
      log.warn({ err: messageOf(error) }, 'logs of dead workers could not be ended')
    }
  }
}
