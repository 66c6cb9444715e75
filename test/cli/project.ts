// A project of a user's own in a temporary folder, and `dagctl` run in it.

import { execFile } from 'node:child_process'
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

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'baram-project-'))

  write(path: string, text: string): void {
    const full = join(this.folder, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
  }

  dagctl(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Answer> {
    const all = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...env }
    return new Promise((resolve) => {
      execFile(process.execPath, [program, ...args], { cwd: this.folder, env: all }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      )
    })
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
