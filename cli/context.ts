// The frame of every short command: open what it needs, run it, close everything whatever happens.

import { localOnly, target } from './target.ts'
import { type Context, openContext } from './wire.ts'

/** Who did it, in the audit log. */
export const CLI_USER = 'dagctl'
/** Whoever types a command, as the engine's verbs know them. */
export const CLI_ACTOR = { name: CLI_USER, via: 'cli' } as const

/** @throws BaramError LOCAL_ONLY when a server was named: what is done here would not be done there */
export async function withContext<T>(body: (context: Context) => Promise<T>): Promise<T> {
  const server = target()
  if (server !== null) throw localOnly('this', server)
  const context = await openContext({ name: 'dagctl', level: 'warn' })
  try {
    return await body(context)
  } finally {
    await context.close()
  }
}

/** Rows of one page of a list for people. */
export const everything = { limit: 10_000, offset: 0, order: [] } as const
