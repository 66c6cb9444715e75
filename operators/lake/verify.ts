// What proves that a file of the lake holds the bytes that were meant for it.

import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import type { Lake } from './lake.ts'

/** Length and checksum of a file, wherever it is. */
export interface FileProof {
  readonly bytes: number
  /** Lower-case hex. */
  readonly sha256: string
}

async function sha256InLake(lake: Lake, path: string, signal: AbortSignal): Promise<string> {
  const checksum = await lake.checksum(path, { signal })
  if (checksum?.kind === 'sha256') return checksum.value
  const hash = createHash('sha256')
  await pipeline(await lake.read(path, { signal }), hash)
  return hash.digest('hex')
}

export async function holds(
  lake: Lake,
  path: string,
  { bytes, sha256 }: FileProof,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await lake.stat(path)
  if (found === null || found.kind !== 'file' || found.length !== bytes) return false
  return (await sha256InLake(lake, path, signal)) === sha256
}
