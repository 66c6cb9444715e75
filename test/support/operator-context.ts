// A made-up world for an operator (made-up-context.ts), and a folder of its own.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

import { madeUpContext } from './made-up-context.ts'

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

/** A context whose first line that fits aborts the attempt. */
export function abortedAt(text: string) {
  const abort = new AbortController()
  const op = madeUpContext({ embeddedRoot: '/nowhere', signal: abort.signal })
  const info = op.log.info.bind(op.log)
  op.log.info = (first: object | string, message?: string) => {
    if (typeof first === 'string') info(first)
    else info(first, message ?? '')
    if (first === text) abort.abort(new Error('Task aborted by its time limit'))
  }
  return op
}
