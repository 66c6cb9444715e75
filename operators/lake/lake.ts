// The lake port: files of a pipeline, on a folder or on HDFS. Both adapters pass test/operators/lake/contract.ts.

import type { Readable } from 'node:stream'

export interface LakeEntry {
  readonly path: string
  readonly kind: 'file' | 'folder'
  /** Bytes; 0 for a folder. */
  readonly length: number
}

/** HDFS computes its own kind on the datanodes; only equal kinds may be compared. */
export interface LakeChecksum {
  readonly kind: 'sha256' | 'hdfs-md5-of-crc'
  /** Lower-case hex. */
  readonly value: string
}

export interface LakeOptions {
  /** Ends the call when it aborts. Default: nothing does. */
  readonly signal?: AbortSignal | undefined
}

/** Every path is absolute in the lake (`paths.ts`); a bad one throws LakePathError before anything is touched. */
export interface Lake {
  /** Told in logs: `embedded lake (directory …)`. */
  readonly name: string
  /**
   * Creates or overwrites the file, makes its folders, and returns the bytes written once they are durable. Readers may
   * see it grow, and a killed process leaves it short: write to staging, then `rename`. A write that fails or is aborted
   * removes what it began.
   */
  write(path: string, source: AsyncIterable<Uint8Array>, options?: LakeOptions): Promise<number>
  /** `null` when there is nothing. */
  stat(path: string): Promise<LakeEntry | null>
  /** `null` when the backend cannot compute one: then read the file back. */
  checksum(path: string, options?: LakeOptions): Promise<LakeChecksum | null>
  /**
   * Atomic. As in HDFS a refusal is `false` and no error: the source or the target's folder is missing, or the target exists and `overwrite` is not set.
   * Callers must read the answer.
   */
  rename(from: string, to: string, options?: { readonly overwrite?: boolean }): Promise<boolean>
  read(path: string, options?: LakeOptions): Promise<Readable>
  /** Direct children sorted by name; of a missing folder: none. */
  list(path: string): Promise<readonly LakeEntry[]>
  mkdirs(path: string): Promise<void>
  /** `false` when there was nothing, or a folder with content and `recursive` is not set. */
  delete(path: string, options?: { readonly recursive?: boolean }): Promise<boolean>
}
