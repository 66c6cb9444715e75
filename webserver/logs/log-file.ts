// Attempt logs on this host: JSON lines, found by the names of the row, read in pieces, never outside the log folder.

import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { sep } from 'node:path'
import { type AttemptLogKey, attemptLogPath } from '../../runtime/attempt-log.ts'
import { type Batch, LineSplitter, textsOf } from './line-splitter.ts'
import type { Level } from './shown/line.ts'

/** The real path when it lies in the root and exists, else null. */
export async function findLog(root: string, at: AttemptLogKey): Promise<string | null> {
  const path = attemptLogPath(root, at)
  try {
    const [realRoot, real] = await Promise.all([realpath(root), realpath(path)])
    return real.startsWith(realRoot + sep) ? real : null
  } catch {
    return null // Not written yet, or on another host.
  }
}

export async function withFile<T>(path: string, body: (file: FileHandle) => Promise<T>): Promise<T | null> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch {
    return null // Gone between the look and the reading.
  }
  try {
    return await body(file)
  } finally {
    await file.close()
  }
}

/** Bytes read at once: each piece is a turn of the event loop, and this one is worked through in about a millisecond. */
const PIECE = 256 * 1024

/**
 * Whole lines from `from` (the beginning of a line) up to `to`, piece by piece.
 * @param isDone nothing will follow: the last line counts without its newline
 */
export async function* readBatches(file: FileHandle, from: number, to: number, isDone: boolean): AsyncGenerator<Batch> {
  const splitter = new LineSplitter(from)
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(PIECE, to - from)))
  let offset = from
  while (offset < to) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - offset), offset)
    if (bytesRead === 0) break
    offset += bytesRead
    yield* splitter.push(buffer.subarray(0, bytesRead))
  }
  const rest = isDone ? splitter.rest() : null
  if (rest !== null) yield rest
}

export interface Chunk {
  /** Whole lines, without the newline. */
  readonly lines: readonly string[]
  /** Where the next piece begins. */
  readonly next: number
  readonly size: number
}

/** About a piece of whole lines from `offset` on; the last, unfinished line waits for its newline unless `isDone`. */
export async function readChunk(path: string, offset: number, isDone: boolean): Promise<Chunk | null> {
  return withFile(path, async (file) => {
    const { size } = await file.stat()
    const lines: string[] = []
    let next = Math.min(offset, size)
    for await (const batch of readBatches(file, next, size, isDone)) {
      lines.push(...textsOf(batch))
      next = batch.end
      if (next - offset >= PIECE / 2) break
    }
    return { lines, next, size }
  })
}

export interface LogLine {
  readonly timestamp: string
  readonly level: Level
  readonly logger: string
  readonly event: string
  readonly [extra: string]: unknown
}

const LEVELS: Readonly<Record<string, Level>> = {
  debug: 'debug',
  info: 'info',
  warning: 'warning',
  warn: 'warning',
  error: 'error',
  critical: 'error',
}

/** A level as it may be written; what is none of ours is told as info. */
export const readLevel = (text: string): Level => {
  const level = text.toLowerCase()
  return Object.hasOwn(LEVELS, level) ? (LEVELS[level] ?? 'info') : 'info'
}

const readEvent = (event: unknown): string =>
  typeof event === 'string' ? event : event === undefined || event === null ? '' : JSON.stringify(event)

/** One stored line; text that is no JSON (a line cut by a crash) is told as it stands. */
export function parseLine(text: string): LogLine {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      // Proven an object; every field used is checked below.
      const line = value as Record<string, unknown>
      return {
        ...line,
        timestamp: typeof line['timestamp'] === 'string' ? line['timestamp'] : '',
        level: typeof line['level'] === 'string' ? readLevel(line['level']) : 'info',
        logger: typeof line['logger'] === 'string' ? line['logger'] : '',
        event: readEvent(line['event']),
      }
    }
  } catch {
    // Told as text.
  }
  return { timestamp: '', level: 'info', logger: '', event: text.replace(/\r$/, '') }
}
