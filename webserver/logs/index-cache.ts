// The line indexes of the logs that pages look at: built once for all who ask, continued as a log grows, dropped when its
// file is another one, the least used first when they take too much memory.

import type { FileHandle } from 'node:fs/promises'
import { cameWithin } from '../../runtime/timer.ts'
import { LineIndex } from './line-index.ts'
import { readBatches, withFile } from './log-file.ts'

/** Memory of all indexes together. */
const MOST_BYTES = 16 * 1024 * 1024
/** Builds at once: each takes a good part of this process's time. */
const MOST_BUILDS = 2
/** Bytes before the counted end that must be the same when a log is looked at again. */
const PRINT_BYTES = 64

interface Entry {
  readonly device: number
  readonly inode: number
  readonly index: LineIndex
  /** The file's size when it was last counted; more than `index.size` while its last line is unfinished. */
  seen: number
  /** Its last line counts without a newline. */
  isClosed: boolean
  print: Buffer
  building: Promise<void> | null
  /** What the build aims at. */
  target: number
}

async function readPrint(file: FileHandle, end: number): Promise<Buffer> {
  const print = Buffer.alloc(Math.min(PRINT_BYTES, end))
  const { bytesRead } = await file.read(print, 0, print.length, end - print.length)
  return print.subarray(0, bytesRead)
}

export class IndexCache {
  private readonly entries = new Map<string, Entry>()
  private builds = 0
  private readonly waiting: (() => void)[] = []
  private readonly mostBytes: number

  constructor(mostBytes = MOST_BYTES) {
    this.mostBytes = mostBytes
  }

  /**
   * The index of all lines the log has now; null when the file is gone.
   * @param isDone nothing will be added: its last line counts without a newline
   */
  async get(path: string, isDone: boolean): Promise<LineIndex | null> {
    return withFile(path, async (file) => {
      const { size, ino, dev } = await file.stat()
      for (;;) {
        const entry = await this.entryOf(path, file, { size, ino, dev })
        if (entry.building === null && entry.seen >= size && (entry.isClosed || !isDone)) return entry.index
        await (entry.building ?? this.start(path, entry, size, isDone))
      }
    })
  }

  /** As `get`; after `ms` without an answer how far it is, 0 to 1. The building goes on. */
  async within(path: string, isDone: boolean, ms: number): Promise<LineIndex | null | { progress: number }> {
    const wanted = this.get(path, isDone)
    // Its failure is told to whoever waits; nobody may be waiting any more.
    wanted.catch(() => undefined)
    if (await cameWithin(ms, wanted)) return wanted
    const entry = this.entries.get(path)
    return { progress: entry === undefined ? 0 : Math.min(1, entry.index.size / Math.max(1, entry.target)) }
  }

  private async entryOf(
    path: string,
    file: FileHandle,
    now: { size: number; ino: number; dev: number },
  ): Promise<Entry> {
    const known = this.entries.get(path)
    const isSame =
      known !== undefined &&
      known.inode === now.ino &&
      known.device === now.dev &&
      (known.building !== null || (await this.isContinued(known, file, now.size)))
    const entry = isSame
      ? known
      : {
          device: now.dev,
          inode: now.ino,
          index: new LineIndex(),
          seen: 0,
          isClosed: false,
          print: Buffer.alloc(0),
          building: null,
          target: now.size,
        }
    // The latest stands last.
    this.entries.delete(path)
    this.entries.set(path, entry)
    return entry
  }

  /** Whether the file begins with what was counted: neither cut nor written anew. */
  private async isContinued(entry: Entry, file: FileHandle, size: number): Promise<boolean> {
    if (size < entry.seen || (entry.isClosed && size > entry.seen)) return false
    return (await readPrint(file, entry.index.size)).equals(entry.print)
  }

  private start(path: string, entry: Entry, size: number, isDone: boolean): Promise<void> {
    entry.target = size
    entry.building = this.build(path, entry, size, isDone)
      .catch((error: unknown) => {
        // Half an index must not be continued.
        if (this.entries.get(path) === entry) this.entries.delete(path)
        throw error
      })
      .finally(() => {
        entry.building = null
        this.evict()
      })
    return entry.building
  }

  private async build(path: string, entry: Entry, size: number, isDone: boolean): Promise<void> {
    if (this.builds >= MOST_BUILDS) await new Promise<void>((resolve) => this.waiting.push(resolve))
    this.builds++
    try {
      await withFile(path, async (file) => {
        for await (const batch of readBatches(file, entry.index.size, size, isDone)) entry.index.add(batch)
        entry.print = await readPrint(file, entry.index.size)
      })
      entry.seen = size
      entry.isClosed = isDone
    } finally {
      this.builds--
      this.waiting.shift()?.()
    }
  }

  private evict(): void {
    let cost = 0
    for (const { index } of this.entries.values()) cost += index.cost
    for (const [path, entry] of this.entries) {
      if (cost <= this.mostBytes || this.entries.size === 1) return
      if (entry.building !== null) continue
      this.entries.delete(path)
      cost -= entry.index.cost
    }
  }
}
