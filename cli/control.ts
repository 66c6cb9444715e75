// The frame of commands that change runs: a writer of run transactions, and a preview that must be confirmed.

import { createInterface } from 'node:readline/promises'
import { BaramError } from '../core/errors.ts'
import type { Engine } from '../engine/engine.ts'
import { RunTransactions } from '../engine/transaction/run-transaction.ts'
import { notifyPages } from '../store/postgres/notify.ts'
import { CLI_USER, withContext } from './context.ts'
import { tell } from './output.ts'
import { style } from './style.ts'
import { forTerminal } from './visible.ts'
import type { Context } from './wire.ts'

export interface ControlContext extends Context, Engine {}

/** As `withContext`, with a writer of its own. */
export async function withControl<T>(body: (context: ControlContext) => Promise<T>): Promise<T> {
  return withContext(async (context) => {
    const { config, database, runCache, log } = context
    const changed = new Set<number>()
    const transactions = new RunTransactions({
      database,
      runCache,
      log,
      limits: { parallelism: config.parallelism },
      who: CLI_USER,
      onChange: (result) => {
        for (const run of result.changedRuns) changed.add(run)
      },
    })
    try {
      return await body({ ...context, transactions })
    } finally {
      await transactions.close()
      if (changed.size > 0) await notifyPages(database, { runs: [...changed], dags: [] })
    }
  })
}

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
