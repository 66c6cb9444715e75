// What is known of a server that was started: one JSON file in its folder, from which any process can stop or restart it.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError } from './errors.ts'
import type { MemberState } from './member.ts'
import type { ServerName } from './registry.ts'

export interface ServerState {
  readonly name: ServerName
  readonly startedAt: string
  /** Addresses by what they are for: `{ webhdfs: 'http://127.0.0.1:23456' }`. Empty until all members serve. */
  readonly endpoints: Readonly<Record<string, string>>
  readonly members: readonly MemberState[]
}

const fileOf = (folder: string) => join(folder, 'state.json')

export async function writeState(folder: string, state: ServerState): Promise<void> {
  await mkdir(folder, { recursive: true })
  const part = `${fileOf(folder)}.${process.pid}`
  await writeFile(part, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  await rename(part, fileOf(folder))
}

/** `null` when no server was started in this folder. */
export async function readState(folder: string): Promise<ServerState | null> {
  const text = await readFile(fileOf(folder), 'utf8').catch(() => null)
  if (text === null) return null
  try {
    // Our own file, written whole by writeState.
    return JSON.parse(text) as ServerState
  } catch (cause) {
    throw new ServiceError(
      'failed',
      `${fileOf(folder)} is damaged: end the processes it names by hand, then delete it`,
      { cause },
    )
  }
}
