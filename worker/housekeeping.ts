// What a worker removes on its own host: logs of old attempts, compiled DAG files that were not used for long.

import { messageOf } from '../core/errors.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { removeOldFiles } from '../runtime/old-files.ts'

const EVERY_MS = 3_600_000
/** Not while everything starts, ms. */
const FIRST_MS = 60_000
const DAY_MS = 86_400_000

/** Logs of attempts stand below `dag_id=…`; what else is in the folder is not ours to remove. */
const isAttemptLog = (name: string, isFolder: boolean) =>
  isFolder ? /^(dag_id|run_id|task_id|map_index)=/.test(name) : /^attempt=\d+\.log$/.test(name)
/** A temporary file is what a killed process left of a module. */
const isModule = (name: string, isFolder: boolean) => !isFolder && /^[0-9a-f]{64}\.mjs(\.\d+\.tmp)?$/.test(name)

type Limits = Pick<Config, 'logFolder' | 'logRetentionDays' | 'versionRetentionDays'>

/** One look; how many files went. */
export async function removeExpired(config: Limits, modules: string, now: number): Promise<number> {
  const kinds = [
    { folder: config.logFolder, days: config.logRetentionDays, isMeant: isAttemptLog },
    // A module that is used has its time renewed (ModuleStore.find).
    { folder: modules, days: config.versionRetentionDays, isMeant: isModule },
  ]
  let removed = 0
  for (const { folder, days, isMeant } of kinds)
    if (days > 0) removed += await removeOldFiles({ folder, isMeant, before: now - days * DAY_MS })
  return removed
}

export class Housekeeping {
  private readonly timers: NodeJS.Timeout[] = []

  constructor(config: Limits, modules: string, log: Logger) {
    const look = () =>
      void removeExpired(config, modules, Date.now()).then(
        (files) => files > 0 && log.info({ files }, 'old files were removed'),
        (error: unknown) => log.warn({ err: messageOf(error) }, 'old files could not be removed'),
      )
    this.timers.push(setTimeout(look, FIRST_MS).unref(), setInterval(look, EVERY_MS).unref())
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer)
  }
}
