// What the long-running commands share: they stop on SIGTERM, SIGINT, or when their supervisor is gone, and end with an
// error when their lease is lost.

import { messageOf } from '../core/errors.ts'
import { logFile } from '../runtime/logger.ts'
import type { Service } from '../runtime/service.ts'
import { type Context, openContext } from './wire.ts'

export interface ProcessOptions {
  readonly name: string
  /** Where the log goes instead of standard error. */
  readonly logFile?: string | undefined
  make(context: Context, onFatal: (reason: string) => void): Promise<readonly Service[]>
}

/** A process whose lease is lost ends within this, whatever hangs, ms. */
const FENCED_LIMIT_MS = 1_500
/** Ends of a process that was asked to: nothing may hang for longer, ms. */
const STOP_LIMIT_MS = 60_000

/** Tells the supervisor that all serve, and where one listens. */
async function startAll(services: readonly Service[]): Promise<void> {
  for (const service of services) await service.start()
  if (process.connected) process.send?.({ type: 'ready', url: services.find(({ url }) => url != null)?.url ?? null })
}

/** Runs services until told to stop; returns the exit code. */
export async function runProcess(options: ProcessOptions): Promise<number> {
  const logTo = options.logFile === undefined ? undefined : logFile(options.logFile)
  const context = await openContext({ name: options.name, ...(logTo === undefined ? {} : { logTo }) })
  let fatal: string | null = null
  let tellStop: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => {
    tellStop = resolve
  })
  const services = await options.make(context, (reason) => {
    fatal = reason
    tellStop()
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, tellStop)
  if (process.send !== undefined) {
    process.on('disconnect', tellStop)
    // Its supervisor may have been killed before anybody listened: no event comes then.
    if (!process.connected) tellStop()
  }
  if (context.config.ignoredAirflow.length > 0)
    context.log.info({ names: context.config.ignoredAirflow }, 'AIRFLOW__ settings without meaning here')
  context.schema.start()
  try {
    // Whoever is told to stop while it starts need not start first: `stop` of a service says what becomes of it.
    await Promise.race([startAll(services).then(() => stopped), stopped])
  } finally {
    // What lost its lease must be gone before anybody takes over what it held.
    const limit = setTimeout(() => process.exit(1), fatal === null ? STOP_LIMIT_MS : FENCED_LIMIT_MS)
    context.schema.stop()
    if (fatal === null)
      for (const service of [...services].reverse())
        await service
          .stop()
          .catch((error: unknown) => context.log.warn({ err: messageOf(error) }, 'a service did not stop cleanly'))
    await context
      .close()
      .catch((error: unknown) => context.log.warn({ err: messageOf(error) }, 'the database was not closed cleanly'))
    clearTimeout(limit)
  }
  if (fatal !== null) context.log.error({ reason: fatal }, 'the process ends')
  return fatal === null ? 0 : 1
}
