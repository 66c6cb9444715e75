// A deployment with its web server, and `dagctl` as on a laptop: no home, no database, only the address of the server.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBaram, type TestBaram } from '../support/baram.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Laptop {
  readonly folder: string
  /** Where its profiles lie. */
  readonly config: string
  run(args: readonly string[], more?: { readonly input?: string; readonly env?: NodeJS.ProcessEnv }): Promise<Answer>
  remove(): void
}

/** Runs the built program; `input` is its standard input, which is no terminal. */
export function makeLaptop(env: NodeJS.ProcessEnv = {}): Laptop {
  const folder = mkdtempSync(join(tmpdir(), 'baram-laptop-'))
  const config = join(folder, 'config')
  mkdirSync(config)
  const own = { PATH: process.env['PATH'], HOME: folder, XDG_CONFIG_HOME: config, NO_COLOR: '1', ...env }
  return {
    folder,
    config,
    run(args, { input = '', env: more = {} } = {}) {
      const child = spawn(process.execPath, [program, ...args], { cwd: folder, env: { ...own, ...more } })
      const said = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr'] as const)
        child[name].setEncoding('utf8').on('data', (text: string) => {
          said[name] += text
        })
      child.stdin.end(input)
      return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, ...said })))
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

export const PASSWORD = 'a password of 20 letters'

export interface RemoteBaram {
  readonly baram: TestBaram
  readonly url: string
}

/** With an account a role, named as the role. */
export async function startRemoteBaram(): Promise<RemoteBaram> {
  const baram = await startBaram({ BARAM__DAG_PROCESSOR__REFRESH_INTERVAL: '1' })
  for (const role of ['viewer', 'admin']) await baram.dagctl('users', 'create', '-u', role, '-r', role, '-p', PASSWORD)
  const port = await freePort()
  await baram.start('webserver', '--port', String(port))
  return { baram, url: `http://127.0.0.1:${port}` }
}
