// Removes files of a folder for their age, one at a time and without holding the event loop.

import { opendir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface OldFiles {
  readonly folder: string
  /** Files below are looked at when the name of every folder on the way and their own match. */
  isMeant(name: string, isFolder: boolean): boolean
  /** Last changed before this instant, epoch ms. */
  readonly before: number
}

/** How many files were removed. A folder that became empty goes with them; what vanishes meanwhile is no error. */
export async function removeOldFiles({ folder, isMeant, before }: OldFiles): Promise<number> {
  let removed = 0
  const entries = await opendir(folder).catch(() => null)
  if (entries === null) return 0
  for await (const entry of entries) {
    if (!isMeant(entry.name, entry.isDirectory())) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      const inside = await removeOldFiles({ folder: path, isMeant, before })
      removed += inside
      // Refused while something is in it. Only after a removal: an empty folder may have just been made for a first line.
      if (inside > 0) await rmdir(path).catch(() => undefined)
    } else if (entry.isFile()) {
      const found = await stat(path).catch(() => null)
      if (found === null || found.mtimeMs >= before) continue
      await rm(path, { force: true })
      removed++
    }
  }
  return removed
}
