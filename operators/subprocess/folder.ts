// The folder a program runs in: the author's, or a new one that is removed afterwards.

import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FailTask } from '../../sdk/index.ts'

/** @throws FailTask when it is not there or no folder */
async function checkFolder(cwd: string): Promise<void> {
  const found = await stat(cwd).catch(() => null)
  if (found === null) throw new FailTask(`cwd ${cwd} does not exist on this host`)
  if (!found.isDirectory()) throw new FailTask(`cwd ${cwd} is not a folder`)
}

/** A folder that is gone when `body` has ended, whatever its end. */
export async function inTemporaryFolder<T>(name: string, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `baram-${name}-`))
  try {
    return await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @throws FailTask when the given one is not there */
export async function inFolder<T>(
  cwd: string | undefined,
  name: string,
  body: (folder: string) => Promise<T>,
): Promise<T> {
  if (cwd === undefined) return inTemporaryFolder(name, body)
  await checkFolder(cwd)
  return body(cwd)
}
