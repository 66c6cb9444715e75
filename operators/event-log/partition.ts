// One partition of the embedded log: segments of frames, `<first offset, 20 digits>.log`, in a folder.
//
// Only the holder of the log's lock appends. Before it does, it reads what others appended since, and cuts the end a killed writer
// left. Readers take no lock: they go as far as whole frames go, and a frame that is not whole yet is the end.

import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogMessage, TimestampType } from './event-log.ts'
import { EventLogError } from './event-log.ts'
import { hasCode, syncFolder } from './files.ts'
import { decodeFrame, encodeFrame, type FrameHead, frameLength, HEADER, readHead, type Writer } from './frames.ts'
import type { PlacedRecord } from './partitioner.ts'

/** A segment that has reached it is followed by a new one: seeking reads heads from the start of a segment. */
const SEGMENT_BYTES = 32 * 1024 * 1024
const READ_AHEAD = 256 * 1024

/** A whole frame whose bytes are not those written, with others behind it: no killed writer leaves that. */
export class EventLogDamagedError extends EventLogError {
  override readonly name = 'EventLogDamagedError'
  constructor(file: string, position: number) {
    super(
      `the event log file ${file} is damaged at byte ${position}: restore it from a copy, or cut the file there to lose what follows`,
    )
  }
}

interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

interface Segment {
  readonly file: string
  readonly firstOffset: number
}

export interface PartitionAddress extends TopicPartition {
  readonly folder: string
}

const segmentName = (firstOffset: number) => `${String(firstOffset).padStart(20, '0')}.log`

