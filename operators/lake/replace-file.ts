// Replaces a file of the lake by a local one, for a writer that keeps replacing its own files: staged, verified, renamed over it.
//
// As `hdfsUpload` does it, but staging belongs to the target and not to a run: whoever writes the target next sweeps what a killed
// run left of it.

import { createReadStream } from 'node:fs'
import type { OperatorContext } from '../../sdk/index.ts'
import { UploadDamagedError } from './hdfs-upload.ts'
import type { Lake } from './lake.ts'
import { childOf, nameOf, parentOf, safeName } from './paths.ts'
import { type FileProof, holds } from './verify.ts'

const STAGING = '._tmp'

/** Removes what was staged for the target, and the staging folder once it is empty. */
async function sweep(lake: Lake, target: string): Promise<void> {
  const folder = childOf(parentOf(target), STAGING)
  for (const entry of await lake.list(folder))
    if (nameOf(entry.path).startsWith(`${nameOf(target)}.`)) await lake.delete(entry.path)
  await lake.delete(folder)
}

export interface ReplaceFile extends FileProof {
  /** On this host. */
  readonly from: string
  /** In the lake. */
  readonly target: string
}

/** @returns whether the lake was changed: a file that is there already stays. @throws UploadDamagedError when a retry may do better */
export async function replaceFile(op: OperatorContext, lake: Lake, file: ReplaceFile): Promise<boolean> {
  const { from, target } = file
  await sweep(lake, target)
  if (await holds(lake, target, file, op.signal)) return false
  // A lost run may stage the same target: each try has a name of its own.
  const staged = childOf(childOf(parentOf(target), STAGING), `${nameOf(target)}.${safeName(op.run.fence)}`)
  await lake.write(staged, createReadStream(from), { signal: op.signal })
  if (!(await holds(lake, staged, file, op.signal)))
    throw new UploadDamagedError(`${lake.name}: what arrived at ${staged} differs from ${from}`)
  if (!(await lake.rename(staged, target, { overwrite: true })) && !(await holds(lake, target, file, op.signal)))
    throw new UploadDamagedError(`${lake.name} refused to rename ${staged} to ${target}; a retry begins anew`)
  await sweep(lake, target)
  return true
}
