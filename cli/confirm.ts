// A change that was shown must be confirmed.

import { createInterface } from 'node:readline/promises'
import { BaramError } from '../core/errors.ts'
import { tell } from './output.ts'
import { style } from './style.ts'
import { forTerminal } from './visible.ts'

export interface Confirmable {
  readonly yes?: boolean
  readonly dryRun?: boolean
}

/**
 * Asks for a yes at a terminal; elsewhere `--yes` must have been given.
 * @returns false for a dry run, or when the person says no
 * @throws BaramError REFUSED where nobody can be asked
 */
export async function confirm(question: string, flags: Confirmable): Promise<boolean> {
  if (flags.dryRun === true) return false
  if (flags.yes === true) return true
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new BaramError('REFUSED', `${question} Nothing was done: add --yes to do it, or --dry-run to only look`)
  const asker = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await asker.question(forTerminal(`${style.bold(question)} [y/N] `))
    const isYes = /^y(es)?$/i.test(answer.trim())
    if (!isYes) tell('Nothing was done.')
    return isYes
  } finally {
    asker.close()
  }
}
