// Attempt logs on this host: JSON lines, found by the names of the row, read in pieces, never outside the log folder.

import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { sep } from 'node:path'
import { type AttemptLogKey, attemptLogPath } from '../../runtime/attempt-log.ts'

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

async function withFile<T>(path: string, body: (file: FileHandle) => Promise<T>): Promise<T | null> {
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

export interface Chunk {
  /** Whole lines, without the newline. */
  readonly lines: readonly string[]
  /** Where the next piece begins. */
  readonly next: number
  readonly size: number
}

const PIECE = 256 * 1024
/** A line longer than this is told in part: no writer of ours makes one. */
const MAX_LINE = 4 * 1024 * 1024

/** Whole lines from `offset` on; the last, unfinished line waits for its newline unless `isDone`. */
export async function readChunk(path: string, offset: number, isDone: boolean, most = PIECE): Promise<Chunk | null> {
  return withFile(path, async (file) => {
    const { size } = await file.stat()
    if (offset >= size) return { lines: [], next: Math.min(offset, size), size }
    let length = Math.min(most, size - offset)
    for (;;) {
      const buffer = Buffer.alloc(length)
      const { bytesRead } = await file.read(buffer, 0, length, offset)
      const isEnd = offset + bytesRead >= size
      const newline = buffer.subarray(0, bytesRead).lastIndexOf(10)
      if (newline === -1 && !isEnd && length < MAX_LINE) {
        length = Math.min(length * 4, MAX_LINE, size - offset)
        continue
      }
      const end =
        newline === -1 || (isEnd && isDone) ? (isEnd && !isDone && newline === -1 ? 0 : bytesRead) : newline + 1
      const text = buffer.toString('utf8', 0, end)
      return { lines: text.split('\n').filter((line) => line !== ''), next: offset + end, size }
    }
  })
}

/** Where the last `most` bytes begin, at a line, and how many lines lie before. */
export async function findTail(path: string, most: number): Promise<{ offset: number; linesBefore: number } | null> {
  return withFile(path, async (file) => {
    const { size } = await file.stat()
    const from = Math.max(0, size - most)
    if (from === 0) return { offset: 0, linesBefore: 0 }
    const buffer = Buffer.alloc(1024 * 1024)
    let linesBefore = 0
    let offset = 0
    let tail = from
    while (offset < size) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
      if (bytesRead === 0) break
      const piece = buffer.subarray(0, bytesRead)
      for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) {
        linesBefore++
        if (offset + at + 1 >= from) {
          tail = offset + at + 1
          return { offset: tail, linesBefore }
        }
      }
      offset += bytesRead
    }
    return { offset: tail, linesBefore }
  })
}

export interface LogLine {
  readonly timestamp: string
  readonly level: string
  readonly logger: string
  readonly event: string
  readonly [extra: string]: unknown
}

const LEVELS = new Set(['debug', 'info', 'warning', 'error'])

/** One stored line; text that is no JSON (a line cut by a crash) is told as it stands. */
export function parseLine(text: string): LogLine {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      // Proven an object; every field used is checked below.
      const line = value as Record<string, unknown>
      const level = typeof line['level'] === 'string' ? line['level'].toLowerCase() : 'info'
      return {
        ...line,
        timestamp: typeof line['timestamp'] === 'string' ? line['timestamp'] : '',
        level: LEVELS.has(level) ? level : level === 'warn' ? 'warning' : level === 'critical' ? 'error' : 'info',
        logger: typeof line['logger'] === 'string' ? line['logger'] : '',
        event: typeof line['event'] === 'string' ? line['event'] : JSON.stringify(line['event'] ?? ''),
      }
    }
  } catch {
    // Told as text.
  }
  return { timestamp: '', level: 'info', logger: '', event: text }
}
