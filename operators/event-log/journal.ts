// The one file that makes a transaction of the embedded log atomic.
//
// Under the lock, all that a transaction writes goes into `commit.intent` first: its frames with their places, and the offsets it
// stores. The rename that puts the file there is the commit. Then the frames are written to their places, the offsets are stored, and
// the file is removed. Killed before the rename, nothing has happened; killed after, whoever takes the lock next does the rest, which
// may be done any number of times: each frame has its place, and what is there is replaced by the very same bytes.

import { readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Position } from './event-log.ts'
import { EventLogError } from './event-log.ts'
import { hasCode, isRecord, syncFolder, writeWhole } from './files.ts'

export interface PlacedFrame {
  readonly topic: string
  readonly partition: number
  readonly file: string
  readonly position: number
  readonly frame: Buffer
}

export interface StoredOffsets {
  readonly group: string
  readonly positions: readonly Position[]
}

export interface Intent {
  readonly frames: readonly PlacedFrame[]
  readonly offsets: readonly StoredOffsets[]
}

export async function writeIntent(file: string, { frames, offsets }: Intent): Promise<void> {
  const places = frames.map(({ frame, ...place }) => ({ ...place, bytes: frame.length }))
  const bytes = Buffer.concat(frames.map(({ frame }) => frame))
  const head = Buffer.from(JSON.stringify({ frames: places, offsets }))
  const sizes = Buffer.alloc(12)
  sizes.writeUInt32LE(head.length, 0)
  sizes.writeUInt32LE(bytes.length, 4)
  sizes.writeUInt32LE(crc32(bytes, crc32(head)), 8)
  await writeWhole(file, Buffer.concat([sizes, head, bytes]))
}

export async function removeIntent(file: string): Promise<void> {
  await rm(file, { force: true })
  await syncFolder(dirname(file))
}

function unreadable(file: string, cause?: unknown): EventLogError {
  return new EventLogError(
    `the file ${file} holds a committed transaction and cannot be read: restore it from a copy, or remove it to lose that transaction`,
    { cause },
  )
}

/** Our own JSON, guarded by a crc: its shape is known once that fits. */
function parseHead(head: Buffer, file: string): { frames: unknown; offsets: readonly StoredOffsets[] } {
  const value: unknown = JSON.parse(head.toString('utf8'))
  if (!isRecord(value) || !Array.isArray(value['offsets'])) throw unreadable(file)
  return { frames: value['frames'], offsets: value['offsets'] as readonly StoredOffsets[] }
}

/** null when no transaction is half done. @throws EventLogError when the file is damaged, which only a disk can do */
export async function readIntent(file: string): Promise<Intent | null> {
  let content: Buffer
  try {
    content = await readFile(file)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
  if (content.length < 12) throw unreadable(file)
  const head = content.subarray(12, 12 + content.readUInt32LE(0))
  const bytes = content.subarray(12 + head.length)
  if (bytes.length !== content.readUInt32LE(4) || crc32(bytes, crc32(head)) !== content.readUInt32LE(8))
    throw unreadable(file)
  const { frames, offsets } = parseHead(head, file)
  let at = 0
  const placed = (frames as readonly (Omit<PlacedFrame, 'frame'> & { bytes: number })[]).map(
    ({ bytes: length, ...place }) => {
      at += length
      return { ...place, frame: bytes.subarray(at - length, at) }
    },
  )
  return { frames: placed, offsets }
}
