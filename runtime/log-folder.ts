// Which log folder this is: hosts, containers and shared volumes see it under many names, so it carries its own.

import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomText } from './ids.ts'

const NAME = '.log-folder-id'

/** Written aside and linked: nobody reads half of it, and of several processes the first one names the folder. */
async function name(folder: string, path: string): Promise<void> {
  const draft = `${path}.${randomText(8)}`
  await mkdir(folder, { recursive: true })
  try {
    await writeFile(draft, randomText(24), { flag: 'wx' })
    await link(draft, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** The same text for everybody who sees this folder; it is given a name when it has none. @throws what the file system says */
export async function logFolderId(folder: string): Promise<string> {
  const path = join(folder, NAME)
  for (let isNamed = false; ; isNamed = true) {
    const id = await readFile(path, 'utf8').catch(() => '')
    if (id !== '') return id
    if (isNamed) throw new Error(`${path} cannot be read, or is empty`)
    await name(folder, path)
  }
}
