// Files of the catalog as they are written: whole or not at all, by any number of processes at once, without a lock.
//
// Every writer has a part of its own (one shared by writers of the same bytes was taken away by the first that ended). Parts lie
// together in one folder of the catalog's file system, where each writer removes those that killed ones left.

import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** A part is some hundred bytes: no living writer holds one for so long, ms. */
const ABANDONED_MS = 3_600_000

async function writePart(part: string, text: string): Promise<void> {
  const handle = await open(part, 'wx')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeAbandoned(parts: string): Promise<void> {
  for (const name of await readdir(parts)) {
    const part = join(parts, name)
    const found = await stat(part).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return null // Its writer is done.
      throw error
    })
    if (found !== null && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(part, { force: true })
  }
}

/**
 * Writes `value` as JSON; then either replaces the file or, `onlyNew`, leaves the one that is there.
 * @param parts a folder on the file's file system, for nothing else
 * @returns whether it was written
 */
export async function writeWhole(
  file: string,
  value: unknown,
  { parts, onlyNew = false }: { readonly parts: string; readonly onlyNew?: boolean },
): Promise<boolean> {
  await Promise.all([mkdir(dirname(file), { recursive: true }), mkdir(parts, { recursive: true })])
  await removeAbandoned(parts)
  const part = join(parts, randomUUID())
  try {
    await writePart(part, `${JSON.stringify(value, null, 2)}\n`)
    if (onlyNew) await link(part, file)
    else await rename(part, file)
    return true
  } catch (error) {
    if (onlyNew && hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(part, { force: true })
  }
}
