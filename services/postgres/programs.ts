// Running Postgres' programs: with the server's user, a clean environment, and what they said when they failed.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { BaramError, messageOf } from '../../core/errors.ts'
import type { RunAs } from './run-as.ts'

/** Nothing of the caller's environment: PGDATA, PGOPTIONS or a missing LANG must not change the server. */
export const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', TZ: 'UTC', LC_MESSAGES: 'C' }

/** The lines worth showing: the last ones that are not empty. */
export function lastLines(text: string, count = 8): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .join('\n')
}

export interface Finished {
  code: number | null
  output: string
}

/** Runs a program of `bin/` to its end, with `input` on its standard input. */
export async function runProgram(
  native: string,
  program: string,
  args: readonly string[],
  runAs: RunAs | null,
  input = '',
): Promise<Finished> {
  // Typed by Node as taking uid and gid only when given, so they are spread in.
  const child = spawn(join(native, 'bin', program), args, {
    cwd: '/',
    env: ENVIRONMENT,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(runAs ?? {}),
  })
  return new Promise((resolve, reject) => {
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk.toString('utf8')
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.stdin.on('error', () => {
      // The program ended before it read everything: its exit code and output say why.
    })
    child.on('error', (error) => reject(cannotRun(program, error)))
    child.on('close', (code) => resolve({ code, output }))
    child.stdin.end(input)
  })
}

/** The error for a program that the system did not even start. */
export function cannotRun(program: string, cause: unknown): BaramError {
  return new BaramError('POSTGRES_START', `${program} of the embedded Postgres could not be run: ${messageOf(cause)}`, {
    cause,
  })
}
