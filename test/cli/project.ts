// A project of a user's own in a temporary folder, and `dagctl` run in it.

import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program under `node inspect`, spoken to as at its prompt. */
export class DebugSession {
  private readonly child: ChildProcessWithoutNullStreams
  private seen = ''
  private onOutput = () => {}

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, ['inspect', '--port=0', ...args], { cwd, env })
    const read = (chunk: Buffer) => {
      this.seen += chunk.toString()
      this.onOutput()
    }
    this.child.stdout.on('data', read)
    this.child.stderr.on('data', read)
    this.child.on('close', () => this.onOutput())
  }

  /** Resolves once the text has come; what came until its end is not looked at again. */
  until(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onOutput = () => {
        const at = this.seen.indexOf(text)
        if (at >= 0) {
          this.seen = this.seen.slice(at + text.length)
          resolve()
        } else if (this.child.exitCode !== null) reject(new Error(`the debugger ended without ${text}: ${this.seen}`))
      }
      this.onOutput()
    })
  }

  type(line: string): void {
    this.child.stdin.write(`${line}\n`)
  }

  end(): void {
    this.child.kill()
  }
}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'baram-project-'))

  private readonly env = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1' }

  write(path: string, text: string): void {
    const full = join(this.folder, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
  }

  dagctl(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Answer> {
    const all = { ...this.env, ...env }
    return new Promise((resolve) => {
      execFile(process.execPath, [program, ...args], { cwd: this.folder, env: all }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      )
    })
  }

  debug(args: readonly string[]): DebugSession {
    return new DebugSession([program, ...args], this.folder, this.env)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
