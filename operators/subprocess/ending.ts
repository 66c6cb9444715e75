// What the end of a program means for its task.

import { FailTask } from '../../sdk/index.ts'
import type { Ended } from './process.ts'

/** Exit codes that skip the task; `null` for none. */
export type SkipOnExitCode = number | readonly number[] | null

/** As Airflow's BashOperator has it. */
export const SKIPPING = 99

/** @throws Error while the DAG is read, for an exit code that is none */
export function checkSkipping(operator: string, codes: SkipOnExitCode): void {
  for (const code of [codes ?? []].flat())
    if (!Number.isInteger(code))
      throw new Error(`${operator}: skipOnExitCode must hold whole numbers, found ${String(code)}`)
}

export const isSkipped = ({ exitCode }: Ended, codes: SkipOnExitCode): boolean =>
  [codes ?? []].flat().includes(exitCode)

/** How it ended and what it said last, as the rest of a sentence that begins with its name. */
export function endingText({ exitCode, signal }: Ended, tail: string): string {
  const how = signal === null ? `returned exit code ${exitCode}` : `was ended by ${signal} (exit code ${exitCode})`
  return `${how}; ${tail === '' ? 'it printed nothing' : `its last output:\n${tail}`}`
}

/**
 * The system's words for what is too long or has a NUL in it help nobody.
 * @param what what could be so
 * @param advice where to put what is too long
 */
export function startError(error: unknown, what: string, advice: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'E2BIG')
    return new FailTask(`${what} is longer than the system takes (128 KiB each on Linux): ${advice}`)
  if (code === 'ERR_INVALID_ARG_VALUE') return new FailTask(`${what} holds a NUL character, which a command cannot`)
  return error
}
