// The frame of commands that change runs: a context with a writer of run transactions.

import type { Engine } from '../engine/engine.ts'
import { RunTransactions } from '../engine/transaction/run-transaction.ts'
import { notifyPages } from '../store/postgres/notify.ts'
import { CLI_USER, withContext } from './context.ts'
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