async function segmentsOf(folder: string): Promise<readonly Segment[]> {
  try {
    const names = (await readdir(folder)).filter((name) => /^\d{20}\.log$/.test(name)).sort()
    return names.map((name) => ({ file: join(folder, name), firstOffset: Number(name.slice(0, 20)) }))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

/**
 * `none`: the file ends here. `short`: it ends before the frame does. `damaged`: not what was written; with `end`, nothing follows it
 * (or zeros, which a power cut leaves).
 */
type Found =
  | { readonly kind: 'whole'; readonly frame: Buffer; readonly head: FrameHead }
  | { readonly kind: 'short' | 'damaged' | 'none'; readonly end: boolean }

/** Reads frames one after the other, many bytes at a time. */
class FrameReader {
  readonly #handle: FileHandle
  #buffer = Buffer.alloc(0)
  #start = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Bytes that are there, at most so many. */
  async #bytes(position: number, length: number): Promise<Buffer> {
    const has = this.#start + this.#buffer.length - position
    if (position < this.#start || has < length) {
      // A buffer of its own each time: messages point into the one before.
      const buffer = Buffer.allocUnsafe(Math.max(length, READ_AHEAD))
      let filled = 0
      while (filled < buffer.length) {
        const { bytesRead } = await this.#handle.read(buffer, filled, buffer.length - filled, position + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      this.#buffer = buffer.subarray(0, filled)
      this.#start = position
    }
    return this.#buffer.subarray(position - this.#start, position - this.#start + length)
  }

  /** What is at a position; what is no whole frame is looked at anew, since a writer may have replaced it since it was read. */
  async frame(position: number): Promise<Found> {
    const found = await this.#look(position)
    if (found.kind === 'whole') return found
    this.#buffer = Buffer.alloc(0)
    const again = await this.#look(position)
    if (again.kind !== 'whole') this.#buffer = Buffer.alloc(0)
    return again
  }

  async #look(position: number): Promise<Found> {
    const header = await this.#bytes(position, HEADER)
    if (header.length === 0) return { kind: 'none', end: true }
    if (header.length < HEADER) return { kind: 'short', end: true }
    const length = frameLength(header)
    if (length === 0) return { kind: 'damaged', end: await this.#isZerosFrom(position) }
    const frame = await this.#bytes(position, length)
    if (frame.length < length) return { kind: 'short', end: true }
    const head = readHead(frame)
    if (head !== null) return { kind: 'whole', frame, head }
    return { kind: 'damaged', end: (await this.#bytes(position + length, 1)).length === 0 }
  }

  async #isZerosFrom(position: number): Promise<boolean> {
    for (let at = position; ; at += READ_AHEAD) {
      const bytes = await this.#bytes(at, READ_AHEAD)
      if (bytes.some((byte) => byte !== 0)) return false
      if (bytes.length < READ_AHEAD) return true
    }
  }
}

/** Where a reader is; `position` is that of the frame which holds `offset`, or one before. */
interface ReadPlace {
  segment: Segment
  position: number
  frames: FrameReader
  handle: FileHandle
}

/** Reads one partition, from any offset on. Close it. */
export class PartitionReader {
  readonly #address: PartitionAddress
  #at: ReadPlace | null = null
  #offset = 0

  constructor(address: PartitionAddress) {
    this.#address = address
  }

  /** Next whole frame's records from `offset` on; empty at the end of the log. @throws EventLogDamagedError */
  async read(offset: number): Promise<readonly LogMessage[]> {
    if (this.#at === null || offset !== this.#offset) await this.#seek(offset)
    for (;;) {
      const at = this.#at
      if (at === null) return []
      const found = await at.frames.frame(at.position)
      if (found.kind !== 'whole') {
        if (!(await this.#nextSegment(at, found))) return []
        continue
      }
      const after = found.head.firstOffset + found.head.count
      at.position += found.head.bytes
      if (after <= offset) continue
      this.#offset = after
      return decodeFrame(found.frame, found.head, this.#address, offset)
    }
  }

  async close(): Promise<void> {
    await this.#at?.handle.close()
    this.#at = null
  }

  /** At the end of a segment: on to the one after it, if there is. */
  async #nextSegment(at: ReadPlace, found: { readonly kind: string; readonly end: boolean }): Promise<boolean> {
    const segments = await segmentsOf(this.#address.folder)
    const next = segments.find(({ firstOffset }) => firstOffset > at.segment.firstOffset)
    if (next === undefined) {
      // What a writer is just writing, or a killed one left, is the end; anything else is damage.
      if (found.kind === 'damaged' && !found.end) throw new EventLogDamagedError(at.segment.file, at.position)
      return false
    }
    // The writer may have finished this segment and begun the next between our two looks.
    const again = await new FrameReader(at.handle).frame(at.position)
    if (again.kind === 'whole') {
      at.frames = new FrameReader(at.handle)
      return true
    }
    if (again.kind !== 'none') throw new EventLogDamagedError(at.segment.file, at.position)
    await this.#enter(next)
    return true
  }

  async #seek(offset: number): Promise<void> {
    const segments = await segmentsOf(this.#address.folder)
    const segment = segments.findLast(({ firstOffset }) => firstOffset <= offset) ?? segments[0]
    this.#offset = offset
    if (segment === undefined) await this.close()
    else await this.#enter(segment)
  }

  async #enter(segment: Segment): Promise<void> {
    await this.close()
    const handle = await open(segment.file, 'r')
    this.#at = { segment, position: 0, frames: new FrameReader(handle), handle }
  }
}

/** Where an append would go. */
export interface Tail {
  readonly file: string
  readonly position: number
  readonly nextOffset: number
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
}

/** The end of one partition. To `append` and to cut is for who holds the log's lock; to `look` is for everybody. */
export class PartitionTail {
  readonly #address: PartitionAddress
  readonly #mode: 'append' | 'look'
  #segment: Segment | null = null
  #handle: FileHandle | null = null
  #position = 0
  #nextOffset = 0
  #earliest = 0
  /** Of each producer seen in this segment or by this process: its newest frame, to know one that is sent again. */
  readonly #newest = new Map<string, { sequence: number; first: number; last: number }>()

  constructor(address: PartitionAddress, mode: 'append' | 'look') {
    this.#address = address
    this.#mode = mode
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  get earliest(): number {
    return this.#earliest
  }

  /** Reads on to the end as it is now; who appends removes an unfinished one. */
  async refresh(): Promise<void> {
    const segments = await segmentsOf(this.#address.folder)
    const last = segments.at(-1)
    this.#earliest = segments[0]?.firstOffset ?? 0
    if (last === undefined) return
    if (this.#segment?.firstOffset !== last.firstOffset) await this.#enter(last)
    await this.#readOn(last)
  }

  /** What a retry of a frame that is there already must not write again. */
  written({ producer, sequence }: Writer): { first: number; last: number } | null {
    const newest = this.#newest.get(producer.toString('hex'))
    return newest !== undefined && newest.sequence === sequence ? newest : null
  }

  /** After `refresh`: where the next frame goes, a new segment where the last is full. */
  tail(): Tail {
    const segment = this.#segment
    if (segment === null || this.#position >= SEGMENT_BYTES)
      return { file: segmentName(this.#nextOffset), position: 0, nextOffset: this.#nextOffset }
    return {
      file: segmentName(segment.firstOffset),
      position: this.#position,
      nextOffset: this.#nextOffset,
    }
  }

  encode(records: readonly PlacedRecord[], type: TimestampType, writer: Writer): Buffer {
    return encodeFrame(records, this.#nextOffset, type, writer)
  }

  /** Writes frames where `tail` said, replacing whatever an earlier, unfinished try left there. */
  async writeAt({ file, position }: Pick<Tail, 'file' | 'position'>, frames: Buffer): Promise<void> {
    const isNew = position === 0
    if (isNew) await mkdir(this.#address.folder, { recursive: true })
    const segment: Segment = { file: join(this.#address.folder, file), firstOffset: Number(file.slice(0, 20)) }
    if (this.#segment?.firstOffset !== segment.firstOffset || this.#handle === null) await this.#enter(segment)
    const handle = this.#handle
    if (handle === null) throw new EventLogError(`${segment.file} is not open`)
    if ((await handle.stat()).size > position) await handle.truncate(position)
    await writeAll(handle, frames, position)
    if (isNew) await syncFolder(this.#address.folder)
    this.#position = Math.min(this.#position, position)
    await this.#readOn(segment)
  }

  /** What is written survives a power cut from here. */
  async sync(): Promise<void> {
    await this.#handle?.datasync()
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = null
    this.#segment = null
  }

  async #enter(segment: Segment): Promise<void> {
    // What is behind is never written again, so this is the last chance to make it durable.
    if (this.#mode === 'append') await this.sync()
    await this.close()
    try {
      this.#handle = await open(segment.file, this.#mode === 'append' ? 'r+' : 'r')
    } catch (error) {
      if (this.#mode === 'look' || !hasCode(error, 'ENOENT')) throw error
      this.#handle = await open(segment.file, 'wx+')
    }
    this.#segment = segment
    this.#position = 0
    this.#nextOffset = segment.firstOffset
  }

  async #readOn(segment: Segment): Promise<void> {
    const handle = this.#handle
    if (handle === null) return
    if ((await handle.stat()).size === this.#position) return
    const frames = new FrameReader(handle)
    for (;;) {
      const found = await frames.frame(this.#position)
      if (found.kind === 'none') return
      if (found.kind === 'whole') {
        const { firstOffset, count, producer, sequence, bytes } = found.head
        this.#newest.set(producer.toString('hex'), { sequence, first: firstOffset, last: firstOffset + count - 1 })
        this.#nextOffset = firstOffset + count
        this.#position += bytes
        continue
      }
      if (!found.end) throw new EventLogDamagedError(segment.file, this.#position)
      if (this.#mode === 'append') await handle.truncate(this.#position)
      return
    }
  }
}
