// How the embedded log writes records: one frame for the records that one call put into one partition.
//
//   u32 bytes after this header   u32 crc32 of them   |  i64 first offset   i32 count   u8 timestamp type   16 bytes producer
//   i32 sequence                  then each record: i32 key, i32 value (length, -1 for null), f64 timestamp, u16 headers, bytes
//
// Little-endian. A frame is written by one call, so that a killed writer leaves a frame cut short and nothing else; the length and
// the crc tell it from a whole one.

import { crc32 } from 'node:zlib'
import type { LogMessage, TimestampType } from './event-log.ts'
import { EventLogError } from './event-log.ts'
import type { PlacedRecord } from './partitioner.ts'

export const HEADER = 8
const FIXED = 33
/** A frame is read into memory whole. */
export const MOST_FRAME_BYTES = 128 * 1024 * 1024

/** Who wrote a frame, and which of its frames it is: one that is there already is not written again. */
export interface Writer {
  /** 16 bytes. */
  readonly producer: Buffer
  readonly sequence: number
}

export interface FrameHead extends Writer {
  readonly firstOffset: number
  readonly count: number
  /** With the header. */
  readonly bytes: number
}

function sizeOf(record: PlacedRecord): number {
  let size = 18 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers) size += 6 + Buffer.byteLength(name) + value.length
  return size
}

function writeBytes(frame: Buffer, at: number, bytes: Buffer | null): number {
  frame.writeInt32LE(bytes === null ? -1 : bytes.length, at)
  return bytes === null ? at + 4 : at + 4 + bytes.copy(frame, at + 4)
}

function writeRecord(frame: Buffer, start: number, record: PlacedRecord): number {
  let at = writeBytes(frame, start, record.key)
  at = writeBytes(frame, at, record.value)
  at = frame.writeDoubleLE(record.timestamp, at)
  at = frame.writeUInt16LE(record.headers.length, at)
  for (const [name, value] of record.headers) {
    const nameBytes = Buffer.from(name)
    at = frame.writeUInt16LE(nameBytes.length, at)
    at += nameBytes.copy(frame, at)
    at = writeBytes(frame, at, value)
  }
  return at
}

/** @throws EventLogError when it is too large to be read again */
export function encodeFrame(
  records: readonly PlacedRecord[],
  firstOffset: number,
  type: TimestampType,
  { producer, sequence }: Writer,
): Buffer {
  const size = records.reduce((sum, record) => sum + sizeOf(record), HEADER + FIXED)
  if (size > MOST_FRAME_BYTES)
    throw new EventLogError(`${records.length} records of ${size} bytes at once: send fewer than 128 MB a partition`)
  const frame = Buffer.allocUnsafe(size)
  let at = frame.writeBigInt64LE(BigInt(firstOffset), HEADER)
  at = frame.writeInt32LE(records.length, at)
  at = frame.writeUInt8(type === 'append' ? 1 : 0, at)
  at += producer.copy(frame, at, 0, 16)
  at = frame.writeInt32LE(sequence, at)
  for (const record of records) at = writeRecord(frame, at, record)
  frame.writeUInt32LE(size - HEADER, 0)
  frame.writeUInt32LE(crc32(frame.subarray(HEADER)), 4)
  return frame
}

/** Length of the frame that begins here, with its header; 0 where none can. */
export function frameLength(header: Buffer): number {
  const length = header.readUInt32LE(0)
  return length < FIXED || length > MOST_FRAME_BYTES ? 0 : length + HEADER
}

/** @returns null when the bytes are damaged */
export function readHead(frame: Buffer): FrameHead | null {
  if (crc32(frame.subarray(HEADER)) !== frame.readUInt32LE(4)) return null
  return {
    firstOffset: Number(frame.readBigInt64LE(HEADER)),
    count: frame.readInt32LE(HEADER + 8),
    producer: frame.subarray(HEADER + 13, HEADER + 29),
    sequence: frame.readInt32LE(HEADER + 29),
    bytes: frame.length,
  }
}

interface Cursor {
  at: number
}

/** A copy: a message that is kept must not keep all that was read with it. */
function readBytes(frame: Buffer, cursor: Cursor): Buffer | null {
  const length = frame.readInt32LE(cursor.at)
  cursor.at += 4
  if (length < 0) return null
  cursor.at += length
  return Buffer.from(frame.subarray(cursor.at - length, cursor.at))
}

const NO_HEADERS: Readonly<Record<string, Buffer>> = Object.freeze({})

function readHeaders(frame: Buffer, cursor: Cursor): Readonly<Record<string, Buffer>> {
  const count = frame.readUInt16LE(cursor.at)
  cursor.at += 2
  if (count === 0) return NO_HEADERS
  const headers: Record<string, Buffer> = {}
  for (let i = 0; i < count; i += 1) {
    const length = frame.readUInt16LE(cursor.at)
    const name = frame.toString('utf8', cursor.at + 2, cursor.at + 2 + length)
    cursor.at += 2 + length
    headers[name] = readBytes(frame, cursor) ?? Buffer.alloc(0)
  }
  return headers
}

/** Its records from `from` on. The frame must have been checked by `readHead`. */
export function decodeFrame(
  frame: Buffer,
  head: FrameHead,
  address: { readonly topic: string; readonly partition: number },
  from: number,
): LogMessage[] {
  const timestampType: TimestampType = frame.readUInt8(HEADER + 12) === 1 ? 'append' : 'create'
  const cursor: Cursor = { at: HEADER + FIXED }
  const messages: LogMessage[] = []
  for (let i = 0; i < head.count; i += 1) {
    const key = readBytes(frame, cursor)
    const value = readBytes(frame, cursor)
    const timestamp = frame.readDoubleLE(cursor.at)
    cursor.at += 8
    const headers = readHeaders(frame, cursor)
    const offset = head.firstOffset + i
    if (offset < from) continue
    messages.push({
      key,
      value,
      topic: address.topic,
      partition: address.partition,
      offset,
      timestamp,
      timestampType,
      headers,
    })
  }
  return messages
}
