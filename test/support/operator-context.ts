// A made-up world for an operator (made-up-context.ts), and a folder of its own.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

export * from './made-up-context.ts'

const folders: string[] = []

/** A folder that is removed after the test file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'baram-test-'))
  folders.push(folder)
  return folder
}

export function removeTemporaryFoldersAfterwards(): void {
  afterAll(async () => {
    await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
  })
}
