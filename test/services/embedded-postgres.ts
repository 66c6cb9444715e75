// Embedded servers for tests, each in a home of its own, in this process or in one that can be killed.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect } from 'vitest'
import { isAlive, sendSignal, waitUntil } from '../../runtime/processes.ts'
import { findBinaries } from '../../services/postgres/binaries.ts'
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../services/postgres/index.ts'
import { serverProcesses } from '../../services/postgres/server.ts'
import { makeHome, quiet } from '../support/launch-postgres.ts'

/** An asymmetric matcher, typed as what it stands for instead of `any`. */
export const textLike = (pattern: RegExp): unknown => expect.stringMatching(pattern)

export const MAJOR = findBinaries().majorVersion
export const asRoot = process.getuid?.() === 0

export interface EmbeddedPostgresTests {
  /** Removed after the file. */
  readonly folders: string[]
  /** Killed after the file. */
  readonly children: ChildProcess[]
  /** Starts a server in a process of its own: its arguments are a home, the binaries and the shared folder. */
  readonly program: string
  /** Where root puts binaries that Postgres' user cannot reach: below a closed folder, those of this very checkout. */
  readonly shared: string
  newHome(): Promise<string>
  start(home: string, options?: Partial<EmbeddedPostgresOptions>): Promise<EmbeddedPostgres>
  /** A Baram in a process of its own. */
  startProcess(
    home: string,
    options?: { detached?: boolean },
  ): Promise<{ child: ChildProcess; pid: number; url: string }>
}

export async function firstWords(child: ChildProcess): Promise<string> {
  const words: unknown[] = child.stdout === null ? [] : await once(child.stdout, 'data')
  return String(words[0])
}

export async function leaveByKill(server: EmbeddedPostgres): Promise<void> {
  for (const pid of serverProcesses(server.dataDir)) sendSignal(pid, 'SIGKILL')
  await waitUntil(() => !isAlive(server.pid), 5_000)
}

/** Call once at the top of a file. */
export function useEmbeddedPostgres(): EmbeddedPostgresTests {
  const folders: string[] = []
  const servers: EmbeddedPostgres[] = []
  const children: ChildProcess[] = []
  let program = ''
  let shared = ''
  const newHome = async () => {
    const home = await makeHome()
    folders.push(home)
    return home
  }
  beforeAll(async () => {
    const folder = await newHome()
    program = join(folder, 'start.mjs')
    shared = join(folder, 'shared')
    await build({
      entryPoints: [fileURLToPath(new URL('./start-postgres.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(servers.map((server) => server.stop()))
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })
  return {
    folders,
    children,
    get program() {
      return program
    },
    get shared() {
      return shared
    },
    newHome,
    async start(home, options = {}) {
      const server = await startEmbeddedPostgres({ home, log: quiet, sharedFolders: [shared], ...options })
      servers.push(server)
      return server
    },
    async startProcess(home, options = {}) {
      const child = spawn(process.execPath, [program, home, findBinaries().native, shared], {
        stdio: ['ignore', 'pipe', 'inherit'],
        ...options,
      })
      children.push(child)
      // What start-postgres.ts writes.
      const { pid, url } = JSON.parse(await firstWords(child)) as { pid: number; url: string }
      return { child, pid, url }
    },
  }
}
